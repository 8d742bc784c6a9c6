//! The directives of the `http` level (push-stream spec, section 2.3), and the daemon's own
//! settings in `[push_stream]`: a directive is a field of [`PushStream`] and a row of
//! [`HTTP_DIRECTIVES`].

use super::document::Value;
use super::kinds::{BYTES, FLAG, Kind, NUMBER, SECONDS, SIZE, Shown, toml_key};
use crate::time::Millis;

/// Error text: the memory size is too small or not a size.
pub(super) const SHARED_MEMORY_TOO_SMALL: &str =
    "The push_stream_shared_memory_size value must be at least 128KiB";

/// The module takes memory in whole pages.
pub(super) const PAGE_BYTES: u64 = 4096;

/// The directives of push-stream spec, section 2.3, which apply to the whole daemon.
#[derive(Clone, Debug, PartialEq)]
pub struct PushStream {
    /// Size of the memory account; none: `Limits::store_bytes_max`.
    pub shared_memory_size: Option<u64>,
    /// Text of the message with id -2.
    pub channel_deleted_message_text: Vec<u8>,
    /// How long a channel without stored messages and subscribers is kept after its last use; none:
    /// 30 s, and `Config::channel_idle_ttl` for channels that the rpushd API has used.
    pub channel_inactivity_time: Option<Millis>,
    /// Text of the ping message in streaming mode.
    pub ping_message_text: Vec<u8>,
    /// A long-polling request that times out gets 200 with a message instead of 304.
    pub timeout_with_body: bool,
    /// Lifetime of a stored message.
    pub message_ttl: Millis,
    /// Most subscribers of a channel; more get 403.
    pub max_subscribers_per_channel: Option<u32>,
    /// Most stored messages of a channel; a publication drops the oldest.
    pub max_messages_stored_per_channel: Option<u32>,
    /// Longest channel id; longer ones get 400.
    pub max_channel_id_length: Option<u32>,
    /// Most normal channels at once; a request that would create one more gets 403.
    pub max_number_of_channels: Option<u32>,
    /// Most wildcard channels at once; likewise.
    pub max_number_of_wildcard_channels: Option<u32>,
    /// Prefix of the ids of wildcard channels; blank: there are none.
    pub wildcard_channel_prefix: Vec<u8>,
    /// Id of the events channel; blank: there is none.
    pub events_channel_id: Vec<u8>,
    /// Number of `by_worker` entries in the statistics (nginx `worker_processes`), 1 by default.
    pub worker_processes: u32,
    /// A reload closes all subscribers, as a reload of nginx does.
    pub reload_ends_subscribers: bool,
    /// Messages published through the rpushd API are stored, too, for subscribers of locations that
    /// connect later or poll.
    pub store_api_messages: bool,
}

impl Default for PushStream {
    fn default() -> PushStream {
        PushStream {
            shared_memory_size: None,
            channel_deleted_message_text: b"Channel deleted".to_vec(),
            channel_inactivity_time: None,
            ping_message_text: b" ".to_vec(),
            timeout_with_body: false,
            message_ttl: Millis::from_seconds(30 * 60),
            max_subscribers_per_channel: None,
            max_messages_stored_per_channel: None,
            max_channel_id_length: None,
            max_number_of_channels: None,
            max_number_of_wildcard_channels: None,
            wildcard_channel_prefix: Vec::new(),
            events_channel_id: Vec::new(),
            worker_processes: 1,
            reload_ends_subscribers: false,
            store_api_messages: false,
        }
    }
}

/// One row of [`HTTP_DIRECTIVES`].
pub struct HttpDirective {
    /// Its full name in nginx. The TOML key is the name without [`super::PREFIX`].
    pub name: &'static str,
    read: fn(&mut PushStream, &str, &Value) -> Result<(), String>,
    show: fn(&PushStream) -> Option<Shown>,
}

impl HttpDirective {
    /// The key in the TOML file.
    pub fn key(&self) -> &'static str {
        toml_key(self.name)
    }

    /// Reads a value into the settings, replacing an earlier one.
    ///
    /// # Errors
    /// The error text of nginx or the module.
    pub fn set(&self, settings: &mut PushStream, value: &Value) -> Result<(), String> {
        (self.read)(settings, self.name, value)
    }

    /// The value in effect; none if it has no default and is not set.
    pub(super) fn show(&self, settings: &PushStream) -> Option<Shown> {
        (self.show)(settings)
    }
}

/// Defines [`HTTP_DIRECTIVES`]. A row has the name of a directive, the kind of its value and the
/// field that it sets.
macro_rules! http_directives {
    ($($name:literal: $kind:ident => settings.$field:ident;)*) => {
        /// All settings of `[push_stream]` that apply to the whole daemon.
        pub const HTTP_DIRECTIVES: &[HttpDirective] = &[$(
            HttpDirective {
                name: $name,
                read: |settings, name, value| {
                    settings.$field = ($kind.read)(name, value)?.into();
                    Ok(())
                },
                show: |settings| Option::from(&settings.$field).map($kind.show),
            },
        )*];
    };
}

http_directives! {
    "push_stream_shared_memory_size": MEMORY_SIZE => settings.shared_memory_size;
    "push_stream_channel_deleted_message_text": BYTES => settings.channel_deleted_message_text;
    "push_stream_channel_inactivity_time": SECONDS => settings.channel_inactivity_time;
    "push_stream_ping_message_text": BYTES => settings.ping_message_text;
    "push_stream_timeout_with_body": FLAG => settings.timeout_with_body;
    "push_stream_message_ttl": SECONDS => settings.message_ttl;
    "push_stream_max_subscribers_per_channel": NUMBER => settings.max_subscribers_per_channel;
    "push_stream_max_messages_stored_per_channel": NUMBER
        => settings.max_messages_stored_per_channel;
    "push_stream_max_channel_id_length": NUMBER => settings.max_channel_id_length;
    "push_stream_max_number_of_channels": NUMBER => settings.max_number_of_channels;
    "push_stream_max_number_of_wildcard_channels": NUMBER
        => settings.max_number_of_wildcard_channels;
    "push_stream_wildcard_channel_prefix": BYTES => settings.wildcard_channel_prefix;
    "push_stream_events_channel_id": BYTES => settings.events_channel_id;
    "worker_processes": WORKERS => settings.worker_processes;
    "reload_ends_subscribers": FLAG => settings.reload_ends_subscribers;
    "store_api_messages": FLAG => settings.store_api_messages;
}

/// A size that the module rounds up to whole pages: 127 KiB to 128 KiB.
const MEMORY_SIZE: Kind<u64> = Kind::new(
    |name, value| {
        let bytes = (SIZE.read)(name, value).map_err(|_| SHARED_MEMORY_TOO_SMALL)?;
        Ok(bytes.next_multiple_of(PAGE_BYTES))
    },
    SIZE.show,
);

/// A number that is not 0.
const WORKERS: Kind<u32> = Kind::new(
    |name, value| match (NUMBER.read)(name, value)? {
        0 => Err("must be at least 1".into()),
        count => Ok(count),
    },
    NUMBER.show,
);
