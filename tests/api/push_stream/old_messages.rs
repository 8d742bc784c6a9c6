//! Which old messages a subscriber receives (section 9), tested by polling; the rule is the same in
//! all modes.

use super::locations::*;
use crate::fixtures::{ask, get};
use crate::support::{DATE, Daemon};

const SHOWS: &str = "message_template = '~channel~~id~'";

/// One second before, at and after [`DATE`].
const BEFORE: &str = "Tue, 14 Apr 2026 15:39:59 GMT";
const NEXT: &str = "Tue, 14 Apr 2026 15:40:01 GMT";
const LAST: &str = "Tue, 14 Apr 2026 15:40:02 GMT";

/// Three messages on `a`, at 15:40:00 (tags 1 and 2), and :01 (tag 1), then one on `b` at :01 (tag
/// 2) and one on `a` at :02 (tag 1). The second and the fourth of them have event ids.
fn history() -> Daemon {
    history_with(SHOWS)
}

fn history_with(settings: &str) -> Daemon {
    let daemon = daemon(settings);
    publish(&daemon, "a", "x");
    ask(&daemon, send("POST", "/pub?id=a", "Event-Id: event 2\r\n", "x"));
    daemon.advance(1_000);
    publish(&daemon, "a", "x");
    ask(&daemon, send("POST", "/pub?id=b", "Event-Id: event b\r\n", "x"));
    daemon.advance(1_000);
    publish(&daemon, "a", "x");
    daemon
}

/// The answer to a poll with these fields.
fn poll(daemon: &Daemon, path: &str, fields: &str) -> String {
    ask(daemon, get(&format!("/poll/{path}"), fields))
}

/// The same as [`polled`], two seconds after the start.
fn got(time: &str, tag: u32, messages: &[&str]) -> String {
    polled(time, tag, messages).replacen(DATE, LAST, 1)
}

/// The same as [`nothing`], two seconds after the start.
fn got_nothing(time: &str, tag: &str) -> String {
    let own = |name: &str, value: &str| match value {
        "" => String::new(),
        value => format!("{name}: {value}\r\n"),
    };
    let answer = nothing("", &own("Etag", tag)).replace(DATE, LAST);
    answer.replace(
        "Content-Length: 0\r\n",
        &format!("Content-Length: 0\r\n{}", own("Last-Modified", time)),
    )
}

#[test]
fn without_any_input_nothing_old_is_sent() {
    assert_eq!(poll(&history(), "a/b", ""), got_nothing("", ""));
}

#[test]
fn a_backtrack_gives_the_last_so_many_or_all() {
    let daemon = history();
    assert_eq!(poll(&daemon, "a.b2", ""), got(LAST, 1, &["a3", "a4"]));
    assert_eq!(poll(&daemon, "a.b9", ""), got(LAST, 1, &["a1", "a2", "a3", "a4"]));
    assert_eq!(poll(&daemon, "a.b1/b.b1", ""), got(LAST, 1, &["a4", "b1"]));
    assert_eq!(poll(&daemon, "b.b1", ""), got(NEXT, 2, &["b1"]));
}

#[test]
fn a_time_gives_what_is_strictly_later() {
    let daemon = history();
    let since = |time: &str| poll(&daemon, "a", &format!("If-Modified-Since: {time}\r\n"));
    assert_eq!(since("Thu, 01 Jan 1970 00:00:00 GMT"), got(LAST, 1, &["a1", "a2", "a3", "a4"]));
    assert_eq!(since(BEFORE), got(LAST, 1, &["a1", "a2", "a3", "a4"]));
    assert_eq!(since(DATE), got(LAST, 1, &["a3", "a4"]));
    assert_eq!(since(NEXT), got(LAST, 1, &["a4"]));
    assert_eq!(since(LAST), got_nothing(LAST, ""));
}

#[test]
fn a_tag_unties_the_messages_of_one_second() {
    let daemon = history();
    let since = |time: &str, tag: &str| {
        poll(&daemon, "a", &format!("If-Modified-Since: {time}\r\nIf-None-Match: {tag}\r\n"))
    };
    assert_eq!(since(DATE, "0"), got(LAST, 1, &["a1", "a2", "a3", "a4"]));
    assert_eq!(since(DATE, "1"), got(LAST, 1, &["a2", "a3", "a4"]));
    assert_eq!(since(DATE, "W/2"), got(LAST, 1, &["a3", "a4"]));
    assert_eq!(since(DATE, "9"), got(LAST, 1, &["a3", "a4"]));
    // Tag 2 of that second belongs to the other channel.
    assert_eq!(since(NEXT, "2"), got(LAST, 1, &["a4"]));
    assert_eq!(since(LAST, "0"), got(LAST, 1, &["a4"]));
    assert_eq!(since(LAST, "1"), got_nothing(LAST, "W/1"));
}

#[test]
fn an_event_id_gives_what_came_after_it() {
    let daemon = history();
    let after = |path: &str, id: &str| poll(&daemon, path, &format!("Last-Event-Id: {id}\r\n"));
    assert_eq!(after("a", "event 2"), got(LAST, 1, &["a3", "a4"]));
    assert_eq!(after("a/b", "event 2"), got(LAST, 1, &["a3", "a4"]));
    assert_eq!(after("a", "event 3"), got_nothing("", ""));
    assert_eq!(after("b", "event b"), got_nothing("", ""));
}

#[test]
fn event_id_and_time_begin_at_whichever_comes_first() {
    let daemon = history();
    let both = |time: &str| {
        let fields = format!("Last-Event-Id: event 2\r\nIf-Modified-Since: {time}\r\n");
        poll(&daemon, "a", &fields)
    };
    assert_eq!(both(NEXT), got(LAST, 1, &["a3", "a4"]));
    assert_eq!(both(BEFORE), got(LAST, 1, &["a1", "a2", "a3", "a4"]));
}

