//! Padding by user agent end to end (section 18), in both modes that have it.

use super::receiving::*;
use crate::support::{Client, Daemon};

/// The padding after an item of a stream.
fn line_ends(size: usize) -> String {
    let filling = "\r\n".repeat(size / 2 + 1);
    filling[filling.len() - size..].to_owned()
}

/// The padding after an item of EventSource.
fn comment(size: usize) -> String {
    ":".repeat(size - 1) + "\n"
}

/// Both modes: the kind of padding, and a message of at least 10 bytes as it is sent.
type Run = (&'static str, fn(usize) -> String, fn(&str) -> String);
const RUNS: [Run; 2] = [
    ("streaming", line_ends, |text| text.to_owned()),
    ("eventsource", comment, |text| format!("data: {text}\n\n")),
];

fn padded(mode: &str, pattern: &str) -> Daemon {
    let directives =
        format!("header_template = \"0123456789\"\npadding_by_user_agent = \"{pattern}\"");
    daemon(mode, &directives)
}

fn agent(daemon: &Daemon, agent: &str) -> Client {
    let client = daemon.connect();
    client.send(get("/sub/a", &format!("User-Agent: {agent}\r\n")));
    client
}

#[test]
fn the_header_is_padded_to_what_the_agent_wants() {
    for (mode, filling, _) in RUNS {
        let daemon = padded(mode, "[T|t]est 1,1024,508:[T|t]est 2,4097,0");
        let header = if mode == "streaming" { "0123456789" } else { ": 0123456789\n" };
        let rows = [
            ("Test 1", header.to_owned(), filling(1100)),
            ("a test 2", header.to_owned(), filling(4097)),
        ];
        for (name, header, padding) in rows {
            let answer = agent(&daemon, name).text();
            assert_eq!(body(&answer), chunks([header.as_str(), &padding]), "{mode} {name}");
        }
        for name in ["Test 3", "TEST 1", ""] {
            assert_eq!(body(&agent(&daemon, name).text()), chunk(header), "{mode} {name}");
        }
    }
}

#[test]
fn a_message_is_padded_too() {
    for (mode, filling, item) in RUNS {
        let daemon = padded(mode, "one,0,508");
        let reader = agent(&daemon, "one");
        reader.read();
        publish(&daemon, "a", "0123456789");
        let message = item("0123456789");
        assert_eq!(reader.text(), chunks([message.as_str(), &filling(500)]), "{mode}");
    }
}

#[test]
fn padding_goes_in_hundreds_and_ends_at_the_minimum() {
    for (mode, filling, item) in RUNS {
        let daemon = padded(mode, "one,0,545");
        let reader = agent(&daemon, "one");
        reader.read();
        // The lines of EventSource add eight bytes.
        let own = item("").len();
        for (length, size) in [(9, 545), (46, 500), (105, 500), (146, 400), (446, 100), (544, 100)]
        {
            let message = "x".repeat(length - own.min(length));
            publish(&daemon, "a", message.clone() + "");
            let sent = item(&message);
            assert_eq!(reader.text(), chunks([sent.as_str(), &filling(size)]), "{mode} {length}");
        }
        for length in [545, 550, 1000] {
            let sent = item(&"x".repeat(length - own));
            publish(&daemon, "a", "x".repeat(length - own));
            assert_eq!(reader.text(), chunk(&sent), "{mode} {length}");
        }
    }
}

#[test]
fn the_greatest_size_of_all_locations_is_the_last_step() {
    let locations = location("/sub", "streaming", "padding_by_user_agent = \"one,0,350\"")
        + &location("/other", "streaming", "padding_by_user_agent = \"two,1024,0\"");
    let daemon = daemon_with("", &locations);
    let reader = agent(&daemon, "one");
    reader.read();
    publish(&daemon, "a", "0123456789");
    assert_eq!(reader.text(), chunks(["0123456789", &line_ends(400)]));
}

#[test]
fn old_messages_are_padded_and_a_blank_header_is_not() {
    let daemon = daemon("streaming", "padding_by_user_agent = \"one,508,508\"");
    publish(&daemon, "a", "0123456789");
    let answer = ask(&daemon, get("/sub/a.b1", "User-Agent: one\r\n"));
    assert_eq!(body(&answer), chunks(["0123456789", &line_ends(500)]));
}

#[test]
fn a_ping_in_message_form_is_padded_and_a_comment_is_not() {
    for (mode, expected) in
        [("streaming", chunks([" ", &line_ends(508)])), ("eventsource", chunk(": -1\n"))]
    {
        let directives = "padding_by_user_agent = \"one,0,508\"\nping_message_interval = \"1s\"";
        let daemon = daemon(mode, directives);
        let reader = agent(&daemon, "one");
        reader.read();
        daemon.advance(1_000 + TICK);
        assert_eq!(reader.text(), expected);
    }
}

#[test]
fn the_agent_may_come_from_an_argument() {
    for (mode, filling, item) in RUNS {
        let directives = "padding_by_user_agent = \"my agent,0,508\"\nuser_agent = \"$arg_ua\"";
        let daemon = daemon(mode, directives);
        let reader = daemon.connect();
        reader.send(get("/sub/a?ua=my%20agent", "User-Agent: other\r\n"));
        reader.read();
        publish(&daemon, "a", "0123456789");
        let message = item("0123456789");
        assert_eq!(reader.text(), chunks([message.as_str(), &filling(500)]), "{mode}");
    }
}

#[test]
fn a_deletion_message_is_padded_too() {
    for (mode, filling, item) in RUNS {
        let daemon = padded(mode, "one,0,508");
        let reader = agent(&daemon, "one");
        reader.read();
        delete(&daemon, "a", "0123456789");
        let items = chunks([item("0123456789").as_str(), &filling(500)]);
        assert_eq!(reader.text(), items + LAST_CHUNK, "{mode}");
    }
}
