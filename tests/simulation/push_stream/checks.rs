//! Invariants of each turn: input is read in the order of arrival, and messages reach the
//! subscribers that are free to receive them.

use super::client::{Client, Mode, Phase, Role};
use super::world::World;
use crate::order;
use crate::patience::Progress;

impl World {
    /// Called when the server has named every connection that is to be read again, before the
    /// events of this turn: input that arrived before them is read before them.
    pub fn no_connection_is_left_waiting(&self) {
        let server = &self.reactor.server;
        if server.is_turn_spent() || server.is_congested() || server.is_stopping() {
            return;
        }
        order::every_wanted_connection_is_listed(&self.reactor);
        for (number, id) in self.reactor.open() {
            let is_kept = server.unread_bytes(id) > 0 && !server.wants_input(id);
            // It may wait for the next pass over a channel with many pending messages.
            let may_wait = server.is_publishing(id) || server.resumes_in_next_turn(id);
            assert!(
                !is_kept || may_wait || !self.clients[number].queued.is_empty(),
                "client {number}: what it has sent is read too late"
            );
        }
    }

    /// A pending message reaches a subscriber with an open window within a bounded number of turns,
    /// independent of what other clients request.
    pub fn messages_reach_free_subscribers(&mut self) {
        let is_live =
            |client: &&Client| matches!(client.phase, Phase::Streaming(_) | Phase::Waiting(_));
        let paths = self.clients.iter().filter(is_live).flat_map(|client| &client.path);
        // There are no publications to the other names.
        let subscriptions = paths.filter(|(name, _)| !name.starts_with('v')).count();
        let turns_max = self.costs.turns_max(&self.reactor.server, subscriptions as u64);
        let is_stopping = self.reactor.server.is_stopping();
        let turn = self.reactor.turns;
        let pairs = self.clients.iter_mut().zip(&self.reactor.sockets);
        for (number, (client, socket)) in pairs.enumerate() {
            let is_open = socket.is_open() && !socket.is_broken && !client.wants_close;
            // Messages of the events channel are published by the server.
            let is_watcher = client.role == Role::Subscriber(Mode::Watcher);
            let is_free = is_open && !socket.is_blocked && !is_stopping && !is_watcher;
            let (written, queued) = (client.written, client.queued.len() as u64);
            let Some(live) = client.live() else { continue };
            let missing = live.missing_count() as u64;
            live.has_caught_up |= missing == 0 && queued == 0;
            if !is_free || !live.has_caught_up {
                live.patience.reset();
                continue;
            }
            let progress = Progress { taken: live.taken_count, missing, written, queued };
            let has_waited = live.patience.look(turn, turns_max, number, &progress);
            self.coverage.count("turns that free subscribers waited", u64::from(has_waited));
        }
    }
}
