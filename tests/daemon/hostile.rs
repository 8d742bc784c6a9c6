//! Hostile visitors: whatever clients of the public endpoints do together, the daemon keeps to the
//! memory that its limits add up to, and the messages of a channel beside them come in time.

pub mod attacks;
pub mod healthy;
pub mod swarm;

use crate::http::Connection;
use crate::programs::free_port;
use crate::support::{
    Daemon, Folder, Publisher, SECRETS, descriptors, eventually, isolate, memory, say,
    wait_for_turn,
};
use healthy::Healthy;
use std::process::Command;
use std::time::{Duration, Instant};
use swarm::Swarm;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const ATTACK: Duration = Duration::from_secs(20);

/// How much later a message may be because of the visitors. The promise is that of a release build,
/// `cargo test --release --test daemon hostile`. A debug build takes ten times as long and more for
/// the same work, and so do its turns; there the test shows that no message waits for the end of
/// the attack.
const DELAY_MAX: Duration = match cfg!(debug_assertions) {
    true => Duration::from_secs(5),
    false => Duration::from_millis(250),
};

const CONNECTIONS_MAX: u64 = 700;
const HEAD_BYTES_MAX: u64 = 16 * KIB;
const STREAM_BODY_BYTES_MAX: u64 = 16 * KIB;
const WEBSOCKET_MESSAGE_BYTES_MAX: u64 = 64 * KIB;
const OUTBOX_BYTES_MAX: u64 = 64 * KIB;
/// Old messages on their way to one client, beside its outbox.
const PIECE_BYTES: u64 = 64 * KIB;
const BACKLOG_BYTES_MAX: u64 = 4 * MIB;
const ENCODED_BYTES_MAX: u64 = 2 * MIB;
const STORE_BYTES_MAX: u64 = 16 * MIB;
/// The program itself, its read buffer, one compressor and one inflater.
const PROGRAM_BYTES: u64 = 8 * MIB;

/// What the daemon may hold: of each client what it sends and what it is sent, and what there is
/// once.
fn sum_of_limits() -> u64 {
    let request = HEAD_BYTES_MAX + STREAM_BODY_BYTES_MAX;
    let input = request.max(WEBSOCKET_MESSAGE_BYTES_MAX);
    let output = OUTBOX_BYTES_MAX + PIECE_BYTES;
    CONNECTIONS_MAX * (input + output)
        + BACKLOG_BYTES_MAX
        + ENCODED_BYTES_MAX
        + STORE_BYTES_MAX
        + PROGRAM_BYTES
}

/// All that visitors are offered, and an internal listener for the publisher.
fn configuration() -> String {
    let internal = free_port();
    let text = format!(
        "listen = \"127.0.0.1:0\"\ninternal_listen = \"127.0.0.1:{internal}\"\n[limits]\n\
         connections_max = {CONNECTIONS_MAX}\nhead_bytes_max = {HEAD_BYTES_MAX}\n\
         stream_body_bytes_max = {STREAM_BODY_BYTES_MAX}\n\
         websocket_message_bytes_max = {WEBSOCKET_MESSAGE_BYTES_MAX}\n\
         outbox_bytes_max = {OUTBOX_BYTES_MAX}\nbacklog_bytes_max = {BACKLOG_BYTES_MAX}\n\
         encoded_bytes_max = {ENCODED_BYTES_MAX}\nhead_timeout = \"3s\"\nbody_timeout = \"3s\"\n\
         body_total_timeout = \"6s\"\noutbox_stall_timeout = \"5s\"\n\
         [push_stream]\nshared_memory_size = \"{STORE_BYTES_MAX}\"\n\
         ping_message_interval = \"10s\"\n\
         allowed_origins = \"*\"\n[[location]]\npath = \"/pub\"\npublisher = \"normal\"\n\
         channels_path = \"$arg_id\"\nstore_messages = true\ninternal = true\n"
    );
    text + &locations()
}

