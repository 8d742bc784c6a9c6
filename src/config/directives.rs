//! The directives that a location may inherit: those of push-stream spec, section 2.4, and some of
//! nginx itself. [`Level`] has the values given on one level, [`LEVEL_DIRECTIVES`] reads them.

use super::document::Value;
use super::http_directives::PushStream;
use super::kinds::toml_key;
use super::location::{Condition, Gzip, Location, Role, SubscriberSettings};
use super::location_path::PathMatch;
use super::sources::Files;
use super::units;
use super::variables::VariableString;
use crate::time::Millis;
use std::path::Path;

/// Defines [`Level`] and the inheritance of its fields from one list.
macro_rules! level {
    ($($field:ident: $kind:ty,)*) => {
        /// The settings given on one level: `http`, a server, a location or an `if`.
        /// [`Level::inherit`] adds inherited ones.
        #[derive(Clone, Debug, Default, PartialEq)]
        #[allow(missing_docs, reason = "each field has the name of its directive")]
        pub struct Level {
            $(pub $field: Option<$kind>,)*
        }

        impl Level {
            /// Adds the settings in effect on the level around it that are not given here. Call it
            /// once per level below `http`, from the outside in, because nginx applies the default
            /// of `longpolling_connection_ttl` on each (push-stream spec, section 2.5).
            pub fn inherit(mut self, outer: &Level) -> Level {
                $(
                    if self.$field.is_none() {
                        self.$field.clone_from(&outer.$field);
                    }
                )*
                self.longpolling_connection_ttl =
                    self.longpolling_connection_ttl.or(self.subscriber_connection_ttl);
                self
            }

            /// The names of the settings that are set.
            #[cfg(test)]
            pub(super) fn given(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(
                    if self.$field.is_some() {
                        names.push(stringify!($field));
                    }
                )*
                names
            }

            /// The names of all settings.
            #[cfg(test)]
            pub(super) const SETTINGS: &'static [&'static str] = &[$(stringify!($field)),*];
        }
    };
}

level! {
    channels_path: VariableString,
    store_messages: bool,
    channel_info_on_publish: bool,
    authorized_channels_only: bool,
    header_template: HeaderTemplate,
    message_template: Vec<u8>,
    footer_template: Vec<u8>,
    wildcard_channel_max_qtd: u32,
    ping_message_interval: Millis,
    subscriber_connection_ttl: Millis,
    longpolling_connection_ttl: Millis,
    websocket_allow_publish: bool,
    allow_connections_to_events_channel: bool,
    last_received_message_time: VariableString,
    last_received_message_tag: VariableString,
    last_event_id: VariableString,
    user_agent: VariableString,
    padding_by_user_agent: String,
    allowed_origins: VariableString,
    default_type: String,
    types: Vec<(String, String)>,
    client_max_body_size: u64,
    gzip: bool,
    gzip_streams: bool,
    gzip_types: Vec<String>,
    gzip_min_length: u64,
    gzip_comp_level: u32,
    gzip_http_version: String,
}

/// A header template, and which of its two directives set it. Both are one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderTemplate {
    /// `header_template`
    Text(Vec<u8>),
    /// `header_template_file`: the content of the file when the configuration was read.
    File(Vec<u8>),
}

/// One row of [`LEVEL_DIRECTIVES`].
pub struct LevelDirective {
    /// Its full name in nginx. The TOML key is the name without [`super::PREFIX`].
    pub name: &'static str,
    /// Whether it is allowed in an `if`.
    pub is_allowed_in_if: bool,
    assign: fn(&mut Level, &Given) -> Result<(), String>,
}

/// A value to be assigned to a level.
struct Given<'g> {
    name: &'static str,
    value: &'g Value,
    files: &'g dyn Files,
}

impl LevelDirective {
    /// The key in the TOML file.
    pub fn key(&self) -> &'static str {
        toml_key(self.name)
    }

    /// Reads a value into a level, replacing an earlier one. The two header template directives
    /// exclude each other.
    ///
    /// # Errors
    /// The error text of nginx or the module.
    pub fn set(&self, level: &mut Level, value: &Value, files: &dyn Files) -> Result<(), String> {
        (self.assign)(level, &Given { name: self.name, value, files })
    }
}

