//! The world around one server: clients connect and act, clocks advance, the configuration changes.

use crate::Steps;
use crate::bounds::Scale;
use crate::client::{Client, Ending, Manners};
use crate::cost::Costs;
use crate::coverage::Coverage;
use crate::draw;
use crate::model::Model;
use crate::random::Random;
use crate::reactor::{Call, SimReactor, Turns};
use crate::script::{Outcome, Writer};
use rpushd::config::{Config, Limits, ListenerId};
use rpushd::time::{Millis, Moment, UnixMillis};
use std::net::{IpAddr, Ipv4Addr};

/// A turn that takes longer counts as a jump in time.
const TURN_MAX: Millis = Millis(200);

pub struct World {
    pub random: Random,
    pub reactor: SimReactor,
    pub config: Config,
    /// The lowest and the highest value of each limit that was in force.
    pub strict: Limits,
    pub generous: Limits,
    /// Whether there ever was a limit of subscribers with the same address.
    pub has_address_limit: bool,
    /// When time last jumped: delays until then are not the server's fault.
    pub leapt_at: Moment,
    /// The clients, by number of their socket.
    pub clients: Vec<Client>,
    pub model: Model,
    pub coverage: Coverage,
    pub costs: Costs,
    /// The newest last.
    pub accepted_secrets: Vec<u32>,
    pub channel_count: usize,
    pub client_count: usize,
    pub step_count: usize,
    /// Whether all clients connect at the beginning and act in each step.
    pub is_crowded: bool,
    pub batch: u64,
    pub idle_turns: usize,
    pub steps: Steps,
}

/// The role of a client. All except publishers begin with requests of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Subscriber,
    Publisher,
    Visitor,
    /// Its last request is malformed or too large.
    Intruder,
    /// Its last request is corrupted on the way.
    Garbler,
}

impl World {
    pub fn new(seed: u64, steps: Steps) -> World {
        let mut random = Random::new(seed);
        let mut config = draw::config(&mut random);
        let is_crowded = random.one_in(10);
        if is_crowded {
            draw::make_crowded(&mut config, &mut random);
        }
        let now = draw::now(&mut random);
        let channel_count = *random.pick(&[1, 1, 2, 4]);
        let mut reactor = draw::reactor(&config, now);
        reactor.read_bytes = *random.pick(&[64, 1000, 65_536]);
        reactor.slices = random.between(1, 64);
        World {
            reactor,
            strict: config.limits.clone(),
            generous: config.limits.clone(),
            has_address_limit: config.limits.connections_per_address_max > 0,
            config,
            leapt_at: now.monotonic,
            clients: Vec::new(),
            model: Model::new(channel_count),
            coverage: Coverage::default(),
            costs: Costs::new(Scale {
                names: 1,
                channels: 1,
                batch: 0,
                formats: 2,
                is_gzipped: false,
                deletes: false,
                events_channel: "",
            }),
            accepted_secrets: vec![0],
            channel_count,
            client_count: if is_crowded { random.between(18, 26) } else { random.between(2, 24) },
            step_count: if is_crowded { 150 } else { random.between(50, 300) },
            is_crowded,
            batch: 0,
            idle_turns: 0,
            steps,
            random,
        }
    }

    pub fn run(mut self) -> Coverage {
        for _ in 0..self.step_count {
            self.step();
        }
        if self.random.one_in(2) {
            self.settle();
        }
        if self.random.one_in(2) {
            self.stop()
        } else {
            self.leave()
        }
        let counters = *self.reactor.server.counters();
        self.coverage.take_counters(counters);
        self.coverage.take_api_counters(counters);
        let publications = self.model.publication_count() as u64;
        self.coverage.count("publications", publications);
        self.coverage.add(&self.costs.coverage);
        self.coverage
    }

    pub fn log(&self, step: impl FnOnce() -> String) {
        self.steps.add(format!("{} ms: {}", self.reactor.now.monotonic.0, step()));
    }

    fn step(&mut self) {
        if self.clients.len() < self.client_count && (self.is_crowded || self.random.one_in(3)) {
            self.connect();
        }
        if self.is_crowded {
            (0..self.clients.len()).for_each(|number| self.act_as(number));
        } else {
            (0..self.random.between(1, 12)).for_each(|_| self.act());
        }
        if self.random.one_in(100) {
            self.reconfigure();
        }
        self.advance_clocks();
        self.turn();
    }

