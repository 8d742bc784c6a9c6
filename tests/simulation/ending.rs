//! How a run ends: everything comes to rest, all clients leave, or the server stops.

use crate::bounds::Call;
use crate::checks;
use crate::client::State;
use crate::world::World;
use rpushd::server::ConnectionId;

/// A server that needs more turns never comes to rest.
const LAST_TURNS_MAX: usize = 20_000;

impl World {
    /// Everybody reads what there is and says what there is to say, until nothing moves any more.
    pub fn settle(&mut self) {
        for client in &mut self.clients {
            client.socket.window = 1 << 20;
            client.manners.slice_max = 100_000;
        }
        for _ in 0..LAST_TURNS_MAX {
            let mut moved = 0;
            for number in 0..self.clients.len() {
                let client = &mut self.clients[number];
                moved += client.read(usize::MAX);
                if client.id().is_some() {
                    moved += client.send(&mut self.random);
                    self.note_arrival(number);
                }
            }
            self.turn();
            if moved == 0 && !self.is_active && self.is_at_rest() {
                self.coverage.count("settled", 1);
                return checks::everything_has_arrived(self);
            }
        }
        panic!("the world does not come to rest");
    }

    /// All clients leave, in one way or another; then nothing may be left.
    pub fn leave(&mut self) {
        self.log(|| "all clients leave".to_string());
        for number in 0..self.clients.len() {
            let client = &mut self.clients[number];
            if client.state == State::Waiting {
                client.state = State::Over;
            }
            // A server that wants no more input would not see its end, only a reset.
            let wants_input =
                client.id().is_none_or(|id| self.server.wants_input(ConnectionId(id)));
            let socket = &client.socket;
            let sees_end = wants_input && socket.sent == socket.received && !socket.has_finished;
            match sees_end && self.random.one_in(2) {
                true => client.finish(),
                false => client.abort(),
            }
            self.note_arrival(number);
        }
        self.wait_for_end(|world| world.server.next_wake(world.now).is_none());
        assert_eq!(self.server.connection_count(), 0, "all have left");
    }

    /// The server stops; who reads gets a proper end.
    pub fn stop(&mut self) {
        self.log(|| "the server stops".to_string());
        let began = self.now.monotonic;
        self.measure(Call::Whole, |server, now| server.stop(now));
        self.observe_all(false);
        checks::streams_have_ended(self);
        self.server.assert_consistent();
        self.wait_for_end(|world| world.server.connection_count() == 0);
        let took = self.now.monotonic.since(began);
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
                assert!(self.server.is_empty(), "nothing is left");
                assert_eq!(self.server.buffered_bytes(), 0, "no byte is left");
                return;
            }
            if self.is_at_rest()
                && let Some(wake) = self.server.next_wake(self.now)
            {
                self.pass(wake.since(self.now.monotonic));
            }
        }
        panic!("the server never comes to its end");
    }
}