/// The locations that visitors are offered.
pub fn locations() -> String {
    let mut text = String::new();
    for (path, mode, settings) in [
        ("sub", "streaming", "padding_by_user_agent = \".*,512,0\"\n"),
        ("gzip", "streaming", "gzip = true\ngzip_streams = true\ngzip_types = [\"*\"]\n"),
        ("events", "eventsource", "message_template = '{\"id\":~id~,\"text\":\"~text~\"}'\n"),
        ("poll", "polling", "gzip = true\ngzip_types = [\"*\"]\n"),
        ("jsonp", "long-polling", "last_received_message_time = \"$arg_time\"\n"),
        ("listen", "websocket", ""),
        ("talk", "websocket", "websocket_allow_publish = true\nstore_messages = true\n"),
    ] {
        text += &format!(
            "[[location]]\npath = '~ ^/{path}/(.*)$'\nsubscriber = \"{mode}\"\n\
             channels_path = \"$1\"\n{settings}"
        );
    }
    text
}

/// A daemon that is killed rather than the machine if it takes far more memory than it may.
fn start(file: &str) -> Daemon {
    let line = format!("ulimit -v {}; exec \"$0\" \"$@\"", 8 * sum_of_limits() / KIB);
    let mut command = Command::new("sh");
    isolate(&mut command);
    command.args(["-c", &line, env!("CARGO_BIN_EXE_rpushd"), "--config", file]).envs(SECRETS);
    Daemon::listening(&mut command)
}

/// Messages that visitors can ask for.
fn store_history(internal: &str) {
    let mut connection = Connection::open(internal);
    let request = format!("POST /pub?id={}", attacks::HISTORY);
    for number in 0..attacks::STORED_MESSAGES {
        let answer = connection.ask(&request, &[], &format!("{number:0100}"));
        assert_eq!(answer.status(), 200);
        answer.rest();
    }
}

#[test]
fn hostile_visitors_cost_no_more_than_the_limits_add_up_to_and_hold_up_no_message() {
    let _turn = wait_for_turn();
    let folder = Folder::new();
    let daemon = start(&folder.write("rpushd.toml", &configuration()));
    let (public, internal) = (daemon.address(), daemon.internal_address());
    let open = descriptors(daemon.id());
    store_history(&internal);

    // The same channel of a daemon without such visitors: what the machine itself is late by.
    let alone = start(&folder.write("alone.toml", &configuration()));
    let quiet = Healthy::start(&alone.address(), &alone.internal_address());
    let healthy = Healthy::start(&public, &internal);
    let resident = memory(daemon.id(), "VmRSS:");
    let until = Instant::now() + ATTACK;
    let swarms: Vec<Swarm> =
        attacks::all().into_iter().map(|attack| Swarm::start(attack, &public, until)).collect();
    for swarm in swarms {
        let (name, done) = swarm.join();
        say(&format!("hostile visitors, {name}: {done:?}"));
        assert!(done.opened > 0 && done.sent_bytes > 0, "{name}: nothing was tried");
    }
    let measured = healthy.stop();
    let noise = quiet.stop();
    let peak = memory(daemon.id(), "VmHWM:");
    say(&format!(
        "hostile visitors: of {} messages the latest was {:?} late (without visitors {:?}); \
         peak {} MiB with limits of {} MiB",
        measured.received,
        measured.worst,
        noise.worst,
        peak / MIB,
        sum_of_limits() / MIB
    ));
    assert!(measured.worst < DELAY_MAX + noise.worst, "{:?} late", measured.worst);
    assert!(peak < 2 * sum_of_limits(), "{peak} bytes");

    // All have left: so has what they held, but for what is stored.
    let mut publisher = Publisher::connect(&internal);
    eventually("all hostile visitors are gone", || {
        publisher.statistic("active_connections") == 1 && descriptors(daemon.id()) == open + 1
    });
    eventually("their memory has been given back", || {
        memory(daemon.id(), "VmRSS:") < resident + STORE_BYTES_MAX + 8 * MIB
    });
    publisher.publish("healthy", "0");
}
