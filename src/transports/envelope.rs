//! The messages of the signed subscribe API: a JSON object with cursor, channel, event and payload,
//! or the payload alone.

use super::control::{self, Control, ResetReason};
use super::expansion::MessageSizes;
use super::{event_stream, framed};
use crate::message::{Cursor, Message};
use std::borrow::Cow;
use std::io::Write as _;

/// Events whose names begin with this are the server's own: a publisher cannot imitate them.
const RESERVED_EVENTS: &[u8] = b"rpushd.";
/// The longest text of a cursor.
const CURSOR_BYTES_MAX: usize = 37;
/// `data: ` and a line end.
const LINE_BYTES: usize = 7;
/// What an envelope adds to payload, channel, event and cursor, in any form.
const FIXED_BYTES: usize = 96;
/// Bytes of a text from which the size of its JSON string is estimated.
const EXAMINED_BYTES_MAX: usize = 256;

/// How a message of the signed API is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Envelope {
    /// What carries it.
    pub carrier: Carrier,
    /// Only the payload is sent, without the object around it.
    pub is_raw: bool,
}

/// What carries an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// A server-sent event, whose id is the cursor.
    EventStream,
    /// A WebSocket text frame.
    WebSocket,
    /// The same, compressed (RFC 7692) if that makes it smaller.
    WebSocketDeflated,
    /// A frame of the rpushd API, with a length of two bytes.
    Framed,
    /// An element of a JSON array: the answer to a polling request.
    Listed,
}

impl Envelope {
    /// Appends the message, without the frame of a WebSocket. The cursor is its own.
    pub(super) fn write(self, message: &Message, cursor: Cursor, out: &mut Vec<u8>) {
        match self.carrier {
            Carrier::EventStream => self.write_event(message, cursor, out),
            Carrier::WebSocket | Carrier::WebSocketDeflated if self.is_raw => {
                out.extend_from_slice(text(message).as_bytes());
            }
            Carrier::Listed if self.is_raw => write_data(message, out),
            Carrier::WebSocket | Carrier::WebSocketDeflated | Carrier::Listed => {
                write_object(message, cursor, out);
            }
            Carrier::Framed => write_frame(message, cursor, out),
        }
    }

    fn write_event(self, message: &Message, cursor: Cursor, out: &mut Vec<u8>) {
        let _ = writeln!(out, "id: {cursor}");
        if let Some(event) = event(message) {
            out.extend_from_slice(b"event: ");
            out.extend_from_slice(event_stream::first_line(event));
            out.push(b'\n');
        }
        if self.is_raw {
            event_stream::write_data(&message.text, out);
        } else {
            out.extend_from_slice(b"data: ");
            write_object(message, cursor, out);
            out.push(b'\n');
        }
        out.push(b'\n');
    }
}

/// Upper bound of the size of a message in any carrier, with or without the object.
pub(super) fn bytes_max(sizes: &MessageSizes<'_>) -> usize {
    let text = if sizes.is_json {
        sizes.text.len()
    } else {
        let lines = event_stream::line_count(sizes.text);
        escaped_bytes_max(sizes.text).max(sizes.text.len() + LINE_BYTES * lines)
    };
    besides_text(sizes).saturating_add(text)
}

/// About the size of a message in its largest carrier. Only the beginning of the text is examined.
pub(super) fn bytes_about(sizes: &MessageSizes<'_>) -> usize {
    let text = if sizes.is_json {
        sizes.text.len()
    } else {
        let begin = &sizes.text[..sizes.text.len().min(EXAMINED_BYTES_MAX)];
        let escaped = begin.iter().filter(|byte| !is_plain(byte)).count();
        let more = escaped * (ESCAPED_BYTES_MAX - 1) * sizes.text.len() / begin.len().max(1);
        sizes.text.len() + more
    };
    besides_text(sizes).saturating_add(text)
}

