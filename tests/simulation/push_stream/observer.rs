//! Compares the server's output to each client with the model.

use super::client::{Client, Mode, Phase, Request, Role};
use super::draw::{DELETED, EVENTS};
use super::model::{Expected, Live, Seen, What};
use super::world::World;
use crate::wire::{Event, Framing, Head, take_framed};

impl World {
    /// Handles new output: an answer to a request or to a waiting one, or a part of a stream.
    pub fn take(&mut self, number: usize, event: Event) {
        if let Event::Head(head) = &event {
            assert_ne!(head.framing, Framing::UntilClose, "client {number}: {head:?}");
        }
        let phase = std::mem::replace(&mut self.clients[number].phase, Phase::Over);
        self.clients[number].phase = match (phase, event) {
            (Phase::Asked(request), Event::Head(head)) => self.begin_answer(number, request, &head),
            // There is no memory for its channel: the remaining body is discarded.
            (Phase::Asking(request @ Request::Publish { .. }), Event::Head(head))
                if matches!(head.status, 500 | 503) =>
            {
                self.begin_answer(number, request, &head)
            }
            (Phase::Waiting(live), Event::Head(head)) => {
                if head.status == 304 {
                    assert!(!self.settings.has_timeout_body, "client {number} wants a body");
                    self.assert_time_is_over(number, &live);
                }
                self.keep_place(number, &head);
                self.clients[number].seen = Seen::Since(self.reactor.now.unix.0 / 1000);
                Phase::Body { status: head.status, live: Some(live), bytes: Vec::new() }
            }
            (Phase::Body { status, live, mut bytes }, Event::Data(data)) => {
                bytes.extend_from_slice(&data);
                Phase::Body { status, live, bytes }
            }
            (Phase::Body { status, live, bytes }, Event::End) => {
                if let Some(live) = live {
                    self.end_poll(number, status, live, bytes);
                }
                if self.clients[number].has_shut { Phase::Over } else { Phase::Idle }
            }
            (Phase::Streaming(mut live), Event::Data(data)) => {
                self.clients[number].unread.extend_from_slice(&data);
                self.read_stream(number, &mut live);
                Phase::Streaming(live)
            }
            (Phase::Streaming(live), Event::End) => {
                assert!(live.may_end || self.ends_all, "client {number}: its stream ends");
                assert_eq!(live.missing_count(), 0, "client {number} misses {live:?}");
                assert!(self.clients[number].unread.iter().all(|byte| *byte == b'\n'));
                self.clients[number].unread.clear();
                Phase::Idle
            }
            (Phase::Streaming(live), Event::Frame(first, payload)) => {
                self.read_frame(number, live, first, payload)
            }
            (phase, event) => panic!("client {number} gets {event:?} in {phase:?}"),
        };
    }

    fn begin_answer(&mut self, number: usize, request: Request, head: &Head) -> Phase {
        let status = head.status;
        assert!(status < 500 || self.settings.has_little_memory, "there is memory enough");
        let body = Phase::Body { status, live: None, bytes: Vec::new() };
        match request {
            Request::Publish { .. } => {
                assert!(matches!(status, 200 | 204 | 500 | 503), "client {number}: {head:?}");
                let publishing = std::mem::take(&mut self.clients[number].publishing);
                assert!(
                    status >= 500 || publishing.is_empty(),
                    "client {number} is answered early"
                );
                self.coverage
                    .count("publications refused for want of memory", u64::from(status >= 500));
            }
            Request::Delete { channels, text } => {
                let text = text.unwrap_or_else(|| DELETED.to_owned());
                self.delete(status, &channels, &text);
            }
            Request::Subscribe { path, seen } => {
                if status >= 500 {
                    return body;
                }
                let Role::Subscriber(mode) = self.clients[number].role else { unreachable!() };
                let old = self.model.replay(&path, seen, self.reactor.now);
                self.coverage.count("old messages", old.len() as u64);
                let mut live = Live::new(&path, old, false, self.reactor.now);
                if matches!(mode, Mode::LongPolling | Mode::Polling) {
                    assert!(matches!(status, 200 | 304), "client {number}: {head:?}");
                    assert!(mode == Mode::Polling || status == 200, "it might wait");
                    live.is_answered = true;
                    if status == 200 {
                        self.keep_place(number, head);
                    }
                    return Phase::Body { status, live: Some(live), bytes: Vec::new() };
                }
                assert!(matches!(status, 200 | 101), "client {number}: {head:?}");
                self.subscribed(&live);
                if mode == Mode::Watcher {
                    self.audit.begin();
                }
                return Phase::Streaming(live);
            }
        }
        // The error page for full memory ends the connection.
        if head.closes() {
            self.clients[number].has_shut = true;
        }
        body
    }

    fn subscribed(&mut self, live: &Live) {
        for channel in live.grouped().into_iter().filter(|channel| *channel != EVENTS) {
            self.audit.subscribe(channel);
        }
    }

