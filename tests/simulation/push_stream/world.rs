//! The world of push-stream clients around one server: who connects, what they do, how time
//! advances.

use super::client::{Client, Mode, Phase, Request, Role, Said};
use super::draw::{self, EVENTS, Settings};
use super::events::Audit;
use super::model::{Model, Seen};
use crate::Steps;
use crate::bounds::Scale;
use crate::cost::Costs;
use crate::coverage::Coverage;
use crate::random::Random;
use crate::reactor::{Call, SimReactor, Turns};
use crate::wire::masked;
use rpushd::config::{Config, ListenerId};
use rpushd::time::Millis;

/// Longer than the run of any world.
const SECONDS_MAX: u64 = 3600;
/// A server that needs more turns than this never becomes idle.
const LAST_TURNS_MAX: usize = 5000;
/// Number of names in a request without publications.
const UNKNOWN_MAX: usize = 60;

pub struct World {
    pub random: Random,
    pub settings: Settings,
    pub config: Config,
    pub reactor: SimReactor,
    pub model: Model,
    pub audit: Audit,
    /// The clients, by number of their socket.
    pub clients: Vec<Client>,
    pub coverage: Coverage,
    pub costs: Costs,
    /// Number of publications that the server had carried out at the last check.
    pub published: u64,
    /// The server has been made to end its subscribers.
    pub ends_all: bool,
    channel_count: usize,
    client_count: usize,
    is_crowded: bool,
    serial: usize,
    steps: Steps,
}

impl World {
    pub fn new(seed: u64, steps: Steps) -> World {
        let mut random = Random::new(seed);
        let settings = draw::settings(&mut random);
        let mut config = draw::config(&settings, &mut random);
        let now = crate::draw::now(&mut random);
        // More members of one channel than one round visits.
        let is_crowded = random.one_in(14);
        if is_crowded {
            config.limits.microseconds_per_turn = *random.pick(&[1, 20]);
        }
        let mut reactor = crate::draw::reactor(&config, now);
        reactor.slices = 64;
        World {
            reactor,
            model: Model::new(
                settings.ttl,
                settings.stored_max,
                settings.inactivity >= SECONDS_MAX,
            ),
            audit: Audit::default(),
            config,
            clients: Vec::new(),
            coverage: Coverage::default(),
            costs: Costs::new(Scale {
                names: if settings.has_little_memory { 1 + UNKNOWN_MAX } else { 3 } as u64,
                channels: if settings.has_little_memory { 1 } else { 3 },
                batch: if settings.has_little_memory { 1 } else { 3 },
                formats: 8,
                is_gzipped: settings.is_gzipped,
                deletes: true,
                events_channel: if settings.has_events { EVENTS } else { "" },
            }),
            published: 0,
            ends_all: false,
            channel_count: if is_crowded { 1 } else { random.between(1, 4) },
            client_count: if is_crowded { 70 } else { random.between(3, 14) },
            is_crowded,
            serial: 0,
            settings,
            steps,
            random,
        }
    }

    pub fn run(mut self) -> Coverage {
        if self.settings.has_events {
            let has_history = self.settings.has_history;
            let role = Role::Subscriber(Mode::Watcher);
            let watcher = Client::new(role, has_history, &mut self.random);
            self.accept(watcher);
            self.ask(0);
            self.settle();
        }
        for _ in 0..self.random.between(30, 150) {
            self.step();
        }
        self.settle();
        if self.random.one_in(2) {
            self.stop();
        } else {
            self.leave();
        }
        self.coverage.count("publications", self.model.messages.len() as u64);
        self.coverage.add(&self.costs.coverage);
        self.coverage.take_counters(*self.reactor.server.counters());
        self.coverage
    }

    pub fn log(&self, step: impl FnOnce() -> String) {
        self.steps.add(format!("{} ms: {}", self.reactor.now.monotonic.0, step()));
    }

    fn step(&mut self) {
        let is_room = self.clients.len() < self.client_count;
        if self.is_crowded {
            (self.clients.len()..self.client_count).for_each(|_| self.connect());
        } else if is_room && self.random.one_in(3) {
            self.connect();
        }
        for _ in 0..self.random.between(1, if self.is_crowded { 40 } else { 8 }) {
            self.act();
        }
        if self.random.one_in(60) {
            self.reload();
        }
        let span = match self.random.below(40) {
            0..=19 => 0,
            20..=33 => self.random.between(1, 400),
            34..=38 => self.random.between(400, 4000),
            _ => self.random.magnitude(60_000),
        };
        self.reactor.pass(Millis(span as u64));
        self.turn();
        if self.random.one_in(80) {
            self.settle();
        }
    }

    fn connect(&mut self) {
        let modes = [
            Mode::Framed,
            Mode::Streaming,
            Mode::EventSource,
            Mode::WebSocket,
            Mode::WebSocket,
            Mode::LongPolling,
            Mode::LongPolling,
            Mode::Polling,
        ];
        let role = if self.random.one_in(if self.is_crowded { 12 } else { 3 }) {
            Role::Publisher
        } else {
            Role::Subscriber(*self.random.pick(&modes))
        };
        let client = Client::new(role, self.settings.has_history, &mut self.random);
        self.accept(client);
    }

