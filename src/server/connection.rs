//! One connection: which phase it is in, what it has sent so far, what waits for it.

use super::outbox::Outbox;
use crate::config::{Limits, ListenerId};
use crate::http::{BodyReader, Head, Version};
use crate::hub::Subscriptions;
use crate::time::{Millis, Now};
use crate::transports::FormatId;

/// Index of a connection in the server's slab; equal to the reactor's token. Used again after the
/// connection's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) phase: Phase,
    pub(super) outbox: Outbox,
    /// Bytes that came and could not be used yet.
    pub(super) input: Vec<u8>,
    pub(super) subscriptions: Subscriptions,
    pub(super) listener: ListenerId,
    pub(super) exchange: Exchange,
    /// Requests whose head was understood.
    pub(super) requests: u32,
    /// Sequence of the last publication that it has taken.
    pub(super) delivered: u64,
    /// When the phase began; in the head phase, when the first byte came.
    pub(super) since: Millis,
    pub(super) flags: Flags,
}

/// What stands on one of the server's lists, and what the reactor said.
#[derive(Debug, Default)]
pub(super) struct Flags {
    /// The kernel takes nothing at the moment.
    pub(super) is_blocked: bool,
    /// On the list of those to write to.
    pub(super) is_pending: bool,
    /// On the list of those whose subscriptions are to be ended.
    pub(super) is_leaving: bool,
    /// On the list of those whose requests wait until there is room for the answers.
    pub(super) is_parked: bool,
    /// The client will send nothing more.
    pub(super) has_input_ended: bool,
}

/// What the answer to the current request depends on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Exchange {
    pub(super) is_http_1_0: bool,
    pub(super) keeps_alive: bool,
    pub(super) is_head: bool,
}

#[derive(Debug)]
pub(super) enum Phase {
    /// Waiting for a request or in the middle of its head, which has been searched so far.
    Head { scanned: u32 },
    /// In the middle of a request's body.
    Body(Box<Incoming>),
    /// Receives messages.
    Subscriber(Subscriber),
    /// What is queued is still written, then the connection is closed.
    Draining,
    /// The server's side is closed; what the client still sends is dropped, so that it can read the
    /// answer before its kernel hears of a reset (RFC 9112, section 9.6).
    Lingering,
    /// To be closed at the end of the turn.
    Condemned,
}

/// A request whose body has not ended.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) awaiting: Awaiting,
    pub(super) reader: BodyReader,
    pub(super) body: Vec<u8>,
    pub(super) bytes_max: usize,
    pub(super) began: Millis,
    pub(super) last_arrival: Millis,
}

/// What a body is read for.
#[derive(Debug)]
pub(super) enum Awaiting {
    /// The answer has been given; the body is dropped.
    Nothing,
    /// `POST /api/publish`
    Publish,
    /// `POST /api/stream/{channel}`
    Stream { channel: String },
}

/// What a subscriber needs between messages.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) format: FormatId,
    pub(super) transport: Transport,
    /// Between two heartbeats; never: none are sent.
    pub(super) beat_interval: Millis,
    pub(super) next_beat: Millis,
    pub(super) ends_at: Millis,
}

/// How a subscriber is talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// The rpushd API's frames.
    Framed,
}

impl Exchange {
    pub(super) fn of(head: &Head<'_>) -> Exchange {
        Exchange {
            is_http_1_0: head.version == Version::Http10,
            keeps_alive: head.keeps_alive,
            is_head: head.method == "HEAD",
        }
    }
}

impl Connection {
    pub(super) fn new(listener: ListenerId, now: Now) -> Connection {
        Connection {
            phase: Phase::Head { scanned: 0 },
            outbox: Outbox::default(),
            input: Vec::new(),
            subscriptions: Subscriptions::default(),
            listener,
            exchange: Exchange::default(),
            requests: 0,
            delivered: 0,
            since: now.monotonic,
            flags: Flags::default(),
        }
    }

    /// When something has to happen that nobody else will make happen.
    pub(super) fn deadline(&self, limits: &Limits) -> Millis {
        let phase = match &self.phase {
            Phase::Head { .. } if self.flags.is_parked => Millis::NEVER,
            Phase::Head { .. } if self.input.is_empty() && self.requests > 0 => {
                self.since + limits.keepalive_timeout
            }
            Phase::Head { .. } => self.since + limits.head_timeout,
            Phase::Body(incoming) => (incoming.last_arrival + limits.body_timeout)
                .min(incoming.began + limits.body_total_timeout),
            Phase::Subscriber(subscriber) => subscriber.next_beat.min(subscriber.ends_at),
            Phase::Lingering => self.since + limits.linger_timeout,
            Phase::Draining | Phase::Condemned => Millis::NEVER,
        };
        match self.flags.is_blocked && !self.outbox.is_empty() {
            true => phase.min(self.stalls_at(limits)),
            false => phase,
        }
    }

    /// When a connection whose socket takes nothing is given up.
    pub(super) fn stalls_at(&self, limits: &Limits) -> Millis {
        self.outbox.progress_at() + limits.outbox_stall_timeout
    }

    pub(super) fn is_condemned(&self) -> bool {
        matches!(self.phase, Phase::Condemned)
    }
}
