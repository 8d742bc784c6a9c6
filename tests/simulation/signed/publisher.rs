//! Publishers: the API's, whose answers have the position of each message, and a location's.

use super::draw::{self, CHANNELS};
use super::world::World;
use crate::wire::{AnswerReader, Event};
use serde_json::Value;
use std::collections::VecDeque;

/// A connection that publishes, one request after the other.
#[derive(Default)]
pub struct Publisher {
    number: usize,
    reader: AnswerReader,
    queue: VecDeque<String>,
    /// What the request that waits for its answer publishes.
    asked: Option<Vec<(String, String)>>,
    status: u16,
    body: Vec<u8>,
}

impl Publisher {
    pub fn new(number: usize) -> Publisher {
        Publisher { number, ..Publisher::default() }
    }

    /// Sends a request, when those before it are answered.
    pub fn queue(&mut self, request: String) {
        self.queue.push_back(request);
    }

    pub fn is_idle(&self) -> bool {
        self.asked.is_none() && self.queue.is_empty()
    }
}

impl World {
    /// One of the publishers sends a request, if it does not wait for an answer.
    pub fn publish(&mut self) {
        if !self.publishers[0].is_idle() || !self.publishers[1].is_idle() {
            return;
        }
        match self.random.below(20) {
            0 => self.disconnect(),
            1 if self.removes => self.delete(),
            2..=6 => self.publish_to_location(),
            _ => self.publish_through_api(),
        }
    }

    fn text(&mut self) -> String {
        self.serial += 1;
        let length = if self.random.one_in(5) { 700 } else { self.random.below(30) };
        format!("m{}-{}", self.serial, "x".repeat(length))
    }

    fn channels(&mut self) -> Vec<String> {
        let count = if self.random.one_in(3) { self.random.between(2, 4) } else { 1 };
        let mut names: Vec<String> =
            (0..count).map(|_| (*self.random.pick(&CHANNELS)).to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn publish_through_api(&mut self) {
        let mut expected = Vec::new();
        let count = if self.random.one_in(5) { self.random.between(2, 6) } else { 1 };
        let mut parts = Vec::new();
        for _ in 0..count {
            let (channels, text) = (self.channels(), self.text());
            let names: Vec<String> = channels.iter().map(|name| format!("\"{name}\"")).collect();
            let mut more = String::new();
            if self.random.one_in(6) {
                more += &format!(",\"ttl\":{}", self.random.below(6));
            }
            if self.random.one_in(6) {
                more += ",\"store\":false";
            }
            if self.random.one_in(5) {
                more += &format!(",\"id\":\"i{}\"", self.random.below(6));
            }
            if self.random.one_in(6) {
                more += &self.except(&text).unwrap_or_default();
            }
            let names = names.join(",");
            parts.push(format!("{{\"channels\":[{names}],\"message\":\"{text}\"{more}}}"));
            expected.extend(channels.into_iter().map(|name| (name, text.clone())));
        }
        let body = if count == 1 { parts.remove(0) } else { format!("[{}]", parts.join(",")) };
        self.log(|| format!("{body:.200}"));
        self.model.era().sent_count += expected.len() as u64;
        self.send(0, &draw::post("/api/publish?result=1", true, &body), expected);
    }

    /// A member that leaves out one of the clients.
    fn except(&mut self, text: &str) -> Option<String> {
        let index = self.random.below(self.clients.len());
        let client = &mut self.clients[index];
        let connection = client.connection.clone()?;
        client.excepted.insert(text.to_owned());
        Some(format!(",\"except\":\"{connection}\""))
    }

    fn publish_to_location(&mut self) {
        let (channels, text) = (self.channels(), self.text());
        let place = *self.random.pick(&["/pub", "/unstored"]);
        let target = format!("{place}?id={}", channels.join("/"));
        self.log(|| format!("{target} {text:.20}"));
        let expected: Vec<_> = channels.into_iter().map(|name| (name, text.clone())).collect();
        self.model.era().sent_count += expected.len() as u64;
        self.send(1, &draw::to_location("POST", &target, &text), expected);
    }

    fn delete(&mut self) {
        let name = *self.random.pick(&CHANNELS);
        self.log(|| format!("delete {name}"));
        self.send(1, &draw::to_location("DELETE", &format!("/pub?id={name}"), ""), Vec::new());
        self.coverage.count("deletions", 1);
    }

    fn disconnect(&mut self) {
        let index = self.random.below(self.clients.len());
        let body = match &self.clients[index].connection {
            Some(connection) if self.random.one_in(2) => {
                format!("{{\"connection\":\"{connection}\"}}")
            }
            _ => format!("{{\"channel\":\"{}\"}}", self.random.pick(&CHANNELS)),
        };
        self.log(|| format!("disconnect {body}"));
        self.send(0, &draw::post("/api/disconnect", true, &body), Vec::new());
    }

    fn send(&mut self, index: usize, request: &str, expected: Vec<(String, String)>) {
        let publisher = &mut self.publishers[index];
        publisher.asked = Some(expected);
        self.reactor.send(publisher.number, request.as_bytes());
    }

    /// The publishers read their answers, and send what waits.
    pub fn read_answers(&mut self) {
        for index in 0..self.publishers.len() {
            let publisher = &mut self.publishers[index];
            let socket = &mut self.reactor.sockets[publisher.number];
            publisher.reader.feed(&std::mem::take(&mut socket.to_client));
            assert!(socket.is_open(), "a publisher keeps its connection");
            while let Some(event) = self.publishers[index].reader.next(false) {
                self.take_answer(index, event);
            }
            let publisher = &mut self.publishers[index];
            if publisher.asked.is_none()
                && let Some(request) = publisher.queue.pop_front()
            {
                self.send(index, &request, Vec::new());
            }
        }
    }

    fn take_answer(&mut self, index: usize, event: Event) {
        let publisher = &mut self.publishers[index];
        match event {
            Event::Head(head) => publisher.status = head.status,
            Event::Data(data) => publisher.body.extend(data),
            Event::End => {
                let body = std::mem::take(&mut publisher.body);
                let asked = publisher.asked.take().expect("it has asked");
                self.answered(index, &body, asked);
            }
            Event::Interim | Event::Frame(..) => panic!("{event:?}"),
        }
    }

    fn answered(&mut self, index: usize, body: &[u8], asked: Vec<(String, String)>) {
        if asked.is_empty() {
            return;
        }
        let status = self.publishers[index].status;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(body));
        self.coverage.count("publications", asked.len() as u64);
        if index == 1 {
            return asked.into_iter().for_each(|message| self.model.published_blindly(message));
        }
        let value: Value = serde_json::from_slice(body).expect("it is JSON");
        let results = value["results"].as_array().expect("a list");
        assert_eq!(results.len(), asked.len(), "one result for each channel");
        for (result, message) in results.iter().zip(asked) {
            assert_eq!(result["channel"], *message.0);
            if result.get("duplicate").is_some() {
                self.coverage.count("duplicates", 1);
                continue;
            }
            self.model.published(result["cursor"].as_str().expect("a cursor"), message);
        }
    }
}