    fn accept(&mut self, client: Client) {
        let number = self.reactor.connect(ListenerId(0), None);
        self.reactor.set_room(number, client.window);
        let id = self.reactor.accept(number).expect("there is room");
        self.log(|| format!("client {number} is connection {}, {:?}", id.0, client.role));
        self.clients.push(client);
    }

    fn act(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        let aborts = if self.is_crowded { 80 } else { 300 };
        let number = self.random.below(self.clients.len());
        let (client, socket) = (&self.clients[number], &self.reactor.sockets[number]);
        if !socket.is_open() || socket.is_broken {
            return;
        }
        let role = client.role;
        let count_max = if client.is_slow { self.random.below(300) } else { usize::MAX };
        self.reactor.read_by_client(number, count_max);
        if role != Role::Subscriber(Mode::Watcher) && self.random.one_in(aborts) {
            self.reactor.break_off(number);
            return self.log(|| format!("client {number} aborts"));
        }
        if self.clients[number].is_ready(&self.reactor.sockets[number]) {
            self.ask(number);
        } else if role == Role::Subscriber(Mode::WebSocket) && self.random.one_in(2) {
            self.speak(number);
        }
    }

    fn send(&mut self, number: usize, bytes: &[u8]) {
        self.reactor.send(number, bytes);
        self.clients[number].sent += bytes.len();
    }

    fn channels(&mut self) -> Vec<String> {
        // With little memory, a publication to several channels may succeed partly.
        let most = if self.settings.has_little_memory { 1 } else { 3 };
        let count = self.random.between(1, most);
        (0..count).map(|_| format!("c{}", self.random.below(self.channel_count))).collect()
    }

    fn text(&mut self) -> String {
        self.serial += 1;
        let length = if self.settings.has_little_memory {
            self.random.below(12_000)
        } else if self.settings.has_small_queues && self.random.one_in(2) {
            // Several fill a queue.
            800
        } else if !self.settings.has_small_queues && self.random.one_in(20) {
            3000
        } else {
            self.random.below(20)
        };
        let text = format!("m{}-{}", self.serial, "x".repeat(length));
        // Messages of the rpushd API have quotes around them.
        self.costs.expect_text(text.len() + 2);
        text
    }

    fn ask(&mut self, number: usize) {
        let request = match self.clients[number].role {
            Role::Publisher if self.random.one_in(8) && !self.is_crowded => Request::Delete {
                channels: self.channels(),
                text: self.random.one_in(2).then(|| self.text()),
            },
            Role::Publisher => Request::Publish {
                channels: self.channels(),
                text: self.text(),
                is_stored: !self.random.one_in(3),
            },
            Role::Subscriber(mode) => self.subscription(number, mode),
        };
        let text = format!("{:?}: {request:?}", self.clients[number].role);
        self.log(|| format!("client {number}, {text:.160}"));
        let bytes = self.clients[number].ask(request, &mut self.random);
        self.send(number, bytes.as_bytes());
    }

    fn subscription(&mut self, number: usize, mode: Mode) -> Request {
        let second = self.reactor.now.unix.0 / 1000;
        let is_poll = matches!(mode, Mode::LongPolling | Mode::Polling);
        if is_poll && !self.clients[number].path.is_empty() && !self.random.one_in(20) {
            let client = &mut self.clients[number];
            // A backtrack is used at the beginning; after that the validators decide.
            client.path.iter_mut().for_each(|one| one.1 = 0);
            return Request::Subscribe { path: client.path.clone(), seen: client.seen };
        }
        let names = match mode {
            Mode::Watcher => vec![EVENTS.to_owned()],
            Mode::Framed => vec![format!("c{}", self.random.below(self.channel_count))],
            _ => self.channels(),
        };
        let is_plain = matches!(mode, Mode::Watcher | Mode::Framed);
        let mut backtrack =
            || if !is_plain && self.random.one_in(3) { self.random.between(1, 4) } else { 0 };
        let mut path: Vec<_> = names.into_iter().map(|name| (name, backtrack())).collect();
        if self.settings.has_little_memory && mode != Mode::Framed && self.random.one_in(2) {
            // Names without publications, more than there is room for. Publications to the other
            // names must not be affected.
            self.serial += 1;
            let serial = self.serial;
            let unknown = |number| (format!("v{serial}-{number}"), 0);
            path.extend((0..self.random.between(1, UNKNOWN_MAX)).map(unknown));
        }
        let seen = if is_plain || self.random.one_in(2) {
            Seen::Nothing
        } else {
            Seen::Since(second - self.random.magnitude(1000) as u64 + 1)
        };
        let client = &mut self.clients[number];
        client.validators.clear();
        (client.path, client.seen) = (path.clone(), seen);
        Request::Subscribe { path, seen }
    }

