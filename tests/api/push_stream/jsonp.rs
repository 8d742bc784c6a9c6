//! JSONP (section 13): polling and long-polling answers as a function call.

use super::receiving::*;
use crate::support::Daemon;

const JAVASCRIPT: &str = "application/javascript";
const POLLING: &str = "X-Nginx-PushStream-Mode: polling\r\n";
const LONG_POLLING: &str = "X-Nginx-PushStream-Mode: long-polling\r\n";

/// Both polling modes, each by location and by request header: a daemon, and the field that
/// requests need.
fn runs(directives: &str) -> [(Daemon, &'static str); 4] {
    [
        (daemon("polling", directives), ""),
        (daemon("streaming", directives), POLLING),
        (daemon("long-polling", directives), ""),
        (daemon("streaming", directives), LONG_POLLING),
    ]
}

#[test]
fn old_messages_are_one_array_across_channels() {
    for (daemon, own) in runs(PAGE) {
        for (channel, text) in [("a", "1"), ("b", "2"), ("c", "3"), ("a", "4")] {
            publish(&daemon, channel, text);
        }
        let request = get("/sub/a.b2/b.b1/c.b1?callback=parent.take", own);
        let items = [
            "HEAD\n",
            "parent.take",
            "([",
            "[1|a|1|1]",
            ",",
            "[2|a|4|4]",
            ",",
            "[1|b|2|2]",
            ",",
            "[1|c|3|3]",
            "]);",
            "FOOT\n",
        ];
        assert_eq!(ask(&daemon, request), typed_answer(JAVASCRIPT, 0, (0, 4), &items));
    }
}

#[test]
fn old_messages_by_event_id_and_by_time_are_one_array_too() {
    for (daemon, own) in runs(SHOWN) {
        for (text, event) in [("m1", "e1"), ("m2", "e2"), ("m3", "e3")] {
            publish_event(&daemon, "a", text, &format!("Event-Id: {event}\r\n"));
        }
        let later = ["f", "([", "[2|a|m2|2]", ",", "[3|a|m3|3]", "]);"];
        let by_event = get("/sub/a?callback=f", &format!("{own}Last-Event-Id: e1\r\n"));
        assert_eq!(ask(&daemon, by_event), typed_answer(JAVASCRIPT, 0, (0, 3), &later));
        let time = date(0);
        let fields = format!("{own}If-Modified-Since: {time}\r\nIf-None-Match: 1\r\n");
        let by_time = get("/sub/a?callback=f", &fields);
        assert_eq!(ask(&daemon, by_time), typed_answer(JAVASCRIPT, 0, (0, 3), &later));
    }
}

#[test]
fn a_waiting_request_is_answered_with_a_call() {
    for own in ["", LONG_POLLING] {
        let daemon = daemon(if own.is_empty() { "long-polling" } else { "streaming" }, PAGE);
        let reader = daemon.connect();
        reader.send(get("/sub/a?callback=f", own));
        publish(&daemon, "a", "x");
        let items = ["HEAD\n", "f", "([", "[1|a|x|1]", "]);", "FOOT\n"];
        assert_eq!(reader.text(), typed_answer(JAVASCRIPT, 0, (0, 1), &items));
        reader.send(get("/sub/a?callback=f", own));
        delete(&daemon, "a", "");
        let items = ["HEAD\n", "f", "([", "[-2|a|Channel deleted|0]", "]);", "FOOT\n"];
        assert_eq!(reader.text(), typed_answer(JAVASCRIPT, 0, (0, 0), &items));
    }
}

#[test]
fn a_time_out_with_body_is_a_call() {
    let directives = format!("{SHOWN}\nlongpolling_connection_ttl = \"10s\"");
    let daemon =
        daemon_with("timeout_with_body = true", &location("/sub", "long-polling", &directives));
    let reader = daemon.connect();
    reader.send(get("/sub/a?callback=f", ""));
    daemon.advance(10_000 + TICK);
    let items = ["f", "([", "[-3||Timed out|0]", "]);"];
    assert_eq!(reader.text(), typed_answer(JAVASCRIPT, 10, (10, 0), &items));
}

#[test]
fn a_304_has_the_type_of_scripts_too() {
    let daemon = daemon("polling", "");
    let request = get("/sub/a?callback=f", "");
    assert_eq!(ask(&daemon, request), not_modified(JAVASCRIPT, 0, "", ""));
    let daemon = super::receiving::daemon("long-polling", "longpolling_connection_ttl = \"1s\"");
    let reader = daemon.connect();
    reader.send(get("/sub/a?callback=f", ""));
    daemon.advance(1_000 + TICK);
    let last_modified = format!("Last-Modified: {}\r\n", date(1));
    assert_eq!(reader.text(), not_modified(JAVASCRIPT, 1, &last_modified, "Etag: W/0\r\n"));
}

#[test]
fn the_name_is_percent_decoded_and_not_checked() {
    for (daemon, own) in runs("") {
        publish(&daemon, "a", "1");
        let request = get("/sub/a.b1?x=1&callback=a%5B0%5D%28&_=7", own);
        let items = ["a[0](", "([", "1", "]);"];
        assert_eq!(ask(&daemon, request), typed_answer(JAVASCRIPT, 0, (0, 1), &items));
    }
}

#[test]
fn an_empty_name_is_no_name() {
    for (daemon, own) in runs("") {
        publish(&daemon, "a", "1");
        assert_eq!(ask(&daemon, get("/sub/a.b1?callback=", own)), answer(0, (0, 1), &["1"]));
    }
}

#[test]
fn streams_know_no_jsonp() {
    let daemon = daemon("streaming", "");
    publish(&daemon, "a", "1");
    assert_eq!(ask(&daemon, get("/sub/a.b1?callback=f", "")), stream_head() + &chunk("1"));
}

#[test]
fn the_letter_case_of_the_arguments_name_does_not_matter() {
    for (daemon, own) in runs("") {
        publish(&daemon, "a", "x");
        let answer = ask(&daemon, get("/sub/a.b1?CallBack=f", own));
        assert_eq!(body(&answer), chunks(["f", "([", "x", "]);"]) + LAST_CHUNK);
    }
}
