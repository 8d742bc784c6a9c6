//! The world: clients fill the memory, and everything that gives way is checked.

use super::client::{self, Client, Role};
use crate::Steps;
use crate::allocations;
use crate::coverage::Coverage;
use crate::draw;
use crate::no_files::NoFiles;
use crate::random::Random;
use crate::reactor::{Call, SimReactor, State, Turns};
use rpushd::config::{Config, ListenerId, Overrides};
use rpushd::server::Host;
use rpushd::stats::Counters;
use rpushd::time::Millis;
use std::cell::Cell;
use std::collections::BTreeMap;

/// The budget is divided into this many parts; the steps of the order begin at so many of them.
const PARTS: u64 = 32;
const HISTORY: u64 = 26;
const SUBSCRIBERS: u64 = 30;
const CONNECTIONS: u64 = 31;

/// Shorter than what is read at once, so that a publication arrives as a whole.
const TEXT_BYTES_MAX: usize = 3_000;
/// Turns until everything is answered and delivered.
const LAST_TURNS_MAX: usize = 1_000;
const TURNS_PER_SHRINK: usize = 16;

const LOCATIONS: &str = "[push_stream]\nmessage_ttl = '1h'\nmessage_template = '~text~|'\n\
    [[location]]\npath = '/pub'\npublisher = true\nchannels_path = '$arg_id'\n\
    store_messages = true\n[[location]]\npath = '~ ^/poll/(.*)'\nsubscriber = 'polling'\n\
    channels_path = '$1'\n";

/// What places in tables and buffers cost or save beyond what the parts count.
const PARTS_SLACK_BYTES: u64 = 32 * 1024;

thread_local! {
    /// The heap of the new server.
    static BASE: Cell<u64> = const { Cell::new(0) };
    /// The most that the server has seen since the last check.
    static SEEN: Cell<u64> = const { Cell::new(0) };
}

fn heap_bytes() -> u64 {
    let bytes = allocations::server_bytes().saturating_sub(BASE.get());
    SEEN.set(SEEN.get().max(bytes));
    bytes
}

pub struct World {
    random: Random,
    reactor: SimReactor,
    budget: u64,
    clients: Vec<Client>,
    /// Everything published to each channel, in order. The first channels have readers from the
    /// beginning, the others never have any.
    published: Vec<Vec<String>>,
    watched_count: usize,
    publisher_count: usize,
    /// Number of messages that each channel has stored.
    stored: Vec<usize>,
    counters: Counters,
    serial: usize,
    hostile_count: usize,
    slow_count: usize,
    idle_count: usize,
    /// A client that waits to be accepted.
    refused: Option<usize>,
    coverage: Coverage,
    steps: Steps,
}

impl World {
    pub fn new(seed: u64, steps: Steps) -> World {
        let mut random = Random::new(seed);
        let budget = random.between(96, 512) as u64 * 1024;
        let sources = Some(("rpushd.toml", LOCATIONS));
        let overrides = Overrides::default();
        let config = Config::from_sources(sources, &BTreeMap::new(), &NoFiles, &overrides);
        let mut config = config.unwrap_or_else(|error| panic!("{error}"));
        draw::accept_secrets(&mut config, &[0]);
        let (limits, day) = (&mut config.limits, Millis(86_400_000));
        limits.memory = budget as usize;
        (limits.head_timeout, limits.body_timeout, limits.keepalive_timeout) = (day, day, day);
        (limits.body_total_timeout, limits.outbox_stall_timeout) = (day, day);
        limits.microseconds_per_turn = *random.pick(&[100, 10_000]);
        let host = Host { heap_bytes, ..draw::host() };
        let now = draw::now(&mut random);
        allocations::begin_server();
        let reactor = SimReactor::new(config, host, now);
        allocations::set_server(false);
        BASE.set(allocations::server_bytes());
        let (watched_count, idle_channels) = (random.between(1, 3), random.between(1, 3));
        let mut most = |one_in, count| if random.one_in(one_in) { count } else { 0 };
        let (hostile, slow, idle) = (most(2, 40), most(2, 12), most(3, 900));
        World {
            reactor,
            budget,
            clients: Vec::new(),
            published: vec![Vec::new(); watched_count + idle_channels],
            watched_count,
            publisher_count: random.between(1, 2),
            stored: vec![0; watched_count + idle_channels],
            counters: Counters::default(),
            serial: 0,
            hostile_count: random.between(0, hostile),
            slow_count: random.between(0, slow),
            idle_count: random.between(0, idle),
            refused: None,
            coverage: Coverage::default(),
            steps,
            random,
        }
    }