    /// Handles a complete request without an answer: only a long-poll without messages may wait.
    pub fn wait(&mut self, number: usize, request: &Request) {
        let Request::Subscribe { path, seen } = request else { return };
        assert_eq!(self.clients[number].role, Role::Subscriber(Mode::LongPolling));
        let old = self.model.replay(path, *seen, self.reactor.now);
        assert!(old.iter().all(|one| one.is_optional), "client {number} is not given {old:?}");
        let live = Live::new(path, Default::default(), true, self.reactor.now);
        self.subscribed(&live);
        self.clients[number].phase = Phase::Waiting(live);
        self.coverage.count("long-polls that waited", 1);
    }

    fn delete(&mut self, status: u16, channels: &[String], text: &str) {
        assert!(matches!(status, 200 | 404 | 500), "a deletion is answered with {status}");
        self.coverage.count("deletions", u64::from(status == 200));
        for channel in channels {
            if status == 200 {
                self.model.delete(channel);
                let sockets = |client: &&mut Client| client.role != Role::Publisher;
                for client in self.clients.iter_mut().filter(sockets) {
                    client.publishing.retain(|one| one.0 != *channel);
                }
            }
            for (client, socket) in self.clients.iter_mut().zip(&self.reactor.sockets) {
                let is_certain = !socket.is_broken && !client.is_slow && !client.wants_close;
                let Some(live) = client.live() else { continue };
                match status {
                    200 => {
                        live.delete(channel, text);
                        let age = self.reactor.now.monotonic.since(live.since);
                        let may_have_ended = self.settings.stream_ttl.is_some_and(|ttl| age >= ttl);
                        // Its end may already be queued after old messages.
                        let last = live.expected.back_mut().filter(|_| may_have_ended);
                        if let Some(Expected {
                            what: What::Deleted { channel: of, .. },
                            is_optional,
                        }) = last
                            && of == channel
                        {
                            *is_optional = true;
                        }
                    }
                    404 => assert!(!is_certain || !live.channels.contains(channel)),
                    _ => {}
                }
            }
            assert!(
                status != 404 || !self.model.has_stored(channel, self.reactor.now),
                "{channel} is there"
            );
        }
    }

    fn keep_place(&mut self, number: usize, head: &Head) {
        let time = head.value("last-modified").expect("an answer says where to go on");
        let tag = head.value("etag").expect("an answer says where to go on");
        self.clients[number].validators =
            format!("If-Modified-Since: {time}\r\nIf-None-Match: {tag}\r\n");
    }

    fn assert_time_is_over(&self, number: usize, live: &Live) {
        let is_over = self
            .settings
            .stream_ttl
            .is_some_and(|ttl| self.reactor.now.monotonic.since(live.since) >= ttl);
        assert!(live.may_end || is_over || self.ends_all, "client {number} is ended too early");
        assert_eq!(live.missing_count(), 0, "client {number} is ended and misses {live:?}");
    }

    /// Parses the whole answer to a poll: header, messages, footer, and the JSONP call around the
    /// messages.
    fn end_poll(&mut self, number: usize, status: u16, mut live: Live, bytes: Vec<u8>) {
        if status == 304 {
            assert!(
                bytes.is_empty() && live.missing_count() == 0,
                "client {number} misses {live:?}"
            );
            return;
        }
        let body = String::from_utf8(bytes).expect("bodies are ASCII");
        let mut rest = body.clone();
        let mut items = Vec::new();
        while let Some((_, item)) = take_item(&mut rest) {
            items.push(item);
        }
        let messages = &items[1..items.len() - 1];
        let shown: Vec<String> = messages.iter().map(|item| format!("<{item}>")).collect();
        let expected = match self.clients[number].callback {
            "" => format!("<H>{}<F>", shown.concat()),
            name => format!("<H>{name}([{}]);<F>", shown.join(",")),
        };
        assert_eq!(body, expected, "client {number}");
        let mut last = None;
        for item in messages {
            if item == " -3 Timed out" {
                assert!(self.settings.has_timeout_body, "client {number} wants no body");
                self.assert_time_is_over(number, &live);
            } else if let What::Message(one) = self.take_message(number, &mut live, item) {
                last = last.max(Some(one));
            }
        }
        assert!(
            !live.is_single || messages.len() == 1,
            "client {number} has waited for one message"
        );
        assert_eq!(live.missing_count(), 0, "client {number} misses {live:?}");
        let client = &mut self.clients[number];
        let second = |one: usize| self.model.messages[one].second();
        match (last, client.seen) {
            (Some(last), Seen::Since(since)) if !live.is_single && second(last) < since => {}
            (Some(last), _) => client.seen = Seen::After(last),
            (None, _) => {}
        }
        self.coverage.count("answered polls", 1);
    }

