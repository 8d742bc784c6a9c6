//! A subscriber: what carries its messages, and what it needs between them.

use super::checksum::StreamChecksum;
use crate::time::Millis;
use crate::transports::{Encoded, Formats, Profile, Waiting};
use crate::websocket::Reader;
use std::rc::Rc;

/// What a subscriber needs between messages.
pub struct Subscriber {
    /// What carries its messages, and the state of that.
    pub transport: Transport,
    /// What it shares with others of its kind.
    pub profile: Rc<Profile>,
    /// When the next heartbeat is due.
    pub next_beat: Millis,
    /// When its time is over.
    pub ends_at: Millis,
}

/// How a subscriber is talked to.
pub enum Transport {
    /// The rpushd API's frames.
    Framed,
    /// An endless response of a location, server-sent events included. A compressed one has a
    /// checksum.
    Stream {
        /// Of a compressed stream: what ends it.
        checksum: Option<Box<StreamChecksum>>,
        /// Minimum size of a message with its padding; 0: none (push-stream spec, section 18).
        padding: u32,
    },
    /// A response that ends with the next message. What differs from its profile is on the heap.
    LongPoll(Option<Box<Waiting>>),
    /// RFC 6455. The reader owns no heap between messages.
    WebSocket {
        /// Takes the client's frames apart.
        reader: Reader,
        /// permessage-deflate was agreed.
        is_deflated: bool,
        /// What the client publishes is stored.
        is_stored: bool,
        /// A ping was sent, and nothing has come from the client since.
        owes_pong: bool,
    },
}

impl Subscriber {
    pub(crate) fn is_websocket(&self) -> bool {
        matches!(self.transport, Transport::WebSocket { .. })
    }

    pub(crate) fn owes_pong(&self) -> bool {
        matches!(self.transport, Transport::WebSocket { owes_pong: true, .. })
    }

    /// Whether several messages may be given to it as one frame: nothing belongs between or behind
    /// them.
    pub(crate) fn takes_batches(&self) -> bool {
        match self.transport {
            Transport::Stream { ref checksum, padding } => checksum.is_none() && padding == 0,
            Transport::Framed | Transport::LongPoll(_) | Transport::WebSocket { .. } => true,
        }
    }

    /// A live message restarts the heartbeat interval, where the profile says so.
    pub(crate) fn restart_heartbeat(&mut self, now: Millis) {
        if self.profile.restarts_heartbeat {
            self.next_beat = now + self.profile.heartbeat_interval.get();
        }
    }

    /// The padding behind an item of `bytes` bytes; none if it needs nothing.
    pub(crate) fn padding(&self, bytes: usize, formats: &mut Formats) -> Option<Encoded> {
        let Transport::Stream { padding: wanted @ 1.., .. } = self.transport else { return None };
        let rule = self.profile.padding?;
        Some(formats.filling(rule.filling(bytes, wanted)?, rule.coding))
    }

    /// Remembers what goes into a compressed stream.
    pub fn add_to_checksum(&mut self, item: &Encoded) {
        if let (Some(checksum), Some(sum)) = (self.checksum(), &item.check_sum) {
            checksum.add(sum);
        }
    }

    /// The checksum of a compressed stream.
    pub(crate) fn checksum(&mut self) -> Option<&mut Box<StreamChecksum>> {
        match &mut self.transport {
            Transport::Stream { checksum, .. } => checksum.as_mut(),
            Transport::Framed | Transport::LongPoll(_) | Transport::WebSocket { .. } => None,
        }
    }
}
