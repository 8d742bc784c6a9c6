//! Counts of connections and candidates for closing, and why a new connection is refused.

use super::connection::ConnectionId;
use crate::time::Moment;
use std::fmt;

/// Why a new connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// `connections_max` connections are open.
    Connections(usize),
    /// This many connections are open, and the file descriptors left are the daemon's own reserve.
    Descriptors(usize),
    /// Of this many slots, only those reserved for internal listeners are vacant.
    Reserved(usize),
    /// The memory budget, of this many bytes, is used up.
    Memory(u64),
    /// The server is stopping.
    Stopping,
}

/// Counts of connections, and the search for idle ones.
#[derive(Debug)]
pub(super) struct Admission {
    /// Number of connections that there are file descriptors for.
    pub(super) descriptor_count: usize,
    /// Number of connections accepted from internal listeners.
    pub(super) internal_count: usize,
    /// Index at which the next search for idle connections begins.
    pub(super) next_index: usize,
    /// Idle connections, and since when they are idle; the longest idle one is last.
    pub(super) candidates: Vec<(Moment, ConnectionId)>,
}

impl Default for Admission {
    fn default() -> Admission {
        let (internal_count, next_index, candidates) = (0, 0, Vec::new());
        Admission { descriptor_count: usize::MAX, internal_count, next_index, candidates }
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
                "file descriptors for {count} connections in use, the others are reserved; raise \
                 LimitNOFILE"
            ),
            Refused::Reserved(slots) => write!(
                formatter,
                "of {slots} connections only those reserved for internal listeners are left \
                 (connections_reserved); raise connections_max and LimitNOFILE"
            ),
            Refused::Memory(budget) => write!(
                formatter,
                "memory ({budget} bytes) is used up; raise it in [limits], or let fewer clients in"
            ),
            Refused::Stopping => write!(formatter, "the daemon is stopping"),
        }
    }
}
