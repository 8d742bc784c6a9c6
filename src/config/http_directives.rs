//! The directives of the `http` level (push-stream spec, section 2.3), and the daemon's own
//! settings in `[push_stream]`.

use super::checks;
use super::document::Value;
use super::location::PushStream;
use super::units;

/// One row of [`HTTP_DIRECTIVES`].
pub struct HttpDirective {
    /// Its full name in nginx. The TOML key is the name without [`super::PREFIX`].
    pub name: &'static str,
    assign: fn(&mut PushStream, &'static str, &Value) -> Result<(), String>,
}

impl HttpDirective {
    /// The key in the TOML file.
    pub fn key(&self) -> &'static str {
        self.name.strip_prefix(super::PREFIX).unwrap_or(self.name)
    }

    /// Reads a value into the settings, replacing an earlier one.
    ///
    /// # Errors
    /// The error text of nginx or the module.
    pub fn set(&self, settings: &mut PushStream, value: &Value) -> Result<(), String> {
        (self.assign)(settings, self.name, value)
    }
}

macro_rules! directive {
    ($name:literal, $field:ident, |$directive:ident, $value:ident| $read:expr) => {
        HttpDirective {
            name: $name,
            assign: |settings, $directive, $value| {
                settings.$field = $read;
                Ok(())
            },
        }
    };
    ($name:literal, $field:ident, bytes) => {
        directive!($name, $field, |_directive, value| value.bytes()?.to_vec())
    };
    ($name:literal, $field:ident, optional number) => {
        directive!($name, $field, |name, value| Some(units::number(name, value.text()?)?))
    };
}

/// All settings of `[push_stream]` that apply to the whole daemon.
pub const HTTP_DIRECTIVES: &[HttpDirective] = &[
    directive!("push_stream_shared_memory_size", shared_memory_size, |name, value| {
        let bytes = units::size(name, value.text()?);
        Some(checks::whole_pages(bytes.map_err(|_| checks::SHARED_MEMORY_TOO_SMALL)?))
    }),
    directive!("push_stream_channel_deleted_message_text", channel_deleted_message_text, bytes),
    directive!("push_stream_channel_inactivity_time", channel_inactivity_time, |name, value| Some(
        units::seconds(name, value.text()?)?
    )),
    directive!("push_stream_ping_message_text", ping_message_text, bytes),
    directive!("push_stream_timeout_with_body", timeout_with_body, |name, value| units::flag(
        name,
        value.text()?
    )?),
    directive!("push_stream_message_ttl", message_ttl, |name, value| units::seconds(
        name,
        value.text()?
    )?),
    directive!(
        "push_stream_max_subscribers_per_channel",
        max_subscribers_per_channel,
        optional number
    ),
    directive!(
        "push_stream_max_messages_stored_per_channel",
        max_messages_stored_per_channel,
        optional number
    ),
    directive!("push_stream_max_channel_id_length", max_channel_id_length, optional number),
    directive!("push_stream_max_number_of_channels", max_number_of_channels, optional number),
    directive!(
        "push_stream_max_number_of_wildcard_channels",
        max_number_of_wildcard_channels,
        optional number
    ),
    directive!("push_stream_wildcard_channel_prefix", wildcard_channel_prefix, bytes),
    directive!("push_stream_events_channel_id", events_channel_id, bytes),
    directive!("worker_processes", worker_processes, |name, value| {
        match units::number(name, value.text()?)? {
            0 => return Err("must be at least 1".into()),
            count => count,
        }
    }),
    directive!("reload_ends_subscribers", reload_ends_subscribers, |name, value| units::flag(
        name,
        value.text()?
    )?),
    directive!("store_api_messages", store_api_messages, |name, value| units::flag(
        name,
        value.text()?
    )?),
];
