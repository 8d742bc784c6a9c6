//! The module's checks at start (push-stream spec, section 3) on typed values, for the TOML file
//! and the nginx importer. Errors have the module's wording.

use super::http_directives::{PAGE_BYTES, PushStream, SHARED_MEMORY_TOO_SMALL};
use super::kinds::Shown;
use super::location::{LEVEL_DIRECTIVES, Location, Mode, Role, VirtualServer};
use crate::time::Millis;
use crate::transports::padding::{Padding, PaddingError};
use std::collections::HashSet;

/// Error text: no memory size where one is required.
pub const SHARED_MEMORY_MISSING: &str =
    "push stream module: push_stream_shared_memory_size must be set.";
/// Error text: a location with a role has no channels path.
pub const CHANNELS_PATH_MISSING: &str =
    "push stream module: push_stream_channels_path must be set.";

/// The module needs at least 32 pages.
const SHARED_MEMORY_BYTES_MIN: u64 = 32 * PAGE_BYTES;

/// A refused setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Full name of the refused directive.
    pub directive: &'static str,
    /// The module's error text; several lines where the module logs several.
    pub text: String,
}

/// Whether `shared_memory_size` must be given. An nginx configuration needs it; a TOML file does
/// not, as the daemon has a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedMemory {
    /// As in the module.
    Required,
    /// Without it, `Limits::store_bytes_max` applies.
    Optional,
}

/// Reads the mode of a publisher location and returns whether it is `admin`. Case-insensitive; no
/// mode means `normal`, a blank one is refused.
///
/// # Errors
/// The module's error text.
pub fn is_publisher_admin(mode: Option<&str>) -> Result<bool, String> {
    let Some(mode) = mode else { return Ok(false) };
    match mode.to_ascii_lowercase().as_str() {
        "normal" => Ok(false),
        "admin" => Ok(true),
        _ => Err(format!(
            "push stream module: invalid push_stream_publisher mode value: {mode}, \
             accepted values (normal, admin)"
        )),
    }
}

/// Reads the mode of a subscriber location. Case-insensitive; blank means streaming.
///
/// # Errors
/// The module's error text.
pub fn subscriber_mode(mode: &str) -> Result<Mode, String> {
    match mode.to_ascii_lowercase().as_str() {
        "" | "streaming" => Ok(Mode::Streaming),
        "polling" => Ok(Mode::Polling),
        "long-polling" => Ok(Mode::LongPolling),
        "eventsource" => Ok(Mode::EventSource),
        "websocket" => Ok(Mode::WebSocket),
        _ => Err(format!(
            "push stream module: invalid push_stream_subscriber mode value: {mode}, \
             accepted values (streaming, polling, long-polling, eventsource, websocket)"
        )),
    }
}

/// Checks the settings of the whole daemon. Only called when at least one location has a role.
///
/// # Errors
/// The first setting that the module would refuse.
pub fn push_stream(settings: &PushStream, memory: SharedMemory) -> Result<(), Refusal> {
    let directive = "push_stream_shared_memory_size";
    match settings.shared_memory_size {
        None if memory == SharedMemory::Required => {
            return Err(Refusal { directive, text: SHARED_MEMORY_MISSING.into() });
        }
        Some(bytes) if bytes < SHARED_MEMORY_BYTES_MIN => {
            return Err(Refusal { directive, text: SHARED_MEMORY_TOO_SMALL.into() });
        }
        Some(_) | None => {}
    }
    not_zero("push_stream_max_channel_id_length", settings.max_channel_id_length)?;
    not_zero("push_stream_message_ttl", Some(settings.message_ttl))?;
    not_zero("push_stream_max_subscribers_per_channel", settings.max_subscribers_per_channel)?;
    not_zero(
        "push_stream_max_messages_stored_per_channel",
        settings.max_messages_stored_per_channel,
    )?;
    not_zero("push_stream_max_number_of_channels", settings.max_number_of_channels)?;
    not_zero(
        "push_stream_max_number_of_wildcard_channels",
        settings.max_number_of_wildcard_channels,
    )
}

/// Checks a location that has a role.
///
/// # Errors
/// The first setting that the module would refuse.
pub fn location(location: &Location, settings: &PushStream) -> Result<(), Refusal> {
    let subscriber = &location.subscriber;
    for directive in LEVEL_DIRECTIVES {
        if (directive.show)(location) == Some(Shown::Time(Millis(0))) {
            return Err(zero(directive.name));
        }
    }
    not_zero("push_stream_wildcard_channel_max_qtd", subscriber.wildcard_channel_max_qtd)?;
    if subscriber.message_template.is_empty() {
        return Err(Refusal {
            directive: "push_stream_message_template",
            text: "push stream module: push_stream_message_template cannot be blank.".into(),
        });
    }
    wildcards(subscriber.wildcard_channel_max_qtd, settings)?;
    Padding::parse(&subscriber.padding_by_user_agent).map(drop).map_err(|error| Refusal {
        directive: "push_stream_padding_by_user_agent",
        text: format!("{error}\n{}", PaddingError::UNABLE_TO_PARSE),
    })
}

/// Most wire formats of one configuration, as counted by [`formats`].
pub const FORMATS_MAX: usize = 65_536;

/// Checks the number of wire formats that the locations need: one per coding of each different
/// message template.
///
/// # Errors
/// The location that exceeds [`FORMATS_MAX`], and the reason.
pub fn formats(servers: &[VirtualServer]) -> Result<(), (&Location, String)> {
    let mut formats = HashSet::new();
    for location in servers.iter().flat_map(|server| &server.locations) {
        let template = location.subscriber.message_template.as_slice();
        let is_event_source = location.role == Role::Subscriber(Mode::EventSource);
        let is_websocket = location.role == Role::Subscriber(Mode::WebSocket);
        let codings = [
            ("chunked", true),
            ("identity", true),
            ("gzip", location.gzip.is_on && location.gzip.includes_streams),
            ("gzip piece", location.gzip.is_on),
            ("websocket", is_websocket),
            ("websocket deflated", is_websocket),
        ];
        let used = codings.into_iter().filter(|(_, is_used)| *is_used);
        formats.extend(used.map(|(coding, _)| (coding, is_event_source, template)));
        if formats.len() > FORMATS_MAX {
            let text = format!(
                "the locations have too many different message templates: more than {FORMATS_MAX} \
                 with their codings"
            );
            return Err((location, text));
        }
    }
    Ok(())
}

fn wildcards(request_max: Option<u32>, settings: &PushStream) -> Result<(), Refusal> {
    let Some(request_max) = request_max else {
        return Ok(());
    };
    let directive = "push_stream_wildcard_channel_max_qtd";
    if settings.wildcard_channel_prefix.is_empty() {
        let text = "push stream module: cannot set wildcard channel max qtd if \
                    push_stream_wildcard_channel_prefix is not set or blank.";
        return Err(Refusal { directive, text: text.into() });
    }
    if settings.max_number_of_wildcard_channels.is_some_and(|max| max < request_max) {
        let text = "push stream module: max number of wildcard channels cannot be smaller than \
                    value in push_stream_wildcard_channel_max_qtd.";
        return Err(Refusal { directive, text: text.into() });
    }
    Ok(())
}

fn not_zero<T: PartialEq + Default>(
    directive: &'static str,
    value: Option<T>,
) -> Result<(), Refusal> {
    if value == Some(T::default()) { Err(zero(directive)) } else { Ok(()) }
}

fn zero(directive: &'static str) -> Refusal {
    Refusal { directive, text: format!("push stream module: {directive} cannot be zero.") }
}
