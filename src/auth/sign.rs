//! Makes subscribe tokens.

use super::key::TokenKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;

/// Creates a token that lets its bearer subscribe to `channel` until `expires`, in seconds
/// since 1970 UTC.
pub fn sign(key: &TokenKey, channel: &str, expires: u64) -> String {
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let payload = serde_json::json!({
        "aud": "rpushd",
        "scope": "subscribe",
        "channel": channel,
        "exp": expires,
    });
    let mut token = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload.to_string()));
    let tag = key.tag(token.as_bytes()).finalize().into_bytes();
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(tag));
    token
}
