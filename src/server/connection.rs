//! One connection: its phase, its unused input, its outbox, its deadline.

use super::clients::Client;
use super::session::Session;
use crate::broker::{Feed, Outbox, StreamChecksum, Subscriber, Transport};
use crate::config::{Limits, ListenerId};
use crate::http::{BodyReader, Exchange};
use crate::hub::{SubscriberId, Subscriptions};
use crate::time::{Moment, Now};
use std::fmt;

/// Index of a connection in the server's slab, and the reactor's token of its socket. It is used
/// again after [`Server::closed`](super::Server::closed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

impl ConnectionId {
    /// The id of the connection at this index of the slab.
    pub(super) fn of_index(index: usize) -> ConnectionId {
        ConnectionId(u32::try_from(index).expect("connections_max is below 2^32"))
    }

    /// The connection's index in the slab.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<SubscriberId> for ConnectionId {
    fn from(id: SubscriberId) -> ConnectionId {
        ConnectionId(id.0)
    }
}

impl From<ConnectionId> for SubscriberId {
    fn from(id: ConnectionId) -> SubscriberId {
        SubscriberId(id.0)
    }
}

pub(super) struct Connection {
    pub(super) phase: Phase,
    pub(super) outbox: Outbox,
    /// Bytes received that could not be used yet.
    pub(super) input: Box<[u8]>,
    pub(super) subscriptions: Subscriptions,
    pub(super) listener: ListenerId,
    pub(super) client: Client,
    pub(super) session: Session,
    pub(super) exchange: Exchange,
    /// Number of requests whose head was well-formed.
    pub(super) requests: u32,
    /// Sequence number of the last publication that it was given.
    pub(super) delivered: u64,
    /// When the phase began; in the head phase, when the first byte arrived; for a WebSocket
    /// whose pong is awaited, when the ping was queued.
    pub(super) since: Moment,
    pub(super) flags: Flags,
}

/// Which of the server's lists the connection is in, and the reported state of its socket.
#[derive(Debug, Default)]
pub(super) struct Flags {
    /// The kernel takes no bytes now.
    pub(super) is_blocked: bool,
    /// In a list of connections to write to.
    pub(super) is_pending: bool,
    /// In the list of connections to unsubscribe at the end of the step.
    pub(super) is_unsubscribing: bool,
    pub(super) pause: Pause,
    /// Not read until a pass of the fan-out has ended, because its long-polling request was
    /// answered in that pass.
    pub(super) is_held: bool,
    /// The client will send nothing more.
    pub(super) has_input_ended: bool,
}

/// Whether a connection is read (back-pressure).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pause {
    /// It is read.
    #[default]
    No,
    /// Not read until its outbox has room.
    ForRoom,
    /// In the list of connections that are read again when the publish backlog has room and the
    /// turn has time.
    Listed,
}

impl Flags {
    pub(super) fn is_paused(&self) -> bool {
        self.pause != Pause::No
    }
}

pub(super) enum Phase {
    /// Waiting for a request, or receiving its head, whose end is not in the first `scanned` bytes.
    Head { scanned: u32 },
    /// Receiving the body of a request.
    Body(Box<Incoming>),
    /// Receives messages.
    Subscriber(Subscriber),
    /// To be closed after what is queued has been written.
    Draining,
    /// The server's side is shut down. What the client still sends is dropped, so that no reset
    /// destroys the answer before the client has read it (RFC 9112, section 9.6).
    Lingering,
    /// To be closed at the end of the turn.
    Condemned {
        /// Its answer is incomplete, and would seem complete after a normal close.
        is_cut_short: bool,
    },
}

/// A request whose body is being received.
pub(super) struct Incoming {
    pub(super) purpose: Purpose,
    pub(super) reader: BodyReader,
    pub(super) body: Vec<u8>,
    pub(super) bytes_max: usize,
    pub(super) began: Moment,
    pub(super) last_arrival: Moment,
}

/// What the body of a request is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Nothing: the answer is queued already, and the body is dropped.
    Drop,
    /// The request that waits for it.
    Request,
    /// A request that publishes: it is carried out when there is room for a publication.
    Publication,
}

