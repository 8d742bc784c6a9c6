//! A message as it was published: what every wire format and every history is made from.

use std::rc::Rc;

/// The name of a channel, shared by all who mention it. Any bytes (push-stream spec, section 1.2).
pub type ChannelName = Rc<[u8]>;

/// One published message. It is made once and shared, never copied per subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Per channel, from 1. Special messages have the negative ids of [`Message::PING`] and its siblings.
    pub id: i64,
    /// Whole seconds since 1970 when it was published; 0 for special messages.
    pub time: u64,
    /// Orders the messages of one second over the whole server, from 1; 0 for special messages.
    pub tag: u32,
    /// The channel that it was published to; empty where a special message has none.
    pub channel: ChannelName,
    /// The payload as published: any bytes.
    pub text: Rc<[u8]>,
    /// The publisher's `Event-Id` header. An empty one counts as present.
    pub event_id: Option<Rc<[u8]>>,
    /// The publisher's `Event-Type` header, likewise.
    pub event_type: Option<Rc<[u8]>>,
}

impl Message {
    /// Id of a ping.
    pub const PING: i64 = -1;
    /// Id of the message that tells subscribers that their channel was deleted.
    pub const DELETED: i64 = -2;
    /// Id of the message that tells a long-polling subscriber that its time is over.
    pub const TIMED_OUT: i64 = -3;

    /// A message that the server makes itself: no time, no tag.
    pub fn special(id: i64, channel: ChannelName, text: &[u8]) -> Message {
        Message {
            id,
            time: 0,
            tag: 0,
            channel,
            text: text.into(),
            event_id: None,
            event_type: None,
        }
    }
}
