//! The world: clients, publishers, and a server that is restarted now and then.

use super::Fault;
use super::book::Book;
use super::client::{Client, State, Transport, Wanted};
use super::draw::{self, CHANNELS};
use super::model::Model;
use super::publisher::Publisher;
use crate::Steps;
use crate::coverage::Coverage;
use crate::random::Random;
use crate::reactor::{SimReactor, Turns};
use crate::wire::masked;
use rpushd::config::{Config, ListenerId};
use rpushd::server::Host;
use rpushd::time::Millis;

/// The clients have received everything within this many rounds.
const ROUNDS_MAX: usize = 2000;

pub struct World {
    pub reactor: SimReactor,
    config: Config,
    pub random: Random,
    pub model: Model,
    pub clients: Vec<Client>,
    /// One that uses the API, and one that uses a location.
    pub publishers: [Publisher; 2],
    pub coverage: Coverage,
    pub removes: bool,
    pub serial: u64,
    fault: Option<Fault>,
    steps: Steps,
}

impl Turns for World {
    fn reactor(&mut self) -> &mut SimReactor {
        &mut self.reactor
    }

    fn slice_max(&mut self, _: usize) -> usize {
        if self.random.one_in(4) { self.random.between(1, 300) } else { usize::MAX }
    }

    fn taken(&mut self, _: usize, count: usize) -> usize {
        if count > 0 && self.random.one_in(6) { self.random.between(1, count) } else { count }
    }

    fn turn_ends(&mut self) {
        let bound = self.model.bound();
        for client in &mut self.clients {
            let Some(number) = client.number else { continue };
            let socket = &self.reactor.sockets[number];
            let Some(id) = socket.id() else { continue };
            let is_read = socket.to_server.is_empty() && self.reactor.server.unread_bytes(id) == 0;
            if client.joined_before.is_none() && is_read {
                client.joined_before = Some(bound);
            }
        }
    }
}

impl World {
    pub fn new(seed: u64, fault: Option<Fault>, steps: Steps) -> World {
        let mut random = Random::new(seed);
        let removes = random.one_in(3);
        let config = draw::config(removes, &mut random);
        let now = crate::draw::now(&mut random);
        let mut world = World {
            reactor: crate::draw::reactor(&config, now),
            config,
            random,
            model: Model::default(),
            clients: Vec::new(),
            publishers: Default::default(),
            coverage: Coverage::default(),
            removes,
            serial: 0,
            fault,
            steps,
        };
        world.start();
        world
    }

    pub fn run(mut self) -> Coverage {
        let transports =
            [Transport::Events, Transport::WebSocket, Transport::Poll, Transport::Framed];
        for _ in 0..self.random.between(1, 6) {
            let mut client = Client::new(*self.random.pick(&transports), self.fault);
            for name in CHANNELS {
                if self.random.one_in(3) || name == CHANNELS[0] {
                    let wanted = Wanted { book: Book::default(), state: State::Shared };
                    client.wanted.insert(name.to_owned(), wanted);
                }
            }
            self.clients.push(client);
        }
        for _ in 0..self.random.between(30, 100) {
            self.step();
        }
        self.settle();
        self.coverage
    }

    pub fn log(&self, step: impl FnOnce() -> String) {
        self.steps.add(format!("{} ms: {}", self.reactor.now.monotonic.0, step()));
    }