    /// Checks that `CHANNEL ID TEXT` is the next message.
    fn take_message(&mut self, number: usize, live: &mut Live, item: &str) -> What {
        let parts: Vec<&str> = item.splitn(3, ' ').collect();
        let [channel, id, text] = parts[..] else { panic!("client {number} reads {item}") };
        let id: i64 = id.parse().expect("an id is a number");
        let messages = &self.model.messages;
        let is_it = |what: &What| match what {
            What::Message(one) => {
                let one = &messages[*one];
                one.id == Some(id) && one.channel == channel && one.text == text
            }
            What::Deleted { channel: deleted, text: said } => {
                id == -2 && deleted == channel && said == text
            }
        };
        let Some(what) = live.take(is_it) else {
            let next = live.expected.front().map(|one| self.model.text(&one.what));
            panic!("client {number} gets {item:.60} before {next:.60?}: {:?}", live.expected);
        };
        what
    }

    fn read_stream(&mut self, number: usize, live: &mut Live) {
        if self.clients[number].role == Role::Subscriber(Mode::Framed) {
            return self.read_framed(number, live);
        }
        let unread = std::mem::take(&mut self.clients[number].unread);
        let mut text = String::from_utf8(unread).expect("streams are ASCII");
        while let Some((before, item)) = take_item(&mut text) {
            self.take_between(number, &before);
            self.take_item(number, live, &item);
        }
        self.clients[number].unread = text.into_bytes();
    }

    /// Bytes between items belong to the transport.
    fn take_between(&self, number: usize, before: &str) {
        let is_event_source = self.clients[number].role == Role::Subscriber(Mode::EventSource);
        let is_known = |line: &str| matches!(line, "" | ": -1" | "data: " | ": ");
        let is_good =
            if is_event_source { before.split('\n').all(is_known) } else { before.is_empty() };
        assert!(is_good, "client {number} reads {before:?}");
    }

    fn take_item(&mut self, number: usize, live: &mut Live, item: &str) {
        match item {
            "H" | " -1 ping" => {}
            "F" => {
                self.assert_time_is_over(number, live);
                live.may_end = true;
                let is_watcher = self.clients[number].role == Role::Subscriber(Mode::Watcher);
                self.audit.is_over |= is_watcher;
            }
            _ if self.clients[number].role == Role::Subscriber(Mode::Watcher) => {
                let rest = item.strip_prefix("ev ").expect("it reads the events channel");
                let (id, text) = rest.split_once(' ').expect("an id and a text");
                if !self.audit.is_over {
                    self.audit.take(id.parse().expect("a number"), text);
                }
                self.coverage.count("events", 1);
            }
            _ => {
                self.take_message(number, live, item);
            }
        }
    }

    fn read_framed(&mut self, number: usize, live: &mut Live) {
        let mut unread = std::mem::take(&mut self.clients[number].unread);
        while let Some(payload) = take_framed(&mut unread) {
            let payload = String::from_utf8(payload).expect("texts are ASCII");
            let is_it = |what: &What| self.model.text(what) == payload;
            let taken = payload.is_empty() || live.take(is_it).is_some();
            assert!(taken, "client {number} gets {payload:.60}, is to get {:?}", live.expected);
        }
        self.clients[number].unread = unread;
    }

    fn read_frame(&mut self, number: usize, mut live: Live, first: u8, payload: Vec<u8>) -> Phase {
        match first {
            0x81 => {
                let mut text = String::from_utf8(payload).expect("frames are ASCII");
                let (before, item) = take_item(&mut text).expect("a frame is an item");
                assert!(
                    before.is_empty() && text.is_empty(),
                    "client {number} reads {before}{text}"
                );
                self.take_item(number, &mut live, &item);
            }
            0x88 if payload.starts_with(&1008u16.to_be_bytes()) => {
                assert!(self.settings.has_little_memory, "client {number} is refused");
                return Phase::Over;
            }
            0x88 => {
                self.assert_time_is_over(number, &live);
                self.clients[number].pongs.clear();
                self.coverage.count("WebSockets closed", 1);
                return Phase::Over;
            }
            0x89 => assert!(payload.is_empty(), "a ping carries nothing"),
            0x8a => {
                // It also answers the pings before it (RFC 6455, section 5.5.3).
                let pongs = &mut self.clients[number].pongs;
                let at = pongs.iter().position(|pong| *pong == payload);
                pongs.drain(..=at.expect("a pong answers a ping"));
            }
            _ => panic!("client {number} reads a frame {first:#x}"),
        }
        Phase::Streaming(live)
    }
}

/// Takes what stands between `<` and `>` out of a text; the rest stays.
pub fn take_item(text: &mut String) -> Option<(String, String)> {
    let end = text.find('>')?;
    let rest = text.split_off(end + 1);
    let whole = std::mem::replace(text, rest);
    let (before, item) = whole.split_once('<').expect("an item has a beginning");
    Some((before.to_owned(), item[..item.len() - 1].to_owned()))
}
