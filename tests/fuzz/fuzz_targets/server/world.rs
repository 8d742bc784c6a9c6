//! One server with a few clients, and the checks of its whole state after each step.

use crate::reactor::{Call, SimReactor, Turns};
use rpushd::config::{Config, ListenerId};
use rpushd::server::Host;
use rpushd::time::{Moment, Now, UnixMillis};
use std::io::IoSlice;
use std::net::{IpAddr, Ipv4Addr};

/// As the configurations have it.
const CONNECTIONS_MAX: usize = 3;
/// An outbox at its limit, an answer of statistics, and all that a client may have sent: inputs
/// have at most 4 KiB, and a body is kept up to its limit only if all of it arrives.
const BUFFERED_BYTES_MAX: usize = 24 * 1024;
/// The limit, and a message of 4 KiB in all the forms in which it is read.
const BACKLOG_BYTES_MAX: usize = 64 * 1024;

pub struct World {
    pub reactor: SimReactor,
    pub clients: Vec<Client>,
}

/// A client, which connects again whenever it has bytes to send and no connection.
pub struct Client {
    listener: ListenerId,
    peer: Option<IpAddr>,
    /// The number of its latest socket.
    number: Option<usize>,
}

impl World {
    /// A server with as many clients as there are listeners, one at each. `read_bytes`: the most
    /// that is read from a socket at once.
    pub fn new(config: Config, read_bytes: usize) -> World {
        // A start other than 0 shows where points in time are mistaken for spans.
        let unix = UnixMillis(1_795_315_656_000);
        let now = Now { monotonic: Moment(64_000), unix };
        let host = Host {
            name: "fuzz".to_owned(),
            process_id: 1,
            resident_bytes: || 0,
            heap_bytes: || 0,
            fixed_bytes: 0,
            memory_bytes: u64::MAX,
            random: [7; 16],
        };
        let clients = (0..config.listeners.len()).map(|index| Client {
            listener: ListenerId(index as u16),
            peer: (index > 0).then_some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, index as u8))),
            number: None,
        });
        let clients = clients.collect();
        let mut reactor = SimReactor::new(config, host, now);
        reactor.read_bytes = read_bytes;
        World { reactor, clients }
    }

    /// A client's bytes arrive. Without room for its connection they are dropped.
    pub fn send(&mut self, client: usize, bytes: &[u8]) {
        if self.open_socket(client).is_none() {
            self.connect(client);
        }
        let number = self.open_socket(client);
        if let Some(number) = number.filter(|number| !self.reactor.sockets[*number].has_ended) {
            self.reactor.send(number, bytes);
        }
    }

    /// A client closes its sending side.
    pub fn end(&mut self, client: usize) {
        if let Some(number) = self.open_socket(client) {
            self.reactor.end(number);
        }
    }

    /// A client vanishes with all that it has not sent.
    pub fn vanish(&mut self, client: usize) {
        if let Some(number) = self.open_socket(client) {
            self.reactor.break_off(number);
        }
    }

    /// From now on a client reads only so many more bytes.
    pub fn read_only(&mut self, client: usize, room: usize) {
        if let Some(number) = self.open_socket(client) {
            self.reactor.set_room(number, room);
        }
    }

    /// All that was written to a client's latest connection.
    pub fn received(&self, client: usize) -> &[u8] {
        self.clients[client].number.map_or(&[], |number| &self.reactor.sockets[number].to_client)
    }

    fn open_socket(&self, client: usize) -> Option<usize> {
        self.clients[client].number.filter(|number| self.reactor.sockets[*number].is_open())
    }

    fn connect(&mut self, client: usize) {
        let Client { listener, peer, .. } = self.clients[client];
        let SimReactor { server, now, .. } = &mut self.reactor;
        if server.is_stopping() {
            return;
        }
        if server.has_room(listener).is_err() {
            server.make_room(listener, *now);
            return;
        }
        let number = self.reactor.connect(listener, peer);
        self.reactor.accept(number).expect("there is room");
        self.clients[client].number = Some(number);
    }

    /// No input makes much more of itself than the limits allow for a connection and a backlog.
    fn assert_bounded(&self) {
        let count = self.reactor.server.connection_count();
        assert!(count <= CONNECTIONS_MAX, "{count} connections");
        let bytes = self.reactor.server.buffered_bytes();
        assert!(bytes <= count * BUFFERED_BYTES_MAX, "{bytes} bytes for {count} connections");
        let bytes = self.reactor.server.backlog_bytes();
        assert!(bytes <= BACKLOG_BYTES_MAX, "{bytes} bytes to be handed out");
    }
}

impl Turns for World {
    fn reactor(&mut self) -> &mut SimReactor {
        &mut self.reactor
    }

    fn after(&mut self, call: Call, _: Option<usize>) {
        if call == Call::Tick {
            self.reactor.server.assert_consistent();
        }
    }

    fn was_read(&mut self, _: usize) {
        self.reactor.server.assert_consistent();
    }

    fn wrote(&mut self, number: usize, bytes: &[u8], _: usize) {
        let written = &self.reactor.sockets[number].to_client;
        let first = if written.is_empty() { bytes } else { written };
        let beginning = b"HTTP/1.1 ";
        let known = first.len().min(beginning.len());
        assert!(first.starts_with(&beginning[..known]), "what comes first is an answer");
    }

    fn batch_written(&mut self) {
        self.reactor.server.assert_consistent();
    }

    fn shutting(&mut self, number: usize) {
        let id = self.reactor.sockets[number].id().expect("it is open");
        let unsent = self.reactor.server.unsent(id, &mut [IoSlice::new(&[])]);
        assert_eq!(unsent, 0, "all is written");
    }

    fn turn_ends(&mut self) {
        self.reactor.server.assert_consistent();
        self.assert_bounded();
    }
}
