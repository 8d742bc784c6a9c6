//! Reads the two secrets, each from a value or a file, and previous ones, which stay valid.

use super::Secret;
use super::document::{Block, Entry, Value};
use super::error::{ConfigError, Place};
use super::sources::{DevelopmentSecrets, Environment, Files};
use std::io;
use std::path::Path;

/// Shortest secret without a warning.
pub(super) const BYTES_WANTED: usize = 16;

/// The secrets of a configuration.
pub(super) struct Secrets {
    pub(super) subscribe: Vec<Secret>,
    pub(super) publish: Vec<Secret>,
    pub(super) warnings: Vec<String>,
}

/// Whether secrets must be configured.
#[derive(Clone, Copy)]
pub(super) enum Need {
    /// Both.
    Required,
    /// Both or none; with none, the rpushd API is off.
    Optional,
    /// Any or none.
    Nothing,
}

/// Reads all secrets. Without both current ones the rpushd API is off, which needs a configuration
/// with locations.
pub(super) fn read(
    root: &mut Block,
    environment: &mut Environment,
    files: &dyn Files,
    development: Option<&DevelopmentSecrets>,
    need: Need,
) -> Result<Secrets, ConfigError> {
    // All keys are taken before the first is read, so that after an error in one of them the others
    // are not reported as unknown.
    let [current, previous, publish_current, publish_previous] = [
        ("secret", Presence::Required),
        ("secret_previous", Presence::Optional),
        ("publish_secret", Presence::Required),
        ("publish_secret_previous", Presence::Optional),
    ]
    .map(|given| Given::take(root, environment, given));
    let mut reader = Reader { files, warnings: Vec::new() };
    let mut subscribe = reader.secrets(current, previous)?;
    let mut publish = reader.secrets(publish_current, publish_previous)?;
    let mut warnings = reader.warnings;
    if let Some(secrets) = development {
        if subscribe.is_empty() {
            subscribe.push(secrets.subscribe.clone());
        }
        if publish.is_empty() {
            publish.push(secrets.publish.clone());
        }
    }
    let is_off = match need {
        Need::Required => false,
        Need::Optional => subscribe.is_empty() && publish.is_empty(),
        Need::Nothing => true,
    };
    if !is_off {
        refuse_missing(&subscribe, &publish)?;
    }
    if subscribe.iter().any(|secret| publish.contains(secret)) {
        warnings.push(
            "RPUSHD_SECRET and RPUSHD_PUBLISH_SECRET are equal: every program that signs subscribe \
             tokens can also publish and read statistics"
                .into(),
        );
    }
    for (name, secrets) in [("RPUSHD_SECRET", &subscribe), ("RPUSHD_PUBLISH_SECRET", &publish)] {
        if let Some(short) = secrets.iter().find(|secret| secret.expose().len() < BYTES_WANTED) {
            warnings.push(format!(
                "{name} is only {} bytes long: a secret below {BYTES_WANTED} bytes can be guessed \
                 by trial; make one with \"openssl rand -hex 32\"",
                short.expose().len()
            ));
        }
    }
    Ok(Secrets { subscribe, publish, warnings })
}

/// Refuses missing secrets. If both are missing, the error names both.
fn refuse_missing(subscribe: &[Secret], publish: &[Secret]) -> Result<(), ConfigError> {
    let one = |key: &str, variable: &str| {
        Place::Variable(variable.to_owned()).error(format!(
            "required; make one with \"openssl rand -hex 32\" and set it or {variable}_FILE, or \
             {key}_file in the configuration file"
        ))
    };
    Err(match (subscribe.is_empty(), publish.is_empty()) {
        (false, false) => return Ok(()),
        (true, false) => one("secret", "RPUSHD_SECRET"),
        (false, true) => one("publish_secret", "RPUSHD_PUBLISH_SECRET"),
        (true, true) => Place::Variable("RPUSHD_SECRET and RPUSHD_PUBLISH_SECRET".to_owned())
            .error(
                "required; make two different ones with \"openssl rand -hex 32\" and set both or \
             RPUSHD_SECRET_FILE and RPUSHD_PUBLISH_SECRET_FILE, or secret_file and \
             publish_secret_file in the configuration file; \"rpushd --dev\" runs without them",
            ),
    })
}