/// Whether a message is no larger than `limit` in any carrier. Its text is examined only if it
/// could be too large.
pub(super) fn fits(limit: usize, sizes: &MessageSizes<'_>) -> bool {
    let at_most = sizes.text.len().saturating_mul(ESCAPED_BYTES_MAX);
    besides_text(sizes).saturating_add(at_most) <= limit || bytes_max(sizes) <= limit
}

fn besides_text(sizes: &MessageSizes<'_>) -> usize {
    let event = sizes.event.saturating_mul(2 * ESCAPED_BYTES_MAX);
    event.saturating_add(sizes.channel).saturating_add(FIXED_BYTES + 2 * CURSOR_BYTES_MAX)
}

/// The publisher's event, if it gave one that is not blank and not reserved.
fn event(message: &Message) -> Option<&[u8]> {
    let event = message.event_type.as_deref()?;
    (!event.is_empty() && !event.starts_with(RESERVED_EVENTS)).then_some(event)
}

fn text(message: &Message) -> Cow<'_, str> {
    String::from_utf8_lossy(&message.text)
}

/// Appends `{"id":…,"channel":…,"event":…,"data":…}`.
fn write_object(message: &Message, cursor: Cursor, out: &mut Vec<u8>) {
    out.reserve(message.text.len() + message.channel.len() + FIXED_BYTES + CURSOR_BYTES_MAX);
    let _ = write!(out, "{{\"id\":\"{cursor}\",\"channel\":");
    write_string(&message.channel, out);
    if let Some(event) = event(message) {
        out.extend_from_slice(b",\"event\":");
        write_string(event, out);
    }
    out.extend_from_slice(b",\"data\":");
    write_data(message, out);
    out.push(b'}');
}

/// Appends the object in a frame. If its length field is too short for it, the client gets a reset
/// of the channel: it must know that it misses the message.
fn write_frame(message: &Message, cursor: Cursor, out: &mut Vec<u8>) {
    let mut object = Vec::with_capacity(message.text.len() + FIXED_BYTES);
    write_object(message, cursor, &mut object);
    if !framed::write(&object, out) {
        let channel = String::from_utf8_lossy(&message.channel);
        let (channels, reason) = (&[&*channel][..], ResetReason::Unknown);
        out.extend_from_slice(&control::frame(&Control::Reset { channels, reason, cursor }));
    }
}

/// Appends the payload as JSON. One that was not published as JSON becomes a string.
fn write_data(message: &Message, out: &mut Vec<u8>) {
    if message.is_json {
        out.extend_from_slice(&message.text);
    } else {
        write_string(&message.text, out);
    }
}

/// Appends a JSON string. Bytes that are not UTF-8 are replaced.
fn write_string(text: &[u8], out: &mut Vec<u8>) {
    if text.iter().all(is_plain) {
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
    } else {
        let text = String::from_utf8_lossy(text);
        serde_json::to_writer(out, &*text).expect("a vector takes any bytes");
    }
}

/// Whether the byte stands for itself in a JSON string.
fn is_plain(byte: &u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')
}

/// A control character becomes `\u00XX`.
const ESCAPED_BYTES_MAX: usize = 6;