    /// A server starts, with an empty store.
    fn start(&mut self) {
        let number = self.model.eras.len() as u8;
        let mut host_random = [number + 1; 16];
        host_random[0] = self.random.below(256) as u8;
        let epoch = host_random[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let host = Host { random: host_random, ..crate::draw::host() };
        self.reactor = SimReactor::new(self.config.clone(), host, self.reactor.now);
        self.model.begin(epoch);
        self.model.era().has_removals = self.removes;
        for publisher in &mut self.publishers {
            let number = self.reactor.connect(ListenerId(0), None);
            self.reactor.accept(number).expect("there is room");
            *publisher = Publisher::new(number);
        }
    }

    fn restart(&mut self) {
        self.run_publishers();
        self.model.place_blind();
        self.log(|| "restart".into());
        for number in 0..self.clients.len() {
            self.break_off(number);
        }
        self.start();
        self.coverage.count("restarts", 1);
    }

    fn step(&mut self) {
        for _ in 0..self.random.between(1, 6) {
            self.act();
        }
        if self.random.one_in(60) {
            self.restart();
        }
        if self.random.one_in(30) {
            self.settle();
        }
        let span = match self.random.below(40) {
            0..=19 => 0,
            20..=33 => self.random.between(1, 400),
            34..=38 => self.random.between(400, 4000),
            _ => self.random.magnitude(60_000),
        };
        self.reactor.pass(Millis(span as u64));
        self.turn();
    }

    fn act(&mut self) {
        match self.random.below(10) {
            0..=3 => self.publish(),
            _ => {
                let number = self.random.below(self.clients.len());
                self.act_for(number);
            }
        }
        self.read_answers();
    }

    fn act_for(&mut self, index: usize) {
        let Some(number) = self.clients[index].number else {
            if self.random.one_in(2) {
                self.change_channels(index);
            }
            return self.connect(index);
        };
        match self.random.below(24) {
            0 => self.break_off(index),
            1 | 2 => {
                let room = self.random.below(300);
                self.reactor.set_room(number, room);
            }
            3 => self.reactor.set_room(number, 1 << 20),
            4..=12 => {
                let count = self.random.magnitude(3000);
                self.read(index, count);
            }
            13..=15 => self.command(index),
            _ => {
                self.read(index, usize::MAX);
                self.proceed(index);
            }
        }
    }

    /// The client's connection breaks. What it has not read yet is lost.
    fn break_off(&mut self, index: usize) {
        let Some(number) = self.clients[index].number else { return };
        let count = self.random.magnitude(5000);
        self.read(index, count);
        if self.clients[index].number.is_none() {
            return;
        }
        self.log(|| format!("client {index} loses its connection"));
        self.reactor.break_off(number);
        self.clients[index].lose();
        self.coverage.count("broken connections", 1);
    }

    /// While it is not connected, a client may change its mind.
    fn change_channels(&mut self, index: usize) {
        let name = *self.random.pick(&CHANNELS);
        let model = &self.model;
        let client = &mut self.clients[index];
        if client.wanted.contains_key(name) {
            if client.wanted.len() > 1 {
                client.wanted.remove(name);
            }
        } else {
            let from = client.cursor.as_ref().map(|cursor| model.point(cursor));
            let wanted = Wanted { book: Book::after(from), state: State::Shared };
            client.wanted.insert(name.to_owned(), wanted);
        }
    }

    fn connect(&mut self, index: usize) {
        let number = self.reactor.connect(ListenerId(0), None);
        let room = if self.random.one_in(3) { self.random.below(2000) } else { 1 << 20 };
        self.reactor.set_room(number, room);
        self.reactor.accept(number).expect("there is room");
        self.clients[index].begin(number);
        self.ask(index);
    }

    /// Sends the request to subscribe.
    fn ask(&mut self, index: usize) {
        let seconds = *self.random.pick(&[1, 3, 100, 1000]);
        let token = draw::token(self.reactor.now.unix.0, seconds);
        let in_query = self.random.one_in(2);
        let client = &mut self.clients[index];
        let transport = client.transport;
        let number = client.number.expect("it is connected");
        let (channels, cursor) = client.request();
        let bytes = draw::subscription(transport, &channels, cursor, &token, in_query);
        self.steps
            .add(format!("client {index} as {number}: {transport:?} {channels:?} {cursor:?}"));
        self.reactor.send(number, bytes.as_bytes());
    }

    /// The client does what the protocol asks for. Returns whether it did anything.
    fn proceed(&mut self, index: usize) -> bool {
        let client = &mut self.clients[index];
        let Some(number) = client.number else { return false };
        if client.transport == Transport::Poll && !client.is_asking {
            self.ask(index);
            return true;
        }
        let Some(connection) = client.connection.clone() else { return false };
        if std::mem::take(&mut client.wants_refresh) && self.random.one_in(2) {
            let token = draw::token(self.reactor.now.unix.0, 1000);
            self.coverage.count("refreshes", 1);
            if self.clients[index].transport == Transport::WebSocket {
                self.say(number, &format!("{{\"do\":\"refresh\",\"token\":\"{token}\"}}"));
            } else {
                let body = format!("{{\"connection\":\"{connection}\",\"token\":\"{token}\"}}");
                self.publishers[0].queue(draw::post("/api/refresh", false, &body));
            }
            return true;
        }
        if self.clients[index].transport == Transport::WebSocket {
            return self.add_channels(index, number);
        }
        false
    }

    /// Asks for the channels that are to be added.
    fn add_channels(&mut self, index: usize, number: usize) -> bool {
        self.serial += 1;
        let mut commands = Vec::new();
        for (name, wanted) in &mut self.clients[index].wanted {
            if let State::Apart(cursor) = &mut wanted.state {
                let cursor = cursor.take();
                let since =
                    cursor.as_ref().map_or(String::new(), |at| format!(",\"cursor\":\"{at}\""));
                commands.push(format!(
                    "{{\"do\":\"subscribe\",\"channels\":[\"{name}\"]{since},\"ref\":{}}}",
                    self.serial
                ));
                wanted.state = State::Asked(cursor, self.serial);
            }
        }
        for command in &commands {
            self.say(number, command);
        }
        !commands.is_empty()
    }

    /// A WebSocket client changes its channels, while it is connected.
    fn command(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let Some(number) = client.number else { return };
        if client.transport != Transport::WebSocket || client.connection.is_none() {
            return;
        }
        let name = *self.random.pick(&CHANNELS);
        let shared = client.wanted.values().filter(|one| one.state == State::Shared).count();
        match client.wanted.get_mut(name) {
            Some(wanted) if wanted.state == State::Shared && shared > 1 => {
                wanted.state = State::Leaving;
                self.say(number, &format!("{{\"do\":\"unsubscribe\",\"channels\":[\"{name}\"]}}"));
            }
            Some(_) => {}
            None => {
                let cursor = client.cursor.clone().filter(|_| !self.random.one_in(4));
                let from = cursor.as_ref().map(|cursor| self.model.point(cursor));
                let wanted = Wanted { book: Book::after(from), state: State::Apart(cursor) };
                client.wanted.insert(name.to_owned(), wanted);
                if self.random.one_in(2) {
                    self.add_channels(index, number);
                }
            }
        }
    }

    fn say(&mut self, number: usize, text: &str) {
        let mask = (self.random.number() as u32).to_be_bytes();
        self.log(|| format!("socket {number} says {text}"));
        self.reactor.send(number, &masked(0x81, text, mask));
    }

    /// The client reads. Returns the number of bytes.
    fn read(&mut self, index: usize, count_max: usize) -> usize {
        let Some(number) = self.clients[index].number else { return 0 };
        let socket = &mut self.reactor.sockets[number];
        let count = socket.to_client.len().min(count_max);
        let bytes: Vec<u8> = socket.to_client.drain(..count).collect();
        let room = socket.room.saturating_add(count);
        let is_over = (socket.is_shut || socket.is_closed()) && socket.to_client.is_empty();
        self.reactor.set_room(number, room);
        self.clients[index].feed(&bytes, &self.model, &mut self.random, &mut self.coverage);
        if is_over || self.clients[index].is_refused {
            self.log(|| format!("client {index} sees the end"));
            self.reactor.end(number);
            self.clients[index].lose();
        }
        count
    }

    /// Runs the server until all publishers have their answers.
    fn run_publishers(&mut self) {
        for _ in 0..ROUNDS_MAX {
            self.run();
            self.read_answers();
            if self.publishers.iter().all(Publisher::is_idle) {
                return;
            }
        }
        panic!("a publisher gets no answer");
    }

    /// All clients read and act until nothing changes. Then each must have everything.
    fn settle(&mut self) {
        self.log(|| "settle".into());
        for _ in 0..ROUNDS_MAX {
            self.run_publishers();
            let mut is_active = false;
            for index in 0..self.clients.len() {
                match self.clients[index].number {
                    None => {
                        self.connect(index);
                        is_active = true;
                    }
                    Some(number) => self.reactor.set_room(number, 1 << 20),
                }
                is_active |= self.read(index, usize::MAX) > 0;
                is_active |= self.clients[index].number.is_none() || self.proceed(index);
            }
            if !is_active && self.reactor.is_at_rest() {
                self.reactor.server.assert_consistent();
                self.model.place_blind();
                for (index, client) in self.clients.iter_mut().enumerate() {
                    self.steps.add(format!("client {index} is checked"));
                    client.check(&self.model, &mut self.coverage);
                }
                return self.coverage.count("settled", 1);
            }
        }
        panic!("the world does not come to rest");
    }
}
