//! Options shared by the client commands: address of the daemon, secret and time-out.

use super::exit::{Exit, Failure};
use super::http_client::{Address, ClientError};
use super::words;
use rpushd::auth::{TokenKey, sign};
use rpushd::config::{Config, ListenAddress, Overrides, Secret, SourceFile, Variables};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Help text for the options of [`Client`].
macro_rules! client_options {
    () => {
        "\
  --url URL          http://HOST:PORT[/PREFIX] or unix:/path; by default RPUSHD_URL,
                     a listener of the configuration, or http://127.0.0.1:45831
  --secret-file FILE file with the secret; by default the secret is taken from
                     RPUSHD_... variables and the configuration, as by the daemon.
                     There is no option for the secret itself, because every user
                     of the machine can read command lines
  --config FILE      configuration file; by default RPUSHD_CONFIG
  --env-file FILE    file of RPUSHD_... variables, as for the daemon
  --timeout TIME     give up after this time (10s, 1h30m; exit code 75)
"
    };
}
pub(super) use client_options;

/// Options of a client command. The configuration is read only if a setting from it is needed.
#[derive(Debug, Default)]
pub struct Client {
    url: Option<String>,
    config: Option<SourceFile>,
    env_file: Option<SourceFile>,
    secret_file: Option<PathBuf>,
    timeout: Option<Duration>,
}

/// Kind of listener that serves a request. Determines which listener of the configuration is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Public,
    Internal,
}

impl Client {
    /// Reads an option and its value. Returns false if it is none of these options.
    pub fn take(&mut self, flag: &str, parser: &mut lexopt::Parser) -> Result<bool, Failure> {
        match flag {
            "url" => self.url = Some(words::value(parser)?),
            "config" => self.config = Some(SourceFile::new(words::value(parser)?)),
            "env-file" => self.env_file = Some(SourceFile::new(words::value(parser)?)),
            "secret-file" => self.secret_file = Some(words::value(parser)?.into()),
            "timeout" => self.timeout = Some(words::time(parser, flag)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The time at which `--timeout`, counted from now, is over.
    pub fn deadline(&self) -> Option<Instant> {
        self.timeout.and_then(|timeout| Instant::now().checked_add(timeout))
    }

    /// The address of the daemon.
    pub fn address(&self, audience: Audience) -> Result<Address, Failure> {
        if let Some(url) = &self.url {
            return Address::parse(url)
                .map_err(|reason| Failure::usage(format!("--url: {reason}")));
        }
        match std::env::var("RPUSHD_URL") {
            Ok(url) if !url.is_empty() => Address::parse(&url).map_err(|reason| {
                Failure::new(Exit::Configuration, format!("RPUSHD_URL: {reason}"))
            }),
            _ => Ok(address_of(&self.read_config()?, audience)),
        }
    }

    /// The secret that signs subscribe tokens.
    pub fn subscribe_secret(&self) -> Result<Secret, Failure> {
        self.secret("RPUSHD_SECRET", |config| config.subscribe_secrets)
    }

    /// The key with this id in the file of keys of the configuration.
    pub fn named_key(&self, id: &str) -> Result<Secret, Failure> {
        if self.secret_file.is_some() {
            return Err(Failure::usage("--kid and --secret-file exclude each other"));
        }
        let keys = self.read_config()?.tokens.keys;
        let found = keys.into_iter().find(|key| key.id == id).map(|key| key.secret);
        found.ok_or_else(|| {
            let reason = format!("--kid {id}: no such key in the file of tokens.keys_file");
            Failure::new(Exit::Configuration, reason)
        })
    }

    /// The secret that authorises publish and stats.
    pub fn publish_secret(&self) -> Result<Secret, Failure> {
        self.secret("RPUSHD_PUBLISH_SECRET", |config| config.publish_secrets)
    }

    fn secret(&self, variable: &str, select: fn(Config) -> Vec<Secret>) -> Result<Secret, Failure> {
        if let Some(path) = &self.secret_file {
            let name = path.display();
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::new(Exit::NoInput, format!("--secret-file {name}: {error}"))
            })?;
            // The file may also have an Authorization header for curl, as made by `--dev`.
            let text = text.trim();
            let text = text.strip_prefix("Authorization: Bearer ").unwrap_or(text);
            return Secret::new(text).ok_or_else(|| {
                Failure::new(
                    Exit::Configuration,
                    format!("--secret-file {name}: must not be empty"),
                )
            });
        }
        select(self.read_config()?).into_iter().next().ok_or_else(|| {
            let reason =
                format!("{variable}: required; set it or {variable}_FILE, or give --secret-file");
            Failure::new(Exit::Configuration, reason)
        })
    }

    fn read_config(&self) -> Result<Config, Failure> {
        let variables = Variables::read(self.env_file.clone())?;
        let overrides = Overrides { is_client: true, ..Overrides::default() };
        Ok(rpushd::config::read(self.config.as_ref(), &variables, &overrides)?)
    }
}

/// The first listener for this audience whose address can be connected to.
fn address_of(config: &Config, audience: Audience) -> Address {
    let is_internal = audience == Audience::Internal && config.has_internal_listener();
    let suitable = config.listeners.iter().filter(|listener| listener.is_internal == is_internal);
    suitable
        .filter_map(|listener| match &listener.address {
            ListenAddress::Tcp(address) => {
                let mut address = *address;
                // The unspecified address is only for listening.
                if address.ip().is_unspecified() {
                    address.set_ip(match address.ip() {
                        std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                        std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
                    });
                }
                Some(Address::tcp(address.to_string()))
            }
            ListenAddress::Unix { path, .. } => Some(Address::Unix(path.clone())),
            ListenAddress::Inherited { .. } => None,
        })
        .next()
        .unwrap_or_else(|| Address::tcp("127.0.0.1:45831".to_owned()))
}

/// Signs a token for the channel that expires after this lifetime.
pub fn sign_for(secret: &Secret, channel: &str, lifetime: Duration) -> String {
    sign(&TokenKey::new(secret), channel, expiry(lifetime))
}

/// The expiry of a token with this lifetime, in seconds since 1970 UTC.
pub fn expiry(lifetime: Duration) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_add(lifetime).as_secs()
}

