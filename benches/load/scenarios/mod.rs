//! The scenarios, one per file.

use super::Outcome;
use super::bench::Bench;
use super::wire::{Face, Transport};

mod burst;
mod connect;
mod fan_out;
mod followers;
mod heartbeat;
mod idle;
mod many_channels;
mod mixed;
mod open_loop;
mod publish;
mod resume;
mod sizing;
mod slow_reader;

/// A scenario that is measured.
pub struct Scenario {
    /// Name for `--only`.
    pub name: &'static str,
    /// Description for `--list`.
    pub about: &'static str,
    /// Takes one reading of each of its figures.
    pub run: fn(&mut Bench) -> Outcome<()>,
}

/// All scenarios, in the order in which they run.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "idle",
        about: "memory at start, per idle subscriber, further channel and idle channel; wake-ups",
        run: idle::run,
    },
    Scenario {
        name: "fan-out",
        about: "one publication after the other to 100, 1,000 and 10,000 subscribers (closed loop)",
        run: fan_out::run,
    },
    Scenario {
        name: "open-loop",
        about: "publications at a steady rate: CPU time and latency",
        run: open_loop::run,
    },
    Scenario {
        name: "burst",
        about: "16 and 64 publishers at once to 100 and 1,000 subscribers",
        run: burst::run,
    },
    Scenario {
        name: "publish",
        about: "16 and 64 keep-alive publishers, no subscriber",
        run: publish::run,
    },
    Scenario {
        name: "many-channels",
        about: "1,000 and 100,000 channels, one subscriber each for up to 9,000",
        run: many_channels::run,
    },
    Scenario {
        name: "connect",
        about: "10,000 subscribers connect and subscribe, tokens verified",
        run: connect::run,
    },
    Scenario {
        name: "slow-reader",
        about: "subscribers that never read while 5,000 messages of 4 KiB are published",
        run: slow_reader::run,
    },
    Scenario { name: "heartbeat", about: "heartbeats of 10,000 idle streams", run: heartbeat::run },
    Scenario {
        name: "mixed",
        about: "latency of one delivery during fan-outs to 10,000 subscribers 10 times a second",
        run: mixed::run,
    },
    Scenario {
        name: "resume",
        about: "10,000 clients of the signed API come back at once, 20 messages behind",
        run: resume::run,
    },
    Scenario {
        name: "followers",
        about: "one publication for 200 channels with 5,000 subscribers",
        run: followers::run,
    },
    Scenario {
        name: "sizing",
        about: "three typical servers, compared with the sizing formula",
        run: sizing::run,
    },
];

/// The interface through which messages are published to subscribers of a transport.
fn face_of(transport: Transport) -> Face {
    match transport {
        Transport::Framed | Transport::SignedEvents | Transport::SignedWebSocket => Face::Api,
        Transport::Stream
        | Transport::EventSource
        | Transport::WebSocket
        | Transport::LongPolling => Face::Location,
    }
}
