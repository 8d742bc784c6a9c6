//! A subscriber: its transport and its deadlines.

use super::checksum::StreamChecksum;
use crate::time::Moment;
use crate::transports::{Encoded, Formats, Profile, Waiting};
use crate::websocket::Reader;
use std::rc::Rc;

/// A connection that receives messages.
pub struct Subscriber {
    /// How messages are carried to it, with the transport's state.
    pub transport: Transport,
    /// What it shares with other subscribers of its kind.
    pub profile: Rc<Profile>,
    /// When the next heartbeat is due.
    pub next_heartbeat: Moment,
    /// When its subscription ends.
    pub ends_at: Moment,
}

/// Why a subscription ends at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The time to live of its location is over, or it never ends.
    TimeToLive,
    /// Its token expires. Its client has not been warned yet.
    Expiry,
    /// Its token expires, of which its client has been warned.
    ExpiryWarned,
    /// Its connection is as old as one may be.
    Age,
}

/// How messages are carried to a subscriber.
pub enum Transport {
    /// The rpushd API's frames.
    Framed,
    /// A response of a location that lasts as long as the subscription; also server-sent events.
    Stream {
        /// Checksum of what was sent, if the stream is compressed.
        checksum: Option<Box<StreamChecksum>>,
        /// Minimum size of a message with its padding; 0: none (push-stream spec, section 18).
        padding: u32,
    },
    /// A response of the signed subscribe API: server-sent events, or frames with envelopes.
    Events {
        /// Why it ends at its time.
        end: End,
    },
    /// A response that ends with the next message. `None`: the request is answered exactly as its
    /// profile describes.
    LongPoll(Option<Box<Waiting>>),
    /// A WebSocket (RFC 6455).
    WebSocket {
        /// Parses the client's frames. It allocates nothing between messages.
        reader: Reader,
        /// Whether permessage-deflate was negotiated.
        is_deflated: bool,
        /// Whether messages that the client publishes are stored.
        is_stored: bool,
        /// Whether a ping was sent and nothing has been received since.
        awaits_pong: bool,
        /// Why it ends at its time.
        end: End,
    },
}

impl Subscriber {
    /// Whether its transport is a WebSocket.
    pub(crate) fn is_websocket(&self) -> bool {
        matches!(self.transport, Transport::WebSocket { .. })
    }

    /// Whether a ping was sent and nothing has been received since.
    pub(crate) fn awaits_pong(&self) -> bool {
        matches!(self.transport, Transport::WebSocket { awaits_pong: true, .. })
    }

    /// Whether several messages may be queued for it as one frame: it needs no padding between them
    /// and no checksum.
    pub(crate) fn takes_batches(&self) -> bool {
        match self.transport {
            Transport::Stream { ref checksum, padding } => checksum.is_none() && padding == 0,
            Transport::Framed
            | Transport::Events { .. }
            | Transport::LongPoll(_)
            | Transport::WebSocket { .. } => true,
        }
    }

    /// Why it ends at its time.
    pub fn end(&self) -> End {
        match self.transport {
            Transport::Events { end } | Transport::WebSocket { end, .. } => end,
            Transport::Framed | Transport::Stream { .. } | Transport::LongPoll(_) => {
                End::TimeToLive
            }
        }
    }

    /// Ends it at another time, if it is one of the signed subscribe API.
    pub fn end_at(&mut self, moment: Moment, why: End) {
        if let Transport::Events { end } | Transport::WebSocket { end, .. } = &mut self.transport {
            (*end, self.ends_at) = (why, moment);
        }
    }

    /// When it ends, or its client is warned of the end.
    pub fn acts_at(&self) -> Moment {
        match self.end() {
            End::Expiry => self.ends_at - self.profile.expiring_before.get(),
            End::TimeToLive | End::ExpiryWarned | End::Age => self.ends_at,
        }
    }

    /// Restarts the heartbeat interval because of a live message, if the profile asks for it.
    pub(crate) fn restart_heartbeat(&mut self, now: Moment) {
        if self.profile.restarts_heartbeat {
            self.next_heartbeat = now + self.profile.heartbeat_interval.get();
        }
    }

    /// The padding after an item of `bytes` bytes, if it needs any.
    pub(crate) fn padding(&self, bytes: usize, formats: &mut Formats) -> Option<Encoded> {
        let Transport::Stream { padding: wanted @ 1.., .. } = self.transport else { return None };
        let rule = self.profile.padding?;
        Some(formats.filling(rule.filling(bytes, wanted)?, rule.coding))
    }

    /// Adds a queued item to the checksum, if the stream is compressed.
    pub fn add_to_checksum(&mut self, item: &Encoded) {
        if let (Some(checksum), Some(sum)) = (self.checksum(), &item.checksum) {
            checksum.add(sum);
        }
    }

    /// The checksum, if the stream is compressed.
    pub(crate) fn checksum(&mut self) -> Option<&mut Box<StreamChecksum>> {
        match &mut self.transport {
            Transport::Stream { checksum, .. } => checksum.as_mut(),
            Transport::Framed
            | Transport::Events { .. }
            | Transport::LongPoll(_)
            | Transport::WebSocket { .. } => None,
        }
    }
}