#[test]
fn a_backtrack_decides_alone_for_its_channel() {
    let daemon = history();
    let fields = format!("If-Modified-Since: {NEXT}\r\nLast-Event-Id: event 2\r\n");
    assert_eq!(poll(&daemon, "a.b1/b", &fields), got(LAST, 1, &["a4"]));
    let fields = format!("If-Modified-Since: {BEFORE}\r\n");
    assert_eq!(poll(&daemon, "a.b1/b", &fields), got(LAST, 1, &["a4", "b1"]));
    assert_eq!(poll(&daemon, "b/a.b3", &fields), got(LAST, 1, &["b1", "a2", "a3", "a4"]));
}

#[test]
fn channels_come_one_after_the_other_and_not_by_time() {
    let fields = format!("If-Modified-Since: {BEFORE}\r\n");
    let expected = got(LAST, 1, &["a1", "a2", "a3", "a4", "b1"]);
    assert_eq!(poll(&history(), "a/b", &fields), expected);
}

#[test]
fn a_tag_without_a_time_has_no_effect_but_is_given_back() {
    assert_eq!(poll(&history(), "a", "If-None-Match: 0\r\n"), got_nothing("", "W/0"));
}

#[test]
fn a_time_is_an_http_date_in_any_of_its_three_forms() {
    let daemon = history();
    for time in [NEXT, "Tuesday, 14-Apr-26 15:40:01 GMT", "Tue Apr 14 15:40:01 2026"] {
        let fields = format!("If-Modified-Since: {time}\r\n");
        assert_eq!(poll(&daemon, "a", &fields), got(LAST, 1, &["a4"]), "{time}");
    }
    for time in ["", "0", "yesterday", "Tue, 14 Apr 2026", "2026-04-14T15:40:01Z"] {
        let fields = format!("If-Modified-Since: {time}\r\n");
        assert_eq!(poll(&daemon, "a", &fields), got_nothing("", ""), "{time}");
    }
}

#[test]
fn a_tag_is_digits_with_or_without_the_weak_mark() {
    let daemon = history();
    let with_tag = |tag: &str| {
        poll(&daemon, "a", &format!("If-Modified-Since: {DATE}\r\nIf-None-Match: {tag}\r\n"))
    };
    for tag in ["1", "W/1", "W/01"] {
        assert_eq!(with_tag(tag), got(LAST, 1, &["a2", "a3", "a4"]), "{tag}");
    }
    for tag in ["\"1\"", "W/\"1\"", "-1", "", "*", "w/1"] {
        assert_eq!(with_tag(tag), got(LAST, 1, &["a3", "a4"]), "{tag}");
    }
}

const OWN_INPUTS: &str = "message_template = '~channel~~id~'\n\
    last_received_message_time = '$arg_time'\nlast_received_message_tag = '$arg_tag'\n\
    last_event_id = '$arg_event_id'";

#[test]
fn time_tag_and_event_id_may_come_from_arguments() {
    let daemon = history_with(OWN_INPUTS);
    let time = "Tue%2C%2014%20Apr%202026%2015%3A40%3A00%20GMT";
    let poll = |query: &str| poll(&daemon, &format!("a?{query}"), "");
    assert_eq!(poll(&format!("time={time}")), got(LAST, 1, &["a3", "a4"]));
    assert_eq!(poll(&format!("time={time}&tag=1")), got(LAST, 1, &["a2", "a3", "a4"]));
    assert_eq!(poll(&format!("time={time}&tag=W%2F1")), got(LAST, 1, &["a2", "a3", "a4"]));
    assert_eq!(poll("event_id=event%202"), got(LAST, 1, &["a3", "a4"]));
}

#[test]
fn a_directive_that_is_set_replaces_the_header_even_when_it_is_empty() {
    let daemon = history_with(OWN_INPUTS);
    let fields =
        format!("If-Modified-Since: {BEFORE}\r\nIf-None-Match: 1\r\nLast-Event-Id: event 2\r\n");
    assert_eq!(poll(&daemon, "a", &fields), got_nothing("", ""));
}

#[test]
fn only_stored_messages_count() {
    let daemon = daemon(SHOWS);
    post(&daemon, "/unstored?id=a", "x");
    publish(&daemon, "a", "x");
    post(&daemon, "/unstored?id=a", "x");
    assert_eq!(poll(&daemon, "a.b9", ""), polled(DATE, 2, &["a2"]));
}

#[test]
fn what_was_published_in_the_second_of_connecting_is_got_with_tag_0() {
    let daemon = daemon(SHOWS);
    let client = daemon.connect();
    publish(&daemon, "a", "x");
    let fields = format!("If-Modified-Since: {DATE}\r\nIf-None-Match: 0\r\n");
    client.send(get("/sub/a", &fields));
    publish(&daemon, "a", "x");
    assert_eq!(client.text(), STREAM.to_owned() + &chunk("a1") + &chunk("a2"));
}

#[test]
fn old_messages_come_before_new_ones_and_none_is_lost_or_doubled() {
    let daemon = daemon(SHOWS);
    for _ in 0..3 {
        publish(&daemon, "a", "x");
    }
    // All requests arrive in one turn.
    let (publisher, client) = (daemon.connect(), daemon.connect());
    publisher.post(send("POST", "/pub?id=a", "", "x"));
    client.post(get("/sub/a.b2", ""));
    let late = daemon.connect();
    late.post(send("POST", "/pub?id=a", "", "x"));
    daemon.run();
    let expected: String = ["a3", "a4", "a5"].map(chunk).concat();
    assert_eq!(client.text(), format!("{STREAM}{expected}"));
}
