//! One channel, both faces, all transports: each message arrives once and in order.

use super::receiving::*;
use super::websocket_client::{SWITCHED, UPGRADE, text};
use crate::fixtures;
use crate::support::{Client, Daemon};

const IFRAME: &str = "default_type = \"text/html\"\nheader_template = \"<html>\"\n\
                      message_template = \"<script>p('~text~');</script>\"";

fn all_locations() -> Daemon {
    let locations = location("/sub", "streaming", "")
        + &location("/poll", "polling", "")
        + &location("/lp", "long-polling", "")
        + &location("/ev", "eventsource", "")
        + &location("/ws", "websocket", "")
        + &location("/frame", "streaming", IFRAME);
    daemon_with("store_api_messages = true", &locations)
}

/// A client that polls with the validators of the previous answer (sections 11 to 13).
struct Poller {
    client: Client,
    target: &'static str,
    position: Position,
    items: String,
}

impl Poller {
    fn new(daemon: &Daemon, target: &'static str) -> Poller {
        let poller =
            Poller { client: daemon.connect(), target, position: (0, 0), items: String::new() };
        poller.ask();
        poller
    }

    fn ask(&self) {
        let (seconds, tag) = self.position;
        let fields = format!("If-Modified-Since: {}\r\nIf-None-Match: W/{tag}\r\n", date(seconds));
        self.client.send(get(self.target, &fields));
    }

    /// Reads the answer, if there is one, and sends the next request.
    fn go_on(&mut self) {
        let answer = self.client.text();
        if answer.is_empty() {
            return;
        }
        if answer.starts_with("HTTP/1.1 200 OK\r\n") {
            let tag = answer.split_once("\r\nEtag: W/").expect("a tag").1;
            let tag = tag.split_once("\r\n").expect("an end of the line").0;
            self.position.1 = tag.parse().expect("the tag is a number");
            self.items.push_str(body(&answer).strip_suffix(LAST_CHUNK).expect("it has ended"));
        }
        self.ask();
    }
}

#[test]
fn both_faces_reach_subscribers_of_all_eight_transports() {
    let daemon = all_locations();
    let framed = fixtures::subscriber(&daemon, "both");
    let open = |target: &str, fields: &str| {
        let client = daemon.connect();
        client.send(get(target, fields));
        client
    };
    let stream = open("/sub/both", "");
    let event_source = open("/ev/both", "");
    let websocket = open("/ws/both", UPGRADE);
    let iframe = open("/frame/both", "");
    let mut polling = Poller::new(&daemon, "/poll/both");
    let mut long_polling = Poller::new(&daemon, "/lp/both");
    let mut jsonp = Poller::new(&daemon, "/lp/both?callback=f");
    let messages: Vec<String> = (1..=20).map(|number| format!("\"m{number}\"")).collect();
    for (index, message) in messages.iter().enumerate() {
        match index % 2 {
            0 => publish(&daemon, "both", message),
            _ => {
                let answer = fixtures::ask(&daemon, fixtures::publish("both", message));
                assert_eq!(answer, fixtures::ACCEPTED);
            }
        }
        // Some do not read for a while, and lose no message.
        jsonp.go_on();
        if index % 3 == 0 {
            long_polling.go_on();
        }
    }
    for _ in 0..2 {
        for poller in [&mut polling, &mut long_polling, &mut jsonp] {
            poller.go_on();
        }
    }
    let each = |item: fn(&str) -> String| -> String {
        messages.iter().map(|message| item(message)).collect()
    };
    assert_eq!(framed.read(), fixtures::frames(&messages));
    assert_eq!(stream.text(), stream_head() + &each(chunk));
    let events = each(|message| chunk(&format!("data: {message}\n\n")));
    assert_eq!(body(&event_source.text()), chunk(": \n") + &events);
    let frames: Vec<u8> = messages.iter().flat_map(text).collect();
    assert_eq!(websocket.read(), [SWITCHED.as_bytes(), &frames].concat());
    let scripts = each(|message| chunk(&format!("<script>p('{message}');</script>")));
    assert_eq!(body(&iframe.text()), chunk("<html>") + &scripts);
    assert_eq!(polling.items, each(chunk));
    assert_eq!(long_polling.items, each(chunk));
    let called = chunks(["f", "(["]);
    let (comma, end) = (chunk(","), chunk("]);"));
    let calls = jsonp.items.replace(&called, "").replace(&end, "").replace(&comma, "");
    assert_eq!(calls, each(chunk));
}

#[test]
fn what_the_api_publishes_is_stored_only_where_it_is_configured() {
    for (http, expected) in [("", String::new()), ("store_api_messages = true", chunk("\"x\""))] {
        let daemon = daemon_with(http, &location("/sub", "streaming", ""));
        let answer = fixtures::ask(&daemon, fixtures::publish("a", "\"x\""));
        assert_eq!(answer, fixtures::ACCEPTED);
        assert_eq!(ask(&daemon, get("/sub/a.b9", "")), stream_head() + &expected);
    }
}

#[test]
fn a_stream_of_the_api_that_was_asked_for_behind_a_long_poll_gets_its_messages() {
    let own = "longpolling_connection_ttl = '3s'";
    let daemon = daemon_with("", &location("/lp", "long-polling", own));
    let client = daemon.connect();
    client.send(get("/lp/a", "") + &fixtures::subscribe("b"));
    daemon.advance(3_000 + TICK);
    assert!(client.text().starts_with("HTTP/1.1 304 Not Modified\r\n"));
    publish(&daemon, "b", "x");
    assert!(client.text().ends_with("3\r\n\0\u{1}x\r\n"));
}