    pub fn run(mut self) -> Coverage {
        for index in 0..self.publisher_count {
            self.connect(Role::Publisher { index }, "");
        }
        for channel in 0..self.watched_count {
            self.subscribe(channel);
        }
        self.whole_turn();
        for _ in 0..self.random.between(30, 90) {
            self.step();
        }
        self.settle();
        self.assert_parts_add_up();
        self.assert_complete();
        self.assert_suffixes_are_stored();
        let deliveries = self.clients.iter().map(|client| client.messages.len()).sum::<usize>();
        let publications = self.published.iter().map(Vec::len).sum::<usize>();
        self.coverage.count("deliveries", deliveries as u64);
        self.coverage.count("publications", publications as u64);
        self.coverage
    }

    fn step(&mut self) {
        let count = self.clients.len();
        let of = |clients: &[Client], is_it: fn(&Role) -> bool| {
            clients.iter().filter(|one| is_it(&one.role)).count()
        };
        if of(&self.clients, |role| matches!(role, Role::Slow { .. })) < self.slow_count {
            let channel = self.random.below(self.watched_count);
            let number = self.connect(Role::Slow { channel }, &client::subscription(channel));
            let room = self.random.between(0, 1_000);
            self.reactor.set_room(number, room);
            self.clients[number].room = room;
        }
        if of(&self.clients, |role| *role == Role::Hostile) < self.hostile_count {
            self.connect(Role::Hostile, "GET /healthz HTTP/1.1\r\n");
        }
        let idle_count = of(&self.clients, |role| *role == Role::Idle);
        for _ in idle_count..self.idle_count.min(idle_count + 40) {
            self.connect(Role::Idle, "");
        }
        if self.random.one_in(4) {
            let channel = self.random.below(self.watched_count);
            self.subscribe(channel);
        }
        for number in 0..count {
            self.act(number);
        }
        self.replace_publishers();
        if let Some(number) = self.refused.take().filter(|_| self.random.one_in(2)) {
            self.reactor.leave_backlog(number);
        }
        let span = *self.random.pick(&[0, 1, 50, 150, 400]);
        self.reactor.pass(Millis(span));
        self.whole_turn();
    }

    fn connect(&mut self, role: Role, request: &str) -> usize {
        self.clients.push(Client::new(role));
        let number = self.reactor.connect(ListenerId(0), None);
        self.reactor.send(number, request.as_bytes());
        number
    }

    fn subscribe(&mut self, channel: usize) {
        let number = self.connect(Role::Reader { channel }, &client::subscription(channel));
        self.clients[number].since = (self.published[channel].len(), usize::MAX);
    }

    /// A publisher whose connection was closed connects again.
    fn replace_publishers(&mut self) {
        for index in 0..self.publisher_count {
            let role = Role::Publisher { index };
            let mut pairs = self.clients.iter().zip(&self.reactor.sockets);
            if pairs.all(|(client, socket)| client.role != role || socket.is_closed()) {
                self.connect(role, "");
            }
        }
    }