    /// A WebSocket client sends a frame.
    fn speak(&mut self, number: usize) {
        let is_open = matches!(self.clients[number].phase, Phase::Streaming(_));
        if !is_open || self.clients[number].wants_close {
            return;
        }
        let mask = (self.random.number() as u32).to_be_bytes();
        let may_publish = !self.settings.has_little_memory;
        let (frame, said) = match self.random.below(12) {
            0 => (masked(0x88, 1000u16.to_be_bytes(), mask), Said::Close),
            1..=7 => {
                // Each pong is distinguishable from the others.
                self.serial += 1;
                let mut payload = format!("p{}", self.serial).into_bytes();
                payload.resize(payload.len() + self.random.below(20), b'.');
                (masked(0x89, &payload, mask), Said::Ping(payload))
            }
            _ if may_publish => {
                self.serial += 1;
                let text = format!("w{}", self.serial);
                self.costs.expect_text(text.len());
                (masked(0x81, text.as_bytes(), mask), Said::Text(text))
            }
            _ => return,
        };
        self.log(|| format!("client {number} says {said:?}"));
        self.send(number, &frame);
        let client = &mut self.clients[number];
        client.wants_close = matches!(said, Said::Close);
        client.said.push_back((client.sent, said));
    }

    fn reload(&mut self) {
        self.log(|| "reload".into());
        self.ends_all = self.settings.reload_ends;
        let config = self.config.clone();
        self.call(Call::Whole, None, |server, now| server.reconfigure(config, now));
        if std::mem::take(&mut self.ends_all) {
            // A client that is still receiving old messages receives its end after them.
            let others = |client: &&mut Client| client.role != Role::Subscriber(Mode::Framed);
            for live in self.clients.iter_mut().filter(others).filter_map(Client::live) {
                live.may_end = true;
                live.channels.clear();
            }
        }
        self.reactor.server.assert_consistent();
        self.coverage.count("reloads", 1);
    }

    /// All clients read until nothing changes any more: then all must have received everything.
    fn settle(&mut self) {
        for _ in 0..LAST_TURNS_MAX {
            let mut moved = 0;
            for (number, client) in self.clients.iter_mut().enumerate() {
                client.slice_max = 100_000;
                let socket = &mut self.reactor.sockets[number];
                if !socket.is_open() || client.has_shut || matches!(client.phase, Phase::Over) {
                    socket.to_server.clear();
                }
                moved += socket.to_server.len();
                moved += self.reactor.read_by_client(number, usize::MAX);
                self.reactor.set_room(number, 1 << 20);
            }
            self.turn();
            if moved == 0 && !self.reactor.is_active && !self.reactor.is_due() {
                self.everything_has_come();
                return self.coverage.count("settled", 1);
            }
        }
        panic!("the world does not come to rest");
    }

    fn everything_has_come(&mut self) {
        let pairs = self.clients.iter_mut().zip(&self.reactor.sockets);
        for (number, (client, socket)) in pairs.enumerate() {
            if !socket.is_open() || socket.is_broken {
                continue;
            }
            assert!(client.queued.is_empty(), "client {number} has not got everything");
            assert!(client.pongs.is_empty(), "client {number} misses a pong");
            assert!(!matches!(client.phase, Phase::Asked(_)), "client {number} has no answer");
            if let Some(live) = client.live() {
                assert_eq!(live.missing_count(), 0, "client {number} misses messages: {live:?}");
            }
        }
        self.audit.assert_complete();
    }

    fn stop(&mut self) {
        self.log(|| "stop".into());
        self.ends_all = true;
        self.audit.is_over = true;
        self.call(Call::Whole, None, |server, now| server.stop(now));
        let pairs = self.clients.iter_mut().zip(&self.reactor.sockets);
        for (number, (client, socket)) in pairs.enumerate() {
            let is_live = socket.is_open() && !socket.is_broken && client.live().is_some();
            assert!(
                !is_live || client.wants_close || client.role == Role::Subscriber(Mode::Framed),
                "client {number} was not ended"
            );
        }
        self.end(|world| world.reactor.server.connection_count() == 0);
    }

    fn leave(&mut self) {
        self.log(|| "all leave".into());
        self.audit.is_over = true;
        (0..self.clients.len()).for_each(|number| self.reactor.break_off(number));
        self.end(|world| world.reactor.server.connection_count() == 0);
        assert!(self.reactor.server.is_empty() || self.settings.has_events, "nothing is left");
    }

    fn end(&mut self, is_over: impl Fn(&World) -> bool) {
        for _ in 0..LAST_TURNS_MAX {
            for number in 0..self.clients.len() {
                self.reactor.read_by_client(number, usize::MAX);
            }
            self.turn();
            if is_over(self) {
                assert_eq!(self.reactor.server.buffered_bytes(), 0, "no byte is left");
                return;
            }
            let wake = self.reactor.server.next_wake(self.reactor.now);
            let now = self.reactor.now.monotonic;
            self.reactor.pass(wake.map_or(Millis(0), |wake| wake.since(now)));
        }
        panic!("the server never comes to its end");
    }
}
