//! Push-stream locations as data: path, role and directives (push-stream spec, section 2), with
//! inheritance resolved.
//!
//! A directive is a field here, with its default, and a row of [`LEVEL_DIRECTIVES`]: the TOML file,
//! the nginx importer, inheritance and the effective configuration follow from the row.

use super::document::Value;
use super::kinds::{
    Argument, BYTES, FLAG, HEADER_TEMPLATE, HEADER_TEMPLATE_FILE, HeaderTemplate, Kind, LIST,
    NUMBER, SIZE, Shown, TEXT, TIME, VARIABLES,
};
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
    pub types: Types,
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

/// Content types by extension.
pub type Types = Vec<(String, String)>;

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
    /// The settings that it overrides.
    pub settings: Level,
}

impl Location {
    /// A location with the default of each directive.
    pub(super) fn new(path: PathMatch, role: Role, channels_path: VariableString) -> Location {
        Location {
            path,
            role,
            is_internal: false,
            requires_secret: false,
            default_type: "text/plain".into(),
            types: default_types(),
            body_bytes_max: 1 << 20,
            gzip: Gzip::default(),
            channels_path,
            store_messages: false,
            channel_info_on_publish: true,
            allowed_origins: None,
            subscriber: SubscriberSettings::default(),
            conditions: Vec::new(),
            origin: String::new(),
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

/// Content types by extension without a `types` directive, as in nginx.
pub fn default_types() -> Types {
    [("html", "text/html"), ("gif", "image/gif"), ("jpg", "image/jpeg")]
        .map(|(extension, content_type)| (extension.into(), content_type.into()))
        .into()
}

/// One row of [`LEVEL_DIRECTIVES`].
pub struct LevelDirective {
    /// Its full name in nginx. The TOML key is the name without [`super::PREFIX`].
    pub name: &'static str,
    /// What it is given in nginx.
    pub argument: Argument,
    /// Whether it is allowed in an `if`.
    pub is_allowed_in_if: bool,
    /// Whether nginx or the module has it, too.
    pub is_in_nginx: bool,
    /// Whether the effective configuration has it even with its default.
    pub(super) is_always_written: bool,
    /// Reads a value into a level.
    pub(super) read: fn(&mut Level, &str, &Value) -> Result<(), String>,
    /// Copies the value of the second level to the first, unless that has one.
    pub(super) inherit: fn(&mut Level, &Level),
    /// Copies the value of the level, if it has one, to the location.
    pub(super) apply: fn(&Level, &mut Location),
    /// The value that a level has.
    pub(super) given: fn(&Level) -> Option<Shown>,
    /// The value that is in effect in a location.
    pub(super) show: fn(&Location) -> Option<Shown>,
}

impl LevelDirective {
    /// A directive that is only read. For the second one of a field, as the first does all else.
    const fn only_read(
        name: &'static str,
        argument: Argument,
        read: fn(&mut Level, &str, &Value) -> Result<(), String>,
    ) -> LevelDirective {
        LevelDirective {
            name,
            argument,
            is_allowed_in_if: false,
            is_in_nginx: true,
            is_always_written: false,
            read,
            inherit: |_, _| {},
            apply: |_, _| {},
            given: |_| None,
            show: |_| None,
        }
    }

    const fn in_if(mut self) -> LevelDirective {
        self.is_allowed_in_if = true;
        self
    }

    const fn not_in_nginx(mut self) -> LevelDirective {
        self.is_in_nginx = false;
        self
    }

    const fn always_written(mut self) -> LevelDirective {
        self.is_always_written = true;
        self
    }
}

/// Defines [`Level`] and [`LEVEL_DIRECTIVES`] from one list. A row has the name of a directive, its
/// field in a level with the type and the kind of its value, the field that it sets in a location,
/// and properties, which are methods of [`LevelDirective`]. `or` gives a field a second directive.
macro_rules! level_directives {
    ($(
        $name:literal $(or $second_name:literal as $second_kind:ident)?,
        $field:ident: $type:ty as $kind:ident
            => location.$($target:ident).+ $(, $property:ident)*;
    )*) => {
        /// The settings given on one level: `http`, a server, a location or an `if`.
        /// [`Level::inherit`] adds inherited ones.
        #[derive(Clone, Debug, Default, PartialEq)]
        #[allow(missing_docs, reason = "each field has the name of its directive")]
        pub struct Level {
            $(pub $field: Option<$type>,)*
            pub types: Option<Types>,
        }

        /// All directives of a level except `types`, which is a table, in the order in which they
        /// are read and written.
        pub const LEVEL_DIRECTIVES: &[LevelDirective] = &[$(
            LevelDirective {
                inherit: |level, outer| {
                    if level.$field.is_none() {
                        level.$field.clone_from(&outer.$field);
                    }
                },
                apply: |level, location| {
                    if let Some(value) = &level.$field {
                        location.$($target).+ = value.clone().into();
                    }
                },
                given: |level| {
                    let held = level.$field.clone().map(Into::into);
                    held.as_ref().map($kind.show)
                },
                show: |location| Option::from(&location.$($target).+).map($kind.show),
                ..LevelDirective::only_read($name, $kind.argument, |level, name, value| {
                    level.$field = Some(($kind.read)(name, value)?);
                    Ok(())
                })
            }
            $(.$property())*,
            $(LevelDirective::only_read($second_name, $second_kind.argument, |level, name, value| {
                level.$field = Some(($second_kind.read)(name, value)?);
                Ok(())
            }),)?
        )*];

        #[cfg(test)]
        impl Level {
            /// The names of all settings.
            pub(super) const SETTINGS: &'static [&'static str] =
                &[$(stringify!($field),)* "types"];
        }
    };
}

level_directives! {
    "push_stream_channels_path", channels_path: VariableString as VARIABLES
        => location.channels_path, in_if;
    "push_stream_store_messages", store_messages: bool as FLAG
        => location.store_messages, in_if;
    "push_stream_channel_info_on_publish", channel_info_on_publish: bool as FLAG
        => location.channel_info_on_publish;
    "push_stream_allowed_origins", allowed_origins: VariableString as VARIABLES
        => location.allowed_origins;
    "default_type", default_type: String as TEXT
        => location.default_type, always_written;
    "client_max_body_size", client_max_body_size: u64 as SIZE
        => location.body_bytes_max, always_written;
    "gzip", gzip: bool as FLAG
        => location.gzip.is_on;
    "gzip_streams", gzip_streams: bool as FLAG
        => location.gzip.includes_streams, not_in_nginx;
    "gzip_types", gzip_types: Vec<String> as LIST
        => location.gzip.types;
    "gzip_min_length", gzip_min_length: usize as LENGTH
        => location.gzip.bytes_min;
    "gzip_comp_level", gzip_comp_level: u32 as COMPRESSION_LEVEL
        => location.gzip.level;
    "gzip_http_version", gzip_http_version: bool as LOWEST_VERSION
        => location.gzip.includes_http_1_0;
    "push_stream_authorized_channels_only", authorized_channels_only: bool as FLAG
        => location.subscriber.authorized_channels_only;
    "push_stream_header_template" or "push_stream_header_template_file" as HEADER_TEMPLATE_FILE,
        header_template: HeaderTemplate as HEADER_TEMPLATE
        => location.subscriber.header_template;
    "push_stream_message_template", message_template: Vec<u8> as BYTES
        => location.subscriber.message_template;
    "push_stream_footer_template", footer_template: Vec<u8> as BYTES
        => location.subscriber.footer_template;
    "push_stream_wildcard_channel_max_qtd", wildcard_channel_max_qtd: u32 as NUMBER
        => location.subscriber.wildcard_channel_max_qtd;
    "push_stream_ping_message_interval", ping_message_interval: Millis as TIME
        => location.subscriber.ping_message_interval;
    "push_stream_subscriber_connection_ttl", subscriber_connection_ttl: Millis as TIME
        => location.subscriber.subscriber_connection_ttl;
    "push_stream_longpolling_connection_ttl", longpolling_connection_ttl: Millis as TIME
        => location.subscriber.longpolling_connection_ttl;
    "push_stream_websocket_allow_publish", websocket_allow_publish: bool as FLAG
        => location.subscriber.websocket_allow_publish;
    "push_stream_allow_connections_to_events_channel",
        allow_connections_to_events_channel: bool as FLAG
        => location.subscriber.allow_connections_to_events_channel, in_if;
    "push_stream_last_received_message_time",
        last_received_message_time: VariableString as VARIABLES
        => location.subscriber.last_received_message_time, in_if;
    "push_stream_last_received_message_tag",
        last_received_message_tag: VariableString as VARIABLES
        => location.subscriber.last_received_message_tag, in_if;
    "push_stream_last_event_id", last_event_id: VariableString as VARIABLES
        => location.subscriber.last_event_id, in_if;
    "push_stream_user_agent", user_agent: VariableString as VARIABLES
        => location.subscriber.user_agent;
    "push_stream_padding_by_user_agent", padding_by_user_agent: String as TEXT
        => location.subscriber.padding_by_user_agent;
}

/// The size of something in memory.
const LENGTH: Kind<usize> = Kind::new(
    |name, value| (SIZE.read)(name, value).map(|bytes| bytes.try_into().unwrap_or(usize::MAX)),
    |bytes| Shown::Number(u64::try_from(*bytes).unwrap_or(u64::MAX)),
);

const COMPRESSION_LEVEL: Kind<u32> = Kind::new(
    |name, value| match (NUMBER.read)(name, value)? {
        level @ 1..=9 => Ok(level),
        _ => Err("value must be between 1 and 9".into()),
    },
    NUMBER.show,
);

/// `1.0` or `1.1`: whether HTTP/1.0 is included.
const LOWEST_VERSION: Kind<bool> = Kind::new(
    |_, value| match value.text()? {
        "1.0" => Ok(true),
        "1.1" => Ok(false),
        version => Err(format!("invalid value \"{version}\"")),
    },
    |includes_1_0| Shown::Text(if *includes_1_0 { b"1.0".into() } else { b"1.1".into() }),
);