/// Refuses a channel name that the daemon would refuse.
pub fn check_channel(name: &str) -> Result<(), Failure> {
    if rpushd::faces::api::is_channel_name(name.as_bytes()) {
        Ok(())
    } else {
        Err(Failure::new(
            Exit::Data,
            format!("\"{name}\" is not a channel: 1 to 191 of A-Z a-z 0-9 : - _ ."),
        ))
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        let exit = match &error {
            ClientError::Unreachable(_) => Exit::Unavailable,
            ClientError::TimedOut => Exit::Timeout,
            ClientError::Broken(_) => Exit::InputOutput,
            ClientError::NotHttp(_) => Exit::Protocol,
        };
        Failure::new(exit, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpushd::config::Listener;

    fn listener(address: &str, is_internal: bool) -> Listener {
        let address = ListenAddress::parse(address, 0o660).unwrap();
        Listener { address, is_internal, server: None }
    }

    #[test]
    fn each_audience_has_its_listener() {
        let listeners = vec![
            listener("systemd", false),
            listener("0.0.0.0:1", false),
            listener("unix:/run/x", true),
        ];
        let config = Config { listeners, ..Config::default() };
        assert_eq!(address_of(&config, Audience::Public), Address::tcp("127.0.0.1:1".into()));
        assert_eq!(address_of(&config, Audience::Internal), Address::Unix("/run/x".into()));
        let config = Config { listeners: vec![listener("[::]:2", false)], ..Config::default() };
        assert_eq!(address_of(&config, Audience::Internal), Address::tcp("[::1]:2".into()));
        let config = Config { listeners: vec![listener("systemd", false)], ..Config::default() };
        assert_eq!(address_of(&config, Audience::Public), Address::tcp("127.0.0.1:45831".into()));
    }
}
