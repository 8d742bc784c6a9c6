//! Any bytes as what clients send: the input is cut into pieces, each for one of a few connections to a
//! server with locations of every kind. Nothing may panic, and the server's state must hold after every
//! piece.
#![no_main]

#[path = "../../support/no_files.rs"]
mod no_files;

use libfuzzer_sys::fuzz_target;
use no_files::NoFiles;
use rpushd::config::{Config, ListenerId, Overrides};
use rpushd::server::{ConnectionId, Host, Server};
use rpushd::time::{Millis, Now};
use std::collections::BTreeMap;
use std::io::IoSlice;
use std::sync::LazyLock;

/// Ends a piece; the byte after it chooses the next piece's connection, and whether time goes on.
const SEPARATOR: u8 = 0xff;

const LOCATIONS: &str = r#"
secret = "subscribe secret of the fuzzer"
publish_secret = "p"
[push_stream]
channels_path = "$arg_id"
events_channel_id = "EV"
wildcard_channel_prefix = "b_"
store_messages = "on"
message_ttl = "5s"
max_messages_stored_per_channel = 3
ping_message_interval = "2s"
subscriber_connection_ttl = "9s"
header_template = "HEAD"
footer_template = "FOOT"
allow_connections_to_events_channel = "on"
padding_by_user_agent = "a,100,200"
gzip = "on"
gzip_streams = "on"
gzip_types = "*"
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
[[location]]
path = "/lp"
subscriber = "long-polling"
[[location]]
path = "/ev"
subscriber = "eventsource"
[[location]]
path = "/ws"
subscriber = "websocket"
websocket_allow_publish = "on"
"#;

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let file = Some(("fuzz.toml", LOCATIONS));
    Config::from_sources(file, &BTreeMap::new(), &NoFiles, &Overrides::default())
        .expect("the fuzzer's own configuration is good")
});

struct World {
    server: Server,
    now: Now,
    connections: Vec<Option<ConnectionId>>,
}

impl World {
    fn new() -> World {
        let now = Now { monotonic: Millis(0), unix: Millis::from_seconds(1_795_315_656) };
        let host = Host { name: "fuzz".to_owned(), process_id: 1, resident_bytes: || 0 };
        World { server: Server::new(CONFIG.clone(), host, now), now, connections: vec![None; 4] }
    }

    fn send(&mut self, slot: usize, bytes: &[u8]) {
        let id = match self.connections[slot] {
            Some(id) => id,
            None => {
                let id = self.server.accepted(ListenerId(0), None, self.now).expect("room for four");
                self.connections[slot] = Some(id);
                id
            }
        };
        self.server.begin_turn(self.now);
        if self.server.wants_input(id) {
            self.server.received(id, bytes, self.now);
        }
    }

    fn turn(&mut self) {
        self.server.tick(self.now);
        while let Some(id) = self.server.next_to_write(self.now) {
            let mut slices = [IoSlice::new(&[]); 8];
            let count = self.server.unsent(id, &mut slices);
            let bytes = slices[..count].iter().map(|slice| slice.len()).sum();
            self.server.sent(id, bytes, self.now);
        }
        while self.server.next_to_shut().is_some() {}
        while self.server.next_to_read(self.now).is_some() {}
        while let Some(id) = self.server.next_to_close() {
            self.server.closed(id);
            for slot in self.connections.iter_mut().filter(|slot| **slot == Some(id)) {
                *slot = None;
            }
        }
        self.server.assert_consistent();
    }
}

fuzz_target!(|data: &[u8]| {
    let mut world = World::new();
    for piece in data.split(|byte| *byte == SEPARATOR) {
        let Some((&choice, bytes)) = piece.split_first() else { continue };
        world.now.monotonic = world.now.monotonic + Millis(u64::from(choice >> 2) * 50);
        world.now.unix = world.now.unix + Millis(u64::from(choice >> 2) * 50);
        world.send(usize::from(choice % 4), bytes);
        world.turn();
    }
});
