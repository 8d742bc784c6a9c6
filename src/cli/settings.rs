//! What `serve` and `check` are told on the command line: where the configuration is and what wins over it.

use super::exit::{Exit, Failure};
use super::nginx;
use super::words::{self, Word};
use rpushd::config::{Config, DevelopmentSecrets, Overrides, Secret};
use rpushd::reactor;
use std::path::PathBuf;

/// Where the configuration comes from. It can be read again.
#[derive(Debug, Default)]
pub struct Settings {
    pub file: Option<PathBuf>,
    /// An nginx configuration, which stands in for the file.
    pub nginx_file: Option<PathBuf>,
    pub overrides: Overrides,
}

impl Settings {
    /// Reads the options of the command line.
    pub fn parse(mut parser: lexopt::Parser) -> Result<Settings, Failure> {
        let mut settings = Settings { file: configured_file(), ..Settings::default() };
        while let Some(word) = words::next(&mut parser)? {
            let flag = match word {
                Word::Flag(flag) => flag,
                Word::Plain(argument) => return Err(words::surplus(&argument)),
            };
            let overrides = &mut settings.overrides;
            match flag.as_str() {
                "config" => settings.file = Some(words::value(&mut parser)?.into()),
                "nginx-config" => settings.nginx_file = Some(words::value(&mut parser)?.into()),
                "listen" => overrides.listen.push(words::value(&mut parser)?),
                "log-level" => overrides.log_level = Some(words::value(&mut parser)?),
                "log-file" => overrides.log_file = Some(words::value(&mut parser)?.into()),
                "pid-file" => overrides.pid_file = Some(words::value(&mut parser)?.into()),
                "dev" => overrides.development = Some(throw_away_secrets()?),
                _ => return Err(words::unknown(&flag)),
            }
        }
        Ok(settings)
    }

    /// Reads the configuration, also for a reload.
    pub fn read(&self) -> Result<Sources, Failure> {
        match &self.nginx_file {
            Some(path) => nginx::read(path, &self.overrides),
            None => Ok(Sources::from(rpushd::config::read(self.file.as_deref(), &self.overrides)?)),
        }
    }
}

/// A configuration, and what its sources say besides.
pub struct Sources {
    pub config: Config,
    /// What the nginx module would log at start.
    pub messages: Vec<(log::Level, String)>,
}

impl From<Config> for Sources {
    fn from(config: Config) -> Sources {
        Sources { config, messages: Vec::new() }
    }
}

/// `RPUSHD_CONFIG`, where `--config` is not given.
pub fn configured_file() -> Option<PathBuf> {
    std::env::var_os("RPUSHD_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn throw_away_secrets() -> Result<DevelopmentSecrets, Failure> {
    Ok(DevelopmentSecrets { subscribe: throw_away_secret()?, publish: throw_away_secret()? })
}

fn throw_away_secret() -> Result<Secret, Failure> {
    let text = random_word::<16>()?;
    Ok(Secret::new(&text).expect("hexadecimal digits are no blanks"))
}

/// Random bytes as hexadecimal digits.
pub fn random_word<const COUNT: usize>() -> Result<String, Failure> {
    let bytes: [u8; COUNT] = reactor::random_bytes()
        .map_err(|error| Failure::new(Exit::System, format!("no random bytes: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
