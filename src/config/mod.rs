//! Reads environment, flags and a TOML file into one typed, immutable [`Config`]. Only `read`
//! accesses files and environment variables.
//!
//! Leaves to root: `units`, `error`, `suggest`; `document` (TOML with line numbers), `env_file` and
//! `sources` (environment, flags); the settings as types: `limits`, `history`, `presence`,
//! `sandbox`, `variables`, `kinds` (of values), `location_path`, `location`, `http_directives`,
//! `networks`, `origins`; `checks` (what the module refuses); readers of a document: the tables
//! `limit_table` and `directives`, `listen`, `secrets`, `keys_file`, `tokens`, `history_blocks`,
//! `presence_block` and `push_stream_blocks`; `alignment` and `exposure` (warnings); `load` (builds
//! the configuration), `kept_listeners` (what a reload cannot change), `kept_secrets` (what it
//! refuses), `to_toml` and `describe` (output), `read` (the process and its files).

mod alignment;
pub mod checks;
mod describe;
mod directives;
mod document;
mod env_file;
mod error;
mod exposure;
mod history;
mod history_blocks;
mod http_directives;
mod kept_listeners;
mod kept_secrets;
mod keys_file;
mod kinds;
mod limit_table;
mod limits;
mod listen;
mod load;
mod location;
mod location_path;
mod networks;
mod origins;
mod presence;
mod presence_block;
mod push_stream_blocks;
mod read;
mod sandbox;
mod secrets;
mod sources;
mod suggest;
mod to_toml;
mod tokens;
pub mod units;
mod variables;

#[cfg(test)]
mod tests;

pub use document::Value;
pub use error::{ConfigError, Place};
pub use history::{ChannelPattern, HISTORY_BLOCKS_MAX, HistoryBlock};
pub use http_directives::{HTTP_DIRECTIVES, HttpDirective, PushStream};
pub use kinds::{Argument, HeaderTemplate, PREFIX};
pub use limit_table::{LIMITS, Limit, LimitKind};
pub use limits::Limits;
pub use listen::{UNIX_MODE_DEFAULT, Wiring, parse_unix_mode};
pub use location::{
    Condition, Gzip, LEVEL_DIRECTIVES, Level, LevelDirective, Location, Mode, Role,
    SubscriberSettings, VirtualServer, default_types,
};
pub use location_path::PathMatch;
pub use networks::TrustedProxies;
pub use presence::{Presence, PresenceTarget};
pub use read::{DiskFiles, SourceFile, Variables, read, read_text};
pub use sandbox::Sandbox;
pub use sources::{DevelopmentSecrets, Files, Overrides, VARIABLE_PREFIX};
pub use suggest::nearest;
pub use variables::{RequestVariables, VariableString};

use crate::time::Millis;
use std::fmt;
use std::path::PathBuf;

/// The path under which proxies have served the public endpoints since rpushd 1.0.
const PUBLIC_PREFIX: &str = "/push-daemon";

/// All settings of the daemon. Built at start and for each reload, then only read.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The listeners in order, indexed by [`ListenerId`]. After a reload: first those that are
    /// bound, then those that are configured but need a restart.
    pub listeners: Vec<Listener>,
    /// Keys that verify subscribe tokens, the current one first, then previous ones. Empty: the
    /// rpushd API is off.
    pub subscribe_secrets: Vec<Secret>,
    /// Secrets that authorise publish and stats, likewise.
    pub publish_secrets: Vec<Secret>,
    /// Settings of subscribe tokens, and what verifies them besides the secrets.
    pub tokens: Tokens,
    /// Time between heartbeats on a framed stream (`RPUSHD_HEARTBEAT_SECS`).
    pub heartbeat: Millis,
    /// How long a channel without subscribers and stored messages is kept
    /// (`RPUSHD_CHANNEL_IDLE_TTL_SECS`).
    pub channel_idle_ttl: Millis,
    /// Read time-out of the proxy in front, which heartbeats must fit well inside.
    pub proxy_read_timeout: Millis,
    /// Origins from which browsers may call the public endpoints, besides the daemon's own; `*` for
    /// any.
    pub allowed_origins: Vec<String>,
    /// Path prefix under which the public endpoints also answer, without a slash at its end, so
    /// that a proxy need not strip it; blank: they answer at the root only.
    pub public_prefix: String,
    /// Peers whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// Limits of everything that can grow.
    pub limits: Limits,
    /// Which channels store what is published through the API, and how much of it; the first block
    /// that includes a channel applies.
    pub history: Vec<HistoryBlock>,
    /// Which joins and leaves are announced; none: no announcements.
    pub presence: Option<Presence>,
    /// Push-stream settings of the `http` level.
    pub push_stream: PushStream,
    /// The virtual servers with their locations. A listener has the index of its server.
    pub servers: Vec<VirtualServer>,
    /// Least severe level that is logged.
    pub log_level: log::LevelFilter,
    /// Whether each request and each end of a stream is logged.
    pub log_access: bool,
    /// File that log lines are appended to; none: standard error.
    pub log_file: Option<PathBuf>,
    /// File that the process id is written to.
    pub pid_file: Option<PathBuf>,
    /// What the daemon gives up at its start.
    pub sandbox: Sandbox,
    /// Warnings to be logged at start.
    pub warnings: Vec<String>,
}

