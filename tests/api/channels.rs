//! `GET /api/channels` and `GET /api/channels/{channel}`.

use super::fixtures::*;
use crate::support::{Client, Daemon, STARTED_AT, wire};
use rpushd::config::{ChannelPattern, Config, HistoryBlock};
use rpushd::time::Millis;

fn with_history() -> Config {
    let channels = ChannelPattern::Prefix("h".to_owned());
    let block = HistoryBlock { channels, messages: Some(100), age: None, bytes: None };
    Config { history: vec![block], ..config() }
}

/// A client with a stream of events, and a token with these further claims.
fn reader(daemon: &Daemon, channels: &str, claims: &str) -> Client {
    let expires = STARTED_AT + 3600;
    let token = signed(&format!(
        r#"{{"aud":"rpushd","scope":"subscribe","channels":["*"],"exp":{expires}{claims}}}"#
    ));
    let client = daemon.connect();
    let answer = client.ask(get(&format!("/api/events/{channels}?token={token}"), ""));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    client
}

/// The body of a successful answer.
fn body(daemon: &Daemon, target: &str) -> String {
    let answer = ask(daemon, get(target, BEARER));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"), "{head}");
    assert!(head.contains("\r\ncache-control: no-cache,"), "{head}");
    body.to_owned()
}

