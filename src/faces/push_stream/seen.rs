//! What the head of a subscriber's request determines: checks (push-stream spec, section 8), mode
//! (8.1) and cursor (9.1).

use super::channels::check_id;
use super::{Location, Refusal, Request};
use crate::config::{Level, Limits, Mode, PushStream, Role};
use crate::hub::{Hub, Since};
use crate::push_stream::channel_path::{self, PathChannel};
use crate::push_stream::tag;
use crate::time::http_date;
use std::borrow::Cow;

/// The client's cursor: what it has already received (section 9.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Time of the last message, in seconds since 1970 (T).
    pub time: Option<u64>,
    /// Tag of the last message, within that second (G).
    pub tag: Option<u32>,
    /// Event id of the last message (E).
    pub event_id: Option<Vec<u8>>,
}

impl Seen {
    /// Time and tag in the hub's form; `None` without a time.
    pub fn since(&self) -> Option<Since> {
        self.time.map(|time| Since { time, tag: self.tag })
    }
}

/// Checks a subscriber's request (steps 3 to 6 of section 8) and returns its cursor. Creates no
/// channels.
///
/// # Errors
/// The first check that fails.
pub fn check(
    location: &Location,
    request: &Request<'_>,
    path: &[u8],
    hub: &Hub,
    push_stream: &PushStream,
    limits: &Limits,
) -> Result<Seen, Refusal> {
    let channels = channel_path::read(path).map(|wanted| (wanted, hub.find(wanted.id)));
    let channels: Vec<_> = channels.collect();
    if channels.is_empty() {
        return Err(Refusal::NoChannel);
    }
    let subscriber = &location.settings.subscriber;
    let allows_events = request.choose(
        &location.settings.conditions,
        |level: &Level| level.allow_connections_to_events_channel.as_ref(),
        Some(&subscriber.allow_connections_to_events_channel),
    );
    let mut wildcard_count = 0;
    for (PathChannel { id, .. }, channel) in &channels {
        check_id(id, push_stream, limits)?;
        let is_wildcard = hub.is_wildcard(id);
        wildcard_count += usize::from(is_wildcard);
        let stored = channel.map_or(0, |channel| hub.stored_count(channel));
        if subscriber.authorized_channels_only && !is_wildcard && stored == 0 {
            return Err(Refusal::CannotCreateChannels);
        }
        // Subscriptions before this request, as in the module: a path that names a channel twice
        // passes with one free place and takes two.
        let members = channel.map_or(0, |channel| hub.subscription_count(channel));
        if push_stream.max_subscribers_per_channel.is_some_and(|max| members >= max as usize) {
            return Err(Refusal::TooManySubscribers);
        }
        if hub.is_events_channel(id) && allows_events != Some(&true) {
            return Err(Refusal::EventsChannelNotAllowed);
        }
    }
    if let Some(max) = subscriber.wildcard_channel_max_qtd {
        let is_alone = wildcard_count == channels.len();
        if wildcard_count > 0 && (wildcard_count > max as usize || is_alone) {
            return Err(Refusal::TooManyWildcardChannels);
        }
    }
    Ok(seen(location, request))
}

/// The cursor of a request: each input from its directive if that is set, otherwise from its header
/// (section 9.1).
fn seen(location: &Location, request: &Request<'_>) -> Seen {
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
    Seen {
        time: request
            .value_or_header(time, "if-modified-since")
            .and_then(|value| http_date::parse(&value)),
        tag: request.value_or_header(tag, "if-none-match").and_then(|value| tag::parse(&value)),
        event_id: request.value_or_header(event_id, "last-event-id").map(Cow::into_owned),
    }
}

/// The mode of a request: the location's, unless the mode header selects another (section 8.1).
pub fn mode(location: &Location, request: &Request<'_>) -> Mode {
    let Role::Subscriber(own) = location.settings.role else {
        unreachable!("only subscriber locations have a mode");
    };
    if matches!(own, Mode::WebSocket | Mode::LongPolling) {
        return own;
    }
    let wanted = request.head.value("x-nginx-pushstream-mode").unwrap_or_default();
    if wanted.eq_ignore_ascii_case(b"long-polling") {
        Mode::LongPolling
    } else if wanted.eq_ignore_ascii_case(b"polling") {
        Mode::Polling
    } else {
        own
    }
}
