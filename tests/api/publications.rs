//! `POST /api/publish` beyond one message for one channel: several channels, several publications,
//! ids, lifetimes and results.

use super::fixtures::*;
use crate::support::{Client, DATE, Daemon};
use rpushd::config::{ChannelPattern, Config, HistoryBlock};
use rpushd::time::Millis;

/// A publish request with this content type, target and body.
fn publish_to(target: &str, kind: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    let own = format!("{BEARER}Content-Type: {kind}\r\nContent-Length: {length}\r\n{fields}");
    bare("POST", target, &own) + body
}

fn publish_lines(body: &str) -> String {
    publish_to("/api/publish", "application/x-ndjson", "", body)
}

/// A publication whose publisher wants to know its result.
fn publish_for_result(body: &str) -> String {
    publish_to("/api/publish?result=1", "application/json", "", body)
}

/// The answer with these results.
fn results(results: &str) -> String {
    let body = format!("{{\"results\":[{results}]}}");
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: {DATE}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// The cursor after this many messages.
fn cursor(position: u64) -> String {
    format!("0707070707070707.{position}")
}

fn result(channel: &str, position: u64, subscribers: u64) -> String {
    let cursor = cursor(position);
    format!(r#"{{"channel":"{channel}","cursor":"{cursor}","subscribers":{subscribers}}}"#)
}

fn duplicate(channel: &str, position: u64) -> String {
    result(channel, position, 0).replace('}', ",\"duplicate\":true}")
}

#[test]
fn one_message_goes_to_many_channels() {
    let daemon = daemon();
    let names: Vec<String> = (0..200).map(|number| format!("follower:{number}")).collect();
    let readers: Vec<Client> = names.iter().map(|name| subscriber(&daemon, name)).collect();
    let other = subscriber(&daemon, "other");
    let channels = serde_json::to_string(&names).unwrap();
    let body = format!(r#"{{"channels":{channels},"message":{{"new":1}}}}"#);
    assert_eq!(ask(&daemon, publish_body(&body)), ACCEPTED);
    for reader in &readers {
        assert_eq!(reader.read(), frame(r#"{"new":1}"#));
    }
    assert_eq!(other.text(), "");
    assert_eq!(daemon.counters().publish_requests_total, 200);
}

#[test]
fn a_channel_that_is_listed_twice_gets_the_message_once() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a");
    let body = r#"{"channels":["a","b","\u0061"],"message":1}"#;
    let expected = [result("a", 1, 1), result("b", 2, 0)].join(",");
    assert_eq!(ask(&daemon, publish_for_result(body)), results(&expected));
    assert_eq!(reader.read(), frame("1"));
}

#[test]
fn several_publications_are_published_in_their_order() {
    let daemon = daemon();
    let (a, b) = (subscriber(&daemon, "a"), subscriber(&daemon, "b"));
    let publications = [
        r#"{"channel":"a","message":1}"#,
        r#"{"channels":["b","a"],"message": [ 2 ]}"#,
        r#"{"message":"x\ny","channel":"a","other":[1]}"#,
    ];
    let [list, lines] = [format!("[{}]", publications.join(" ,\n")), publications.join("\r\n")];
    for request in [
        publish_body(&list),
        publish_body(&format!(" \r\n{list} ")),
        publish_lines(&lines),
        publish_lines(&format!("\n \r\n{lines}\n\n")),
    ] {
        assert_eq!(ask(&daemon, request), ACCEPTED);
        assert_eq!(a.read(), frames(["1", "[2]", r#""x\ny""#]));
        assert_eq!(b.read(), frames(["[2]"]));
    }
}

#[test]
fn nothing_is_published_if_one_publication_has_an_error_and_the_answer_says_which() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a");
    let good = r#"{"channel":"a","message":1}"#;
    let large = format!(r#"{{"channel":"a","message":"{}"}}"#, "x".repeat(65_534));
    let deep = format!(r#"{{"channel":"a","message":{}{}}}"#, "[".repeat(127), "]".repeat(127));
    let shape = "it must be an object with a string \"channel\" or a list \"channels\", and a \
                 \"message\", each once\n";
    for (bad, status, text) in [
        ("{}", "422 Unprocessable Content", shape),
        ("1", "422 Unprocessable Content", shape),
        ("[]", "422 Unprocessable Content", shape),
        (&format!("[{good}]"), "422 Unprocessable Content", shape),
        (r#"{"channel":"a","message":1,"message":2}"#, "422 Unprocessable Content", shape),
        (r#"{"channel":"a b","message":1}"#, "400 Bad Request", BAD_CHANNEL),
        (
            r#"{"channel":"a","message":1,"ttl":"1"}"#,
            "422 Unprocessable Content",
            "\"ttl\" must be a number of seconds, 0 or more\n",
        ),
        (&deep, "400 Bad Request", "the message is nested too deeply\n"),
        (&large, "413 Request Entity Too Large", "the message is larger than 65535 bytes\n"),
    ] {
        let refused = explained(status, &format!("message 3: {text}"));
        let list = format!("[{good},{good},{bad},{good}]");
        assert_eq!(ask(&daemon, publish_body(&list)), refused, "{list}");
        let lines = format!("{good}\n{good}\n\n{bad}\n{good}");
        assert_eq!(ask(&daemon, publish_lines(&lines)), refused, "{lines}");
    }
    let refused = explained("400 Bad Request", "message 2: the line is not valid JSON\n");
    for bad in ["{", "{}x", "\u{b}", "{\"channel\":\"a\",\"message\":01}", "[1,", "]"] {
        assert_eq!(ask(&daemon, publish_lines(&format!("{good}\n{bad}\n"))), refused, "{bad}");
    }
    let refused = explained("400 Bad Request", BAD_JSON);
    for list in [format!("[{good}"), format!("[{good},]"), format!("[{good}]x"), "[".repeat(999)] {
        assert_eq!(ask(&daemon, publish_body(&list)), refused, "{list}");
    }
    let none = explained("422 Unprocessable Content", "the body has no publication\n");
    for lines in ["", "\n", " \r\n\t\n"] {
        assert_eq!(ask(&daemon, publish_lines(lines)), none, "{lines:?}");
    }
    assert_eq!(reader.text(), "");
    assert_eq!(daemon.counters().publish_requests_total, 0);
}

#[test]
fn a_content_type_of_lines_is_taken_with_parameters_and_in_any_case() {
    let daemon = daemon();
    let body = "{\"channel\":\"a\",\"message\":1}\n";
    for kind in ["application/x-ndjson", "Application/X-NDJSON; charset=utf-8"] {
        assert_eq!(ask(&daemon, publish_to("/api/publish", kind, "", body)), ACCEPTED, "{kind}");
    }
    let refused = explained("415 Unsupported Media Type", NOT_JSON_TYPE);
    for kind in ["application/ndjson", "text/x-ndjson", "application/x-ndjsonx"] {
        assert_eq!(ask(&daemon, publish_to("/api/publish", kind, "", body)), refused, "{kind}");
    }
}

#[test]
fn the_result_names_each_channel_with_cursor_and_subscribers() {
    let daemon = daemon();
    let _readers = [subscriber(&daemon, "a"), subscriber(&daemon, "a"), subscriber(&daemon, "b")];
    let one = r#"{"channel":"a","message":1}"#;
    assert_eq!(ask(&daemon, publish_for_result(one)), results(&result("a", 1, 2)));
    let list = format!(r#"[{one},{{"channels":["b","c"],"message":2}},{one}]"#);
    let expected =
        [result("a", 2, 2), result("b", 3, 1), result("c", 4, 0), result("a", 5, 2)].join(",");
    assert_eq!(ask(&daemon, publish_for_result(&list)), results(&expected));
}

#[test]
fn the_result_is_wanted_by_an_argument_or_a_preference() {
    let daemon = daemon();
    let one = r#"{"channel":"a","message":1}"#;
    let send = |query: &str, fields: &str| {
        let target = format!("/api/publish{query}");
        ask(&daemon, publish_to(&target, "application/json", fields, one))
    };
    for (query, fields) in [
        ("?result=1", ""),
        ("?result=true", ""),
        ("?x=1&result=on", ""),
        ("", "Prefer: return=representation\r\n"),
        ("", "prefer: respond-async, RETURN = \"Representation\" ; x=y\r\n"),
        ("", "Prefer: wait=5\r\nPrefer: return=representation\r\n"),
        ("?result=0", "Prefer: return=representation\r\n"),
    ] {
        let answer = send(query, fields);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{query} {fields}: {answer}");
    }
    for (query, fields) in [
        ("", ""),
        ("?result=0", ""),
        ("?result", ""),
        ("?result=2", ""),
        ("", "Prefer: return=minimal\r\n"),
        ("", "Prefer: return=minimal, return=representation\r\n"),
        ("", "Prefer: return\r\n"),
        ("", "Prefer: returns=representation\r\n"),
    ] {
        assert_eq!(send(query, fields), ACCEPTED, "{query} {fields}");
    }
    let refused = explained("400 Bad Request", "result is given more than once\n");
    assert_eq!(send("?result=1&result=1", ""), refused);
}

#[test]
fn a_publication_with_the_same_id_is_accepted_and_not_delivered_twice() {
    let daemon = daemon();
    let (a, b) = (subscriber(&daemon, "a"), subscriber(&daemon, "b"));
    let with = |channels: &str, message: &str| {
        publish_for_result(&format!(r#"{{"channels":{channels},"message":{message},"id":"i"}}"#))
    };
    assert_eq!(ask(&daemon, with(r#"["a"]"#, "1")), results(&result("a", 1, 1)));
    assert_eq!(ask(&daemon, with(r#"["a"]"#, "2")), results(&duplicate("a", 1)));
    let both = [duplicate("a", 1), result("b", 2, 1)].join(",");
    assert_eq!(ask(&daemon, with(r#"["a","b"]"#, "3")), results(&both), "per channel");
    assert_eq!((a.read(), b.read()), (frame("1"), frame("3")));
    let plain = r#"{"channel":"a","message":4,"id":"i"}"#;
    assert_eq!(ask(&daemon, publish_body(plain)), ACCEPTED);
    let list = r#"[{"channel":"a","message":5,"id":"j"},{"channel":"a","message":6,"id":"j"},
                   {"channel":"a","message":7,"id":"k"},{"channel":"a","message":8}]"#;
    assert_eq!(ask(&daemon, publish_body(list)), ACCEPTED);
    assert_eq!(a.read(), frames(["5", "7", "8"]));
    let counters = daemon.counters();
    assert_eq!((counters.publish_requests_total, counters.duplicate_publications_total), (5, 4));
}

#[test]
fn an_id_is_recognised_until_its_window_has_passed() {
    let mut config = config();
    config.limits.publication_id_window = Millis::from_seconds(10);
    config.heartbeat = Millis::from_seconds(3600);
    let daemon = Daemon::new(config);
    let reader = subscriber(&daemon, "a");
    let request = publish_body(r#"{"channel":"a","message":1,"id":7}"#);
    ask(&daemon, &request);
    daemon.advance(9_999);
    ask(&daemon, &request);
    assert_eq!(reader.read(), frame("1"));
    daemon.advance(1);
    ask(&daemon, &request);
    assert_eq!(reader.read(), frame("1"));
}

#[test]
fn publication_ids_max_ids_are_kept() {
    let mut config = config();
    config.limits.publication_ids_max = 2;
    let daemon = Daemon::new(config);
    let reader = subscriber(&daemon, "a");
    for id in [1, 2, 3, 2, 1] {
        ask(&daemon, publish_body(&format!(r#"{{"channel":"a","message":{id},"id":{id}}}"#)));
    }
    assert_eq!(reader.read(), frames(["1", "2", "3", "1"]));
}

#[test]
fn publications_per_request_max_publications_pass_and_one_more_is_413() {
    let mut config = config();
    config.limits.publications_per_request_max = 3;
    let daemon = Daemon::new(config);
    let one = r#"{"channel":"a","message":1}"#;
    let refused = explained(
        "413 Request Entity Too Large",
        "the body has more publications than publications_per_request_max\n",
    );
    for (count, expected) in [(3, ACCEPTED), (4, &*refused)] {
        let list = format!("[{}]", vec![one; count].join(","));
        assert_eq!(ask(&daemon, publish_body(&list)), expected);
        assert_eq!(ask(&daemon, publish_lines(&vec![one; count].join("\n"))), expected);
    }
}

#[test]
fn channels_per_publication_max_channels_pass_and_one_more_is_413() {
    let mut config = config();
    config.limits.channels_per_publication_max = 2;
    let daemon = Daemon::new(config);
    let text = "\"channels\" has more names than channels_per_publication_max\n";
    let body = |channels: &str| format!(r#"{{"channels":{channels},"message":1}}"#);
    assert_eq!(ask(&daemon, publish_body(&body(r#"["a","b"]"#))), ACCEPTED);
    let three = body(r#"["a","b","a"]"#);
    let refused = explained("413 Request Entity Too Large", text);
    assert_eq!(ask(&daemon, publish_body(&three)), refused);
    let refused = explained("413 Request Entity Too Large", &format!("message 1: {text}"));
    assert_eq!(ask(&daemon, publish_lines(&three)), refused);
}

#[test]
fn a_batch_ends_at_a_channel_for_which_there_is_no_room_and_the_answer_says_where() {
    let all = HistoryBlock {
        channels: ChannelPattern::parse("*").unwrap(),
        messages: Some(9),
        age: None,
        bytes: None,
    };
    let mut config = Config { history: vec![all], ..config() };
    config.limits.channels_max = 2;
    let daemon = Daemon::new(config);
    let (a, b) = (subscriber(&daemon, "a"), subscriber(&daemon, "b"));
    let list = r#"[{"channel":"a","message":1,"id":1},{"channels":["b","c"],"message":2,"id":2},
                   {"channel":"a","message":3,"id":3}]"#;
    let refused = explained("503 Service Unavailable", &format!("message 2: {FULL}"));
    assert_eq!(ask(&daemon, publish_body(list)), refused);
    assert_eq!((a.read(), b.read()), (frame("1"), frame("2")));
    // The publisher may send the same request again.
    assert_eq!(ask(&daemon, publish_body(list)), refused);
    assert_eq!((a.text(), b.text()), (String::new(), String::new()));
}

#[test]
fn a_channel_for_which_there_is_no_room_counts_as_published_to_if_nothing_is_stored() {
    let mut config = config();
    config.limits.channels_max = 1;
    let daemon = Daemon::new(config);
    let _reader = subscriber(&daemon, "a");
    let body = r#"{"channels":["a","b"],"message":1}"#;
    let expected = [result("a", 1, 1), result("b", 2, 0)].join(",");
    assert_eq!(ask(&daemon, publish_for_result(body)), results(&expected));
}

#[test]
fn a_batch_waits_for_room_and_continues_in_its_order() {
    let mut config = config();
    config.limits.backlog_bytes_max = 20_000;
    let daemon = Daemon::new(config);
    let (a, b) = (subscriber(&daemon, "a"), subscriber(&daemon, "b"));
    let text = "x".repeat(3_000);
    let message = |number: usize| format!(r#""{number} {text}""#);
    let one = |number: usize| format!(r#"{{"channels":["a","b"],"message":{}}}"#, message(number));
    let list = (0..30).map(one).collect::<Vec<String>>().join(",");
    let publisher = daemon.dial();
    publisher.post(publish_body(&format!("[{list}]")) + &publish("a", "\"last\""));
    let mut turns = 0;
    let (mut got, mut answers) = ([Vec::new(), Vec::new()], String::new());
    while answers.matches("HTTP/1.1 204").count() < 2 {
        daemon.turn();
        assert!(daemon.backlog_bytes() <= 2 * (20_000 + 256 + 3_100));
        got[0].extend(a.read());
        got[1].extend(b.read());
        answers += &publisher.text();
        turns += 1;
        assert!(turns < 1000);
    }
    assert!(turns > 3, "{turns}");
    daemon.run();
    got[0].extend(a.read());
    got[1].extend(b.read());
    let expected = frames((0..30).map(message));
    assert_eq!(got[1], expected);
    assert_eq!(got[0], [expected, frame("\"last\"")].concat());
}

#[test]
fn a_publisher_that_leaves_during_its_batch_leaves_nothing_behind() {
    let mut config = config();
    config.limits.outbox_bytes_max = 8 * 1024;
    let daemon = Daemon::new(config);
    let reader = subscriber(&daemon, "a");
    let message = format!("\"{}\"", "x".repeat(1_000));
    let one = format!(r#"{{"channel":"a","message":{message}}}"#);
    let publisher = daemon.dial();
    publisher.post(publish_body(&format!("[{}]", vec![one; 50].join(","))));
    daemon.turn();
    let count = reader.read().len() / frame(&message).len();
    assert!((1..50).contains(&count), "{count}");
    publisher.abort();
    daemon.run();
    assert_eq!(reader.read().len() % frame(&message).len(), 0);
    assert_eq!(daemon.connection_count(), 1);
}

/// 128 KiB of the smallest publications, each to 64 channels.
#[test]
fn a_request_with_as_many_channels_as_fit_costs_no_turn_more_than_its_budget() {
    let mut config = config();
    config.limits.publications_per_request_max = 100_000;
    let budget = u64::from(config.limits.microseconds_per_turn) * 1000;
    let daemon = Daemon::new(config);
    let names: Vec<String> = (0..64).map(|number| format!("{number:02}")).collect();
    let readers: Vec<Client> = names.iter().map(|name| subscriber(&daemon, name)).collect();
    let channels = serde_json::to_string(&names).unwrap();
    let one = format!(r#"{{"channels":{channels},"message":1}}"#);
    let count = (128 * 1024 - 2) / (one.len() + 1);
    assert!(count > 300);
    let list = format!("[{}]", vec![one; count].join(","));
    let publisher = daemon.dial();
    publisher.post(publish_body(&list));
    let (mut answer, mut turns) = (String::new(), 0);
    while !answer.starts_with("HTTP/1.1 204") {
        daemon.turn();
        answer += &publisher.text();
        turns += 1;
        assert!(turns < 10_000, "{answer}");
    }
    daemon.run();
    for reader in readers {
        assert_eq!(reader.read().len(), frame("1").len() * count);
    }
    // The last unit of a half turn may exceed its budget.
    assert!(daemon.dearest_half() <= budget * 3 / 4, "{}", daemon.dearest_half());
}

#[test]
fn a_result_larger_than_outbox_bytes_max_is_refused_before_anything_is_published() {
    let mut config = config();
    config.limits.outbox_bytes_max = 10 * 1024;
    let daemon = Daemon::new(config);
    let one = r#"{"channels":["a","b"],"message":1}"#;
    let list = |count: usize| format!("[{}]", vec![one; count].join(","));
    let refused = explained(
        "413 Request Entity Too Large",
        "the result would be larger than outbox_bytes_max; publish in several requests\n",
    );
    assert_eq!(ask(&daemon, publish_for_result(&list(40))), refused);
    assert_eq!(daemon.counters().publish_requests_total, 0);
    assert_eq!(ask(&daemon, publish_body(&list(40))), ACCEPTED);
    assert!(ask(&daemon, publish_for_result(&list(39))).starts_with("HTTP/1.1 200 "));
}

#[test]
fn texts_as_large_as_the_body_are_refused() {
    let daemon = daemon();
    let long = "x".repeat(128 * 1024 - 60);
    for (member, status) in [("id", "422"), ("event", "422"), ("except", "422"), ("more", "204")] {
        let body = format!(r#"{{"channel":"a","message":1,"{member}":"{long}"}}"#);
        let answer = ask(&daemon, publish_body(&body));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{member}: {answer}");
    }
}
