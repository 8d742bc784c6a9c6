//! The ceiling: with a budget of 32 MiB the daemon keeps to it under everything at once — ten
//! thousand subscribers, more history than fits, slow consumers, hostile visitors — and is never
//! killed at its hard limit of 40 MiB. What gives way does so in its order: no publication fails,
//! and no healthy subscriber loses a message.
//!
//! The hard limit is RLIMIT_DATA, which counts the heap. `RPUSHD_TEST_CGROUP` names a control group
//! (version 1 or 2) to run the daemon in, too. A control group also counts the kernel's memory of
//! sockets, about 4 KiB for each connection, so it needs 40 MiB more for these.
//! `RPUSHD_TEST_CEILING_SECONDS` sets how long the load lasts.

mod crowd;
mod publishing;
mod subscriber;
mod text;
mod watch;

use crate::hostile::attacks;
use crate::hostile::swarm::{Attack, Swarm};
use crate::programs::free_port;
use crate::support::{
    Daemon, Folder, Publisher, SECRETS, descriptors, eventually, isolate, memory, say,
    wait_for_turn,
};
use crowd::Crowd;
use publishing::{Publishing, SLOW_CHANNELS};
use std::process::Command;
use std::time::{Duration, Instant};
use watch::{PARTS, Report, Watch};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const BUDGET: u64 = 32 * MIB;
const HARD_LIMIT: u64 = 40 * MIB;
/// What the resident size may be above the budget, and what the statistics may be off by.
const TOLERANCE_PERCENT: u64 = 15;

const SUBSCRIBERS: usize = 10_000;
const CHANNELS: usize = 1_000;
const STORED_PER_CHANNEL: usize = 64;
const SLOW_CONSUMERS: usize = 100;
const PUBLISHERS: usize = 2;
const DEFAULT_SECONDS: u64 = 15;

/// How long the memory may take to return to nearly its idle size.
const RETURN_TIME: Duration = Duration::from_secs(40);
/// What stays besides code that has run since: pages that blocks in use share with free ones.
const KEPT_BYTES_MAX: u64 = 6 * MIB;

/// What gives way, in the log and in the statistics, and of how many thirty-seconds of the budget
/// on. Incomplete requests and unread queues give way with stored messages if they are beyond their
/// share. A line of the log has the use of memory afterwards, so it may be a little less.
const STEPS: [(&str, &str, u64); 4] = [
    ("stored messages are removed", "memory_messages_evicted_total", 26),
    ("incomplete requests are refused", "memory_requests_refused_total", 26),
    ("slow consumers are closed", "memory_consumers_closed_total", 26),
    ("new subscribers are refused", "memory_subscribers_refused_total", 30),
];
const RELIEF_BYTES: u64 = 4 * MIB;

fn configuration() -> String {
    let internal = free_port();
    let mut text = format!(
        "listen = \"127.0.0.1:0\"\ninternal_listen = \"127.0.0.1:{internal}\"\n\
         [push_stream]\nallowed_origins = \"*\"\nmessage_ttl = \"1h\"\n\
         max_messages_stored_per_channel = {STORED_PER_CHANNEL}\n[[location]]\n\
         path = \"/store\"\npublisher = \"admin\"\nchannels_path = \"$arg_id\"\n\
         store_messages = true\ninternal = true\n"
    );
    for (path, mode) in [
        ("stream", "streaming"),
        ("es", "eventsource"),
        ("ws", "websocket"),
        ("lp", "long-polling"),
    ] {
        text += &format!(
            "[[location]]\npath = '~ ^/{path}/(.*)$'\nsubscriber = \"{mode}\"\n\
             channels_path = \"$1\"\n"
        );
    }
    text + &crate::hostile::locations()
}

/// A daemon that cannot get more memory than the hard limit.
fn start(file: &str) -> Daemon {
    let group = std::env::var("RPUSHD_TEST_CGROUP").ok();
    let enter = group.map_or_else(String::new, |path| format!("echo $$ > {path}/cgroup.procs; "));
    let line = format!("{enter}ulimit -d {}; exec \"$0\" \"$@\"", HARD_LIMIT / KIB);
    let mut command = Command::new("sh");
    isolate(&mut command);
    command.args(["-c", &line, env!("CARGO_BIN_EXE_rpushd"), "--config", file]).envs(SECRETS);
    Daemon::listening(command.env("RPUSHD_MEMORY", "32m"))
}

