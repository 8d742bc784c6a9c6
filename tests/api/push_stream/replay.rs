//! Which old messages a subscriber receives (section 9), the same in every mode: the module's
//! shared test group "receive old messages", run five times.

use super::receiving::*;
use super::websocket_client::{SWITCHED, UPGRADE};
use crate::support::Daemon;

const MODES: [&str; 5] = ["streaming", "polling", "long-polling", "eventsource", "websocket"];

/// A daemon with this mode.
fn with(mode: &str, directives: &str) -> Daemon {
    daemon(mode, &format!("message_template = \"|~channel~ ~text~|\"\n{directives}"))
}

/// Channels and texts that a new subscriber receives at once, in order.
fn received(daemon: &Daemon, mode: &str, target: &str, fields: &str) -> Vec<String> {
    let upgrade = if mode == "websocket" { UPGRADE } else { "" };
    let client = daemon.connect();
    client.send(get(target, &format!("{upgrade}{fields}")));
    let answer = client.read();
    if mode == "websocket" {
        assert!(answer.starts_with(SWITCHED.as_bytes()));
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    // Messages are between two bars; everything else belongs to the transport.
    text.split('|').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Four messages on each of three channels: `a1`, `b1`, `c1`, `a2`, …, a second apart.
fn publish_rounds(daemon: &Daemon) {
    for round in 1..=4 {
        for channel in ["a", "b", "c"] {
            publish(daemon, channel, format!("{channel}{round}"));
        }
        daemon.advance(1_000);
    }
}

#[test]
fn backtracks_give_the_last_of_each_channel_in_the_order_of_the_path() {
    for mode in MODES {
        let daemon = with(mode, "");
        publish_rounds(&daemon);
        let all = received(&daemon, mode, "/sub/b.b2/a.b1/c.b99", "");
        assert_eq!(all, ["b b3", "b b4", "a a4", "c c1", "c c2", "c c3", "c c4"], "{mode}");
        let none = received(&daemon, mode, "/sub/a/b.b0", "");
        assert_eq!(none, [""; 0], "{mode}");
    }
}

#[test]
fn a_time_gives_what_is_strictly_later() {
    for mode in MODES {
        let daemon = with(mode, "");
        publish_rounds(&daemon);
        let since = format!("If-Modified-Since: {}\r\n", date(2));
        let all = received(&daemon, mode, "/sub/a/c", &since);
        assert_eq!(all, ["a a4", "c c4"], "{mode}");
    }
}

#[test]
fn a_backtrack_decides_where_it_is_given_and_the_time_elsewhere() {
    for mode in MODES {
        let daemon = with(mode, "");
        publish_rounds(&daemon);
        let since = format!("If-Modified-Since: {}\r\n", date(2));
        let all = received(&daemon, mode, "/sub/a.b2/b", &since);
        assert_eq!(all, ["a a3", "a a4", "b b4"], "{mode}");
    }
}

#[test]
fn an_event_id_gives_what_came_after_that_event() {
    for mode in MODES {
        let daemon = with(mode, "");
        for (text, event) in [("m1", "e1"), ("m2", "e2"), ("m3", ""), ("m4", "e4")] {
            publish_event(&daemon, "a", text, &format!("Event-Id: {event}\r\n"));
        }
        let all = received(&daemon, mode, "/sub/a", "Last-Event-Id: e2\r\n");
        assert_eq!(all, ["a m3", "a m4"], "{mode}");
        let none = received(&daemon, mode, "/sub/a", "Last-Event-Id: unknown\r\n");
        assert_eq!(none, [""; 0], "{mode}");
    }
}

#[test]
fn within_one_second_the_tag_decides() {
    for mode in MODES {
        let daemon = with(mode, "");
        for text in ["m1", "m2", "m3", "m4"] {
            publish(&daemon, "a", text);
        }
        let time = format!("If-Modified-Since: {}\r\n", date(0));
        for (tag, expected) in [
            ("If-None-Match: 2\r\n", ["a m3", "a m4"].as_slice()),
            ("If-None-Match: W/3\r\n", &["a m4"]),
            ("If-None-Match: 0\r\n", &["a m1", "a m2", "a m3", "a m4"]),
            ("If-None-Match: 4\r\n", &[]),
            ("If-None-Match: \"2\"\r\n", &[]),
            ("", &[]),
        ] {
            let all = received(&daemon, mode, "/sub/a", &format!("{time}{tag}"));
            assert_eq!(all, expected, "{mode} {tag}");
        }
    }
}

#[test]
fn a_message_of_the_second_in_which_a_client_connects_is_not_missed() {
    for mode in MODES {
        let daemon = with(mode, "");
        publish(&daemon, "a", "just before");
        let fields = format!("If-Modified-Since: {}\r\nIf-None-Match: 0\r\n", date(0));
        assert_eq!(received(&daemon, mode, "/sub/a", &fields), ["a just before"], "{mode}");
    }
}

#[test]
fn time_and_tag_may_come_from_arguments() {
    for mode in MODES {
        let directives = "last_received_message_time = \"$arg_time\"\n\
                          last_received_message_tag = \"$arg_tag\"";
        let daemon = with(mode, directives);
        for text in ["m1", "m2", "m3"] {
            publish(&daemon, "a", text);
        }
        let time = date(0).replace(' ', "%20").replace(',', "%2C").replace(':', "%3A");
        let target = format!("/sub/a?time={time}&tag=2");
        assert_eq!(received(&daemon, mode, &target, ""), ["a m3"], "{mode}");
        // A directive that is set replaces the header, even if it is empty.
        let empty = received(&daemon, mode, "/sub/a?time=&tag=", SINCE_EPOCH);
        assert_eq!(empty, [""; 0], "{mode}");
    }
}

#[test]
fn the_event_id_may_come_from_an_argument() {
    for mode in MODES {
        let daemon = with(mode, "last_event_id = \"$arg_event_id\"");
        for (text, event) in [("m1", "event 1"), ("m2", "event 2"), ("m3", "event 3")] {
            publish_event(&daemon, "a", text, &format!("Event-Id: {event}\r\n"));
        }
        let all = received(&daemon, mode, "/sub/a?event_id=event%201", "");
        assert_eq!(all, ["a m2", "a m3"], "{mode}");
        let replaced = received(&daemon, mode, "/sub/a?event_id=", "Last-Event-Id: event 1\r\n");
        assert_eq!(replaced, [""; 0], "{mode}");
    }
}
