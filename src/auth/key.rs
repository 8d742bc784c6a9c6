//! Keys that sign and verify tokens, and the set of those in force.

use crate::config::{NamedKey, Secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A key derived from a secret, for verifying and signing.
#[derive(Clone)]
pub struct TokenKey(Hmac<Sha256>);

impl TokenKey {
    /// Derives a key from a secret.
    pub fn new(secret: &Secret) -> TokenKey {
        TokenKey(Hmac::new_from_slice(secret.expose()).expect("HMAC accepts keys of any length"))
    }

    pub(super) fn tag(&self, signed: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(signed);
        mac
    }
}

/// The keys in force: those of the secrets, and those that tokens name.
#[derive(Clone)]
pub struct TokenKeys {
    secrets: Vec<TokenKey>,
    named: Vec<(String, TokenKey)>,
}

/// The key that verified a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifiedBy {
    /// The one with this index among the secrets.
    Secret(usize),
    /// The one with this id in the file of keys (`kid`).
    Key(String),
}

impl TokenKeys {
    /// Derives the keys from secrets and from the content of the file of keys.
    pub fn new(secrets: &[Secret], named: &[NamedKey]) -> TokenKeys {
        TokenKeys {
            secrets: secrets.iter().map(TokenKey::new).collect(),
            named: named.iter().map(|key| (key.id.clone(), TokenKey::new(&key.secret))).collect(),
        }
    }

    /// Whether tokens can name a key. If not, a `kid` has no meaning.
    pub(super) fn has_names(&self) -> bool {
        !self.named.is_empty()
    }

    /// The key of the secrets that made this signature. All are tried, so that the time does not
    /// reveal which one matched.
    pub(super) fn by_secret(&self, signed: &[u8], signature: &[u8]) -> Option<VerifiedBy> {
        let mut verified_by = None;
        for (index, key) in self.secrets.iter().enumerate() {
            if key.tag(signed).verify_slice(signature).is_ok() {
                verified_by = verified_by.or(Some(VerifiedBy::Secret(index)));
            }
        }
        verified_by
    }

    /// The key with this id, if it made this signature. The time reveals whether there is one,
    /// which is no secret: ids travel in tokens.
    pub(super) fn by_name(&self, id: &str, signed: &[u8], signature: &[u8]) -> Option<VerifiedBy> {
        let (id, key) = self.named.iter().find(|(other, _)| other == id)?;
        let is_signed = key.tag(signed).verify_slice(signature).is_ok();
        is_signed.then(|| VerifiedBy::Key(id.clone()))
    }
}
