//! Any bytes as what clients do to a whole server with locations of every kind. The input is cut
//! into pieces, each of which is for one of a few clients: it sends the piece, ends, vanishes,
//! stops reading; time passes; the configuration changes; the server stops. Its state must hold
//! after every turn, its limits too, it must come to rest, and when all have left nothing may be
//! left of them.
//!
//! A single piece is also sent by itself in slices of other sizes, and must be answered with the
//! same bytes.
#![no_main]

#[path = "../../../support/no_files.rs"]
mod no_files;
#[path = "../../../support/reactor/mod.rs"]
mod reactor;
mod world;

use libfuzzer_sys::fuzz_target;
use no_files::NoFiles;
use reactor::{Call, READ_BYTES, Turns};
use rpushd::config::{Config, Overrides};
use rpushd::server::Server;
use rpushd::time::{Millis, UnixMillis};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use world::World;

/// Ends a piece. The byte after it chooses what the next one is for.
const SEPARATOR: u8 = 0xff;

/// With limits so low that small inputs reach them.
const LOCATIONS: &str = r#"
listen = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"]
internal_listen = "127.0.0.1:4"
secret = "s"
publish_secret = "p"
allowed_origins = ["http://a"]
trusted_proxies = ["192.0.2.1"]
[limits]
head_timeout = "1s"
body_timeout = "1s"
keepalive_timeout = "2s"
outbox_stall_timeout = "3s"
stop_timeout = "1s"
connections_max = 3
connections_reserved = 1
head_bytes_max = 2000
outbox_bytes_max = 3000
backlog_bytes_max = 1200
encoded_bytes_max = 2000
channels_max = 9
channels_per_request_max = 4
websocket_message_bytes_max = 200
[push_stream]
channels_path = "$arg_id"
events_channel_id = "EV"
wildcard_channel_prefix = "b_"
store_messages = "on"
store_api_messages = true
message_ttl = "2s"
max_messages_stored_per_channel = 3
ping_message_interval = "1s"
subscriber_connection_ttl = "4s"
header_template = "HEAD"
footer_template = "FOOT"
allow_connections_to_events_channel = "on"
[[history]]
channels = "a*"
messages = 2
age = "1s"
bytes = 300
[[location]]
path = "/stats"
channels_statistics = true
[[location]]
path = "/pub"
publisher = "admin"
[[location]]
path = "~ ^/sub/(.*)$"
subscriber = "streaming"
channels_path = "$1"
padding_by_user_agent = "a,100,200"
[[location]]
path = "/lp"
subscriber = "long-polling"
[[location]]
path = "/poll"
subscriber = "polling"
[[location]]
path = "/ev"
subscriber = "eventsource"
message_template = "<~id~ ~text~>"
[[location]]
path = "/ws"
subscriber = "websocket"
websocket_allow_publish = "on"
[[location]]
path = "/in"
publisher = "normal"
internal = true
require_secret = true
"#;

/// What a reload brings: other secrets and limits, another kind of one listener, and compression,
/// with which every server would be slow to begin with.
const RELOADED: &str = r#"
listen = ["127.0.0.1:1", "127.0.0.1:2"]
internal_listen = ["127.0.0.1:3", "127.0.0.1:4"]
secret = "t"
secret_previous = "s"
publish_secret = "p"
[limits]
connections_max = 2
outbox_stall_timeout = "1s"
backlog_bytes_max = 1024
microseconds_per_turn = 20
writes_per_turn = 1
[push_stream]
channels_path = "$arg_id"
channel_inactivity_time = "1s"
reload_ends_subscribers = true
store_messages = "on"
message_template = "~channel~:~text~"
[[location]]
path = "/pub"
publisher = "normal"
[[location]]
path = "/lp"
subscriber = "long-polling"
longpolling_connection_ttl = "3s"
[[location]]
path = "/poll"
subscriber = "polling"
gzip = "on"
gzip_types = "*"
[[location]]
path = "/sub"
subscriber = "streaming"
gzip = "on"
gzip_streams = "on"
gzip_types = "*"
"#;

fn config(text: &str) -> Config {
    let file = Some(("fuzz.toml", text));
    Config::from_sources(file, &BTreeMap::new(), &NoFiles, &Overrides::default())
        .expect("the fuzzer's own configuration is good")
}

static CONFIGS: LazyLock<[Config; 2]> = LazyLock::new(|| [config(LOCATIONS), config(RELOADED)]);

/// What the byte in front of a piece chooses.
struct Choice {
    client: usize,
    action: u8,
    pause: Millis,
}

impl Choice {
    fn new(byte: u8) -> Choice {
        let pauses = [0, 0, 0, 1, 100, 700, 2_000, 6_000];
        Choice {
            client: usize::from(byte % 4),
            action: byte >> 2 & 7,
            pause: Millis(pauses[usize::from(byte >> 5)]),
        }
    }
}

fn act(world: &mut World, choice: &Choice, bytes: &[u8]) {
    let client = choice.client;
    world.advance(choice.pause);
    match choice.action {
        0..=2 => world.send(client, bytes),
        3 => {
            world.send(client, bytes);
            world.end(client);
        }
        4 => {
            world.send(client, bytes);
            world.vanish(client);
        }
        5 => {
            world.send(client, bytes);
            world.read_only(client, bytes.len());
        }
        6 => {
            world.read_only(client, usize::MAX);
            world.send(client, bytes);
        }
        _ => match client {
            0 | 1 => {
                let config = CONFIGS[client].clone();
                world.call(Call::Whole, None, |server, now| server.reconfigure(config, now));
            }
            2 => {
                let unix = &mut world.reactor.now.unix;
                *unix = UnixMillis(unix.0.saturating_sub(3_600_000));
            }
            _ => world.call(Call::Whole, None, Server::stop),
        },
    }
    world.run();
}

/// What an only client is answered with, if so many bytes are read at once.
fn answers(bytes: &[u8], read_bytes: usize) -> Vec<u8> {
    let mut world = World::new(CONFIGS[0].clone(), read_bytes);
    world.send(0, bytes);
    world.run();
    world.received(0).to_vec()
}

/// However the bytes of a client are sliced, the answers are the same.
fn check_slicing(bytes: &[u8]) {
    let at_once = answers(bytes, READ_BYTES);
    // Statistics count the bytes received so far; of several pings only the latest has to be
    // answered.
    let contains = |text: &[u8], word: &[u8]| text.windows(word.len()).any(|part| part == word);
    if contains(bytes, b"/api/stats") || contains(&at_once, b"HTTP/1.1 101 ") {
        return;
    }
    let read_bytes = 1 + bytes.len() % 9;
    let sliced = answers(bytes, read_bytes);
    if sliced != at_once {
        let [sliced, at_once] = [&sliced, &at_once].map(|text| String::from_utf8_lossy(text));
        panic!("{read_bytes} bytes at once: {sliced}\nall at once: {at_once}");
    }
}

fuzz_target!(|data: &[u8]| {
    if !data.contains(&SEPARATOR) {
        return check_slicing(data);
    }
    let mut world = World::new(CONFIGS[0].clone(), READ_BYTES);
    for piece in data.split(|byte| *byte == SEPARATOR) {
        let Some((&choice, bytes)) = piece.split_first() else { continue };
        act(&mut world, &Choice::new(choice), bytes);
    }
    for client in 0..world.clients.len() {
        world.vanish(client);
    }
    world.run();
    assert!(world.reactor.server.is_empty(), "nothing is left of clients that have left");
    assert_eq!(world.reactor.server.backlog_bytes(), 0, "all publications are handed out");
});
