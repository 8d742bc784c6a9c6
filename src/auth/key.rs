//! Keys that sign and verify tokens.

use crate::config::Secret;
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
