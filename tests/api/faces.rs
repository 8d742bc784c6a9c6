//! Messages that are published through a push-stream location and read on a framed stream (section
//! 5.2).

use super::fixtures::*;
use crate::support::Daemon;
use rpushd::config::{Config, DiskFiles, Overrides};
use std::io::IoSlice;

const LOCATION: &str = r#"
    [[location]]
    path = "/pub"
    publisher = "normal"
    channels_path = "$arg_id"
"#;

/// A daemon with the API and a publisher location.
fn daemon_with_publisher() -> Daemon {
    let secrets = [("RPUSHD_SECRET", SUBSCRIBE_SECRET), ("RPUSHD_PUBLISH_SECRET", PUBLISH_SECRET)];
    let environment = secrets.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let file = Some(("test.toml", LOCATION));
    let config = Config::from_sources(file, &environment, &DiskFiles, &Overrides::default());
    Daemon::new(config.unwrap_or_else(|error| panic!("{error}")))
}

fn publish_text(channel: &str, text: &str) -> String {
    let length = text.len();
    bare("POST", &format!("/pub?id={channel}"), &format!("Content-Length: {length}\r\n")) + text
}

#[test]
fn a_text_is_framed_as_it_is() {
    let daemon = daemon_with_publisher();
    let reader = subscriber(&daemon, "a");
    ask(&daemon, publish_text("a", "not JSON"));
    ask(&daemon, publish("a", "{ }"));
    assert_eq!(reader.read(), frames(["not JSON", "{}"]));
}

#[test]
fn a_text_too_large_for_a_frame_is_skipped_and_counted() {
    let daemon = daemon_with_publisher();
    let readers = [subscriber(&daemon, "a"), subscriber(&daemon, "a")];
    let (longest, too_long) = ("x".repeat(65_535), "x".repeat(65_536));
    for text in [&longest, &too_long, "after"] {
        ask(&daemon, publish_text("a", text));
    }
    for reader in readers {
        assert_eq!(reader.read(), frames([&longest, "after"]));
    }
    let counters = daemon.counters();
    assert_eq!((counters.oversized_frames_skipped_total, counters.deliveries_total), (2, 4));
}

#[test]
fn texts_too_large_for_a_frame_are_counted_when_they_are_delivered_together_too() {
    let daemon = daemon_with_publisher();
    let readers = [subscriber(&daemon, "a"), subscriber(&daemon, "a")];
    let too_long = "x".repeat(65_536);
    daemon.connect().send(
        [&too_long, "between", &too_long, "after"].map(|text| publish_text("a", text)).concat(),
    );
    for reader in readers {
        assert_eq!(reader.read(), frames(["between", "after"]));
    }
    let counters = daemon.counters();
    assert_eq!((counters.oversized_frames_skipped_total, counters.deliveries_total), (4, 4));
}

#[test]
fn publications_that_arrive_together_are_one_frame_in_the_queue_of_a_reader() {
    let daemon = daemon_with_publisher();
    let reader = subscriber(&daemon, "a");
    reader.take_only(0);
    let text = "x".repeat(10_000);
    daemon.connect().send([&text; 4].map(|text| publish_text("a", text)).concat());
    let id = reader.id();
    let frames = daemon.with_server(|server, _| server.unsent(id, &mut [IoSlice::new(&[]); 8]));
    assert_eq!(frames, 1);
}

#[test]
fn a_channel_of_locations_that_the_api_has_used_lives_as_long_as_the_api_s_own() {
    let daemon = daemon_with_publisher();
    let remembered = || ask(&daemon, get("/api/stats?mode=json", BEARER));
    ask(&daemon, publish_text("theirs", "x"));
    ask(&daemon, publish_text("both", "x"));
    ask(&daemon, publish("both", "1"));
    daemon.advance(60_000);
    let names = remembered();
    assert!(names.contains("\"both\"") && !names.contains("\"theirs\""), "{names}");
    daemon.advance(3_600_000);
    assert!(!remembered().contains("\"both\""));
}

#[test]
fn a_channel_of_the_api_may_be_named_like_a_dot_segment_beside_locations() {
    let daemon = daemon_with_publisher();
    let reader = subscriber(&daemon, "..");
    ask(&daemon, publish("..", "1"));
    assert_eq!(reader.read(), frames(["1"]));
}
