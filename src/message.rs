//! A published message: the source of every wire format and of every channel's history.

use std::rc::Rc;

/// The name of a channel, a shared allocation. Any bytes (push-stream spec, section 1.2).
pub type ChannelName = Rc<[u8]>;

/// The place of a message in the one order of all messages of the server, counted from 1 since its
/// start. A message published later has a higher position, in any channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// Before the first message.
    pub const START: Position = Position(0);

    /// The position after this one.
    pub fn next(self) -> Position {
        Position(self.0 + 1)
    }
}

/// One published message. Allocated once and shared, never copied per subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Per channel, from 1. Special messages have negative ids: [`Message::PING`],
    /// [`Message::DELETED`], [`Message::TIMED_OUT`].
    pub id: i64,
    /// Publication time in whole seconds since 1970; 0 for special messages.
    pub time: u64,
    /// Orders all messages that the server publishes within one second, from 1; 0 for special
    /// messages.
    pub tag: u32,
    /// Orders all messages that the server has published; [`Position::START`] for special messages.
    pub position: Position,
    /// The channel that it was published to; empty for special messages without a channel.
    pub channel: ChannelName,
    /// The payload, unchanged: any bytes.
    pub text: Rc<[u8]>,
    /// Whether it has its text from a message of another channel, published together with it.
    pub shares_text: bool,
    /// The publisher's `Event-Id` header. An empty value counts as present.
    pub event_id: Option<Rc<[u8]>>,
    /// The publisher's `Event-Type` header. An empty value counts as present.
    pub event_type: Option<Rc<[u8]>>,
}

impl Message {
    /// Id of a keep-alive message (ping).
    pub const PING: i64 = -1;
    /// Id of the message sent to subscribers when their channel is deleted.
    pub const DELETED: i64 = -2;
    /// Id of the message sent to a long-polling subscriber when its waiting time is over.
    pub const TIMED_OUT: i64 = -3;

    /// A message that the server generates itself: no time, no tag, no position.
    pub fn special(id: i64, channel: ChannelName, text: &[u8]) -> Message {
        Message {
            id,
            time: 0,
            tag: 0,
            position: Position::START,
            channel,
            text: text.into(),
            shares_text: false,
            event_id: None,
            event_type: None,
        }
    }
}