fn slow_consumers() -> Attack {
    Attack {
        name: "slow consumers",
        connections: SLOW_CONSUMERS,
        opening: |turn| {
            let channel = turn % SLOW_CHANNELS;
            format!("GET /stream/slow{channel} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()
        },
        flood: |_| Vec::new(),
        reads: false,
        life: Duration::from_secs(20),
    }
}

/// Figures for the reader of the test's output.
fn show(what: &str, reports: &[Report]) {
    let count = reports.len().max(1) as u64;
    let mean = |of: &dyn Fn(&Report) -> u64| reports.iter().map(of).sum::<u64>() / count / KIB;
    let parts: Vec<String> = PARTS
        .iter()
        .enumerate()
        .map(|(index, name)| format!("{name} {}", mean(&|report| report.parts[index])))
        .collect();
    say(&format!(
        "ceiling, {what}, means of {count} reports in KiB: resident {}, used {}: {}",
        mean(&|report| report.resident),
        mean(&|report| report.used),
        parts.join(", ")
    ));
}

/// Whether a number differs from another one by no more than a part of that.
fn is_about(number: u64, other: u64) -> bool {
    number.abs_diff(other) * 100 <= other * TOLERANCE_PERCENT
}

#[test]
fn everything_at_once_stays_below_the_ceiling_and_gives_way_in_order() {
    let _turn = wait_for_turn();
    let seconds = std::env::var("RPUSHD_TEST_CEILING_SECONDS").ok();
    let is_short = seconds.is_none();
    let seconds = seconds.map_or(DEFAULT_SECONDS, |text| text.parse().expect("seconds"));
    let folder = Folder::new();
    let mut daemon = start(&folder.write("rpushd.toml", &configuration()));
    let (public, internal) = (daemon.address(), daemon.internal_address());
    let mut publisher = Publisher::connect(&internal);
    publisher.publish("warm", "0");
    let idle = Report::ask(&mut publisher);
    let open = descriptors(daemon.id());
    let code = || memory(daemon.id(), "RssFile:");
    let idle_code = code();

    let watch = Watch::start(daemon.id(), &internal);
    let crowd = Crowd::open(&public, SUBSCRIBERS, CHANNELS);
    let full = Report::ask(&mut publisher);
    let mut publishing = Publishing::start(&internal, CHANNELS, PUBLISHERS);
    eventually("history has filled the budget", || publisher.statistic(STEPS[0].1) > 0);
    let filled = Report::ask(&mut publisher);
    publishing.add_slow(&internal);
    let until = Instant::now() + Duration::from_secs(seconds);
    let attacks = attacks::all().into_iter().chain([slow_consumers()]);
    let swarms: Vec<Swarm> = attacks.map(|attack| Swarm::start(attack, &public, until)).collect();
    // Used now and then, the connection stays open: one accepted later would have a high place in
    // the table of connections and keep it large.
    while Instant::now() < until {
        assert!(publisher.statistic("memory_used_bytes") > 0);
        std::thread::sleep(Duration::from_secs(1));
    }
    let mut closed = 0;
    for swarm in swarms {
        let (name, done) = swarm.join();
        closed += done.ended;
        assert!(done.opened > 0 && done.sent_bytes > 0, "{name}: nothing was tried");
    }
    let (counts, slow_count) = publishing.stop();
    let published: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    let stored = publisher.statistic("stored_messages");
    let received = crowd.finish(counts);
    let seen = watch.stop();
    show("history fills the budget", std::slice::from_ref(&filled));
    show("all of it", &seen.reports);
    say(&format!(
        "ceiling: of {} samples the largest resident size is {} KiB",
        seen.samples,
        seen.resident_max / KIB
    ));
    say(&format!(
        "ceiling: {published} messages were published and {slow_count} for slow consumers, \
         {stored} are stored; {received:?}; {closed} hostile clients were closed"
    ));
    assert!(seen.resident_max <= BUDGET * (100 + TOLERANCE_PERCENT) / 100, "above the ceiling");

    // What is counted is what is used, and it is known for what.
    assert!(is_about(filled.used, filled.resident), "{filled:?}");
    let grown = filled.resident - (idle.resident - idle.parts_sum());
    assert!(is_about(filled.parts_sum(), grown), "of {grown} bytes: {filled:?}");

    let log = daemon.log();
    for (line, counter, parts) in STEPS {
        let count = publisher.statistic(counter);
        let lines: Vec<&String> = log.iter().filter(|one| one.contains(line)).collect();
        say(&format!("ceiling: {counter} {count}"));
        assert_eq!(count > 0, !lines.is_empty(), "{counter} is {count}, the log: {log:#?}");
        for line in lines {
            let used = line.split_once(&format!(" of {BUDGET} bytes")).map(|(begin, _)| begin);
            let used = used.and_then(|begin| begin.rsplit(' ').next()?.parse::<u64>().ok());
            assert!(used >= Some(BUDGET / 32 * parts - RELIEF_BYTES), "{line}");
        }
    }
    assert!(publisher.statistic(STEPS[0].1) > 0, "more history was published than fits");

    eventually("all have left", || {
        publisher.statistic("active_connections") == 1 && descriptors(daemon.id()) == open
    });
    for name in (0..CHANNELS).map(text::name).chain(attacks::stored_channels()) {
        publisher.delete(&format!("/store?id={name}"));
    }
    let goal = idle.resident + if is_short { KEPT_BYTES_MAX } else { idle.resident / 10 };
    let begin = Instant::now();
    let kept = || memory(daemon.id(), "VmRSS:") + idle_code - code();
    while kept() >= goal && begin.elapsed() < RETURN_TIME {
        std::thread::sleep(Duration::from_millis(500));
    }
    let left = Report::ask(&mut publisher);
    say(&format!(
        "ceiling: resident {} KiB when idle, {} KiB with {SUBSCRIBERS} subscribers, {} KiB {} s \
         after all have left and what they published is deleted; {} KiB of code has run since",
        idle.resident / KIB,
        full.resident / KIB,
        left.resident / KIB,
        begin.elapsed().as_secs(),
        (code() - idle_code) / KIB,
    ));
    show("all have left", std::slice::from_ref(&left));
    assert!(kept() < idle.resident + KEPT_BYTES_MAX, "{left:?}");
    assert_eq!(daemon.stop(), Some(0));
}
