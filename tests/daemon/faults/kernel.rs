//! A kernel that is short of something: memory for a transfer, descriptors.

use super::{behind, report, warnings};
use crate::hostile::healthy::Healthy;
use crate::support::{
    Daemon, Next, Publisher, SECRETS, Stream, descriptors, eventually, has, open_streams, say,
};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

const STREAMS: usize = 20;

/// Runs the daemon under strace, which lets some calls fail; checks that all subscribers receive
/// all messages in order, and that the daemon logs one warning.
fn survive(calls: &str, error: &str) {
    if !has("strace") {
        return;
    }
    // strace is not the daemon's parent (-D).
    let inject = format!("inject={calls}:error={error}:when=3+7");
    let trace = format!("trace={calls}");
    let arguments = ["-D", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    let daemon = Daemon::listening(behind("strace", &arguments).envs(SECRETS));
    let address = daemon.address();
    let mut streams = open_streams(&address, "demo", STREAMS);
    let healthy = Healthy::start(&address, &address);
    let mut publisher = Publisher::connect(&address);
    for number in 0..20 {
        publisher.publish("demo", &number.to_string());
    }
    for stream in &mut streams {
        for number in 0..20 {
            assert_eq!(stream.next(), Next::Message(number.to_string()));
        }
    }
    assert!(publisher.statistic("kernel_memory_shortages_total") > 0);
    let log = daemon.log();
    let warnings = warnings(&log);
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings[0].contains("transfers postponed: "), "{warnings:#?}");
    report(&format!("{error} for every seventh of {calls}"), Duration::ZERO, healthy);
}

#[test]
fn a_kernel_without_buffers_for_a_write_costs_no_subscriber_its_stream() {
    survive("sendto,writev", "ENOBUFS");
}

#[test]
fn a_kernel_without_memory_for_a_write_costs_no_subscriber_its_stream() {
    survive("sendto,writev", "ENOMEM");
}

#[test]
fn a_kernel_without_memory_for_a_read_costs_no_publisher_its_connection() {
    survive("recvfrom", "ENOMEM");
}

#[test]
fn descriptors_that_are_taken_away_and_given_back_cost_no_stream_and_one_warning() {
    if !has("prlimit") {
        return;
    }
    let daemon = Daemon::start(&[]);
    let address = daemon.address();
    let mut streams = open_streams(&address, "demo", STREAMS);
    let healthy = Healthy::start(&address, &address);
    let mut publisher = Publisher::connect(&address);
    let limit = |count: usize| {
        let (process, limit) = (daemon.id().to_string(), format!("--nofile={count}:20000"));
        let status = Command::new("prlimit").args(["--pid", &process, &limit]).status();
        assert!(status.expect("it was found").success());
    };
    limit(descriptors(daemon.id()));
    let waiting: Vec<TcpStream> =
        (0..50).map(|_| TcpStream::connect(&address).expect("the backlog has room")).collect();
    daemon.wait_for("accept paused: ");
    publisher.publish("demo", "1");
    for stream in &mut streams {
        assert_eq!(stream.next(), Next::Message("1".into()));
    }
    limit(20_000);
    let given_back = Instant::now();
    let mut late = Stream::open(&address, "demo");
    let recovery = given_back.elapsed();
    publisher.publish("demo", "2");
    assert_eq!(late.next(), Next::Message("2".into()));
    daemon.wait_for("accept resumed: ");
    assert_eq!(warnings(&daemon.log()).len(), 1);
    assert!(publisher.statistic("accept_pauses_total") > 0);
    drop((waiting, late, streams));
    eventually("all have left", || publisher.statistic("active_connections") == 3);
    say(&format!("fault: no descriptors: a new client was served {recovery:?} after their return"));
    report("no descriptors", Duration::ZERO, healthy);
}