impl Given<'_> {
    fn variables(&self) -> Result<VariableString, String> {
        VariableString::parse(self.value.text()?)
    }
    fn flag(&self) -> Result<bool, String> {
        units::flag(self.name, self.value.text()?)
    }
    fn number(&self) -> Result<u32, String> {
        units::number(self.name, self.value.text()?)
    }
    fn milliseconds(&self) -> Result<Millis, String> {
        units::milliseconds(self.name, self.value.text()?)
    }
    fn bytes(&self) -> Result<Vec<u8>, String> {
        self.value.bytes().map(<[u8]>::to_vec)
    }
    fn string(&self) -> Result<String, String> {
        self.value.text().map(str::to_owned)
    }
}

macro_rules! directive {
    ($name:literal, $field:ident, $read:ident) => {
        directive!($name, $field, $read, false)
    };
    ($name:literal, $field:ident, $read:ident, in_if) => {
        directive!($name, $field, $read, true)
    };
    ($name:literal, $field:ident, $read:ident, $in_if:literal) => {
        LevelDirective {
            name: $name,
            is_allowed_in_if: $in_if,
            assign: |level, given| {
                level.$field = Some(given.$read()?);
                Ok(())
            },
        }
    };
}

macro_rules! custom {
    ($name:literal, $assign:expr) => {
        LevelDirective { name: $name, is_allowed_in_if: false, assign: $assign }
    };
}

/// All directives of a level except `types`, which is a table.
pub const LEVEL_DIRECTIVES: &[LevelDirective] = &[
    directive!("push_stream_channels_path", channels_path, variables, in_if),
    directive!("push_stream_store_messages", store_messages, flag, in_if),
    directive!("push_stream_channel_info_on_publish", channel_info_on_publish, flag),
    directive!("push_stream_authorized_channels_only", authorized_channels_only, flag),
    custom!("push_stream_header_template", set_header_template),
    custom!("push_stream_header_template_file", set_header_template_file),
    directive!("push_stream_message_template", message_template, bytes),
    directive!("push_stream_footer_template", footer_template, bytes),
    directive!("push_stream_wildcard_channel_max_qtd", wildcard_channel_max_qtd, number),
    directive!("push_stream_ping_message_interval", ping_message_interval, milliseconds),
    directive!("push_stream_subscriber_connection_ttl", subscriber_connection_ttl, milliseconds),
    directive!("push_stream_longpolling_connection_ttl", longpolling_connection_ttl, milliseconds),
    directive!("push_stream_websocket_allow_publish", websocket_allow_publish, flag),
    directive!(
        "push_stream_allow_connections_to_events_channel",
        allow_connections_to_events_channel,
        flag,
        in_if
    ),
    directive!(
        "push_stream_last_received_message_time",
        last_received_message_time,
        variables,
        in_if
    ),
    directive!(
        "push_stream_last_received_message_tag",
        last_received_message_tag,
        variables,
        in_if
    ),
    directive!("push_stream_last_event_id", last_event_id, variables, in_if),
    directive!("push_stream_user_agent", user_agent, variables),
    directive!("push_stream_padding_by_user_agent", padding_by_user_agent, string),
    directive!("push_stream_allowed_origins", allowed_origins, variables),
    directive!("default_type", default_type, string),
    custom!("client_max_body_size", |level, given| {
        level.client_max_body_size = Some(units::size(given.name, given.value.text()?)?);
        Ok(())
    }),
    directive!("gzip", gzip, flag),
    directive!("gzip_streams", gzip_streams, flag),
    custom!("gzip_types", |level, given| {
        level.gzip_types = Some(given.value.list()?);
        Ok(())
    }),
    custom!("gzip_min_length", |level, given| {
        level.gzip_min_length = Some(units::size(given.name, given.value.text()?)?);
        Ok(())
    }),
    custom!("gzip_comp_level", |level, given| {
        let compression = given.number()?;
        if !(1..=9).contains(&compression) {
            return Err("value must be between 1 and 9".into());
        }
        level.gzip_comp_level = Some(compression);
        Ok(())
    }),
    custom!("gzip_http_version", |level, given| {
        let version = given.value.text()?;
        if !matches!(version, "1.0" | "1.1") {
            return Err(format!("invalid value \"{version}\""));
        }
        level.gzip_http_version = Some(version.to_owned());
        Ok(())
    }),
];

fn set_header_template(level: &mut Level, given: &Given) -> Result<(), String> {
    if let Some(HeaderTemplate::File(_)) = level.header_template {
        return Err(format!("\"{}\" directive is duplicate", given.name));
    }
    level.header_template = Some(HeaderTemplate::Text(given.bytes()?));
    Ok(())
}

