//! The ends of a run: everything becomes idle, all clients leave, or the server stops.

use crate::checks;
use crate::reactor::{Call, State, Turns};
use crate::world::World;

/// A server that needs more turns than this never becomes idle.
const LAST_TURNS_MAX: usize = 20_000;

impl World {
    /// All clients read and send everything that they can, until nothing changes any more.
    pub fn settle(&mut self) {
        for number in 0..self.clients.len() {
            let in_flight = self.reactor.sockets[number].to_client.len();
            self.reactor.set_room(number, (1 << 20) - in_flight);
            self.clients[number].manners.slice_max = 100_000;
        }
        for _ in 0..LAST_TURNS_MAX {
            let mut moved = 0;
            for number in 0..self.clients.len() {
                moved += self.read(number, usize::MAX);
                if self.reactor.sockets[number].is_open() {
                    moved += self.send(number);
                }
            }
            self.turn();
            if moved == 0 && !self.reactor.is_active && self.reactor.is_at_rest() {
                self.coverage.count("settled", 1);
                return checks::everything_has_arrived(self);
            }
        }
        panic!("the world does not come to rest");
    }

    /// All clients disconnect, in various ways; then nothing may be left.
    pub fn leave(&mut self) {
        self.log(|| "all clients leave".to_string());
        for number in 0..self.clients.len() {
            if self.reactor.sockets[number].state == State::Waiting {
                self.reactor.leave_backlog(number);
            }
            // If the server wants no input, it would not notice an end, only a reset.
            let socket = &self.reactor.sockets[number];
            let wants_input = socket.id().is_none_or(|id| self.reactor.server.wants_input(id));
            let sees_end = wants_input && socket.to_server.is_empty() && !socket.has_ended;
            if sees_end && self.random.one_in(2) {
                self.reactor.end(number)
            } else {
                self.reactor.break_off(number)
            }
        }
        self.wait_for_end(|world| world.reactor.server.next_wake(world.reactor.now).is_none());
        assert_eq!(self.reactor.server.connection_count(), 0, "all have left");
    }

    /// The server stops; every client that reads receives a proper end.
    pub fn stop(&mut self) {
        self.log(|| "the server stops".to_string());
        let began = self.reactor.now.monotonic;
        self.call(Call::Whole, None, |server, now| server.stop(now));
        checks::streams_have_ended(self);
        self.wait_for_end(|world| world.reactor.server.connection_count() == 0);
        let took = self.reactor.now.monotonic.since(began);
        assert!(took <= self.config.limits.stop_timeout, "stopping took {} ms", took.0);
        if took == self.config.limits.stop_timeout {
            self.coverage.count("stops that took their time", 1);
        }
    }

    fn wait_for_end(&mut self, is_over: impl Fn(&World) -> bool) {
        for _ in 0..LAST_TURNS_MAX {
            self.act();
            self.turn();
            if is_over(self) {
                assert!(self.reactor.server.is_empty(), "nothing is left");
                assert_eq!(self.reactor.server.buffered_bytes(), 0, "no byte is left");
                return;
            }
            if self.reactor.is_at_rest()
                && let Some(wake) = self.reactor.server.next_wake(self.reactor.now)
            {
                self.pass(wake.since(self.reactor.now.monotonic));
            }
        }
        panic!("the server never comes to its end");
    }
}
