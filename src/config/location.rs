//! A push-stream location as data: which paths it answers, in which role, with which directives (names
//! and meanings of push-stream spec, section 2). Inheritance is already resolved here.

use super::variables::VariableString;
use crate::time::Millis;

/// One server block: the locations that its listeners answer with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VirtualServer {
    /// Host names, as nginx `server_name`: exact, `*.suffix` or `prefix.*`. Only used to choose between
    /// servers that share a listener.
    pub names: Vec<String>,
    /// Index of the next server on the same listener to ask when no name fits; none: this one answers.
    pub sibling: Option<usize>,
    /// Asked in nginx's order of precedence, not in this one.
    pub locations: Vec<Location>,
}

/// How a location matches a request path (percent-decoded, slashes merged, as nginx does).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// `= /path`: this path alone; wins over all others.
    Exact(String),
    /// `/path`: paths that start with it; the longest wins, but any regular expression that matches wins
    /// over it.
    Prefix(String),
    /// `^~ /path`: as a prefix, but when it is the longest, regular expressions are not asked.
    PrefixFinal(String),
    /// `~` or `~*`: the first regular expression that matches anywhere in the path wins.
    Regex {
        /// The expression.
        pattern: String,
        /// `~*`: letter case does not matter.
        ignores_case: bool,
    },
}

/// What a location is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes messages. `admin` may also delete channels.
    Publisher {
        /// DELETE is allowed.
        is_admin: bool,
    },
    /// Shows statistics.
    Statistics,
    /// Gives messages.
    Subscriber(Mode),
}

/// How a subscriber location delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One endless response, a chunk per message.
    Streaming,
    /// Answers at once with what there is.
    Polling,
    /// Answers with the next message.
    LongPolling,
    /// Server-sent events (WHATWG HTML, section 9.2).
    EventSource,
    /// RFC 6455.
    WebSocket,
}

/// One location.
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    /// Which paths.
    pub path: PathMatch,
    /// What for.
    pub role: Role,
    /// Only on internal listeners; 404 elsewhere.
    pub is_internal: bool,
    /// Publisher and statistics: `Authorization: Bearer` with a publish secret is demanded, else 401.
    pub requires_secret: bool,
    /// Content type where the extension of the path says nothing.
    pub default_type: String,
    /// Content type by extension, `("html", "text/html")`; nginx `types`.
    pub types: Vec<(String, String)>,
    /// Largest request body (`client_max_body_size`); 0: no limit but memory.
    pub body_bytes_max: u64,
    /// Compression of bodies of known size, and of streams if asked for.
    pub gzip: Gzip,
    /// Where the channel ids come from. Required.
    pub channels_path: VariableString,
    /// Publisher, publishing WebSocket: keep messages for later subscribers.
    pub store_messages: bool,
    /// Publisher: answer POST and PUT with the channel's statistics.
    pub channel_info_on_publish: bool,
    /// Value of `Access-Control-Allow-Origin`; none or empty: no CORS headers.
    pub allowed_origins: Option<VariableString>,
    /// What only subscriber locations look at.
    pub subscriber: SubscriberSettings,
    /// `if` blocks, in order; a later one that holds wins over an earlier one, as in nginx.
    pub conditions: Vec<Condition>,
    /// Where it was written, for messages: `FILE:LINE`.
    pub origin: String,
}

/// The directives of subscriber locations.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriberSettings {
    /// Normal channels must exist and have a stored message.
    pub authorized_channels_only: bool,
    /// Sent first; blank: nothing.
    pub header_template: Vec<u8>,
    /// Formats each message; `~text~` by default.
    pub message_template: Vec<u8>,
    /// Sent last; blank: nothing.
    pub footer_template: Vec<u8>,
    /// Wildcard channels that one request may name, and that they may not come alone.
    pub wildcard_channel_max_qtd: Option<u32>,
    /// Between pings; none: no pings.
    pub ping_message_interval: Option<Millis>,
    /// Life of a subscriber's connection; none: for ever.
    pub subscriber_connection_ttl: Option<Millis>,
    /// Life of a waiting long-polling request. The inheritance from `subscriber_connection_ttl` is
    /// already resolved.
    pub longpolling_connection_ttl: Option<Millis>,
    /// WebSocket: text from the client is published.
    pub websocket_allow_publish: bool,
    /// Subscribing to the events channel is allowed.
    pub allow_connections_to_events_channel: bool,
    /// Instead of `If-Modified-Since`.
    pub last_received_message_time: Option<VariableString>,
    /// Instead of `If-None-Match`.
    pub last_received_message_tag: Option<VariableString>,
    /// Instead of `Last-Event-Id`.
    pub last_event_id: Option<VariableString>,
    /// Instead of `User-Agent`.
    pub user_agent: Option<VariableString>,
    /// `REGEX,H,M:REGEX,H,M:…` (push-stream spec, section 18); blank: none.
    pub padding_by_user_agent: String,
}

