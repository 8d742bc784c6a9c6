//! The channels that a request names (push-stream spec, sections 6.1 and 8).

use super::{Location, Refusal, Request};
use crate::config::{Limits, PushStream};
use crate::push_stream::channel_path::{self, ReservedId};
use std::borrow::Cow;

/// A location's channels path, for [`channel_path::read`].
///
/// # Errors
/// It names more channels than `channels_per_request_max`.
pub fn channels_path<'a>(
    location: &'a Location,
    request: &'a Request<'_>,
    limits: &Limits,
) -> Result<Cow<'a, [u8]>, Refusal> {
    let settings = &location.settings;
    let path = request.choose(
        &settings.conditions,
        |level| level.channels_path.as_ref(),
        Some(&settings.channels_path),
    );
    let path = path.map(|path| path.evaluate(request)).unwrap_or_default();
    let is_too_long = channel_path::read(&path).nth(limits.channels_per_request_max).is_some();
    if is_too_long { Err(Refusal::TooManyChannelsInPath) } else { Ok(path) }
}

/// Whether the location stores what is published in this request.
pub fn stores(location: &Location, request: &Request<'_>) -> bool {
    let settings = &location.settings;
    let stores = request.choose(
        &settings.conditions,
        |level| level.store_messages.as_ref(),
        Some(&settings.store_messages),
    );
    stores.copied().unwrap_or_default()
}

/// Steps 4.1 and 4.2 for one channel; the same for subscribers.
///
/// # Errors
/// The id is reserved or too long.
pub fn check_id(id: &[u8], push_stream: &PushStream, limits: &Limits) -> Result<(), Refusal> {
    if ReservedId::of(id).is_some() {
        return Err(Refusal::ReservedChannel);
    }
    check_length(id, push_stream, limits)
}

/// Whether the id is short enough.
///
/// # Errors
/// It is longer than `max_channel_id_length` or the daemon's own limit.
pub fn check_length(id: &[u8], push_stream: &PushStream, limits: &Limits) -> Result<(), Refusal> {
    let max = push_stream.max_channel_id_length.map_or(usize::MAX, |max| max as usize);
    match id.len() > max.min(limits.channel_name_bytes_max) {
        true => Err(Refusal::ChannelTooLarge),
        false => Ok(()),
    }
}
