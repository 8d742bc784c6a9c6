//! Builds a [`Config`] from file text, environment and flags, and checks it.

use super::document::{Block, Entry};
use super::error::{ConfigError, Place};
use super::limit_table::LIMITS;
use super::listen::{UNIX_MODE_DEFAULT, Wiring, parse_unix_mode};
use super::location::VirtualServer;
use super::push_stream_blocks::{LocationReader, PlacedLevel, read_push_stream};
use super::secrets::{self, Need};
use super::sources::{Environment, Files, Overrides};
use super::{
    Config, ListenAddress, Listener, TrustedProxies, alignment, checks, exposure, history_blocks,
    origins, presence_block, tokens,
};
use crate::time::Millis;
use std::collections::BTreeMap;
use std::path::PathBuf;

impl Config {
    /// Builds a configuration and checks it. `file` is the name and the text of the configuration
    /// file, `environment` the `RPUSHD_…` variables. Flags override variables, and variables
    /// override the file.
    ///
    /// # Errors
    /// The first error found, with its place.
    pub fn from_sources(
        file: Option<(&str, &str)>,
        environment: &BTreeMap<String, String>,
        files: &dyn Files,
        overrides: &Overrides,
    ) -> Result<Config, ConfigError> {
        let root = match file {
            Some((path, text)) => Block::parse(path, text)?,
            None => Block::empty(),
        };
        let environment = Environment::new(environment);
        Loader { root, environment, files, overrides, config: Config::default() }.load()
    }
}

struct Loader<'l> {
    root: Block,
    environment: Environment<'l>,
    files: &'l dyn Files,
    overrides: &'l Overrides,
    config: Config,
}