    fn act(&mut self, number: usize) {
        if !self.reactor.sockets[number].is_open() {
            return;
        }
        match self.clients[number].role {
            Role::Publisher { index } if self.clients[number].may_publish() => {
                let channels = (index..self.published.len()).step_by(self.publisher_count);
                let channel = *self.random.pick(&Vec::from_iter(channels));
                self.serial += 1;
                let length = self.random.magnitude(TEXT_BYTES_MAX);
                let text = format!("{}-{}", self.serial, "x".repeat(length));
                self.reactor.send(number, client::publication(channel, &text).as_bytes());
                self.clients[number].outstanding = Some((channel, text));
                self.clients[number].most_bytes = 0;
            }
            Role::Hostile => {
                let bytes = self.random.magnitude(2_000);
                let field = format!("X-{}: {}\r\n", self.random.below(1_000), "y".repeat(bytes));
                self.reactor.send(number, field.as_bytes());
            }
            _ => {}
        }
    }

    /// Runs a turn with the heap of the server counted. Clients that read then do so.
    fn whole_turn(&mut self) {
        allocations::set_server(true);
        self.turn();
        for number in 0..self.clients.len() {
            let is_slow = matches!(self.clients[number].role, Role::Slow { .. });
            if !is_slow && !self.reactor.sockets[number].to_client.is_empty() {
                self.reactor.read_by_client(number, usize::MAX);
                // The memory of a client's kernel is not the server's.
                self.reactor.sockets[number].to_client = Vec::new();
            }
        }
        allocations::set_server(false);
    }

    /// Runs turns until everything published is answered and delivered.
    fn settle(&mut self) {
        // The tables of the server have become smaller, too.
        (0..TURNS_PER_SHRINK).for_each(|_| self.whole_turn());
        for _ in 0..LAST_TURNS_MAX {
            self.whole_turn();
            let waits = |client: &Client| client.outstanding.is_some();
            if self.reactor.is_at_rest() && !self.clients.iter().any(waits) {
                return;
            }
        }
        panic!("the server is still busy");
    }

    /// Every reader has everything that was published since it subscribed.
    fn assert_complete(&self) {
        for (number, client) in self.clients.iter().enumerate() {
            let Role::Reader { channel } = client.role else { continue };
            if client.statuses != [200] {
                continue;
            }
            let all = &self.published[channel];
            let first = all.len().checked_sub(client.messages.len());
            let first = first.unwrap_or_else(|| panic!("client {number}: repeated messages"));
            assert_eq!(client.messages, all[first..], "client {number}");
            // One more may have been on its way.
            let (from, until) = client.since;
            assert!((from..=until + 1).contains(&first), "client {number} misses messages");
        }
    }

    /// What the statistics show of the budget's parts is about the heap that is in use.
    fn assert_parts_add_up(&mut self) {
        let (heap, parts) = (heap_bytes(), self.reactor.server.memory_parts());
        let sum: u64 = parts.iter().sum();
        assert!(sum.abs_diff(heap) <= heap / 4 + PARTS_SLACK_BYTES, "{heap} in use: {parts:?}");
        self.coverage.count("bytes of the heap", heap);
        self.coverage.count("bytes of all parts", sum);
    }

    /// What has given way are the oldest messages of each channel.
    fn assert_suffixes_are_stored(&mut self) {
        // All others leave: a table may be as large as the budget because of one late reader.
        for number in 0..self.clients.len() {
            match self.reactor.sockets[number].state {
                State::Open(_) => self.reactor.break_off(number),
                State::Waiting => self.reactor.leave_backlog(number),
                State::Closed => {}
            }
        }
        self.settle();
        for channel in 0..self.published.len() {
            let number = self.connect(Role::Poller, &client::poll(channel));
            self.settle();
            let client = &self.clients[number];
            assert!(client.is_answered, "the poll is answered");
            let all = &self.published[channel];
            let first = all.len() - client.messages.len();
            assert_eq!(client.messages, all[first..], "channel {channel}");
            // The answer itself may have displaced some.
            assert!(client.messages.len() >= self.stored[channel], "channel {channel}");
        }
    }

