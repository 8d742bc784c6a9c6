//! Who may connect when connections run short: slots that are reserved for internal listeners, and
//! idle connections that are closed for new clients.

use super::Server;
use super::connection::{Connection, ConnectionId, Phase};
use crate::config::ListenerId;
use crate::time::{Millis, Now};
use std::collections::BinaryHeap;
use std::fmt;

/// Connections looked at in one call: about half a millisecond.
const EXAMINED_MAX: usize = 32 * 1024;
/// Idle connections remembered from one look, so that closing them one by one does not need a look
/// for each.
const CANDIDATES_MAX: usize = 64;
/// A connection that was used so recently is likely to be used again at once: a proxy may be
/// sending.
const IDLE_MIN: Millis = Millis(1000);

/// Why a new connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// `connections_max` connections are open.
    Connections(usize),
    /// So many connections are open that the descriptors left are the daemon's own reserve.
    Descriptors(usize),
    /// What is left of so many slots is reserved for internal listeners.
    Reserved(usize),
    /// The server is stopping.
    Stopping,
}

/// What the server knows of its connections as a whole.
#[derive(Debug)]
pub(super) struct Admission {
    /// Connections that the descriptors suffice for.
    descriptor_count: usize,
    /// Connections that came through internal listeners.
    pub(super) internal_count: usize,
    /// Where the next look begins.
    next_index: usize,
    /// Idle connections and since when, the longest idle one last.
    candidates: Vec<(Millis, ConnectionId)>,
}

impl Default for Admission {
    fn default() -> Admission {
        let (internal_count, next_index, candidates) = (0, 0, Vec::new());
        Admission { descriptor_count: usize::MAX, internal_count, next_index, candidates }
    }
}

impl Server {
    /// The operating system has descriptors for so many connections.
    pub fn limit_connections(&mut self, descriptor_count: usize) {
        self.admission.descriptor_count = descriptor_count;
    }

    /// Whether a connection at this listener would be taken now.
    ///
    /// # Errors
    /// Why not.
    pub fn has_room(&self, listener: ListenerId) -> Result<(), Refused> {
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
        let slots = limits.connections_max.min(descriptors);
        let public_count = count - self.admission.internal_count;
        match self.is_internal(listener) || public_count < slots - self.reserved(slots) {
            true => Ok(()),
            false => Err(Refused::Reserved(slots)),
        }
    }

    /// Slots that only internal listeners may use, if any is bound.
    fn reserved(&self, slots: usize) -> usize {
        let mut bound = self.config.listeners[..self.bound_count].iter();
        match bound.any(|listener| listener.is_internal) {
            true => self.config.limits.connections_reserved.min(slots / 2),
            false => 0,
        }
    }

    /// Whether the listener is internal in the configuration in force.
    pub fn is_internal(&self, listener: ListenerId) -> bool {
        self.config.listeners[usize::from(listener.0)].is_internal
    }

    /// Whether a connection came over an internal listener.
    pub fn is_internal_peer(&self, id: ConnectionId) -> bool {
        let connection = self.connections.get(id);
        connection.is_some_and(|connection| self.is_internal(connection.listener))
    }

    /// A new configuration may have made another kind of a listener.
    pub(super) fn recount_internal(&mut self) {
        let internal = self.connections.iter().filter(|(_, one)| self.is_internal(one.listener));
        self.admission.internal_count = internal.count();
    }

    /// Condemns the connection that has been idle for longest, so that a client who waits at this
    /// listener can be accepted in the next turn. A public one takes no internal connection's
    /// place. False: none is idle, as far as a bounded look shows.
    pub fn make_room(&mut self, listener: ListenerId, now: Now) -> bool {
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

    /// Remembers those of the next connections that are idle, the longest idle ones first.
    fn find_idle(&mut self, takes_any: bool, now: Now) {
        let end = self.connections.index_end();
        // A heap of the oldest ones, the youngest of them on top.
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
    /// Whether nothing of a request has come since its last answer, or since it was accepted: a
    /// client that connects and sends nothing must not hold a place that a working one has to give
    /// up.
    fn is_idle(&self) -> bool {
        let is_kept_busy =
            self.flags.is_paused() || self.flags.is_held || self.flags.has_input_ended;
        matches!(self.phase, Phase::Head { .. })
            && !is_kept_busy
            && self.input.is_empty()
            && self.outbox.is_empty()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Connections(max) => {
                write!(formatter, "connections_max ({max}) reached; raise it and LimitNOFILE")
            }
            Refused::Descriptors(count) => write!(
                formatter,
                "file descriptors for {count} connections in use, the rest is kept back; raise \
                 LimitNOFILE"
            ),
            Refused::Reserved(slots) => write!(
                formatter,
                "of {slots} connections only those reserved for internal listeners are left \
                 (connections_reserved); raise connections_max and LimitNOFILE"
            ),
            Refused::Stopping => write!(formatter, "the daemon is stopping"),
        }
    }
}