impl Loader<'_> {
    fn load(mut self) -> Result<Config, ConfigError> {
        self.times()?;
        self.limits()?;
        self.log()?;
        self.sandbox()?;
        let keys_warning = self.tokens()?;
        let history_warnings = self.history()?;
        self.presence()?;
        self.allowed_origins()?;
        self.public_prefix()?;
        self.trusted_proxies()?;
        self.listeners_and_locations()?;
        let has_locations = self.config.has_locations();
        let secrets = secrets::read(
            &mut self.root,
            &mut self.environment,
            self.files,
            self.overrides.development.as_ref(),
            match (self.overrides.is_client, has_locations) {
                (true, _) => Need::Nothing,
                (false, true) => Need::Optional,
                (false, false) => Need::Required,
            },
        );
        // An unknown key is reported first: it may be the misspelt key that is missing.
        self.root.finish()?;
        let secrets = secrets?;
        let mut config = self.config;
        config.subscribe_secrets = secrets.subscribe;
        config.publish_secrets = secrets.publish;
        if !self.overrides.is_client {
            refuse_secret_without_secrets(&config)?;
        }
        config.warnings = self.environment.unknown();
        config.warnings.extend(secrets.warnings);
        config.warnings.extend(keys_warning);
        config.warnings.extend(history_warnings);
        config.warnings.extend(warnings_about_keys(&config));
        if config.log_access && config.log_level < log::LevelFilter::Info {
            let level = config.log_level.as_str().to_ascii_lowercase();
            config.warnings.push(format!(
                "log.access has no effect: its lines have level info, which log.level {level} hides"
            ));
        }
        config.warnings.extend(alignment::warnings(&config));
        config.warnings.extend(exposure::warnings(&config));
        Ok(config)
    }

    fn find(&mut self, key: &str, variable: &str) -> Option<Entry> {
        self.environment.find(&mut self.root, key, variable)
    }

    fn times(&mut self) -> Result<(), ConfigError> {
        let defaults = Config::default();
        self.config.heartbeat =
            self.time("heartbeat", "RPUSHD_HEARTBEAT_SECS", defaults.heartbeat)?;
        self.config.channel_idle_ttl = self.time(
            "channel_idle_ttl",
            "RPUSHD_CHANNEL_IDLE_TTL_SECS",
            defaults.channel_idle_ttl,
        )?;
        self.config.proxy_read_timeout = self.time(
            "proxy_read_timeout",
            "RPUSHD_PROXY_READ_TIMEOUT",
            defaults.proxy_read_timeout,
        )?;
        match self.config.heartbeat {
            Millis(0) => {
                let nowhere = Place::Variable("RPUSHD_HEARTBEAT_SECS".into());
                let place = self.environment.place_of(&["heartbeat"]).unwrap_or(&nowhere);
                Err(place.error("must not be 0: streams would have no heartbeat at all"))
            }
            _ => Ok(()),
        }
    }

    fn time(&mut self, key: &str, variable: &str, default: Millis) -> Result<Millis, ConfigError> {
        self.find(key, variable).map_or(Ok(default), |entry| entry.time())
    }

    fn limits(&mut self) -> Result<(), ConfigError> {
        let mut block = self.root.take_block("limits")?;
        for limit in LIMITS {
            if let Some(entry) = self.environment.find(&mut block, limit.key, &limit.variable()) {
                let set = limit.set(&mut self.config.limits, entry.text()?);
                set.map_err(|reason| entry.place.error(reason))?;
            }
        }
        block.finish()
    }

    fn log(&mut self) -> Result<(), ConfigError> {
        let mut block = self.root.take_block("log")?;
        let level = self.environment.find(&mut block, "level", "RPUSHD_LOG_LEVEL");
        let (text, place) = match (&self.overrides.log_level, &level) {
            (Some(text), _) => (text.as_str(), Place::Flag("--log-level")),
            (None, Some(entry)) => (entry.text()?, entry.place.clone()),
            (None, None) => ("info", Place::Flag("--log-level")),
        };
        self.config.log_level = text.parse().map_err(|_| {
            place.error(format!(
                "\"{text}\" is not a level; write off, error, warn, info, debug or trace"
            ))
        })?;
        if let Some(entry) = self.environment.find(&mut block, "access", "RPUSHD_LOG_ACCESS") {
            self.config.log_access = entry.switch()?;
        }
        let log_file = self.environment.find(&mut block, "file", "RPUSHD_LOG_FILE");
        self.config.log_file = either_path(&self.overrides.log_file, log_file)?;
        let pid_file = self.find("pid_file", "RPUSHD_PID_FILE");
        self.config.pid_file = either_path(&self.overrides.pid_file, pid_file)?;
        block.finish()
    }

    fn sandbox(&mut self) -> Result<(), ConfigError> {
        let mut block = self.root.take_block("sandbox")?;
        if let Some(entry) = self.environment.find(&mut block, "user", "RPUSHD_USER") {
            let name = entry.text()?;
            if name.is_empty() || name.contains('\0') {
                return Err(entry.place.error("must be the name of a user"));
            }
            self.config.sandbox.user = Some(name.to_owned());
        }
        if let Some(entry) = self.environment.find(&mut block, "seccomp", "RPUSHD_SECCOMP") {
            self.config.sandbox.filters_system_calls = entry.switch()?;
        }
        if let Some(entry) = self.environment.find(&mut block, "core_dumps", "RPUSHD_CORE_DUMPS") {
            self.config.sandbox.allows_core_dumps = entry.switch()?;
        }
        block.finish()
    }

    /// Reads the settings of tokens. Returns a warning about the file of keys, if any.
    fn tokens(&mut self) -> Result<Option<String>, ConfigError> {
        let block = self.root.take_block("tokens")?;
        let (tokens, warning) = tokens::read(block, &mut self.environment, self.files)?;
        self.config.tokens = tokens;
        Ok(warning)
    }

    /// Reads for which channels messages are stored. Returns warnings about blocks without effect.
    fn history(&mut self) -> Result<Vec<String>, ConfigError> {
        let blocks = self.root.take_blocks("history");
        let (history, warnings) = history_blocks::read(blocks, &mut self.environment)?;
        self.config.history = history;
        Ok(warnings)
    }

    fn presence(&mut self) -> Result<(), ConfigError> {
        let block = self.root.take_block("presence")?;
        self.config.presence = presence_block::read(block, &mut self.environment)?;
        Ok(())
    }

    fn allowed_origins(&mut self) -> Result<(), ConfigError> {
        let Some(entry) = self.find("allowed_origins", "RPUSHD_ALLOWED_ORIGINS") else {
            return Ok(());
        };
        let listed = entry.list()?;
        for origin in &listed {
            origins::check(origin).map_err(|reason| entry.place.error(reason))?;
        }
        self.config.allowed_origins = listed;
        Ok(())
    }

    fn public_prefix(&mut self) -> Result<(), ConfigError> {
        if let Some(entry) = self.find("public_prefix", "RPUSHD_PUBLIC_PREFIX") {
            self.config.public_prefix =
                read_prefix(entry.text()?).map_err(|reason| entry.place.error(reason))?;
        }
        Ok(())
    }

    fn trusted_proxies(&mut self) -> Result<(), ConfigError> {
        if let Some(entry) = self.find("trusted_proxies", "RPUSHD_TRUSTED_PROXIES") {
            self.config.trusted_proxies = TrustedProxies::parse(&entry.list()?)
                .map_err(|reason| entry.place.error(reason))?;
        }
        Ok(())
    }

    fn listeners_and_locations(&mut self) -> Result<(), ConfigError> {
        let block = self.root.take_block("push_stream")?;
        let (push_stream, http) = read_push_stream(block, &mut self.environment, self.files)?;
        let reader = LocationReader { push_stream: &push_stream, http, files: self.files };
        let mut listening = Listening {
            unix_mode: self.unix_mode()?,
            wiring: Wiring::default(),
            shared: Vec::new(),
        };
        let mut servers = Vec::new();
        let mut places = Vec::new();
        let locations = self.root.take_blocks("location");
        if let Some(first) = locations.first() {
            places.push(first.place.clone());
            let locations = reader.locations(locations, PlacedLevel::default())?;
            servers.push(VirtualServer { locations, ..VirtualServer::default() });
        }
        let blocks = self.root.take_blocks("server");
        self.top_level_listeners(&mut listening, !servers.is_empty(), &blocks)?;
        for mut block in blocks {
            let index = servers.len();
            servers.push(reader.server(&mut block)?);
            places.push(block.place.clone());
            listening.server(&mut block, index)?;
            block.finish()?;
        }
        self.config.listeners = listening
            .wiring
            .finish(&mut servers)
            .map_err(|(server, reason)| places[server].error(reason))?;
        if self.config.listeners.is_empty() {
            let nowhere = Place::Variable("RPUSHD_LISTEN".into());
            let place = self.environment.place_of(&["listen"]).unwrap_or(&nowhere);
            return Err(place.error("no address to listen on is given"));
        }
        checks::formats(&servers).map_err(|(location, reason)| {
            Place::File(location.origin.clone()).error(format!("location: {reason}"))
        })?;
        self.config.push_stream = push_stream;
        self.config.servers = servers;
        refuse_unreachable_locations(&self.config)?;
        self.refuse_remote_development()
    }

    /// Adds `listen` and `internal_listen` of the top level. The default of `listen` applies only
    /// if no server has listeners of its own.
    fn top_level_listeners(
        &mut self,
        listening: &mut Listening,
        has_locations: bool,
        servers: &[Block],
    ) -> Result<(), ConfigError> {
        let server = has_locations.then_some(0);
        let public = self.find("listen", "RPUSHD_LISTEN");
        let flags = &self.overrides.listen;
        let (texts, place) = match &public {
            _ if !flags.is_empty() => (flags.clone(), Place::Flag("--listen")),
            Some(entry) => (entry.list()?, entry.place.clone()),
            None if servers.iter().any(|block| block.has("listen")) => {
                (Vec::new(), Place::Flag("--listen"))
            }
            None => {
                let defaults = Config::default().listeners;
                let shown = defaults.iter().map(|listener| listener.address.show());
                (shown.collect(), Place::Flag("--listen"))
            }
        };
        listening.add(&texts, &place, false, server)?;
        if let Some(entry) = self.find("internal_listen", "RPUSHD_INTERNAL_LISTEN") {
            listening.add(&entry.list()?, &entry.place, true, server)?;
        }
        listening.shared = listening.wiring.listeners().to_vec();
        Ok(())
    }

    fn unix_mode(&mut self) -> Result<u32, ConfigError> {
        let Some(entry) = self.find("unix_mode", "RPUSHD_UNIX_MODE") else {
            return Ok(UNIX_MODE_DEFAULT);
        };
        parse_unix_mode(entry.text()?).map_err(|reason| entry.place.error(reason))
    }

    /// Refuses development secrets with a listener that other machines can connect to.
    fn refuse_remote_development(&self) -> Result<(), ConfigError> {
        let listeners = &self.config.listeners;
        let open = listeners.iter().find(|listener| !listener.address.is_local());
        match (open, &self.overrides.development) {
            (Some(listener), Some(_)) => Err(Place::Flag("--dev")
                .error(format!("listens on loopback only, not on {}", listener.address.show()))),
            _ => Ok(()),
        }
    }
}

