//! The cursor of a subscriber's request (push-stream spec, section 9.1).

use super::{Location, Request};
use crate::hub::Since;
use crate::push_stream::tag;
use crate::time::http_date;
use std::borrow::Cow;

/// What the client has already received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Time of the last message, in seconds since 1970 (T).
    pub time: Option<u64>,
    /// Tag of the last message, within that second (G).
    pub tag: Option<u32>,
    /// Event id of the last message (E).
    pub event_id: Option<Vec<u8>>,
}

impl Cursor {
    /// Time and tag in the hub's form; `None` without a time.
    pub fn since(&self) -> Option<Since> {
        self.time.map(|time| Since { time, tag: self.tag })
    }

    /// The cursor of a request. Each field is read from its directive if that is set, otherwise
    /// from its header.
    pub fn of_request(location: &Location, request: &Request<'_>) -> Cursor {
        let settings = &location.settings;
        let own = &settings.subscriber;
        let conditions = &settings.conditions;
        let time = request.choose(
            conditions,
            |level| level.last_received_message_time.as_ref(),
            own.last_received_message_time.as_ref(),
        );
        let tag = request.choose(
            conditions,
            |level| level.last_received_message_tag.as_ref(),
            own.last_received_message_tag.as_ref(),
        );
        let event_id = request.choose(
            conditions,
            |level| level.last_event_id.as_ref(),
            own.last_event_id.as_ref(),
        );
        Cursor {
            time: request
                .value_or_header(time, "if-modified-since")
                .and_then(|value| http_date::parse(&value)),
            tag: request.value_or_header(tag, "if-none-match").and_then(|value| tag::parse(&value)),
            event_id: request.value_or_header(event_id, "last-event-id").map(Cow::into_owned),
        }
    }
}
