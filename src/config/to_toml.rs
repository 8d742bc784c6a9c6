//! Writes the effective configuration as TOML that reads back to the same [`Config`], without
//! secrets.

use super::document::Value;
use super::http_directives::{HTTP_DIRECTIVES, PushStream};
use super::kinds::Shown;
use super::limit_table::LIMITS;
use super::listen::UNIX_MODE_DEFAULT;
use super::location::{
    Condition, LEVEL_DIRECTIVES, Location, Role, Types, VirtualServer, default_types,
};
use super::push_stream_blocks::mode_name;
use super::units::show_time;
use super::variables::VariableString;
use super::{Config, HistoryBlock, ListenAddress, Listener, Secret};
use crate::time::Millis;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::collections::BTreeMap;
use std::fmt::Display;

impl Config {
    /// The effective configuration: all settings of the daemon, and the settings of each location
    /// that differ from the defaults, with inheritance resolved. Of secrets, a comment has the
    /// number.
    pub fn to_toml(&self) -> String {
        let mut writer = Writer { text: String::new(), shared_types: self.shared_types() };
        writer.line("# The effective configuration of rpushd.");
        writer.top_level(self);
        writer.limits(self);
        writer.history(&self.history);
        writer.push_stream(&self.push_stream);
        let top_level = self.top_level_server();
        if let Some(server) = top_level {
            writer.section(
                "Locations of the listeners above. Settings not listed are as above, or defaults.",
            );
            writer.locations(&server.locations, "location");
        }
        for (index, server) in self.servers.iter().enumerate().skip(top_level.iter().len()) {
            writer.section("A server with listeners or names of its own.");
            writer.server(self, index, server);
        }
        writer.text
    }

    /// The server whose locations are written at the top level of the file: the first one, if it
    /// has no names and every listener has a server.
    fn top_level_server(&self) -> Option<&VirtualServer> {
        let has_bare_listener = self.listeners.iter().any(|listener| listener.server.is_none());
        let first = self.servers.first()?;
        let is_plain = first.names.is_empty() && !first.locations.is_empty();
        (is_plain && !has_bare_listener).then_some(first)
    }

    /// The content types shared by most locations, which are written once, as an imported
    /// `mime.types` is long.
    fn shared_types(&self) -> Types {
        let mut counts: BTreeMap<&Types, usize> = BTreeMap::new();
        for location in self.servers.iter().flat_map(|server| &server.locations) {
            *counts.entry(&location.types).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        most.filter(|(_, count)| *count > 1).map_or_else(default_types, |(types, _)| types.clone())
    }

    /// The servers tried on a listener, in that order.
    pub(super) fn servers_on(&self, listener: &Listener) -> Vec<usize> {
        let next = |index: &usize| self.servers.get(*index).and_then(|server| server.sibling);
        // A chain has each server at most once, so this ends even with a circle.
        std::iter::successors(listener.server, next).take(self.servers.len()).collect()
    }
}

struct Writer {
    text: String,
    /// Content types of a location without `types` of its own.
    shared_types: Types,
}

impl Writer {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn section(&mut self, comment: &str) {
        self.line("");
        self.line(&format!("# {comment}"));
    }

    fn raw(&mut self, key: &str, value: impl Display) {
        self.line(&format!("{key} = {value}"));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.raw(key, quoted(value));
    }

    fn texts(&mut self, key: &str, values: &[String]) {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        self.raw(key, format!("[{}]", values.join(", ")));
    }

    fn time(&mut self, key: &str, value: Option<Millis>) {
        if let Some(time) = value {
            self.text(key, &show_time(time));
        }
    }

    fn variables(&mut self, key: &str, value: Option<&VariableString>) {
        if let Some(value) = value {
            self.text(key, value.source());
        }
    }

    /// Writes text, or base64 if the bytes are not UTF-8.
    fn bytes(&mut self, key: &str, value: &[u8]) {
        match Value::Text(value.to_vec()).text() {
            Ok(text) => self.text(key, text),
            Err(_) => {
                self.raw(key, format!("{{ base64 = \"{}\" }}", BASE64_STANDARD.encode(value)));
            }
        }
    }

