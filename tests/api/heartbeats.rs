//! Heartbeats (section 5.2).

use super::fixtures::*;
use crate::support::Daemon;
use rpushd::time::Millis;

/// The granularity of deadlines, in milliseconds.
const TICK: u64 = 64;

#[test]
fn an_idle_stream_gets_a_heartbeat_every_interval() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a");
    daemon.advance(14_999 - 2 * TICK);
    assert_eq!(reader.text(), "");
    daemon.advance(1 + 2 * TICK);
    assert_eq!(reader.text(), HEARTBEAT);
    for _ in 0..240 {
        daemon.advance(15_000);
        assert!(reader.text().starts_with(HEARTBEAT), "at least one in every interval");
    }
}

#[test]
fn the_interval_is_the_configured_one() {
    let daemon = Daemon::new(rpushd::config::Config { heartbeat: Millis(1000), ..config() });
    let reader = subscriber(&daemon, "a");
    daemon.advance(10_000);
    assert_eq!(reader.text(), HEARTBEAT.repeat(10));
}

#[test]
fn a_http_1_0_stream_gets_bare_heartbeats() {
    let daemon = daemon();
    let reader = daemon.connect();
    reader.ask(subscribe("a").replace("HTTP/1.1", "HTTP/1.0"));
    daemon.advance(15_000);
    assert_eq!(reader.text(), "\0\0");
}

#[test]
fn messages_do_not_put_heartbeats_off() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a");
    for _ in 0..2 {
        daemon.advance(10_000);
        ask(&daemon, publish("a", "1"));
    }
    assert_eq!(reader.read(), [&frame("1"), HEARTBEAT.as_bytes(), &frame("1")].concat());
}

#[test]
fn no_stream_waits_longer_than_the_interval_and_not_all_beat_at_once() {
    let daemon = daemon();
    let readers: Vec<_> = (0..500).map(|_| subscriber(&daemon, "a")).collect();
    let mut last_beats = vec![0; readers.len()];
    let mut most_at_once = 0;
    for now in (TICK..120_000).step_by(TICK as usize) {
        daemon.advance(TICK);
        let mut at_once = 0;
        for (reader, last_beat) in readers.iter().zip(&mut last_beats) {
            match reader.text().as_str() {
                "" => assert!(now - *last_beat <= 15_000 + TICK, "silent at {now}"),
                beat => {
                    assert_eq!(beat, HEARTBEAT);
                    *last_beat = now;
                    at_once += 1;
                }
            }
        }
        most_at_once = most_at_once.max(at_once);
    }
    // Groups of 32 neighbours in memory get their heartbeats together.
    assert!(most_at_once <= 64, "{most_at_once} of 500 at once");
}

#[test]
fn after_a_long_sleep_there_is_one_heartbeat_and_not_all_that_were_missed() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a");
    daemon.sleep(3600 * 1000);
    assert_eq!(reader.text(), HEARTBEAT);
}
