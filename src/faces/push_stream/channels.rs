//! The channels path of a request, and the checks of channel ids (push-stream spec, sections 6.1
//! and 8).

use super::{Location, Refusal, Request};
use crate::config::{Limits, PushStream};
use crate::push_stream::channel_path::{self, ReservedId};
use std::borrow::Cow;

/// The channels path that the location gets from this request, for [`channel_path::read`].
///
/// # Errors
/// The path has more than `channels_per_request_max` channels.
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

/// Whether messages that this request publishes are stored.
pub fn stores(location: &Location, request: &Request<'_>) -> bool {
    let settings = &location.settings;
    let stores = request.choose(
        &settings.conditions,
        |level| level.store_messages.as_ref(),
        Some(&settings.store_messages),
    );
    stores.copied().unwrap_or_default()
}

/// Checks one channel id of a publisher or subscriber (steps 4.1 and 4.2).
///
/// # Errors
/// The id is reserved or too long.
pub fn check_id(id: &[u8], push_stream: &PushStream, limits: &Limits) -> Result<(), Refusal> {
    if ReservedId::of(id).is_some() {
        return Err(Refusal::ReservedChannel);
    }
    check_length(id, push_stream, limits)
}

/// Checks the length of a channel id.
///
/// # Errors
/// The id is longer than `max_channel_id_length` or `channel_name_bytes_max`.
pub fn check_length(id: &[u8], push_stream: &PushStream, limits: &Limits) -> Result<(), Refusal> {
    let max = push_stream.max_channel_id_length.map_or(usize::MAX, |max| max as usize);
    if id.len() > max.min(limits.channel_name_bytes_max) {
        return Err(Refusal::ChannelTooLarge);
    }
    Ok(())
}
