//! The control events of the signed subscribe API: what a client learns besides messages. The
//! reference is `packaging/doc/api.md`.

use super::coding::Coding;
use super::encoded::Encoded;
use super::framed;
use crate::compression::Compressor;
use crate::message::Cursor;
use crate::time::Millis;
use crate::websocket::{self, CloseCode};
use serde::{Serialize, Serializer};

/// A control event.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum Control<'a> {
    /// The first event of each connection.
    Hello {
        /// The id of the connection.
        connection: &'a str,
        /// From here the client resumes if it receives nothing else.
        #[serde(serialize_with = "as_text")]
        cursor: Cursor,
        /// Seconds between heartbeats.
        heartbeat: u64,
        /// The last second in which the token is valid, since 1970 UTC.
        expires: u64,
        /// How long an EventSource client waits before it connects again, in milliseconds.
        #[serde(skip)]
        retry: u64,
    },
    /// The client may have missed messages on these channels.
    Reset {
        /// The channels.
        channels: &'a [&'a str],
        /// Why.
        reason: ResetReason,
        /// From here the client resumes if it receives nothing else.
        #[serde(serialize_with = "as_text")]
        cursor: Cursor,
    },
    /// The token ends soon.
    Expiring {
        /// The last second in which it is valid, since 1970 UTC.
        expires: u64,
    },
    /// The server ends the connection.
    Goodbye {
        /// Why.
        reason: GoodbyeReason,
        /// When the client may connect again, in milliseconds from now.
        retry: u64,
    },
    /// A WebSocket client is not subscribed to these channels any more: they were deleted.
    Unsubscribed {
        /// The channels.
        channels: &'a [&'a str],
    },
    /// Nothing was published for a while.
    Heartbeat {
        /// The client has received everything up to here.
        #[serde(serialize_with = "as_text")]
        cursor: Cursor,
    },
}

/// Why messages may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResetReason {
    /// The cursor is of an earlier start of the server.
    Restarted,
    /// Messages after the cursor are no longer stored, or never were.
    Evicted,
    /// The cursor is none of this server, or a message does not fit a frame.
    Unknown,
}

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GoodbyeReason {
    /// The token has expired.
    Expired,
    /// An operator or the application has ended it.
    Revoked,
    /// The server stops.
    Shutdown,
    /// `connection_age_max` is reached, or one of several channels was deleted: it may come back.
    Age,
    /// The client reads too slowly.
    Slow,
}

impl GoodbyeReason {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            GoodbyeReason::Expired => "expired",
            GoodbyeReason::Revoked => "revoked",
            GoodbyeReason::Shutdown => "shutdown",
            GoodbyeReason::Age => "age",
            GoodbyeReason::Slow => "slow",
        }
    }

    /// The code of a WebSocket's close frame.
    pub fn close_code(self) -> CloseCode {
        match self {
            GoodbyeReason::Expired => CloseCode::TOKEN_EXPIRED,
            GoodbyeReason::Revoked => CloseCode::REVOKED,
            GoodbyeReason::Shutdown | GoodbyeReason::Age => CloseCode::GOING_AWAY,
            GoodbyeReason::Slow => CloseCode::TOO_SLOW,
        }
    }
}

/// How control events are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlForm {
    /// As server-sent events.
    EventStream(Coding),
    /// As text frames of a WebSocket.
    WebSocket,
    /// As frames of the rpushd API.
    Framed(Coding),
}

impl ControlForm {
    /// The event in this form. What ends the connection is not included.
    pub fn encode(self, control: &Control<'_>, compressor: &mut Compressor) -> Encoded {
        let (item, coding) = match self {
            ControlForm::EventStream(coding) => (event(control), coding),
            ControlForm::WebSocket => {
                let mut frames = websocket::text(object(control).as_bytes());
                if let Control::Heartbeat { .. } = control {
                    // Its pong shows that the client is still there.
                    frames.extend_from_slice(&websocket::PING_EMPTY);
                }
                (frames, Coding::Identity)
            }
            ControlForm::Framed(coding) => (frame(control), coding),
        };
        coding.encode(&item, compressor)
    }

    /// What follows the last event, and ends the response or the WebSocket.
    pub fn end(self, reason: GoodbyeReason) -> Vec<u8> {
        match self {
            ControlForm::EventStream(coding) | ControlForm::Framed(coding) => coding.end().to_vec(),
            ControlForm::WebSocket => websocket::close(reason.close_code(), reason.word()),
        }
    }
}

impl Control<'_> {
    fn name(&self) -> &'static str {
        match self {
            Control::Hello { .. } => "hello",
            Control::Reset { .. } => "reset",
            Control::Expiring { .. } => "expiring",
            Control::Goodbye { .. } => "goodbye",
            Control::Unsubscribed { .. } => "unsubscribed",
            Control::Heartbeat { .. } => "heartbeat",
        }
    }

    /// The cursor that an EventSource client keeps.
    fn cursor(&self) -> Option<Cursor> {
        match self {
            Control::Hello { cursor, .. }
            | Control::Reset { cursor, .. }
            | Control::Heartbeat { cursor } => Some(*cursor),
            Control::Expiring { .. } | Control::Goodbye { .. } | Control::Unsubscribed { .. } => {
                None
            }
        }
    }

    fn members(&self) -> String {
        serde_json::to_string(self).expect("it has texts and numbers only")
    }
}

