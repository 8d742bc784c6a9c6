//! Makes subscribe tokens.

use super::key::TokenKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use serde_json::{Map, Value};

/// What a new token has.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewToken<'a> {
    /// The claim `channel`.
    pub channel: Option<&'a str>,
    /// The claim `channels`; empty: none.
    pub channels: &'a [String],
    /// The claim `sub`.
    pub subject: Option<&'a str>,
    /// The claim `jti`.
    pub id: Option<&'a str>,
    /// The id of the key, if it has one (`kid`).
    pub key_id: Option<&'a str>,
    /// The claim `exp`, in seconds since 1970 UTC.
    pub expires: u64,
}

impl NewToken<'_> {
    /// Signs it.
    pub fn sign(&self, key: &TokenKey) -> String {
        let texts = [("channel", self.channel), ("sub", self.subject), ("jti", self.id)];
        let mut claims = object(&texts);
        claims.insert("aud".to_owned(), "rpushd".into());
        claims.insert("scope".to_owned(), "subscribe".into());
        claims.insert("exp".to_owned(), self.expires.into());
        if !self.channels.is_empty() {
            claims.insert("channels".to_owned(), self.channels.into());
        }
        let header = object(&[("alg", Some("HS256")), ("typ", Some("JWT")), ("kid", self.key_id)]);
        let parts =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(Value::Object(part).to_string()));
        let mut token = parts.join(".");
        let tag = key.tag(token.as_bytes()).finalize().into_bytes();
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(tag));
        token
    }
}

/// Creates a token that lets its bearer subscribe to `channel` until `expires`, in seconds
/// since 1970 UTC.
pub fn sign(key: &TokenKey, channel: &str, expires: u64) -> String {
    NewToken { channel: Some(channel), expires, ..NewToken::default() }.sign(key)
}

/// An object of the texts that are given.
fn object(texts: &[(&str, Option<&str>)]) -> Map<String, Value> {
    let given = |(name, text): &(&str, Option<&str>)| Some(((*name).to_owned(), (*text)?.into()));
    texts.iter().filter_map(given).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn parts(token: &NewToken<'_>) -> Vec<String> {
        let key = TokenKey::new(&Secret::new("secret").unwrap());
        let token = token.sign(&key);
        let decode = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        token.rsplit_once('.').unwrap().0.split('.').map(decode).collect()
    }

    #[test]
    fn a_token_has_what_is_given_and_nothing_else() {
        let plain = NewToken { channel: Some("a:b"), expires: 7, ..NewToken::default() };
        assert_eq!(
            parts(&plain),
            [
                r#"{"alg":"HS256","typ":"JWT"}"#,
                r#"{"aud":"rpushd","channel":"a:b","exp":7,"scope":"subscribe"}"#
            ]
        );
        let full = NewToken {
            channels: &["a".to_owned(), "b*".to_owned()],
            subject: Some("\"7\""),
            id: Some("t"),
            key_id: Some("k"),
            ..plain
        };
        assert_eq!(
            parts(&full),
            [
                r#"{"alg":"HS256","kid":"k","typ":"JWT"}"#,
                concat!(
                    r#"{"aud":"rpushd","channel":"a:b","channels":["a","b*"],"exp":7,"jti":"t","#,
                    r#""scope":"subscribe","sub":"\"7\""}"#
                )
            ]
        );
    }
}