    fn connect(&mut self) {
        let listener = self.random.below(self.config.listeners.len()) as u16;
        let is_public = self.config.has_internal_listener() && listener == 0;
        let secret = *self.accepted_secrets.last().expect("there is always one");
        let client = self.clients.len();
        let limits = &self.config.limits;
        let mut writer =
            Writer::new(&mut self.random, limits, client, self.channel_count, secret, is_public);
        let kinds: &[Kind] = if self.is_crowded {
            &[Kind::Visitor, Kind::Visitor, Kind::Visitor, Kind::Subscriber, Kind::Publisher]
        } else {
            &[
                Kind::Subscriber,
                Kind::Subscriber,
                Kind::Subscriber,
                Kind::Publisher,
                Kind::Publisher,
                Kind::Visitor,
                Kind::Intruder,
                Kind::Garbler,
            ]
        };
        let kind = *writer.random.pick(kinds);
        let is_polite = self.is_crowded || writer.random.one_in(2);
        let request_count = match kind {
            Kind::Subscriber => writer.random.below(3),
            _ if self.is_crowded => 100,
            Kind::Publisher => writer.random.between(1, 24),
            Kind::Visitor | Kind::Intruder | Kind::Garbler => writer.random.magnitude(30),
        };
        for _ in 0..request_count {
            match kind {
                Kind::Publisher => writer.publication(),
                Kind::Subscriber | Kind::Visitor | Kind::Intruder | Kind::Garbler => {
                    writer.any_request();
                }
            }
            if is_polite {
                writer.wait_for_answer();
            }
        }
        match kind {
            Kind::Subscriber => {
                writer.subscription();
                if writer.random.one_in(6) {
                    writer.chatter();
                }
            }
            Kind::Publisher | Kind::Visitor => {}
            Kind::Intruder => writer.malformed(),
            Kind::Garbler => writer.garbled(),
        }
        let script = writer.script;
        for request in &script.requests {
            if let Outcome::Publish { payload, .. } = &request.outcome {
                // One of the forms contains whitespace.
                self.costs.expect_text(payload.len() + 8);
            }
        }
        let random = &mut self.random;
        // It is rare that a subscriber is blocked at the right time: publications wait for all
        // others.
        let rarity = if kind == Kind::Subscriber { 2 } else { 5 };
        let is_slow = !self.is_crowded && random.one_in(rarity);
        let manners = Manners {
            slice_max: if self.is_crowded {
                100_000
            } else {
                *random.pick(&[1, 30, 1000, 1000, 100_000])
            },
            read_max: if is_slow { *random.pick(&[0, 1, 40]) } else { usize::MAX },
            ending: *random.pick(&[
                Ending::Stays,
                Ending::Stays,
                Ending::HalfCloses,
                Ending::Aborts,
            ]),
            laziness: if !self.is_crowded && random.one_in(4) { 20 } else { 1 },
        };
        let window =
            if is_slow { random.between(1, 1000) } else { random.magnitude(200_000).max(500) };
        self.log(|| format!("client {client}, a {kind:?}, connects"));
        self.clients.push(Client::new(secret, script, manners));
        let number = self.reactor.connect(ListenerId(listener), peer(client));
        self.reactor.set_room(number, window);
    }

    /// Lets one client act.
    pub fn act(&mut self) {
        let is_there = |number: &usize| !self.reactor.sockets[*number].is_closed();
        let there: Vec<usize> = (0..self.clients.len()).filter(is_there).collect();
        if there.is_empty() {
            return;
        }
        let number = *self.random.pick(&there);
        self.act_as(number);
    }

    fn act_as(&mut self, number: usize) {
        let client = &self.clients[number];
        let is_closed = self.reactor.sockets[number].is_closed();
        if is_closed || !self.random.one_in(client.manners.laziness) {
            return;
        }
        let read = self.read(number, client.manners.read_max);
        let sent = self.send(number);
        let (client, socket) = (&self.clients[number], &self.reactor.sockets[number]);
        let is_over = socket.has_ended || socket.is_broken;
        let mut ending = "";
        match client.manners.ending {
            Ending::HalfCloses if client.is_done() && !is_over && self.random.one_in(30) => {
                self.reactor.end(number);
                ending = ", half-closes";
            }
            Ending::Aborts if !is_over && self.random.one_in(60) => {
                self.reactor.break_off(number);
                ending = ", aborts";
            }
            Ending::Stays | Ending::HalfCloses | Ending::Aborts => {}
        }
        if read + sent + ending.len() > 0 {
            self.log(|| format!("client {number} reads {read}, sends {sent}{ending}"));
        }
    }