/// Warnings about the keys of tokens together with the secrets.
fn warnings_about_keys(config: &Config) -> Vec<String> {
    let keys = &config.tokens.keys;
    let mut warnings = Vec::new();
    if let Some(key) = keys.iter().find(|key| config.publish_secrets.contains(&key.secret)) {
        warnings.push(format!(
            "tokens.keys_file: the key \"{}\" and RPUSHD_PUBLISH_SECRET are equal: every program \
             that signs subscribe tokens can also publish and read statistics",
            key.id
        ));
    }
    if !keys.is_empty() && !config.has_api() {
        warnings
            .push("tokens.keys_file has no effect: without secrets, the rpushd API is off".into());
    }
    warnings
}

/// The listeners read so far.
struct Listening {
    unix_mode: u32,
    wiring: Wiring,
    /// Those of the top level, for servers without listeners of their own.
    shared: Vec<Listener>,
}

impl Listening {
    fn add(
        &mut self,
        texts: &[String],
        place: &Place,
        is_internal: bool,
        server: Option<usize>,
    ) -> Result<(), ConfigError> {
        for text in texts {
            ListenAddress::parse(text, self.unix_mode)
                .and_then(|address| self.wiring.add(address, is_internal, server))
                .map_err(|reason| place.error(reason))?;
        }
        Ok(())
    }