/// The event as server-sent event. A heartbeat is an `id:` line and an empty line: the client keeps
/// the cursor and dispatches nothing (WHATWG HTML, section 9.2.6).
fn event(control: &Control<'_>) -> Vec<u8> {
    let id = control.cursor().map_or(String::new(), |cursor| format!("id: {cursor}\n"));
    let lines = match control {
        Control::Heartbeat { .. } => String::new(),
        // The client waits this long before it connects again, also if it is cut off now.
        Control::Goodbye { retry, .. } => {
            format!("event: rpushd.goodbye\nretry: {retry}\ndata: {}\n", control.members())
        }
        Control::Hello { retry, .. } => {
            format!("event: rpushd.hello\nretry: {retry}\ndata: {}\n", control.members())
        }
        Control::Reset { .. } | Control::Expiring { .. } | Control::Unsubscribed { .. } => {
            format!("event: rpushd.{}\ndata: {}\n", control.name(), control.members())
        }
    };
    format!("{id}{lines}\n").into_bytes()
}

/// The event as JSON object: `{"control":NAME,…}`.
fn object(control: &Control<'_>) -> String {
    tagged(control.name(), &control.members())
}

/// A JSON object with `control` as its first member.
pub fn tagged(name: &str, object: &str) -> String {
    match object.strip_prefix('{') {
        Some("}") | None => format!("{{\"control\":\"{name}\"}}"),
        Some(members) => format!("{{\"control\":\"{name}\",{members}"),
    }
}

/// The event as frame of the rpushd API.
pub(super) fn frame(control: &Control<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    // The longest is a reset, whose channels are limited.
    let fits = framed::write(object(control).as_bytes(), &mut frame);
    assert!(fits, "a control event is shorter than 64 KiB");
    frame
}

/// Serializes a cursor as its text.
pub fn as_text<S: Serializer>(cursor: &Cursor, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(cursor)
}

/// The delay until a client may connect again: 1 to 5 seconds, different for each, so that those
/// whose connections end at once do not come back at once.
pub fn retry_delay(number: u32) -> Millis {
    // The golden ratio spreads consecutive numbers evenly.
    let share = u64::from(number.wrapping_mul(0x9e37_79b9));
    Millis(1_000 + ((4_000 * share) >> 32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Epoch, Position};

    const CURSOR: Cursor = Cursor { epoch: Epoch(0xa), position: Position(7) };

    fn encoded(form: ControlForm, control: &Control<'_>) -> String {
        let encoded = form.encode(control, &mut Compressor::default());
        encoded.frame.escape_ascii().to_string().replace("\\\"", "\"")
    }

    #[test]
    fn events_are_named_and_carry_their_cursor_as_id() {
        let form = ControlForm::EventStream(Coding::Identity);
        let hello = Control::Hello {
            connection: "c1",
            cursor: CURSOR,
            heartbeat: 15,
            expires: 1_700,
            retry: 9,
        };
        assert_eq!(
            encoded(form, &hello),
            "id: 000000000000000a.7\\nevent: rpushd.hello\\nretry: 9\\ndata: \
             {\"connection\":\"c1\",\"cursor\":\"000000000000000a.7\",\"heartbeat\":15,\
             \"expires\":1700}\\n\\n"
        );
        let reset = Control::Reset {
            channels: &["a", "b"],
            reason: ResetReason::Restarted,
            cursor: CURSOR,
        };
        assert_eq!(
            encoded(form, &reset),
            "id: 000000000000000a.7\\nevent: rpushd.reset\\ndata: {\"channels\":[\"a\",\"b\"],\
             \"reason\":\"restarted\",\"cursor\":\"000000000000000a.7\"}\\n\\n"
        );
        assert_eq!(
            encoded(form, &Control::Heartbeat { cursor: CURSOR }),
            "id: 000000000000000a.7\\n\\n"
        );
        assert_eq!(
            encoded(form, &Control::Goodbye { reason: GoodbyeReason::Age, retry: 1_500 }),
            "event: rpushd.goodbye\\nretry: 1500\\ndata: {\"reason\":\"age\",\"retry\":1500}\\n\\n"
        );
    }

    #[test]
    fn objects_begin_with_their_name() {
        let heartbeat = Control::Heartbeat { cursor: CURSOR };
        let object = "{\"control\":\"heartbeat\",\"cursor\":\"000000000000000a.7\"}";
        // A text frame, then a ping.
        assert_eq!(
            encoded(ControlForm::WebSocket, &heartbeat),
            format!("\\x81{}{object}\\x89\\x00", char::from(object.len() as u8))
        );
        assert_eq!(
            encoded(ControlForm::Framed(Coding::Chunked), &heartbeat),
            format!("37\\r\\n\\x005{object}\\r\\n")
        );
        assert_eq!(tagged("pong", "{}"), "{\"control\":\"pong\"}");
    }

    #[test]
    fn a_websocket_ends_with_the_code_of_its_reason() {
        for (reason, code) in [
            (GoodbyeReason::Expired, 4001_u16),
            (GoodbyeReason::Revoked, 4003),
            (GoodbyeReason::Slow, 4008),
            (GoodbyeReason::Shutdown, 1001),
        ] {
            let close = ControlForm::WebSocket.end(reason);
            assert_eq!(close[2..4], code.to_be_bytes(), "{reason:?}");
            assert_eq!(close[4..], *reason.word().as_bytes());
        }
    }

    #[test]
    fn clients_come_back_at_different_times() {
        for number in [0, 1, 2, u32::MAX] {
            assert!((1_000..5_000).contains(&retry_delay(number).0));
        }
        assert_ne!(retry_delay(1), retry_delay(2));
    }
}
