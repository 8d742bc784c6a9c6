//! Pings and time limits (section 19), with a clock that the tests move.

use super::receiving::*;
use crate::support::Daemon;

#[test]
fn pings_come_evenly_from_the_beginning_of_the_connection() {
    let daemon = daemon("streaming", "ping_message_interval = \"2s\"");
    daemon.advance(700);
    let reader = subscriber(&daemon, "a");
    reader.read();
    daemon.advance(TICK);
    for _ in 0..10 {
        daemon.advance(1_999 - TICK);
        assert_eq!(reader.text(), "");
        daemon.advance(1 + TICK);
        assert_eq!(reader.text(), chunk(" "));
    }
}

#[test]
fn a_long_time_has_as_many_pings_as_intervals() {
    let daemon = daemon("streaming", "ping_message_interval = \"2s\"");
    let reader = subscriber(&daemon, "a");
    reader.read();
    daemon.advance(3_600_000 + TICK);
    assert_eq!(reader.text(), chunk(" ").repeat(1800));
}

#[test]
fn an_interval_may_be_in_milliseconds() {
    let daemon = daemon("streaming", "ping_message_interval = \"500ms\"");
    let reader = subscriber(&daemon, "a");
    reader.read();
    daemon.advance(2_000 + TICK);
    assert_eq!(reader.text(), chunk(" ").repeat(4));
}

#[test]
fn a_live_message_starts_the_interval_anew() {
    for mode in ["streaming", "eventsource"] {
        let daemon = daemon(mode, "ping_message_interval = \"2s\"");
        let reader = subscriber(&daemon, "a");
        reader.read();
        for _ in 0..5 {
            daemon.advance(1_500);
            publish(&daemon, "a", "x");
            let item = if mode == "streaming" { "x" } else { "data: x\n\n" };
            assert_eq!(reader.text(), chunk(item));
        }
        daemon.advance(1_999);
        assert_eq!(reader.text(), "");
        daemon.advance(1 + TICK);
        assert_eq!(reader.text(), chunk(if mode == "streaming" { " " } else { ": -1\n" }));
    }
}

#[test]
fn an_old_message_starts_nothing_anew() {
    let daemon = daemon("streaming", "ping_message_interval = \"2s\"");
    publish(&daemon, "a", "old");
    let reader = subscriber(&daemon, "a.b1");
    reader.read();
    daemon.advance(2_000 + TICK);
    assert_eq!(reader.text(), chunk(" "));
}

#[test]
fn without_an_interval_there_are_no_pings() {
    for mode in ["streaming", "eventsource"] {
        let daemon = daemon(mode, "");
        let reader = subscriber(&daemon, "a");
        reader.read();
        daemon.advance(3_600_000);
        assert_eq!(reader.text(), "");
    }
}

/// When the connection of a new subscriber is closed, in milliseconds after its start. Meanwhile it
/// receives a message every second.
fn life(daemon: &Daemon) -> u64 {
    let reader = subscriber(daemon, "a");
    for passed in (10..60_000).step_by(10) {
        daemon.advance(10);
        if passed % 1_000 == 0 {
            publish(daemon, "a", "x");
        }
        if reader.text().ends_with(LAST_CHUNK) {
            return passed;
        }
    }
    panic!("the connection outlives its time");
}

#[test]
fn the_connection_s_time_is_kept_within_half_a_second_and_nothing_renews_it() {
    for (mode, pings) in [("streaming", ""), ("eventsource", ""), ("streaming", "3s")] {
        let mut directives = "subscriber_connection_ttl = \"17s\"\n".to_owned();
        if !pings.is_empty() {
            directives += &format!("ping_message_interval = \"{pings}\"");
        }
        let daemon = daemon(mode, &directives);
        let passed = life(&daemon);
        assert!((17_000..=17_500).contains(&passed), "{mode}: {passed} ms");
    }
}

#[test]
fn the_end_of_the_time_brings_the_footer_and_keeps_the_connection() {
    let daemon = daemon("streaming", &format!("{PAGE}subscriber_connection_ttl = \"17s\""));
    let reader = subscriber(&daemon, "a");
    assert_eq!(body(&reader.text()), chunk("HEAD\n"));
    daemon.advance(17_000 + TICK);
    assert_eq!(reader.text(), chunk("FOOT\n") + LAST_CHUNK);
    assert!(!reader.is_ended());
    assert_eq!(subscriptions(&daemon, "a"), Some(0));
}

#[test]
fn an_event_source_ends_with_its_footer_too() {
    let directives = "footer_template = \"bye\"\nsubscriber_connection_ttl = \"17s\"";
    let daemon = daemon("eventsource", directives);
    let reader = subscriber(&daemon, "a");
    reader.read();
    daemon.advance(17_000 + TICK);
    assert_eq!(reader.text(), chunk(": bye\n") + LAST_CHUNK);
}

#[test]
fn five_pings_of_three_seconds_fit_into_seventeen() {
    let directives = "ping_message_interval = \"3s\"\nsubscriber_connection_ttl = \"17s\"\n\
                      footer_template = \"FOOT\"";
    let daemon = daemon("streaming", directives);
    let reader = subscriber(&daemon, "a");
    reader.read();
    daemon.advance(17_000 + TICK);
    assert_eq!(reader.text(), chunk(" ").repeat(5) + &chunk("FOOT") + LAST_CHUNK);
}

#[test]
fn each_connection_has_its_own_time() {
    let daemon = daemon("streaming", "subscriber_connection_ttl = \"10s\"");
    let first = subscriber(&daemon, "a");
    daemon.advance(4_000);
    let second = subscriber(&daemon, "a");
    first.read();
    second.read();
    daemon.advance(6_000 + TICK);
    assert_eq!((first.text().as_str(), second.text().as_str()), (LAST_CHUNK, ""));
    daemon.advance(4_000 + TICK);
    assert_eq!(second.text(), LAST_CHUNK);
}

#[test]
fn each_location_has_its_own_interval_and_limit() {
    let locations = location("/sub", "streaming", "ping_message_interval = \"1s\"")
        + &location("/other", "streaming", "subscriber_connection_ttl = \"1s\"");
    let daemon = daemon_with("", &locations);
    let pinged = subscriber(&daemon, "a");
    let limited = daemon.connect();
    limited.send(get("/other/a", ""));
    pinged.read();
    limited.read();
    daemon.advance(1_000 + TICK);
    assert_eq!((pinged.text(), limited.text()), (chunk(" "), LAST_CHUNK.to_owned()));
}

#[test]
fn a_long_sleep_of_the_machine_brings_one_ping_and_not_all_that_were_missed() {
    let daemon = daemon("streaming", "ping_message_interval = \"1s\"");
    let reader = subscriber(&daemon, "a");
    reader.read();
    daemon.sleep(3_600_000);
    assert_eq!(reader.text(), chunk(" "));
}