/// When bodies are compressed; nginx's `gzip*` directives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gzip {
    /// Whether at all.
    pub is_on: bool,
    /// Streams of unknown length too.
    pub includes_streams: bool,
    /// Compressed types besides `text/html`; `*` for all.
    pub types: Vec<String>,
    /// Smallest body of known size that is compressed.
    pub bytes_min: usize,
    /// 1 (fast) to 9 (small).
    pub level: u32,
    /// HTTP/1.0 requests too (`gzip_http_version 1.0`).
    pub includes_http_1_0: bool,
}

impl Gzip {
    /// Whether bodies of this type and size are compressed.
    pub fn covers(&self, content_type: &str, bytes: usize) -> bool {
        bytes >= self.bytes_min && self.covers_type(content_type)
    }

    /// Whether bodies of this type are compressed; `text/html` always is, as in nginx.
    pub fn covers_type(&self, content_type: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is_listed =
            self.types.iter().any(|one| one == "*" || one.eq_ignore_ascii_case(essence));
        is_listed || essence.eq_ignore_ascii_case("text/html")
    }
}

/// An `if` block inside a location.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// What is looked at, `$arg_test`.
    pub subject: VariableString,
    /// The text it must equal; none: it must be neither empty nor `0`.
    pub equals: Option<String>,
    /// The result is turned round (`!=`).
    pub is_negated: bool,
    /// Overrides, each only if given.
    pub channels_path: Option<VariableString>,
    /// See [`Location::store_messages`].
    pub store_messages: Option<bool>,
    /// See [`SubscriberSettings::allow_connections_to_events_channel`].
    pub allow_connections_to_events_channel: Option<bool>,
    /// See [`SubscriberSettings::last_received_message_time`].
    pub last_received_message_time: Option<VariableString>,
    /// See [`SubscriberSettings::last_received_message_tag`].
    pub last_received_message_tag: Option<VariableString>,
    /// See [`SubscriberSettings::last_event_id`].
    pub last_event_id: Option<VariableString>,
}

/// The directives of push-stream spec, section 2.3: one value for the whole daemon.
#[derive(Clone, Debug, PartialEq)]
pub struct PushStream {
    /// Size of the memory account; none: `Limits::store_bytes_max`.
    pub shared_memory_size: Option<u64>,
    /// Text of the message with id -2.
    pub channel_deleted_message_text: Vec<u8>,
    /// Life of a channel without stored messages and subscribers after its last use; none: 30 s, and
    /// `Config::channel_idle_ttl` for those that the rpushd API has used.
    pub channel_inactivity_time: Option<Millis>,
    /// Text of the ping message in streaming mode.
    pub ping_message_text: Vec<u8>,
    /// Long-polling that runs out of time answers 200 with a message instead of 304.
    pub timeout_with_body: bool,
    /// Life of a stored message.
    pub message_ttl: Millis,
    /// Further subscribers get 403.
    pub max_subscribers_per_channel: Option<u32>,
    /// The oldest stored messages are dropped at publication.
    pub max_messages_stored_per_channel: Option<u32>,
    /// Longer ids get 400.
    pub max_channel_id_length: Option<u32>,
    /// Normal channels at once; a request that would make one more gets 403.
    pub max_number_of_channels: Option<u32>,
    /// Wildcard channels likewise.
    pub max_number_of_wildcard_channels: Option<u32>,
    /// Ids that start with it are wildcard channels; blank: none.
    pub wildcard_channel_prefix: Vec<u8>,
    /// Id of the events channel; blank: none.
    pub events_channel_id: Vec<u8>,
    /// Entries of `by_worker` in the statistics (nginx `worker_processes`); a single process shows 1.
    pub worker_processes: u32,
    /// A reload ends all subscribers, as a reload of nginx does.
    pub reload_ends_subscribers: bool,
    /// What the rpushd API publishes is stored too, for subscribers of locations that come later or poll.
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

impl Default for SubscriberSettings {
    fn default() -> SubscriberSettings {
        SubscriberSettings {
            authorized_channels_only: false,
            header_template: Vec::new(),
            message_template: b"~text~".to_vec(),
            footer_template: Vec::new(),
            wildcard_channel_max_qtd: None,
            ping_message_interval: None,
            subscriber_connection_ttl: None,
            longpolling_connection_ttl: None,
            websocket_allow_publish: false,
            allow_connections_to_events_channel: false,
            last_received_message_time: None,
            last_received_message_tag: None,
            last_event_id: None,
            user_agent: None,
            padding_by_user_agent: String::new(),
        }
    }
}

impl Default for Gzip {
    fn default() -> Gzip {
        Gzip {
            is_on: false,
            includes_streams: false,
            types: Vec::new(),
            bytes_min: 20,
            level: 1,
            includes_http_1_0: false,
        }
    }
}