    fn shown(&mut self, key: &str, value: Option<Shown>) {
        match value {
            None => {}
            Some(Shown::Flag(flag)) => self.raw(key, flag),
            Some(Shown::Number(number)) => self.raw(key, number),
            Some(Shown::Time(time)) => self.time(key, Some(time)),
            Some(Shown::Text(bytes)) => self.bytes(key, &bytes),
            Some(Shown::List(texts)) => self.texts(key, &texts),
        }
    }

    /// Writes a value if it differs from its default.
    fn changed<T: PartialEq>(
        &mut self,
        value: &T,
        default: &T,
        write: impl FnOnce(&mut Writer, &T),
    ) {
        if value != default {
            write(self, value);
        }
    }

    fn listeners<'l>(&mut self, listeners: impl Iterator<Item = &'l Listener>) {
        let (internal, public): (Vec<&Listener>, Vec<&Listener>) =
            listeners.partition(|listener| listener.is_internal);
        let shown = |listeners: Vec<&Listener>| -> Vec<String> {
            listeners.iter().map(|listener| listener.address.show()).collect()
        };
        self.texts("listen", &shown(public));
        if !internal.is_empty() {
            self.texts("internal_listen", &shown(internal));
        }
    }

    fn top_level(&mut self, config: &Config) {
        self.section("Where to listen.");
        let has_top_level = config.top_level_server().is_some();
        self.listeners(config.listeners.iter().filter(|listener| {
            listener.server.is_none() || has_top_level && config.servers_on(listener).contains(&0)
        }));
        let mode = config.listeners.iter().find_map(|listener| match listener.address {
            ListenAddress::Unix { mode, .. } => Some(mode),
            ListenAddress::Tcp(_) | ListenAddress::Inherited { .. } => None,
        });
        self.text("unix_mode", &format!("{:04o}", mode.unwrap_or(UNIX_MODE_DEFAULT)));
        self.section("Secrets are not shown.");
        self.secrets("secret", &config.subscribe_secrets);
        self.secrets("publish_secret", &config.publish_secrets);
        self.section("Streams and channels.");
        self.time("heartbeat", Some(config.heartbeat));
        self.time("proxy_read_timeout", Some(config.proxy_read_timeout));
        self.time("channel_idle_ttl", Some(config.channel_idle_ttl));
        self.texts("allowed_origins", &config.allowed_origins);
        self.text("public_prefix", &config.public_prefix);
        self.texts("trusted_proxies", &config.trusted_proxies.show());
        if let Some(path) = &config.pid_file {
            self.text("pid_file", &path.to_string_lossy());
        }
        self.section("Log lines.");
        self.line("[log]");
        self.text("level", &config.log_level.as_str().to_ascii_lowercase());
        self.raw("access", config.log_access);
        if let Some(path) = &config.log_file {
            self.text("file", &path.to_string_lossy());
        }
        self.section("What the daemon gives up at its start.");
        self.line("[sandbox]");
        if let Some(user) = &config.sandbox.user {
            self.text("user", user);
        }
        self.raw("seccomp", config.sandbox.filters_system_calls);
        self.raw("core_dumps", config.sandbox.allows_core_dumps);
        self.section("Subscribe tokens.");
        self.line("[tokens]");
        if let Some(path) = &config.tokens.keys_file {
            self.text("keys_file", &path.to_string_lossy());
            for key in &config.tokens.keys {
                self.line(&format!("# {} = \"***\"", quoted(&key.id)));
            }
        }
        if let Some(name) = &config.tokens.cookie {
            self.text("cookie", name);
        }
        self.time("expiring_before", Some(config.tokens.expiring_before));
        if let Some(presence) = &config.presence {
            self.section("Joins and leaves.");
            self.line("[presence]");
            self.text("channels", &presence.channels.show());
            self.text("to", &presence.to.show());
            self.time("leave_delay", Some(presence.leave_delay));
        }
    }