fn set_header_template_file(level: &mut Level, given: &Given) -> Result<(), String> {
    if let Some(HeaderTemplate::Text(_)) = level.header_template {
        return Err(format!(
            "\"{}\" directive is duplicate or template set by 'push_stream_header_template'",
            given.name
        ));
    }
    let path = given.value.text()?;
    let content = given.files.read(Path::new(path)).map_err(|_| {
        format!("push stream module: unable to open file \"{path}\" for header template")
    })?;
    level.header_template = Some(HeaderTemplate::File(content));
    Ok(())
}

impl Level {
    /// Builds a location from these settings, inherited ones included, and defaults for all others.
    /// None without a channels path, see [`super::checks::CHANNELS_PATH_MISSING`].
    pub fn location(
        self,
        path: PathMatch,
        role: Role,
        push_stream: &PushStream,
    ) -> Option<Location> {
        let defaults = SubscriberSettings::default();
        Some(Location {
            path,
            role,
            is_internal: false,
            requires_secret: false,
            default_type: self.default_type.clone().unwrap_or_else(|| "text/plain".into()),
            types: self.types.clone().unwrap_or_else(default_types),
            body_bytes_max: self.client_max_body_size.unwrap_or(1 << 20),
            gzip: self.gzip(),
            channels_path: self.channels_path?,
            store_messages: self.store_messages.unwrap_or(false),
            channel_info_on_publish: self.channel_info_on_publish.unwrap_or(true),
            allowed_origins: self.allowed_origins,
            subscriber: SubscriberSettings {
                authorized_channels_only: self.authorized_channels_only.unwrap_or(false),
                header_template: self
                    .header_template
                    .map_or(Vec::new(), HeaderTemplate::into_bytes),
                message_template: self.message_template.unwrap_or(defaults.message_template),
                footer_template: self.footer_template.unwrap_or_default(),
                wildcard_channel_max_qtd: self
                    .wildcard_channel_max_qtd
                    .or(push_stream.max_number_of_wildcard_channels),
                ping_message_interval: self.ping_message_interval,
                subscriber_connection_ttl: self.subscriber_connection_ttl,
                longpolling_connection_ttl: self.longpolling_connection_ttl,
                websocket_allow_publish: self.websocket_allow_publish.unwrap_or(false),
                allow_connections_to_events_channel: self
                    .allow_connections_to_events_channel
                    .unwrap_or(false),
                last_received_message_time: self.last_received_message_time,
                last_received_message_tag: self.last_received_message_tag,
                last_event_id: self.last_event_id,
                user_agent: self.user_agent,
                padding_by_user_agent: self.padding_by_user_agent.unwrap_or_default(),
            },
            conditions: Vec::new(),
            origin: String::new(),
        })
    }

    /// Builds an `if` block from these settings. Those not allowed in an `if` are ignored.
    pub fn condition(
        self,
        subject: VariableString,
        equals: Option<String>,
        is_negated: bool,
    ) -> Condition {
        Condition {
            subject,
            equals,
            is_negated,
            channels_path: self.channels_path,
            store_messages: self.store_messages,
            allow_connections_to_events_channel: self.allow_connections_to_events_channel,
            last_received_message_time: self.last_received_message_time,
            last_received_message_tag: self.last_received_message_tag,
            last_event_id: self.last_event_id,
        }
    }

    fn gzip(&self) -> Gzip {
        let defaults = Gzip::default();
        Gzip {
            is_on: self.gzip.unwrap_or(defaults.is_on),
            includes_streams: self.gzip_streams.unwrap_or(defaults.includes_streams),
            types: self.gzip_types.clone().unwrap_or(defaults.types),
            bytes_min: self
                .gzip_min_length
                .map_or(defaults.bytes_min, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            level: self.gzip_comp_level.unwrap_or(defaults.level),
            includes_http_1_0: self.gzip_http_version.as_deref() == Some("1.0"),
        }
    }
}

impl HeaderTemplate {
    fn into_bytes(self) -> Vec<u8> {
        match self {
            HeaderTemplate::Text(bytes) | HeaderTemplate::File(bytes) => bytes,
        }
    }
}

/// Content types by extension without a `types` directive, as in nginx.
pub fn default_types() -> Vec<(String, String)> {
    [("html", "text/html"), ("gif", "image/gif"), ("jpg", "image/jpeg")]
        .map(|(extension, content_type)| (extension.into(), content_type.into()))
        .into()
}