/// Index into [`Config::listeners`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub u16);

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Address and port, path, or inherited socket.
    pub address: ListenAddress,
    /// Internal listeners serve everything. All others respond with 404 for locations marked
    /// `internal`, and for publish and stats of the rpushd API if an internal listener is
    /// configured.
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
        /// The socket file. A stale one is replaced, a live one is an error.
        path: PathBuf,
        /// Permission bits, 0o660 by default.
        mode: u32,
    },
    /// `systemd`, `systemd:NAME`: sockets passed by systemd with LISTEN_FDS (sd_listen_fds(3)).
    Inherited {
        /// Name from LISTEN_FDNAMES; none: all sockets that no other listener names.
        name: Option<String>,
    },
}

/// A secret. `Debug`, logs and statistics never include it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Creates a secret from a text without surrounding whitespace; none if it is blank.
    pub fn new(text: &str) -> Option<Secret> {
        let trimmed = text.trim();
        (!trimmed.is_empty()).then(|| Secret(trimmed.as_bytes().into()))
    }

    /// The bytes, for comparing and signing.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// The table `[tokens]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The file with the keys.
    pub keys_file: Option<PathBuf>,
    /// Keys that verify tokens which name one of them (`kid`), each with an id of its own.
    pub keys: Vec<NamedKey>,
    /// Name of the cookie that may carry a token; none: no cookie is read.
    pub cookie: Option<String>,
    /// How long before the end of its token a subscriber is sent `expiring`; 0: it is not sent.
    pub expiring_before: Millis,
}

/// A key for the tokens that name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKey {
    /// The `kid` of its tokens.
    pub id: String,
    /// The key.
    pub secret: Secret,
}

impl Default for Tokens {
    fn default() -> Tokens {
        Tokens {
            keys_file: None,
            keys: Vec::new(),
            cookie: None,
            expiring_before: Millis::from_seconds(60),
        }
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
            tokens: Tokens::default(),
            heartbeat: Millis::from_seconds(15),
            channel_idle_ttl: Millis::from_seconds(3600),
            proxy_read_timeout: Millis::from_seconds(75),
            allowed_origins: Vec::new(),
            public_prefix: PUBLIC_PREFIX.to_owned(),
            trusted_proxies: TrustedProxies::default(),
            limits: Limits::default(),
            history: Vec::new(),
            presence: None,
            push_stream: PushStream::default(),
            servers: Vec::new(),
            log_level: log::LevelFilter::Info,
            log_access: false,
            log_file: None,
            pid_file: None,
            sandbox: Sandbox::default(),
            warnings: Vec::new(),
        }
    }
}

impl Config {
    /// Whether an internal listener is configured, bound or not. If so, public listeners hide
    /// publish and stats.
    pub fn has_internal_listener(&self) -> bool {
        self.listeners.iter().any(|listener| listener.is_internal)
    }

    /// Whether the rpushd API is on, which needs both secrets.
    pub fn has_api(&self) -> bool {
        !self.subscribe_secrets.is_empty() && !self.publish_secrets.is_empty()
    }

    /// Whether there are push-stream locations.
    pub fn has_locations(&self) -> bool {
        self.servers.iter().any(|server| !server.locations.is_empty())
    }
}