    fn step_bytes(&self, parts: u64) -> u64 {
        self.budget / PARTS * parts
    }

    /// Compares what has given way in a call with what the server has seen of its memory.
    fn check_order(&mut self) {
        let counters = *self.reactor.server.counters();
        let seen = SEEN.take();
        let rows = given_way(&self.counters).into_iter().zip(given_way(&counters));
        for ((what, parts, before), (.., now)) in rows {
            assert!(now == before || seen >= self.step_bytes(parts), "{what} at {seen} bytes");
            self.coverage.count(what, now - before);
        }
        self.counters = counters;
        for client in &mut self.clients {
            client.most_bytes = client.most_bytes.max(seen);
        }
        let stored: Vec<usize> = (0..self.stored.len())
            .map(|one| self.reactor.server.stored_count(client::channel_name(one).as_bytes()))
            .collect();
        let (watched, idle) = stored.split_at(self.watched_count);
        let is_less = watched.iter().zip(&self.stored).any(|(now, before)| now < before);
        // One may have been stored in this call, after others gave way.
        let has_idle = idle.iter().any(|count| *count > 1);
        assert!(!is_less || !has_idle, "channels without subscribers give way first");
        self.stored = stored;
    }
}

/// What has given way so far, and the step at which it may begin to.
fn given_way(counters: &Counters) -> [(&'static str, u64, u64); 4] {
    [
        ("stored messages removed", HISTORY, counters.memory_messages_evicted_total),
        ("requests refused", HISTORY, counters.memory_requests_refused_total),
        ("slow consumers closed", HISTORY, counters.memory_consumers_closed_total),
        ("subscribers refused", SUBSCRIBERS, counters.memory_subscribers_refused_total),
    ]
}

/// The hooks allocate for the world, not for the server.
impl Turns for World {
    fn reactor(&mut self) -> &mut SimReactor {
        &mut self.reactor
    }

    fn after(&mut self, _: Call, _: Option<usize>) {
        allocations::set_server(false);
        self.check_order();
        allocations::set_server(true);
    }

    fn refused(&mut self, number: usize) {
        allocations::set_server(false);
        assert!(heap_bytes() >= self.step_bytes(CONNECTIONS), "there is room for a connection");
        self.refused = Some(number);
        self.coverage.count("connections refused", 1);
        allocations::set_server(true);
    }

    fn wrote(&mut self, number: usize, bytes: &[u8], count: usize) {
        allocations::set_server(false);
        let client = &mut self.clients[number];
        let has_answer = client.take(&bytes[..count]);
        if has_answer && let Some((channel, text)) = client.outstanding.take() {
            // One that waits for room in the backlog is the last request that gives way.
            let was_short = client.most_bytes >= self.budget / PARTS * SUBSCRIBERS;
            match client.statuses.last() {
                Some(200) => self.published[channel].push(text),
                Some(503) if was_short => self.coverage.count("publications refused", 1),
                status => panic!("client {number}: {status:?} to a publication"),
            }
        }
        if has_answer && let Role::Reader { channel } = client.role {
            client.since.1 = client.since.1.min(self.published[channel].len());
        }
        allocations::set_server(true);
    }

    fn closing(&mut self, number: usize) {
        let client = &self.clients[number];
        let may_close = match client.role {
            Role::Publisher { .. } => client.statuses.last() == Some(&503),
            Role::Idle | Role::Poller => false,
            Role::Reader { .. } => client.statuses != [200],
            Role::Slow { .. } | Role::Hostile => true,
        };
        let is_broken = self.reactor.sockets[number].is_broken;
        assert!(may_close || is_broken, "client {number} does nothing wrong and is closed");
        self.steps.add(format!("client {number} is closed"));
    }

    fn turn_ends(&mut self) {
        allocations::set_server(false);
        self.reactor.server.assert_consistent();
        allocations::set_server(true);
    }
}