impl Connection {
    pub(super) fn new(listener: ListenerId, client: Client, now: Now) -> Connection {
        Connection {
            phase: Phase::Head { scanned: 0 },
            outbox: Outbox::default(),
            input: Box::default(),
            subscriptions: Subscriptions::default(),
            listener,
            client,
            session: Session::default(),
            exchange: Exchange::default(),
            requests: 0,
            delivered: 0,
            since: now.monotonic,
            flags: Flags::default(),
        }
    }

    /// The checksum of a compressed stream that begins with a replay in progress.
    pub(super) fn replay_checksum(&mut self) -> Option<&mut StreamChecksum> {
        if let Phase::Subscriber(subscriber) = &mut self.phase {
            return subscriber.checksum().map(|checksum| &mut **checksum);
        }
        match self.outbox.feed()? {
            Feed::Replay(replay) => replay.stream_end().map(|checksum| &mut **checksum),
            Feed::Listing(_) => None,
        }
    }

    /// When the server must act on the connection if no event comes before.
    pub(super) fn deadline(&self, limits: &Limits) -> Moment {
        let phase = match &self.phase {
            Phase::Head { .. } | Phase::Body(_) if self.flags.is_paused() || self.flags.is_held => {
                Moment::NEVER
            }
            Phase::Head { .. } if self.input.is_empty() && self.requests > 0 => {
                self.since + limits.keepalive_timeout
            }
            Phase::Head { .. } => self.since + limits.head_timeout,
            Phase::Body(incoming) => (incoming.last_arrival + limits.body_timeout)
                .min(incoming.began + limits.body_total_timeout),
            Phase::Subscriber(subscriber) => {
                let end = subscriber.next_heartbeat.min(subscriber.acts_at());
                end.min(self.pong_due_at(limits)).min(self.unfinished_until(limits))
            }
            Phase::Lingering => self.since + limits.linger_timeout,
            Phase::Draining | Phase::Condemned { .. } => Moment::NEVER,
        };
        if self.flags.is_blocked && !self.outbox.is_empty() {
            phase.min(self.stalls_at(limits))
        } else {
            phase
        }
    }

    /// When a WebSocket client has taken too long to complete a frame or message; the limits are
    /// those of a request's body.
    pub(super) fn unfinished_until(&self, limits: &Limits) -> Moment {
        let Phase::Subscriber(subscriber) = &self.phase else { return Moment::NEVER };
        let Transport::WebSocket { reader, .. } = &subscriber.transport else {
            return Moment::NEVER;
        };
        match reader.unfinished() {
            Some(unfinished) if !self.flags.is_paused() => (unfinished.last_arrival
                + limits.body_timeout)
                .min(unfinished.began + limits.body_total_timeout),
            Some(_) | None => Moment::NEVER,
        }
    }

    /// Bytes buffered of a request or message that has not arrived completely.
    pub(super) fn unfinished_bytes(&self) -> usize {
        let of_phase = match &self.phase {
            Phase::Body(incoming) => incoming.body.len(),
            Phase::Subscriber(subscriber) => match &subscriber.transport {
                Transport::WebSocket { reader, .. } => reader.held_bytes(),
                Transport::Framed
                | Transport::Events { .. }
                | Transport::Stream { .. }
                | Transport::LongPoll(_) => 0,
            },
            Phase::Head { .. } | Phase::Draining | Phase::Lingering | Phase::Condemned { .. } => 0,
        };
        self.input.len() + of_phase
    }

    /// When the connection is closed if its socket takes no bytes until then.
    pub(super) fn stalls_at(&self, limits: &Limits) -> Moment {
        self.outbox.progress_at() + limits.outbox_stall_timeout
    }

    /// When a WebSocket is closed if no pong arrives until then. Never while it is paused: the pong
    /// may have arrived without being read.
    pub(super) fn pong_due_at(&self, limits: &Limits) -> Moment {
        let Phase::Subscriber(subscriber) = &self.phase else { return Moment::NEVER };
        if subscriber.awaits_pong() && !self.flags.is_paused() {
            self.since + limits.pong_timeout
        } else {
            Moment::NEVER
        }
    }

    pub(super) fn is_condemned(&self) -> bool {
        matches!(self.phase, Phase::Condemned { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An idle subscriber of any mode costs this much and usually no heap of its own, so all modes
    /// cost the same.
    #[test]
    fn a_connection_without_queue_and_partial_input_stays_small() {
        assert!(size_of::<Connection>() <= 152);
    }
}
