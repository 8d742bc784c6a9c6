//! Environment and TOML -> one typed, immutable [`Config`]. Only `read` touches files and
//! variables.
//!
//! Leaves to root: `units`, `error`, `suggest`; `document` (TOML with line numbers), `env_file` and
//! `sources` (environment, flags); `limits`, `variables`, `location`, `location_path`, `networks`,
//! `origins` (what is configured); `checks` (what is refused); what reads it from a document: the
//! tables `limit_table`, `directives` and `http_directives`, `listen`, `secrets` and
//! `push_stream_blocks`; `alignment` and `exposure` (what is warned about); `load` (puts it
//! together), `kept_listeners` (what a reload cannot change), `kept_secrets` (what it refuses),
//! `to_toml` and `describe` (show it), `read` (the process and its files).

mod alignment;
pub mod checks;
mod describe;
mod directives;
mod document;
mod env_file;
mod error;
mod exposure;
mod http_directives;
mod kept_listeners;
mod kept_secrets;
mod limit_table;
mod limits;
mod listen;
mod load;
mod location;
mod location_path;
mod networks;
mod origins;
mod push_stream_blocks;
mod read;
mod secrets;
mod sources;
mod suggest;
mod to_toml;
pub mod units;
mod variables;

#[cfg(test)]
mod tests;

pub use directives::{
    HeaderTemplate, LEVEL_DIRECTIVES, Level, LevelDirective, PREFIX, default_types,
};
pub use document::Value;
pub use error::{ConfigError, Place};
pub use http_directives::{HTTP_DIRECTIVES, HttpDirective};
pub use limit_table::{LIMITS, Limit, LimitKind};
pub use limits::Limits;
pub use listen::{UNIX_MODE_DEFAULT, Wiring, parse_unix_mode};
pub use location::{
    Condition, Gzip, Location, Mode, PathMatch, PushStream, Role, SubscriberSettings, VirtualServer,
};
pub use networks::TrustedProxies;
pub use read::{DiskFiles, SourceFile, Variables, read, read_text};
pub use sources::{DevelopmentSecrets, Files, Overrides, VARIABLE_PREFIX};
pub use suggest::nearest;
pub use variables::{RequestVariables, VariableString};

use crate::time::Millis;
use std::fmt;
use std::path::PathBuf;

/// Where proxies have had the public endpoints since rpushd 1.0.
const PUBLIC_PREFIX: &str = "/push-daemon";

/// Everything that the daemon can be told. Made once at start (and once more per reload), then only
/// read.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where to listen, in order; a [`ListenerId`] is an index into it. After a reload: first what
    /// is bound, then what is configured and waits for a restart.
    pub listeners: Vec<Listener>,
    /// Keys that verify subscribe tokens; the current one first, then previous ones. Empty: the
    /// rpushd API is off.
    pub subscribe_secrets: Vec<Secret>,
    /// Secrets that authorise publish and stats, likewise.
    pub publish_secrets: Vec<Secret>,
    /// Between two heartbeats on a framed stream (`RPUSHD_HEARTBEAT_SECS`).
    pub heartbeat: Millis,
    /// How long a channel without subscribers and stored messages is remembered
    /// (`RPUSHD_CHANNEL_IDLE_TTL_SECS`).
    pub channel_idle_ttl: Millis,
    /// The read time-out of the proxy in front: heartbeats must fit well inside it.
    pub proxy_read_timeout: Millis,
    /// Origins that browsers may call `/api/stream/` from, besides the daemon's own; `*` for any.
    pub allowed_origins: Vec<String>,
    /// Path in front of the public endpoints that a proxy may leave in place, without a slash at
    /// its end; empty: they answer at the root only.
    pub public_prefix: String,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// The bounds of everything that can grow.
    pub limits: Limits,
    /// What push-stream users set at the `http` level.
    pub push_stream: PushStream,
    /// The locations, per virtual server. A listener names its server by index.
    pub servers: Vec<VirtualServer>,
    /// Least severe level that is logged.
    pub log_level: log::LevelFilter,
    /// Requests and ends of streams are lines of the log.
    pub log_access: bool,
    /// File that log lines are appended to instead of standard error.
    pub log_file: Option<PathBuf>,
    /// File that the process id is written to.
    pub pid_file: Option<PathBuf>,
    /// Things worth a warning at start that are no errors, in words.
    pub warnings: Vec<String>,
}

/// Index into [`Config::listeners`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub u16);

/// One place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Address and port, path, or inherited socket.
    pub address: ListenAddress,
    /// Internal listeners serve everything. Locations marked `internal` are 404 on all others; so
    /// are publish and stats of the rpushd API when an internal listener is configured.
    pub is_internal: bool,
    /// Index into [`Config::servers`]; none: only the rpushd API.
    pub server: Option<usize>,
}

/// What a listener binds to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// `127.0.0.1:45831`, `[::1]:45831`.
    Tcp(std::net::SocketAddr),
    /// `unix:/path`, with the permission bits of the socket file.
    Unix {
        /// The socket file. A left-over one is replaced, a live one is an error.
        path: PathBuf,
        /// Permission bits, 0o660 by default.
        mode: u32,
    },
    /// `systemd`, `systemd:NAME`: sockets passed with LISTEN_FDS (sd_listen_fds(3)), all or by
    /// name.
    Inherited {
        /// Name from LISTEN_FDNAMES; none: every one that no other listener names.
        name: Option<String>,
    },
}

/// A secret. It never shows in `Debug`, logs or statistics.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Surrounding blanks are trimmed; nothing left is `None`.
    pub fn new(text: &str) -> Option<Secret> {
        let trimmed = text.trim();
        (!trimmed.is_empty()).then(|| Secret(trimmed.as_bytes().into()))
    }

    /// The bytes, for those who compare or sign with it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listeners: vec![Listener {
                address: ListenAddress::Tcp(([127, 0, 0, 1], 45831).into()),
                is_internal: false,
                server: None,
            }],
            subscribe_secrets: Vec::new(),
            publish_secrets: Vec::new(),
            heartbeat: Millis::from_seconds(15),
            channel_idle_ttl: Millis::from_seconds(3600),
            proxy_read_timeout: Millis::from_seconds(75),
            allowed_origins: Vec::new(),
            public_prefix: PUBLIC_PREFIX.to_owned(),
            trusted_proxies: TrustedProxies::default(),
            limits: Limits::default(),
            push_stream: PushStream::default(),
            servers: Vec::new(),
            log_level: log::LevelFilter::Info,
            log_access: false,
            log_file: None,
            pid_file: None,
            warnings: Vec::new(),
        }
    }
}

impl Config {
    /// Whether an internal listener is configured, bound or not: publish and stats are hidden on
    /// the public ones.
    pub fn has_internal_listener(&self) -> bool {
        self.listeners.iter().any(|listener| listener.is_internal)
    }

    /// Whether the rpushd API is on: it has its secrets.
    pub fn has_api(&self) -> bool {
        !self.subscribe_secrets.is_empty() && !self.publish_secrets.is_empty()
    }

    /// Whether there is any push-stream location.
    pub fn has_locations(&self) -> bool {
        self.servers.iter().any(|server| !server.locations.is_empty())
    }
}