    /// Lets a client read; returns the number of bytes.
    pub fn read(&mut self, number: usize, count_max: usize) -> usize {
        let count = self.reactor.read_by_client(number, count_max);
        self.clients[number].read += count as u64;
        count
    }

    /// Lets a client send some of the bytes that it may send now; returns their number.
    pub fn send(&mut self, number: usize) -> usize {
        let client = &mut self.clients[number];
        let sendable = client.sendable(&self.reactor.sockets[number]);
        let count = sendable.min(self.random.between(1, client.manners.slice_max));
        let bytes = &client.script.bytes[client.sent..client.sent + count];
        self.reactor.send(number, bytes);
        client.sent += count;
        count
    }

    fn reconfigure(&mut self) {
        let newest = self.accepted_secrets.last().expect("there is always one") + 1;
        self.accepted_secrets.push(newest);
        if self.accepted_secrets.len() > 2 {
            self.accepted_secrets.remove(0);
        }
        draw::accept_secrets(&mut self.config, &self.accepted_secrets);
        let limits = &mut self.config.limits;
        let mut redraw =
            |limit: &mut Millis| *limit = Millis(self.random.between(300, 9000) as u64);
        redraw(&mut limits.head_timeout);
        redraw(&mut limits.body_timeout);
        redraw(&mut limits.keepalive_timeout);
        redraw(&mut limits.outbox_stall_timeout);
        limits.connections_per_address_max = *self.random.pick(&[0, 0, 1, 2]);
        self.has_address_limit |= limits.connections_per_address_max > 0;
        for (strict, generous, new) in [
            (&mut self.strict.head_timeout, &mut self.generous.head_timeout, limits.head_timeout),
            (&mut self.strict.body_timeout, &mut self.generous.body_timeout, limits.body_timeout),
            (
                &mut self.strict.keepalive_timeout,
                &mut self.generous.keepalive_timeout,
                limits.keepalive_timeout,
            ),
            (
                &mut self.strict.outbox_stall_timeout,
                &mut self.generous.outbox_stall_timeout,
                limits.outbox_stall_timeout,
            ),
        ] {
            *strict = (*strict).min(new);
            *generous = (*generous).max(new);
        }
        self.log(|| format!("reconfigured; secrets up to {newest}"));
        self.coverage.count("reconfigurations", 1);
        let config = self.config.clone();
        self.call(Call::Whole, None, |server, now| server.reconfigure(config, now));
    }

    fn advance_clocks(&mut self) {
        let span = match self.random.below(64) {
            0..=31 => 0,
            32..=51 => self.random.between(1, 50) as u64,
            52..=61 => match self.reactor.server.next_wake(self.reactor.now) {
                Some(wake) => wake.since(self.reactor.now.monotonic).0.min(5000),
                None => 0,
            },
            62 => self.random.magnitude(30_000) as u64,
            _ if self.random.one_in(8) => 3_600_000,
            _ => 0,
        };
        self.pass(Millis(span));
        if self.random.one_in(100) {
            let day = 86_400_000;
            let shift = self.random.below(2 * day) as u64;
            self.reactor.now.unix = UnixMillis(self.reactor.now.unix.0 + shift - day as u64);
            self.log(|| "the wall clock is set".to_string());
        }
    }

    pub fn pass(&mut self, span: Millis) {
        self.reactor.pass(span);
        if span > TURN_MAX {
            self.leapt_at = self.reactor.now.monotonic;
        }
    }
}

/// Addresses of clients: of a Unix socket, of a trusted proxy, and of the two IP versions.
fn peer(number: usize) -> Option<IpAddr> {
    match number % 4 {
        0 => None,
        1 => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        2 => Some(IpAddr::from([198, 51, 100, 7])),
        _ => Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7])),
    }
}

/// Whether clients with this number count against the limit of subscribers with the same address:
/// the first two kinds have none of their own.
pub fn is_counted(number: usize) -> bool {
    number % 4 >= 2
}
