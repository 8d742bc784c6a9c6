//! Limits on the number of connections: slots reserved for internal listeners, and idle connections
//! that are closed to make room for new clients.

use super::admission::Refused;
use super::clients::Source;
use super::connection::{Connection, ConnectionId, Phase};
use super::memory::Pressure;
use super::state::State;
use crate::config::ListenerId;
use crate::time::{Millis, Now};
use std::collections::BinaryHeap;
use std::net::IpAddr;

/// Maximum number of connections examined in one search for idle ones: about half a millisecond.
const EXAMINED_MAX: usize = 32 * 1024;
/// Maximum number of idle connections that a search finds, so that not each close needs a search.
const CANDIDATES_MAX: usize = 64;
/// Connections used more recently than this are not closed: a proxy may be sending the next request
/// already.
const IDLE_MIN: Millis = Millis(1000);

impl State {
    /// Adds a connection that was accepted from this listener.
    ///
    /// # Errors
    /// Those of [`State::has_room`]; nothing has changed.
    pub(super) fn accept(
        &mut self,
        listener: ListenerId,
        peer: Option<IpAddr>,
        now: Now,
    ) -> Result<ConnectionId, Refused> {
        self.has_room(listener)?;
        self.admission.internal_count += usize::from(self.is_internal(listener));
        let peer = peer.map(|address| address.to_canonical());
        let is_trusted = self.config.trusted_proxies.contains(peer);
        let source = if is_trusted { Source::TrustedPeer } else { Source::Peer };
        let id = self.connections.insert(listener, peer, source, now);
        self.counters.connections_total += 1;
        self.rearm(id);
        Ok(id)
    }

    /// Limits connections to the number of file descriptors that the process has for them. May be
    /// called at any time; without it there is no such limit.
    pub(super) fn limit_connections(&mut self, descriptor_count: usize) {
        self.admission.descriptor_count = descriptor_count;
    }

    /// Whether [`State::accept`] would accept a connection from this listener now.
    ///
    /// # Errors
    /// The limit that is reached, or the server is stopping.
    pub(super) fn has_room(&self, listener: ListenerId) -> Result<(), Refused> {
        if self.is_stopping() {
            return Err(Refused::Stopping);
        }
        let limits = &self.config.limits;
        let (count, descriptors) = (self.connections.len(), self.admission.descriptor_count);
        if count >= limits.connections_max {
            return Err(Refused::Connections(limits.connections_max));
        }
        if count >= descriptors {
            return Err(Refused::Descriptors(descriptors));
        }
        let is_internal = self.is_internal(listener);
        if !is_internal && self.memory.is_at_least(Pressure::Connections) {
            return Err(Refused::Memory(self.memory.budget()));
        }
        let slots = limits.connections_max.min(descriptors);
        let public_count = count - self.admission.internal_count;
        if is_internal || public_count < slots - self.reserved(slots) {
            Ok(())
        } else {
            Err(Refused::Reserved(slots))
        }
    }

    /// Number of slots that only internal listeners may use, if any is bound.
    fn reserved(&self, slots: usize) -> usize {
        let mut bound = self.config.listeners[..self.bound_count].iter();
        if bound.any(|listener| listener.is_internal) {
            self.config.limits.connections_reserved.min(slots / 2)
        } else {
            0
        }
    }

    /// Whether the listener is internal in the configuration in force.
    pub(super) fn is_internal(&self, listener: ListenerId) -> bool {
        self.config.listeners[usize::from(listener.0)].is_internal
    }

    /// Whether the connection was accepted from an internal listener. False if there is none with
    /// this id.
    pub(super) fn is_internal_peer(&self, id: ConnectionId) -> bool {
        let connection = self.connections.get(id);
        connection.is_some_and(|connection| self.is_internal(connection.listener))
    }

    /// Counts the connections of internal listeners again: a reload may have made a listener
    /// internal or public.
    pub(super) fn recount_internal(&mut self) {
        let internal = self.connections.iter().filter(|(_, one)| self.is_internal(one.listener));
        self.admission.internal_count = internal.count();
    }

    /// Closes the connection that has been idle longest, so that a client waiting at this listener
    /// can be accepted in the next turn. For a public listener, connections of internal ones are
    /// not closed. False: no idle connection was found; the search examines a limited number.
    pub(super) fn make_room(&mut self, listener: ListenerId, now: Now) -> bool {
        if matches!(self.has_room(listener), Err(Refused::Memory(_))) {
            // Closing an idle connection frees hardly any memory.
            return false;
        }
        let takes_any = self.is_internal(listener);
        for _ in 0..2 {
            while let Some((since, id)) = self.admission.candidates.pop() {
                let is_unchanged = self.connections.get(id).is_some_and(|connection| {
                    connection.since == since
                        && connection.is_idle()
                        && (takes_any || !self.is_internal(connection.listener))
                });
                if is_unchanged {
                    log::debug!("connection {id}: closed, idle, for a new one");
                    self.condemn(id);
                    return true;
                }
            }
            self.find_idle(takes_any, now);
        }
        false
    }

    /// Searches the next connections for the longest idle ones, and makes them the candidates.
    fn find_idle(&mut self, takes_any: bool, now: Now) {
        let end = self.connections.index_end();
        // A heap of the longest idle ones; its top, the one idle for the shortest time, is removed
        // when there are too many.
        let mut oldest = BinaryHeap::with_capacity(CANDIDATES_MAX + 1);
        for _ in 0..end.min(EXAMINED_MAX) {
            let index = self.admission.next_index % end;
            self.admission.next_index = index + 1;
            let id = ConnectionId::of_index(index);
            let Some(connection) = self.connections.get(id) else { continue };
            let is_of_kind = takes_any || !self.is_internal(connection.listener);
            let is_old = connection.since + IDLE_MIN <= now.monotonic;
            if is_of_kind && is_old && connection.is_idle() {
                oldest.push((connection.since, id));
                if oldest.len() > CANDIDATES_MAX {
                    oldest.pop();
                }
            }
        }
        self.admission.candidates = oldest.into_sorted_vec();
        self.admission.candidates.reverse();
    }
}

impl Connection {
    /// Whether no part of a request has arrived since its last answer or, without one, since it was
    /// accepted. A client that connects and sends nothing counts as idle, so that it does not keep
    /// a slot that another client needs.
    fn is_idle(&self) -> bool {
        let is_kept_busy =
            self.flags.is_paused() || self.flags.is_held || self.flags.has_input_ended;
        matches!(self.phase, Phase::Head { .. })
            && !is_kept_busy
            && self.input.is_empty()
            && self.outbox.is_empty()
    }
}
