//! The command line.

use super::Outcome;
use super::server_under_test::{Peer, Subject};
use super::soak;
use super::sys;
use super::wire::{Dialect, Transport};
use super::yardstick::Writes;
use lexopt::prelude::*;
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::time::Duration;

/// The text of `--help`.
pub const HELP: &str = "\
Compares rpushd with a bare epoll loop that writes the same bytes.
Usage: cargo bench --bench load -- OPTIONS

  --smoke               seconds instead of minutes; checks completeness and order, writes no files
  --list                list the scenarios
  --only SCENARIO       only this scenario (may be repeated); writes files only with --output
  --transport NAME      only this transport (may be repeated): framed, stream, eventsource,
                        websocket, long-polling, signed-events,
                        signed-websocket
  --rounds N            medians of N rounds (5)
  --minutes N           start no round that would end later (6)
  --output DIRECTORY    directory for table, JSON and plots (benches/results)
  --server PROGRAM      measure another rpushd binary
  --self                measure the bare loop instead of rpushd: the noise of the figures

The soak: load, reloads and faults for a long time; nothing may be lost or grow:
  --soak SECONDS        run it instead of measuring
  --seed N              determines what its threads do (drawn from the clock)
  --leave N             subscribers that leave at once at its end, three times (15000)

To measure another running server instead (without history; pinned with taskset to the first core):
  --peer NAME=ADDRESS        its name and address
  --peer-process PID         process whose CPU time and memory count (may be repeated)
  --peer-subscribe PATH      path that subscribers GET, with {channel} in it
  --peer-publish PATH        path that messages are POSTed to, with {channel} in it
  --peer-frames TRANSPORT    its message framing, which the bare loop copies
";

/// The task that the command line selects.
pub enum Task {
    /// `--help`
    Help,
    /// `--list`
    List,
    /// Run as the bare loop.
    Yardstick(Transport, Writes),
    /// Measure.
    Measure(Box<Options>),
    /// `--soak`
    Soak(soak::Settings),
}

/// Options of a measurement.
pub struct Options {
    /// Small and quick: only checks that all messages arrive.
    pub is_smoke: bool,
    /// Names of scenarios; empty: all.
    pub only: Vec<String>,
    /// Transports; empty: all.
    pub transports: Vec<Transport>,
    /// Number of rounds: each takes one reading of each figure.
    pub round_count: usize,
    /// Time limit of all rounds together.
    pub time_max: Duration,
    /// Directory for the results; `None`: no files are written.
    pub output: Option<PathBuf>,
    /// The server to measure.
    pub subject: Subject,
}

impl Options {
    /// Whether this transport is selected and the subject serves it.
    pub fn wants(&self, transport: Transport) -> bool {
        let is_served = match &self.subject {
            Subject::Peer(peer) => peer.transport == transport,
            Subject::Rpushd(_) | Subject::Yardstick => true,
        };
        is_served && (self.transports.is_empty() || self.transports.contains(&transport))
    }
}

/// Parses the command line. Accepts the flags that Cargo passes to benchmarks.
pub fn read() -> Outcome<Task> {
    let mut options = Options {
        is_smoke: false,
        only: Vec::new(),
        transports: Vec::new(),
        round_count: 5,
        time_max: Duration::from_secs(6 * 60),
        output: None,
        subject: Subject::Rpushd(env!("CARGO_BIN_EXE_rpushd").into()),
    };
    let mut peer = PeerOptions::default();
    let mut soak = soak::Settings {
        duration: Duration::ZERO,
        seed: sys::monotonic_ns() % 1_000_000,
        leave_count: 15_000,
        program: env!("CARGO_BIN_EXE_rpushd").into(),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Task::Help),
            Long("list") => return Ok(Task::List),
            Long("yardstick") => {
                let transport = transport(&mut parser)?;
                let is_collected = parser.value()? == *Writes::Collected.name();
                let writes = if is_collected { Writes::Collected } else { Writes::Each };
                return Ok(Task::Yardstick(transport, writes));
            }
            Long("smoke") => options.is_smoke = true,
            Long("only") => options.only.push(parser.value()?.string()?),
            Long("transport") => options.transports.push(transport(&mut parser)?),
            Long("rounds") => options.round_count = parser.value()?.parse()?,
            Long("minutes") => {
                options.time_max = Duration::from_secs_f64(parser.value()?.parse::<f64>()? * 60.0);
            }
            Long("output") => options.output = Some(parser.value()?.into()),
            Long("server") => options.subject = Subject::Rpushd(parser.value()?.into()),
            Long("soak") => soak.duration = Duration::from_secs(parser.value()?.parse()?),
            Long("seed") => soak.seed = parser.value()?.parse()?,
            Long("leave") => soak.leave_count = parser.value()?.parse()?,
            Long("self") => options.subject = Subject::Yardstick,
            Long("peer") => peer.address = Some(parser.value()?.string()?),
            Long("peer-process") => peer.processes.push(parser.value()?.parse()?),
            Long("peer-subscribe") => peer.subscribe = Some(parser.value()?.string()?),
            Long("peer-publish") => peer.publish = Some(parser.value()?.string()?),
            Long("peer-frames") => peer.transport = Some(transport(&mut parser)?),
            Long("bench" | "test") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    if soak.duration > Duration::ZERO {
        if let Subject::Rpushd(program) = options.subject {
            soak.program = program;
        }
        return Ok(Task::Soak(soak));
    }
    if let Some(peer) = peer.finish()? {
        options.subject = Subject::Peer(peer);
    }
    if options.is_smoke {
        options.round_count = 1;
    } else if options.only.is_empty() && options.output.is_none() {
        options.output = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results").into());
    }
    Ok(Task::Measure(Box::new(options)))
}

fn transport(parser: &mut lexopt::Parser) -> Outcome<Transport> {
    let name = parser.value()?.string()?;
    Transport::from_name(&name).ok_or_else(|| format!("unknown transport \"{name}\"").into())
}

#[derive(Default)]
struct PeerOptions {
    address: Option<String>,
    processes: Vec<u32>,
    subscribe: Option<String>,
    publish: Option<String>,
    transport: Option<Transport>,
}

impl PeerOptions {
    fn finish(self) -> Outcome<Option<Peer>> {
        let Some(address) = self.address else { return Ok(None) };
        let (name, address) = address.split_once('=').ok_or("--peer needs NAME=ADDRESS")?;
        let mut addresses = address.to_socket_addrs()?.filter(|address| address.is_ipv4());
        Ok(Some(Peer {
            name: name.to_owned(),
            address: addresses.next().ok_or("--peer needs an IPv4 address")?,
            dialect: Dialect::Peer {
                subscribe: self.subscribe.ok_or("--peer needs --peer-subscribe")?,
                publish: self.publish.ok_or("--peer needs --peer-publish")?,
            },
            transport: self.transport.ok_or("--peer needs --peer-frames")?,
            processes: self.processes,
        }))
    }
}