/// The warning about a file with a secret that every user may read.
pub(super) fn world_readable(path: &str) -> String {
    format!("{path} has a secret, and every user of this machine may read it: \"chmod o-r\" it")
}

/// The entries that give a secret: a value or a file, from variables or from the configuration
/// file.
struct Given {
    value: Option<Entry>,
    file: Option<Entry>,
    presence: Presence,
}

/// Whether the file of a secret must exist. The file of previous secrets may be missing, so that a
/// rotation needs no change of the configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

impl Given {
    /// Takes the entries. If either variable is set, the keys of the file are ignored.
    fn take(
        root: &mut Block,
        environment: &mut Environment,
        (key, presence): (&str, Presence),
    ) -> Given {
        let variable = format!("RPUSHD_{}", key.to_ascii_uppercase());
        let keys = (root.take(key), root.take(&format!("{key}_file")));
        let variables =
            (environment.variable(&variable), environment.variable(&format!("{variable}_FILE")));
        let (value, file) =
            if variables.0.is_some() || variables.1.is_some() { variables } else { keys };
        Given { value, file, presence }
    }
}

struct Reader<'r> {
    files: &'r dyn Files,
    warnings: Vec<String>,
}

impl Reader<'_> {
    /// Reads the current secret and the previous ones; empty without a current one.
    fn secrets(&mut self, current: Given, previous: Given) -> Result<Vec<Secret>, ConfigError> {
        let mut secrets = Vec::new();
        if let Some((texts, place)) = self.texts(current)? {
            let [text] = texts.as_slice() else {
                return Err(place.error("must be one secret; list older ones as previous secrets"));
            };
            let secret = Secret::new(text).ok_or_else(|| place.error("must not be empty"))?;
            if text.trim().contains(['\r', '\n']) {
                return Err(place.error("must be a single line"));
            }
            secrets.push(secret);
        }
        let is_file = previous.file.is_some();
        if let Some((texts, place)) = self.texts(previous)? {
            let previous: Vec<Secret> =
                texts.iter().flat_map(|text| text.lines()).filter_map(Secret::new).collect();
            if previous.is_empty() && !is_file {
                return Err(place.error("must not be empty"));
            }
            if secrets.is_empty() && !previous.is_empty() {
                return Err(place.error("a previous secret needs a current one"));
            }
            secrets.extend(previous);
        }
        Ok(secrets)
    }

    /// The texts given for a secret, by value or file, and their place.
    fn texts(&mut self, given: Given) -> Result<Option<(Vec<String>, Place)>, ConfigError> {
        match (given.value, given.file) {
            (Some(value), Some(file)) => {
                Err(value.place.error(format!("given twice: here and by {}", file.name)))
            }
            (Some(value), None) => {
                if let Place::Key { path, .. } = &value.place {
                    self.warn_if_world_readable(&path.clone());
                }
                let texts = match &value.value {
                    Value::Text(_) => vec![value.text()?.to_owned()],
                    Value::List(texts) => texts.clone(),
                };
                Ok(Some((texts, value.place)))
            }
            (None, Some(file)) => self.file(file, given.presence),
            (None, None) => Ok(None),
        }
    }

    fn file(
        &mut self,
        entry: Entry,
        presence: Presence,
    ) -> Result<Option<(Vec<String>, Place)>, ConfigError> {
        let path = entry.text()?;
        let content = match self.files.read(Path::new(path)) {
            Err(error)
                if presence == Presence::Optional && error.kind() == io::ErrorKind::NotFound =>
            {
                return Ok(None);
            }
            read => {
                read.map_err(|error| entry.place.error(format!("cannot read \"{path}\": {error}")))?
            }
        };
        self.warn_if_world_readable(path);
        let text = String::from_utf8(content)
            .map_err(|_| entry.place.error(format!("\"{path}\" is not UTF-8 text")))?;
        Ok(Some((vec![text], entry.place)))
    }

    fn warn_if_world_readable(&mut self, path: &str) {
        let warning = world_readable(path);
        if self.files.is_world_readable(Path::new(path)) && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}