    /// Adds the listeners of a `[[server]]`: its own, or else all of the top level.
    fn server(&mut self, block: &mut Block, server: usize) -> Result<(), ConfigError> {
        let own = [(block.take("listen"), false), (block.take("internal_listen"), true)];
        if own.iter().all(|(entry, _)| entry.is_none()) {
            for listener in self.shared.clone() {
                self.wiring
                    .add(listener.address, listener.is_internal, Some(server))
                    .map_err(|reason| block.place.error(reason))?;
            }
        }
        for (entry, is_internal) in own {
            if let Some(entry) = entry {
                self.add(&entry.list()?, &entry.place, is_internal, Some(server))?;
            }
        }
        Ok(())
    }
}

/// Reads a path prefix and strips a final slash. Prefixes are compared with request paths byte by
/// byte, so bytes that a client may encode in another way are refused.
fn read_prefix(text: &str) -> Result<String, String> {
    let prefix = text.strip_suffix('/').unwrap_or(text);
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_segment =
        |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_allowed);
    let is_prefix =
        prefix.strip_prefix('/').is_some_and(|segments| segments.split('/').all(is_segment));
    if prefix.is_empty() || is_prefix {
        Ok(prefix.to_owned())
    } else {
        Err(format!(
            "\"{text}\" is not a prefix; write /push-daemon (letters, digits and - . _ ~ between \
             slashes), or nothing to switch it off"
        ))
    }
}

fn either_path(
    flag: &Option<PathBuf>,
    entry: Option<Entry>,
) -> Result<Option<PathBuf>, ConfigError> {
    match (flag, entry) {
        (Some(path), _) => Ok(Some(path.clone())),
        (None, Some(entry)) => match entry.text()? {
            "" => Err(entry.place.error("must not be empty")),
            path => Ok(Some(PathBuf::from(path))),
        },
        (None, None) => Ok(None),
    }
}

/// Refuses an internal location whose server has no internal listener: no request could reach it.
fn refuse_unreachable_locations(config: &Config) -> Result<(), ConfigError> {
    let internal = config.listeners.iter().filter(|listener| listener.is_internal);
    // A server may have been copied for another listener; its locations keep their origin.
    let reached: Vec<&str> = internal
        .flat_map(|listener| config.servers_on(listener))
        .flat_map(|server| &config.servers[server].locations)
        .map(|location| location.origin.as_str())
        .collect();
    let mut locations = config.servers.iter().flat_map(|server| &server.locations);
    match locations
        .find(|location| location.is_internal && !reached.contains(&location.origin.as_str()))
    {
        Some(location) => Err(Place::File(location.origin.clone()).error(
            "location.internal: no internal listener reaches this location; set internal_listen",
        )),
        None => Ok(()),
    }
}

/// Refuses a location that requires a secret if none is set: it would refuse every request.
fn refuse_secret_without_secrets(config: &Config) -> Result<(), ConfigError> {
    let mut locations = config.servers.iter().flat_map(|server| &server.locations);
    match locations.find(|location| location.requires_secret) {
        Some(location) if config.publish_secrets.is_empty() => {
            Err(Place::File(location.origin.clone())
                .error("location.require_secret: needs RPUSHD_PUBLISH_SECRET, which is not set"))
        }
        Some(_) | None => Ok(()),
    }
}
