//! Describes a configuration in sentences, for the output of `rpushd check`.

use super::http_directives::PushStream;
use super::kinds::Shown;
use super::location::{
    Condition, LEVEL_DIRECTIVES, LevelDirective, Location, Mode, Role, SubscriberSettings,
};
use super::push_stream_blocks::mode_name;
use super::units::{show_bytes, show_time};
use super::{Config, Listener};
use crate::time::Millis;

impl Config {
    /// One line per listener and location, in the order of the configuration.
    pub fn describe(&self) -> Vec<String> {
        let listeners = self.listeners.iter().map(|listener| self.describe_listener(listener));
        let locations = self.servers.iter().flat_map(|server| {
            let prefix = if server.names.is_empty() {
                String::new()
            } else {
                format!("{}: ", server.names.join(", "))
            };
            let describe =
                |location: &Location| format!("{prefix}{}", location.describe(&self.push_stream));
            server.locations.iter().map(describe).collect::<Vec<String>>()
        });
        listeners.chain(locations).collect()
    }

    fn describe_listener(&self, listener: &Listener) -> String {
        let is_public = self.has_internal_listener() && !listener.is_internal;
        let mut parts = Vec::new();
        parts.push(match (self.has_api(), is_public) {
            (false, _) => "no rpushd API (no secrets)".to_owned(),
            (true, true) => "rpushd API without publish and stats".to_owned(),
            (true, false) => "rpushd API".to_owned(),
        });
        let count: usize = self
            .servers_on(listener)
            .iter()
            .map(|server| &self.servers[*server].locations)
            .map(|locations| {
                let exists = |location: &Location| listener.is_internal || !location.is_internal;
                locations.iter().filter(|location| exists(location)).count()
            })
            .sum();
        match count {
            0 => {}
            1 => parts.push("1 location".into()),
            count => parts.push(format!("{count} locations")),
        }
        let kind = if listener.is_internal { " (internal)" } else { "" };
        format!("listens on {}{kind}: {}", listener.address.show(), parts.join(", "))
    }
}

impl Location {
    /// Describes the location in one line.
    pub fn describe(&self, push_stream: &PushStream) -> String {
        let mut facts = vec![self.describe_role()];
        facts.push(format!("channels from \"{}\"", self.channels_path.source()));
        match self.role {
            Role::Publisher { .. } => {
                facts.push(self.describe_storage(push_stream));
                facts.push(match self.body_bytes_max {
                    0 => "bodies of any size".into(),
                    bytes => format!("bodies up to {}", show_bytes(bytes)),
                });
                if !self.channel_info_on_publish {
                    facts.push("empty responses".into());
                }
            }
            Role::Statistics => {}
            Role::Subscriber(mode) => {
                if mode == Mode::WebSocket && self.subscriber.websocket_allow_publish {
                    facts.push("clients may publish".into());
                    facts.push(self.describe_storage(push_stream));
                }
                self.subscriber.describe(mode, &mut facts);
            }
        }
        if self.is_internal {
            facts.push("internal listeners only".into());
        }
        if self.requires_secret && !matches!(self.role, Role::Subscriber(_)) {
            facts.push("requires the publish secret".into());
        }
        if let Some(origins) =
            self.allowed_origins.as_ref().filter(|text| !text.source().is_empty())
        {
            facts.push(format!("CORS for \"{}\"", origins.source()));
        }
        if self.gzip.is_on {
            facts.push("gzip".into());
        }
        facts.extend(self.conditions.iter().map(Condition::describe));
        format!("location \"{}\" ({}): {}", self.path, self.origin, facts.join("; "))
    }

    fn describe_role(&self) -> String {
        match self.role {
            Role::Publisher { is_admin: false } => "publisher".into(),
            Role::Publisher { is_admin: true } => "publisher that may delete channels".into(),
            Role::Statistics => "statistics".into(),
            Role::Subscriber(mode) => format!("subscriber by {}", mode_name(mode)),
        }
    }

    fn describe_storage(&self, push_stream: &PushStream) -> String {
        if !self.store_messages {
            return "messages are not stored".into();
        }
        let ttl = show_time(push_stream.message_ttl);
        match push_stream.max_messages_stored_per_channel {
            Some(count) => format!("stores {count} messages per channel for {ttl}"),
            None => format!("stores messages for {ttl}"),
        }
    }
}

impl SubscriberSettings {
    fn describe(&self, mode: Mode, facts: &mut Vec<String>) {
        let time = |time: Option<Millis>| time.map(show_time);
        match mode {
            Mode::Polling => {}
            Mode::LongPolling => facts.push(match time(self.longpolling_connection_ttl) {
                Some(ttl) => format!("waits up to {ttl}"),
                None => "waits without limit".into(),
            }),
            Mode::Streaming | Mode::EventSource | Mode::WebSocket => {
                facts.push(match time(self.ping_message_interval) {
                    Some(interval) => format!("a ping every {interval}"),
                    None => "no pings".into(),
                });
                if let Some(ttl) = time(self.subscriber_connection_ttl) {
                    facts.push(format!("ends after {ttl}"));
                }
            }
        }
        if self.authorized_channels_only {
            facts.push("only channels that exist".into());
        }
        if self.allow_connections_to_events_channel {
            facts.push("events channel allowed".into());
        }
    }
}

impl Condition {
    fn describe(&self) -> String {
        let subject = self.subject.source();
        let test = match (&self.equals, self.is_negated) {
            (None, false) => format!("{subject} is set"),
            (None, true) => format!("{subject} is not set"),
            (Some(text), false) => format!("{subject} is \"{text}\""),
            (Some(text), true) => format!("{subject} is not \"{text}\""),
        };
        let given = |directive: &LevelDirective| {
            (directive.given)(&self.settings).map(|value| (directive.key(), value))
        };
        let mut changes: Vec<(&str, Shown)> = LEVEL_DIRECTIVES.iter().filter_map(given).collect();
        changes.sort_by_key(|(_, value)| matches!(value, Shown::Flag(_)));
        let changes: Vec<String> =
            changes.iter().map(|(key, value)| format!("{key} {value}")).collect();
        format!("if {test}: {}", changes.join(", "))
    }
}