#[test]
fn a_channel_is_described_with_its_subscribers_history_cursor_and_rate() {
    let daemon = Daemon::new(with_history());
    let readers = [
        reader(&daemon, "h", r#","sub":"bob""#),
        reader(&daemon, "h,other", r#","sub":"alice","jti":"t1""#),
        reader(&daemon, "h", r#","sub":"bob""#),
        reader(&daemon, "h", ""),
        reader(&daemon, "other", r#","sub":"eve""#),
    ];
    ask(&daemon, publish("h", "\"12345678\""));
    ask(&daemon, publish("other", "1"));
    ask(&daemon, publish("h", "\"12345678\""));
    let expected = r#"{"channel":"h","subscribers":4,"history":{"messages":2,"bytes":356},"#
        .to_owned()
        + r#""cursor":"0707070707070707.3","messages_per_second":0.2,"bytes_per_second":2.0,"#
        + r#""subjects":{"alice":1,"bob":2},"subjects_complete":true}"#;
    assert_eq!(body(&daemon, "/api/channels/h"), expected);
    assert_eq!(body(&daemon, "/api/channels/%68"), expected, "the path is decoded");
    readers[0].end();
    daemon.advance(60_000);
    let later = body(&daemon, "/api/channels/h");
    assert!(later.contains(r#""subscribers":3"#), "{later}");
    assert!(later.contains(r#""messages_per_second":0.0,"bytes_per_second":0.0,"#), "{later}");
    assert!(later.contains(r#""subjects":{"alice":1,"bob":1},"#), "{later}");
}

#[test]
fn all_channels_are_listed_by_name_or_those_with_a_prefix() {
    let daemon = daemon();
    let _reader = subscriber(&daemon, "b:1");
    ask(&daemon, publish("b:2", "1"));
    ask(&daemon, publish("a", "1"));
    let row = |name: &str, subscribers: u64, position: u64, rate: &str| {
        let cursor = format!("0707070707070707.{position}");
        format!(
            "{{\"channel\":\"{name}\",\"subscribers\":{subscribers},\
             \"history\":{{\"messages\":0,\"bytes\":0}},\"cursor\":\"{cursor}\",\
             \"messages_per_second\":{rate},\"bytes_per_second\":{rate}}}"
        )
    };
    let [a, b1, b2] = [row("a", 0, 2, "0.1"), row("b:1", 1, 0, "0.0"), row("b:2", 0, 1, "0.1")];
    let all = format!(r#"{{"channels":[{a},{b1},{b2}]}}"#);
    assert_eq!(body(&daemon, "/api/channels"), all);
    assert_eq!(body(&daemon, "/api/channels?prefix="), all);
    let some = format!(r#"{{"channels":[{b1},{b2}]}}"#);
    assert_eq!(body(&daemon, "/api/channels?prefix=b%3A"), some);
    assert_eq!(body(&daemon, "/api/channels?prefix=c"), r#"{"channels":[]}"#);
}

#[test]
fn a_long_list_is_made_as_it_is_read_and_there_are_few_of_them() {
    let mut config = config();
    (config.limits.outbox_bytes_max, config.limits.listings_max) = (2_000, 1);
    let daemon = Daemon::new(config);
    for number in 0..100 {
        ask(&daemon, publish(&format!("c{number:02}"), "1"));
    }
    let slow = daemon.connect();
    slow.take_only(0);
    slow.send(get("/api/channels", BEARER));
    let text = "listings_max lists of channels are being read; try again later, or with a prefix\n";
    let refused = uncached(&explained("503 Service Unavailable", text));
    assert_eq!(ask(&daemon, get("/api/channels", BEARER)), refused);
    assert!(body(&daemon, "/api/channels?prefix=c1").starts_with("{\"channels\":[{"));
    slow.take_more(usize::MAX);
    let answer = slow.read();
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let data = wire::data_of_chunks(&answer[at..]);
    let list: serde_json::Value = serde_json::from_slice(&data).expect("JSON");
    assert_eq!(list["channels"].as_array().map(Vec::len), Some(100));
}

#[test]
fn subjects_beyond_a_thousand_are_left_out_and_that_is_told() {
    let daemon = daemon();
    let readers: Vec<Client> =
        (0..1001).map(|number| reader(&daemon, "a", &format!(r#","sub":"{number:04}""#))).collect();
    let subjects = |daemon: &Daemon| {
        let answer: serde_json::Value =
            serde_json::from_str(&body(daemon, "/api/channels/a")).expect("JSON");
        let count = answer["subjects"].as_object().map(serde_json::Map::len);
        (count, answer["subjects_complete"].as_bool(), answer["subscribers"].as_u64())
    };
    assert_eq!(subjects(&daemon), (Some(1000), Some(false), Some(1001)));
    readers[0].end();
    assert_eq!(subjects(&daemon), (Some(1000), Some(true), Some(1000)));
}

#[test]
fn they_need_the_publish_secret_and_a_channel_that_exists() {
    let daemon = daemon();
    for target in ["/api/channels", "/api/channels/a"] {
        assert_eq!(ask(&daemon, get(target, "")), uncached(&denied("")), "{target}");
        let post = bare("POST", target, BEARER);
        assert!(ask(&daemon, post).contains("\r\nallow: GET,HEAD\r\n"), "{target}");
    }
    for (target, status, text) in [
        ("/api/channels/a", "404 Not Found", "there is no such channel\n"),
        ("/api/channels/%zz", "400 Bad Request", "a broken escape in the path\n"),
        ("/api/channels?prefix=a&prefix=b", "400 Bad Request", "prefix is given more than once\n"),
    ] {
        let answer = ask(&daemon, get(target, BEARER));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{text}")), "{answer}");
    }
    assert_eq!(ask(&daemon, get("/api/channels/a/b", BEARER)), empty("404 Not Found"));
}

#[test]
fn counting_publications_ends_with_them() {
    let daemon = daemon();
    ask(&daemon, publish("a", "1"));
    let memory = |daemon: &Daemon| {
        let stats = ask(daemon, get("/api/stats?mode=json", BEARER));
        let (_, rest) = stats.split_once("\"memory_channels_bytes\": ").expect("a row");
        rest[..rest.find(',').expect("more rows")].parse::<u64>().expect("a number")
    };
    let active = memory(&daemon);
    for _ in 0..40 {
        daemon.advance(Millis(1_000).0);
    }
    assert!(memory(&daemon) < active);
    let wake = daemon.with_server(|server, now| server.next_wake(now));
    assert!(wake.is_none_or(|at| at.0 > 100_000), "{wake:?}");
}
