//! Clocks that jump by an hour (libfaketime).

use super::{behind, report};
use crate::hostile::healthy::Healthy;
use crate::http::Connection;
use crate::support::{Daemon, Folder, Next, Publisher, SECRETS, Stream, eventually, has};
use std::fs;
use std::process::Command;
use std::time::Duration;

/// Whether the monotonic clock jumps with the other one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Monotonic {
    Real,
    Jumps,
}

/// A daemon with a clock that can be set.
struct Shifted {
    daemon: Daemon,
    folder: Folder,
}

const LOCATIONS: &str = r#"
    [[location]]
    path = "/pub"
    publisher = "normal"
    channels_path = "$arg_id"
    store_messages = true
    [[location]]
    path = "~ ^/poll/(.*)$"
    subscriber = "polling"
    channels_path = "$1"
"#;

impl Shifted {
    /// `None`: libfaketime is missing.
    fn start(monotonic: Monotonic) -> Option<Shifted> {
        if !has("faketime") {
            return None;
        }
        let output = Command::new("faketime").args(["-f", "+0", "printenv", "LD_PRELOAD"]).output();
        let library = String::from_utf8(output.expect("it was found").stdout).expect("a path");
        let folder = Folder::new();
        folder.write("clock", "+0\n");
        let file = folder.write("rpushd.toml", LOCATIONS);
        let mut command = behind("env", &[]);
        command.args(["--config", &file]).envs(SECRETS).envs([
            ("LD_PRELOAD", library.trim()),
            ("FAKETIME_TIMESTAMP_FILE", &folder.path("clock").display().to_string()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", if monotonic == Monotonic::Real { "1" } else { "0" }),
        ]);
        let daemon = Daemon::listening(&mut command);
        Some(Shifted { daemon, folder })
    }

    /// Shifts the clock by these hours from the true time, with one rename, so that no half-written
    /// file is read.
    fn shift(&self, hours: i32) {
        self.folder.write("new", &format!("{hours:+}h\n"));
        fs::rename(self.folder.path("new"), self.folder.path("clock")).expect("the same folder");
    }
}

/// The hour of the Date field.
fn hour(connection: &mut Connection) -> u32 {
    let answer = connection.ask("GET /healthz", &[], "");
    let date = answer.field("date").expect("a date");
    let hour = date.split([' ', ':']).nth(4).expect("an hour").parse().expect("a number");
    answer.rest();
    hour
}

/// The lengths of all pauses in the log, in seconds.
fn logged_pauses(daemon: &Daemon) -> Vec<u64> {
    let lines = daemon.log();
    let pauses = lines.iter().filter_map(|line| line.split("the daemon did not run for ").nth(1));
    pauses.map(|rest| rest.split(' ').next().unwrap().parse().expect("seconds")).collect()
}

#[test]
fn a_clock_that_jumps_an_hour_forth_and_back_loses_repeats_and_reorders_no_message() {
    let Some(shifted) = Shifted::start(Monotonic::Real) else { return };
    let address = shifted.daemon.address();
    let healthy = Healthy::start(&address, &address);
    let (mut publisher, mut poller) = (Connection::open(&address), Connection::open(&address));
    let start = hour(&mut poller);
    // A poller keeps nothing but the time and tag of its last message.
    let (mut time, mut tag) = ("Thu, 01 Jan 1970 00:00:00 GMT".to_owned(), "0".to_owned());
    for (hours, message) in [(0, "first"), (1, "second"), (0, "third"), (-1, "fourth")] {
        shifted.shift(hours);
        let expected = (start as i32 + 24 + hours) as u32 % 24;
        eventually("the daemon has the new time", || {
            let now = hour(&mut poller);
            // The test may run when an hour ends.
            now == expected || now == (expected + 1) % 24
        });
        let answer = publisher.ask("POST /pub?id=demo", &[], message);
        assert_eq!(answer.status(), 200);
        answer.rest();
        let fields = [format!("If-Modified-Since: {time}"), format!("If-None-Match: {tag}")];
        let answer = poller.ask("GET /poll/demo", &[&fields[0], &fields[1]], "");
        time = answer.field("last-modified").expect("a time").to_owned();
        tag = answer.field("etag").expect("a tag").to_owned();
        assert_eq!(answer.rest(), message);
    }
    report("clock an hour forth, back, and back", Duration::ZERO, healthy);
}

#[test]
fn a_monotonic_clock_that_jumps_an_hour_ends_no_connection() {
    let Some(shifted) = Shifted::start(Monotonic::Jumps) else { return };
    let daemon = &shifted.daemon;
    let address = daemon.address();
    let healthy = Healthy::start(&address, &address);
    let mut idle = Publisher::connect(&address);
    let mut stream = Stream::open(&address, "demo");
    idle.publish("demo", "1");
    shifted.shift(1);
    // An overloaded machine keeps the daemon from running for some seconds, too.
    let hours = || logged_pauses(daemon).into_iter().filter(|seconds| *seconds > 3_000).count();
    eventually("the daemon has noticed the hour", || hours() > 0);
    idle.publish("demo", "2");
    shifted.shift(0);
    idle.publish("demo", "3");
    for message in ["1", "2", "3"] {
        assert_eq!(stream.next(), Next::Message(message.into()));
    }
    eventually("each pause is counted and logged", || {
        idle.statistic("process_pauses_total") == logged_pauses(daemon).len() as u64
    });
    assert_eq!(hours(), 1);
    // Both of its parts are rounded down, and time is stopped for up to a second after a pause.
    let uptime = idle.statistic("uptime_seconds");
    assert!(uptime >= 3_598, "the uptime has the whole time: {uptime} s");
    report("monotonic clock an hour forth and back", Duration::ZERO, healthy);
}
