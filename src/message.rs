//! A published message: the source of every wire format and of every channel's history.

use std::fmt;
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

/// Identifies one order of positions: random at each start with an empty store, so that a cursor of
/// an earlier start is recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// An epoch that is not this one.
    pub fn other(self) -> Epoch {
        Epoch(!self.0)
    }
}

/// A position in one order: everything that its holder has seen, on any number of channels. Its
/// text, `epoch.position` in hexadecimal and decimal digits, has at most 37 bytes; clients do not
/// take it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The order that the position belongs to.
    pub epoch: Epoch,
    /// The last message that its holder has seen, or any before the next one.
    pub position: Position,
}

impl Cursor {
    /// Parses the text of a cursor. `None`: this is none; it may be of another server.
    pub fn parse(text: &[u8]) -> Option<Cursor> {
        let (epoch, position) = std::str::from_utf8(text).ok()?.split_once('.')?;
        let is_epoch = epoch.len() == 16 && epoch.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_position = position.bytes().all(|byte| byte.is_ascii_digit());
        if !is_epoch || !is_position {
            return None;
        }
        let epoch = Epoch(u64::from_str_radix(epoch, 16).ok()?);
        Some(Cursor { epoch, position: Position(position.parse().ok()?) })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}.{}", self.epoch.0, self.position.0)
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
    /// Whether the text is JSON: it was published through the rpushd API.
    pub is_json: bool,
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
            is_json: false,
            event_id: None,
            event_type: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_short_text_and_comes_back_from_it() {
        let cursor = Cursor { epoch: Epoch(0x1f), position: Position(7) };
        assert_eq!(cursor.to_string(), "000000000000001f.7");
        let longest = Cursor { epoch: Epoch(u64::MAX), position: Position(u64::MAX) };
        assert_eq!(longest.to_string().len(), 37);
        for cursor in [cursor, longest] {
            assert_eq!(Cursor::parse(cursor.to_string().as_bytes()), Some(cursor));
        }
    }

    #[test]
    fn other_texts_are_no_cursors() {
        for text in [
            "",
            ".",
            "1f.7",
            "000000000000001f.",
            "000000000000001f.+7",
            "000000000000001f.-7",
            "000000000000001f.7.7",
            "+00000000000001f.7",
            "000000000000001f.18446744073709551616",
            "000000000000001f,7",
            "0000000000000 1f.7",
        ] {
            assert_eq!(Cursor::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Cursor::parse(b"000000000000001f.\xff"), None);
    }
}
