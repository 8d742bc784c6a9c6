//! Options of `serve` and `check`: sources of the configuration, and settings that override it.

use super::exit::{Exit, Failure};
use super::nginx;
use super::sources::Sources;
use super::words::{self, Word};
use rpushd::config::{DevelopmentSecrets, Overrides, Secret, SourceFile, Variables};
use rpushd::reactor;
use std::path::PathBuf;

/// The sources of the configuration, which can be read again.
pub struct Settings {
    file: Option<SourceFile>,
    /// An nginx configuration, used instead of the file.
    pub nginx_file: Option<PathBuf>,
    variables: Variables,
    pub overrides: Overrides,
}

impl Settings {
    /// Parses the options of the command line and reads the variables.
    pub fn parse(mut parser: lexopt::Parser) -> Result<Settings, Failure> {
        let (mut file, mut nginx_file, mut env_file) = (None, None, None);
        let mut overrides = Overrides::default();
        while let Some(word) = words::next(&mut parser)? {
            let flag = match word {
                Word::Flag(flag) => flag,
                Word::Plain(argument) => return Err(words::surplus(&argument)),
            };
            match flag.as_str() {
                "config" => file = Some(SourceFile::new(words::value(&mut parser)?)),
                "env-file" => env_file = Some(SourceFile::new(words::value(&mut parser)?)),
                "nginx-config" => nginx_file = Some(words::value(&mut parser)?.into()),
                "listen" => overrides.listen.push(words::value(&mut parser)?),
                "log-level" => overrides.log_level = Some(words::value(&mut parser)?),
                "log-file" => overrides.log_file = Some(words::value(&mut parser)?.into()),
                "pid-file" => overrides.pid_file = Some(words::value(&mut parser)?.into()),
                "dev" => overrides.development = Some(throw_away_secrets()?),
                _ => return Err(words::unknown(&flag)),
            }
        }
        Ok(Settings { file, nginx_file, variables: Variables::read(env_file)?, overrides })
    }

    /// Reads the configuration.
    pub fn read(&self) -> Result<Sources, Failure> {
        let Settings { file, nginx_file, variables, overrides } = self;
        match nginx_file {
            Some(path) => nginx::read(path, variables, overrides),
            None => {
                let config = rpushd::config::read(file.as_ref(), variables, overrides)?;
                Ok(Sources::from(config))
            }
        }
    }

    /// Reads the configuration again, with the environment file.
    pub fn reread(&mut self) -> Result<Sources, Failure> {
        self.variables.reread()?;
        self.read()
    }
}

fn throw_away_secrets() -> Result<DevelopmentSecrets, Failure> {
    Ok(DevelopmentSecrets { subscribe: throw_away_secret()?, publish: throw_away_secret()? })
}

fn throw_away_secret() -> Result<Secret, Failure> {
    let text = random_word::<16>()?;
    Ok(Secret::new(&text).expect("hexadecimal digits are not whitespace"))
}

/// Random bytes as hexadecimal digits.
pub fn random_word<const COUNT: usize>() -> Result<String, Failure> {
    let bytes: [u8; COUNT] = reactor::random_bytes()
        .map_err(|error| Failure::new(Exit::System, format!("no random bytes: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
