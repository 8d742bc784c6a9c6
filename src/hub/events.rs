//! What the server tells about itself on the events channel (push-stream spec, section 21).

use crate::message::ChannelName;

/// Something that happened to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To which channel.
    pub channel: ChannelName,
}

/// What can happen to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was made.
    ChannelCreated,
    /// It was removed: idle for too long, or some time after it was deleted.
    ChannelDestroyed,
    /// A subscription began.
    ClientSubscribed,
    /// A subscription ended.
    ClientUnsubscribed,
}

impl EventKind {
    /// The word that clients see, also as the event type.
    pub fn word(self) -> &'static str {
        match self {
            EventKind::ChannelCreated => "channel_created",
            EventKind::ChannelDestroyed => "channel_destroyed",
            EventKind::ClientSubscribed => "client_subscribed",
            EventKind::ClientUnsubscribed => "client_unsubscribed",
        }
    }
}

impl Event {
    /// The text of the message. Ids stand as they are, but for what would break the JSON (section 27).
    pub fn text(&self) -> Vec<u8> {
        let mut text =
            format!("{{\"type\": \"{}\", \"channel\": \"", self.kind.word()).into_bytes();
        for &byte in self.channel.iter() {
            match byte {
                b'"' | b'\\' => text.extend_from_slice(&[b'\\', byte]),
                0..0x20 => text.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => text.push(byte),
            }
        }
        text.extend_from_slice(b"\"}");
        text
    }
}