/// Upper bound of a text as a JSON string, without its quotes.
fn escaped_bytes_max(text: &[u8]) -> usize {
    let escaped = text.iter().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..=0x1f => ESCAPED_BYTES_MAX,
        // An invalid byte is replaced by U+FFFD, which has three.
        0x80..=0xff => 3,
        _ => 1,
    });
    escaped.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Epoch, Position};

    const CURSOR: Cursor = Cursor { epoch: Epoch(0xa), position: Position(7) };

    fn message(text: &[u8], is_json: bool, event: Option<&[u8]>) -> Message {
        Message {
            is_json,
            event_type: event.map(Into::into),
            ..Message::special(1, b"news".as_slice().into(), text)
        }
    }

    fn written(carrier: Carrier, is_raw: bool, message: &Message) -> String {
        let mut out = Vec::new();
        Envelope { carrier, is_raw }.write(message, CURSOR, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_envelope_has_cursor_channel_event_and_payload() {
        let plain = message(b"{\"a\":1}", true, None);
        let object = r#"{"id":"000000000000000a.7","channel":"news","data":{"a":1}}"#;
        assert_eq!(written(Carrier::WebSocket, false, &plain), object);
        assert_eq!(written(Carrier::Listed, false, &plain), object);
        let event = format!("id: 000000000000000a.7\ndata: {object}\n\n");
        assert_eq!(written(Carrier::EventStream, false, &plain), event);
        assert_eq!(written(Carrier::Framed, false, &plain)[2..], *object);
        let named = message(b"1", true, Some(b"a\"b"));
        assert_eq!(
            written(Carrier::EventStream, false, &named),
            "id: 000000000000000a.7\nevent: a\"b\ndata: {\"id\":\"000000000000000a.7\",\
             \"channel\":\"news\",\"event\":\"a\\\"b\",\"data\":1}\n\n"
        );
    }

    #[test]
    fn a_text_that_was_not_published_as_json_is_a_string() {
        let text = message(b"say \"hi\"\n\xff", false, None);
        let data = r#""say \"hi\"\n�""#;
        assert!(written(Carrier::WebSocket, false, &text).ends_with(&format!("{data}}}")));
        assert_eq!(written(Carrier::Listed, true, &text), data);
        assert!(written(Carrier::WebSocket, false, &message(b"1", false, None)).contains("\"1\""));
    }

    #[test]
    fn a_raw_message_is_the_payload_alone() {
        let text = message(b"a\r\nb", false, Some(b"e"));
        assert_eq!(written(Carrier::WebSocket, true, &text), "a\r\nb");
        assert_eq!(
            written(Carrier::EventStream, true, &text),
            "id: 000000000000000a.7\nevent: e\ndata: a\ndata: b\n\n"
        );
        let empty = message(b"", false, None);
        assert_eq!(
            written(Carrier::EventStream, true, &empty),
            "id: 000000000000000a.7\ndata: \n\n"
        );
    }

    #[test]
    fn no_publisher_can_imitate_a_control_event() {
        let forged = message(b"{}", true, Some(b"rpushd.reset"));
        for carrier in [Carrier::EventStream, Carrier::WebSocket] {
            assert!(!written(carrier, false, &forged).contains("rpushd"));
        }
        let split = message(b"{}", true, Some(b"a\nevent: rpushd.reset"));
        assert!(
            written(Carrier::EventStream, true, &split)
                .starts_with("id: 000000000000000a.7\nevent: a\ndata: {}\n")
        );
    }

    #[test]
    fn a_message_that_no_frame_can_hold_is_a_reset_of_its_channel() {
        let large = message(&[b'1'; 65_535], true, None);
        assert_eq!(
            written(Carrier::Framed, false, &large)[2..],
            *"{\"control\":\"reset\",\"channels\":[\"news\"],\"reason\":\"unknown\",\
              \"cursor\":\"000000000000000a.7\"}"
        );
    }

    #[test]
    fn no_envelope_is_larger_than_its_upper_bound() {
        for (text, is_json) in [
            (&b"{\"a\":[1,2,3]}"[..], true),
            (b"\x01\x02\"\\\xff\xfe", false),
            (&[0; 5_000], false),
            ("äöü€".as_bytes(), false),
        ] {
            let message = message(text, is_json, Some(b"\x01\xff"));
            let sizes = MessageSizes { text, is_json, channel: 4, event: 2 };
            assert!(bytes_about(&sizes) + 100 >= bytes_max(&sizes));
            for carrier in [Carrier::EventStream, Carrier::WebSocket, Carrier::Listed] {
                for is_raw in [false, true] {
                    let mut out = Vec::new();
                    let envelope = Envelope { carrier, is_raw };
                    envelope.write(&message, CURSOR, &mut out);
                    assert!(out.len() <= bytes_max(&sizes), "{envelope:?}");
                }
            }
        }
    }
}