    fn secrets(&mut self, key: &str, secrets: &[Secret]) {
        self.line(&match secrets.len() {
            0 => format!("# {key}: not set"),
            1 => format!("# {key} = \"***\""),
            count => format!("# {key} = \"***\" and {} previous", count - 1),
        });
    }

    fn limits(&mut self, config: &Config) {
        self.section("Limits of everything that can grow.");
        self.line("[limits]");
        for limit in LIMITS {
            self.raw(limit.key, limit.show_toml(&config.limits));
        }
    }

    fn history(&mut self, blocks: &[HistoryBlock]) {
        if !blocks.is_empty() {
            self.section(
                "Channels whose messages are stored; the first block that matches applies.",
            );
        }
        for block in blocks {
            self.line("[[history]]");
            self.text("channels", &block.channels.show());
            self.shown("messages", block.messages.map(|count| Shown::Number(count.into())));
            self.time("age", block.age);
            self.shown("bytes", block.bytes.map(Shown::Number));
        }
    }

    fn push_stream(&mut self, settings: &PushStream) {
        self.section("Push-stream settings of the whole daemon.");
        self.line("[push_stream]");
        for directive in HTTP_DIRECTIVES {
            self.shown(directive.key(), directive.show(settings));
        }
        let types = self.shared_types.clone();
        self.changed(&types, &default_types(), |writer, types| writer.types(types));
    }

    fn types(&mut self, types: &Types) {
        let pairs: Vec<String> = types
            .iter()
            .map(|(name, text)| format!("{} = {}", quoted(name), quoted(text)))
            .collect();
        self.raw("types", format!("{{ {} }}", pairs.join(", ")));
    }

    fn server(&mut self, config: &Config, index: usize, server: &VirtualServer) {
        self.line("[[server]]");
        self.listeners(
            config.listeners.iter().filter(|listener| config.servers_on(listener).contains(&index)),
        );
        self.texts("names", &server.names);
        self.locations(&server.locations, "server.location");
    }

    fn locations(&mut self, locations: &[Location], table: &str) {
        for location in locations {
            self.line("");
            self.line(&format!("[[{table}]]"));
            self.location(location);
            for condition in &location.conditions {
                self.line("");
                self.line(&format!("[[{table}.if]]"));
                self.condition(condition);
            }
        }
    }

    fn location(&mut self, location: &Location) {
        self.text("path", &location.path.to_string());
        match location.role {
            Role::Publisher { is_admin: false } => self.text("publisher", "normal"),
            Role::Publisher { is_admin: true } => self.text("publisher", "admin"),
            Role::Statistics => self.raw("channels_statistics", true),
            Role::Subscriber(mode) => self.text("subscriber", mode_name(mode)),
        }
        self.variables("channels_path", Some(&location.channels_path));
        self.flag("internal", location.is_internal, false);
        self.flag("require_secret", location.requires_secret, false);
        let default =
            Location::new(location.path.clone(), location.role, location.channels_path.clone());
        for directive in LEVEL_DIRECTIVES {
            let value = (directive.show)(location);
            if directive.is_always_written || value != (directive.show)(&default) {
                self.shown(directive.key(), value);
            }
            if directive.name == "default_type" && location.types != self.shared_types {
                self.types(&location.types);
            }
        }
    }

    fn flag(&mut self, key: &str, value: bool, default: bool) {
        self.changed(&value, &default, |writer, value| writer.raw(key, value));
    }

    fn condition(&mut self, condition: &Condition) {
        self.variables("variable", Some(&condition.subject));
        if let Some(text) = &condition.equals {
            self.text("equals", text);
        }
        self.flag("negate", condition.is_negated, false);
        for directive in LEVEL_DIRECTIVES {
            self.shown(directive.key(), (directive.given)(&condition.settings));
        }
    }
}

/// The text as a TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(control)));
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}
