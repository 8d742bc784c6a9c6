//! Push-stream locations as data: path, role and directives (push-stream spec, section 2), with
//! inheritance resolved.

use super::location_path::PathMatch;
use super::variables::VariableString;
use crate::time::Millis;

/// One server block with its locations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VirtualServer {
    /// Host names, as nginx `server_name`: exact, `*.suffix` or `prefix.*`. Only used to choose
    /// between servers that share a listener.
    pub names: Vec<String>,
    /// Index of the server to try next on the same listener if no name matches; none: this server
    /// answers.
    pub sibling: Option<usize>,
    /// Matched in nginx's order of precedence, not in this order.
    pub locations: Vec<Location>,
}

/// The role of a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Accepts messages. With mode `admin`, also deletes channels.
    Publisher {
        /// DELETE is allowed.
        is_admin: bool,
    },
    /// Returns statistics.
    Statistics,
    /// Delivers messages.
    Subscriber(Mode),
}

/// How a subscriber location delivers messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One endless response, a chunk per message.
    Streaming,
    /// Responds at once with the messages available.
    Polling,
    /// Responds with the next message.
    LongPolling,
    /// Server-sent events (WHATWG HTML, section 9.2).
    EventSource,
    /// RFC 6455.
    WebSocket,
}

/// One location.
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    /// Paths that it matches.
    pub path: PathMatch,
    /// Its role.
    pub role: Role,
    /// Only on internal listeners; 404 elsewhere.
    pub is_internal: bool,
    /// Publisher and statistics: requires `Authorization: Bearer` with a publish secret; 401
    /// without.
    pub requires_secret: bool,
    /// Content type if the extension of the path is not in `types`.
    pub default_type: String,
    /// Content type by extension, as in `("html", "text/html")`; nginx `types`.
    pub types: Vec<(String, String)>,
    /// Largest request body (`client_max_body_size`); 0: no limit but memory.
    pub body_bytes_max: u64,
    /// Compression of bodies of known size and, if configured, of streams.
    pub gzip: Gzip,
    /// Source of the channel ids. Required.
    pub channels_path: VariableString,
    /// Publisher, publishing WebSocket: store messages for later subscribers.
    pub store_messages: bool,
    /// Publisher: respond to POST and PUT with the channel's statistics.
    pub channel_info_on_publish: bool,
    /// Value of `Access-Control-Allow-Origin`; none or blank: no CORS headers.
    pub allowed_origins: Option<VariableString>,
    /// Settings that only subscriber locations use.
    pub subscriber: SubscriberSettings,
    /// `if` blocks in order. If several are true, the last one wins, as in nginx.
    pub conditions: Vec<Condition>,
    /// Its place in the configuration, for messages: `FILE:LINE`.
    pub origin: String,
}

/// The directives of subscriber locations.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriberSettings {
    /// Normal channels must exist and have a stored message.
    pub authorized_channels_only: bool,
    /// Sent first; blank: nothing.
    pub header_template: Vec<u8>,
    /// Format of each message; `~text~` by default.
    pub message_template: Vec<u8>,
    /// Sent last; blank: nothing.
    pub footer_template: Vec<u8>,
    /// Most wildcard channels in one request. If set, they also need a normal channel beside them.
    pub wildcard_channel_max_qtd: Option<u32>,
    /// Time between pings; none: no pings.
    pub ping_message_interval: Option<Millis>,
    /// Lifetime of a subscriber's connection; none: no limit.
    pub subscriber_connection_ttl: Option<Millis>,
    /// Lifetime of a waiting long-polling request, inheritance from `subscriber_connection_ttl`
    /// resolved.
    pub longpolling_connection_ttl: Option<Millis>,
    /// WebSocket: text from the client is published.
    pub websocket_allow_publish: bool,
    /// Subscribing to the events channel is allowed.
    pub allow_connections_to_events_channel: bool,
    /// Used instead of `If-Modified-Since`.
    pub last_received_message_time: Option<VariableString>,
    /// Used instead of `If-None-Match`.
    pub last_received_message_tag: Option<VariableString>,
    /// Used instead of `Last-Event-Id`.
    pub last_event_id: Option<VariableString>,
    /// Used instead of `User-Agent`.
    pub user_agent: Option<VariableString>,
    /// `REGEX,H,M:REGEX,H,M:…` (push-stream spec, section 18); blank: none.
    pub padding_by_user_agent: String,
}

/// Compression of response bodies; nginx's `gzip*` directives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gzip {
    /// Whether bodies are compressed at all.
    pub is_on: bool,
    /// Whether streams of unknown length are compressed, too.
    pub includes_streams: bool,
    /// Compressed types besides `text/html`; `*` for all.
    pub types: Vec<String>,
    /// Smallest body of known size that is compressed.
    pub bytes_min: usize,
    /// 1 (fast) to 9 (small).
    pub level: u32,
    /// Whether responses to HTTP/1.0 requests are compressed, too (`gzip_http_version 1.0`).
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
    /// The tested value, such as `$arg_test`.
    pub subject: VariableString,
    /// The text it must equal; none: it must be neither blank nor `0`.
    pub equals: Option<String>,
    /// The result is negated (`!=`).
    pub is_negated: bool,
    /// Overrides [`Location::channels_path`], if given.
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
