//! Reads the table `[tokens]`: settings of subscribe tokens.

use super::document::{Block, Entry};
use super::error::ConfigError;
use super::sources::{Environment, Files};
use super::{Tokens, keys_file};

/// Reads the table. Returns a warning if every user may read the file of keys.
pub(super) fn read(
    mut block: Block,
    environment: &mut Environment,
    files: &dyn Files,
) -> Result<(Tokens, Option<String>), ConfigError> {
    let mut find = |key: &str, variable: &str| environment.find(&mut block, key, variable);
    let keys_file = find("keys_file", "RPUSHD_TOKENS_KEYS_FILE");
    let cookie = find("cookie", "RPUSHD_TOKENS_COOKIE");
    let expiring_before = find("expiring_before", "RPUSHD_TOKENS_EXPIRING_BEFORE");
    block.finish()?;
    let mut tokens = Tokens::default();
    if let Some(entry) = cookie {
        tokens.cookie = Some(cookie_name(&entry)?);
    }
    if let Some(entry) = expiring_before {
        tokens.expiring_before = entry.time()?;
    }
    let mut warning = None;
    if let Some(entry) = keys_file {
        let file = keys_file::read(&entry, files)?;
        (tokens.keys_file, tokens.keys, warning) = (Some(file.path), file.keys, file.warning);
    }
    Ok((tokens, warning))
}

/// A name that a cookie can have: a token (RFC 6265, section 4.1.1; RFC 9110, section 5.6.2).
fn cookie_name(entry: &Entry) -> Result<String, ConfigError> {
    let name = entry.text()?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_allowed) {
        return Err(entry.place.error(format!(
            "\"{name}\" is not the name of a cookie; write letters, digits, - and _"
        )));
    }
    Ok(name.to_owned())
}
