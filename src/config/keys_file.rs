//! Reads the file of keys that verify subscribe tokens by `kid`: a JWK Set (RFC 7517) of symmetric
//! keys (RFC 7518, section 6.4). Errors never include a value of the file other than a `kid`, which
//! every token shows.

use super::document::Entry;
use super::error::ConfigError;
use super::secrets::{BYTES_WANTED, world_readable};
use super::sources::Files;
use super::{NamedKey, Secret};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

/// Longest `kid`.
const ID_BYTES_MAX: usize = 128;

/// A file of keys that was read.
pub(super) struct KeysFile {
    pub(super) path: PathBuf,
    pub(super) keys: Vec<NamedKey>,
    /// Every user may read the file.
    pub(super) warning: Option<String>,
}

/// Reads the file that this entry names.
pub(super) fn read(entry: &Entry, files: &dyn Files) -> Result<KeysFile, ConfigError> {
    let path = entry.text()?;
    if path.is_empty() {
        return Err(entry.place.error("must not be empty"));
    }
    let content = files
        .read(Path::new(path))
        .map_err(|error| entry.place.error(format!("cannot read \"{path}\": {error}")))?;
    let keys =
        parse(&content).map_err(|reason| entry.place.error(format!("\"{path}\": {reason}")))?;
    let warning = files.is_world_readable(Path::new(path)).then(|| world_readable(path));
    Ok(KeysFile { path: PathBuf::from(path), keys, warning })
}

/// The keys of a JWK Set. Members that are not known are ignored (RFC 7517, sections 4 and 5).
fn parse(content: &[u8]) -> Result<Vec<NamedKey>, String> {
    #[derive(Deserialize)]
    struct KeySet<'a> {
        #[serde(borrow)]
        keys: Vec<&'a RawValue>,
    }
    // serde_json's own messages may quote values.
    if let Err(error) = serde_json::from_slice::<&RawValue>(content) {
        return Err(format!(
            "not JSON at line {}, column {}, or not completely written",
            error.line(),
            error.column()
        ));
    }
    let set = object::<KeySet<'_>>(content)
        .ok_or(r#"must be {"keys": [...]}, a JWK Set (RFC 7517), with "keys" once"#)?;
    if set.keys.is_empty() {
        return Err("has no key".to_owned());
    }
    let mut keys: Vec<NamedKey> = Vec::new();
    for (number, text) in (1..).zip(&set.keys) {
        let key = object::<Jwk>(text.get().as_bytes())
            .ok_or_else(|| format!("key {number}: must be an object with each member once"))?;
        let id = key.id().map_err(|reason| format!("key {number}: {reason}"))?;
        let of_key = |reason: String| format!("key {number} (\"{id}\"): {reason}");
        if keys.iter().any(|other| other.id == id) {
            return Err(of_key("an earlier key has the same \"kid\"".to_owned()));
        }
        let secret = key.secret().map_err(of_key)?;
        keys.push(NamedKey { id, secret });
    }
    Ok(keys)
}

/// Reads an object; serde's derived code would also accept a list of the members' values.
fn object<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Option<T> {
    let is_object = text.trim_ascii_start().starts_with(b"{");
    is_object.then(|| serde_json::from_slice(text).ok()).flatten()
}

/// A key, before its members are checked.
#[derive(Deserialize)]
struct Jwk {
    kty: Option<Value>,
    kid: Option<Value>,
    k: Option<Value>,
    alg: Option<Value>,
    #[serde(rename = "use")]
    purpose: Option<Value>,
    key_ops: Option<Value>,
}

impl Jwk {
    fn id(&self) -> Result<String, String> {
        let is_id = |text: &&str| {
            (1..=ID_BYTES_MAX).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let id = self.kid.as_ref().and_then(Value::as_str).filter(is_id);
        id.map(str::to_owned).ok_or_else(|| {
            format!("\"kid\" must be a text of 1 to {ID_BYTES_MAX} visible ASCII characters")
        })
    }

    /// The key itself. The type and the algorithm may be missing, because there is only one of
    /// each.
    fn secret(&self) -> Result<Secret, String> {
        if self.kty.as_ref().is_some_and(|kind| kind != "oct") {
            return Err("\"kty\" must be \"oct\": a symmetric key".to_owned());
        }
        if self.alg.as_ref().is_some_and(|algorithm| algorithm != "HS256") {
            return Err("\"alg\" must be \"HS256\": no other algorithm is implemented".to_owned());
        }
        if self.purpose.as_ref().is_some_and(|purpose| purpose != "sig") {
            return Err("\"use\" must be \"sig\"".to_owned());
        }
        let verifies = |operations: &Value| {
            operations.as_array().is_some_and(|list| list.iter().any(|one| one == "verify"))
        };
        if self.key_ops.as_ref().is_some_and(|operations| !verifies(operations)) {
            return Err("\"key_ops\" must include \"verify\"".to_owned());
        }
        let encoded = self.k.as_ref().and_then(Value::as_str);
        let bytes = encoded
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .ok_or("\"k\" must be the key in base64url without padding")?;
        if bytes.len() < BYTES_WANTED {
            return Err(format!(
                "the key is only {} bytes long, and one below {BYTES_WANTED} bytes can be guessed \
                 by trial; make one with \"openssl rand 32\"",
                bytes.len()
            ));
        }
        Ok(Secret(bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `0123456789abcdef` in base64url.
    const K: &str = "MDEyMzQ1Njc4OWFiY2RlZg";

    fn parsed(text: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        let keys = parse(text.replace("KEY", K).as_bytes())?;
        Ok(keys.into_iter().map(|key| (key.id, key.secret.expose().to_vec())).collect())
    }

    #[test]
    fn keys_are_read_with_what_jwk_allows_them_to_have() {
        let key = |id: &str| (id.to_owned(), b"0123456789abcdef".to_vec());
        for text in [
            r#"{"keys":[{"kid":"2026-11","k":"KEY"}]}"#,
            r#"{"keys":[{"kty":"oct","kid":"2026-11","k":"KEY","alg":"HS256"}]}"#,
            r#" { "note": 1, "keys": [ {"kid":"2026-11","k":"KEY","use":"sig",
                "key_ops":["sign","verify"],"x5t":"?"} ] } "#,
        ] {
            assert_eq!(parsed(text), Ok(vec![key("2026-11")]), "{text}");
        }
        let two = r#"{"keys":[{"kid":"2026-12","k":"KEY"},{"kid":"2026-11","k":"KEY"}]}"#;
        assert_eq!(parsed(two), Ok(vec![key("2026-12"), key("2026-11")]));
        // Any bytes, also those that a text could not have at its ends.
        let bytes = URL_SAFE_NO_PAD.encode([[b' '; 8], [0xff; 8]].concat());
        let raw = parsed(&format!(r#"{{"keys":[{{"kid":"1","k":"{bytes}"}}]}}"#)).unwrap();
        assert_eq!(raw[0].1, [[b' '; 8], [0xff; 8]].concat());
    }

    #[test]
    fn a_key_that_cannot_be_used_is_refused_with_its_place_and_reason() {
        let set = r#"must be {"keys": [...]}, a JWK Set (RFC 7517), with "keys" once"#;
        let broken = "not JSON at line 1, column";
        let of_second = "key 2 (\"b\"): ";
        let id = "key 2: \"kid\" must be a text of 1 to 128 visible ASCII characters";
        let object = "key 2: must be an object with each member once";
        let long = format!(r#"{{"kid":"{}","k":"KEY"}}"#, "a".repeat(129));
        for (text, reason) in [
            ("", broken),
            (r#"{"keys":[{"kid":"a","k":"KEY"}"#, broken),
            (r#"{"keys":[{"kid":"a","k":"KEY"}]} x"#, broken),
            ("\u{feff}{}", broken),
            ("[]", set),
            ("{}", set),
            (r#"[[{"kid":"a","k":"KEY"}]]"#, set),
            (r#"{"keys":{"a":"KEY"}}"#, set),
            (r#"{"keys":[],"keys":[]}"#, set),
            (r#"{"keys":[]}"#, "has no key"),
        ] {
            let refusal = parsed(text).unwrap_err();
            assert!(refusal.starts_with(reason), "{text}: {refusal}");
        }
        for (second, reason) in [
            ("1", object.to_owned()),
            (r#"["oct","b","KEY"]"#, object.to_owned()),
            (r#"{"kid":"b","k":"KEY","k":"KEY"}"#, object.to_owned()),
            (r#"{"k":"KEY"}"#, id.to_owned()),
            (r#"{"kid":"","k":"KEY"}"#, id.to_owned()),
            (r#"{"kid":2,"k":"KEY"}"#, id.to_owned()),
            (r#"{"kid":"b b","k":"KEY"}"#, id.to_owned()),
            (r#"{"kid":"b\n","k":"KEY"}"#, id.to_owned()),
            (&long, id.to_owned()),
            (
                r#"{"kid":"a","k":"KEY"}"#,
                "key 2 (\"a\"): an earlier key has the same \"kid\"".to_owned(),
            ),
            (
                r#"{"kid":"b","kty":"RSA","n":"KEY","e":"AQAB"}"#,
                format!("{of_second}\"kty\" must be \"oct\": a symmetric key"),
            ),
            (
                r#"{"kid":"b","k":"KEY","alg":"HS512"}"#,
                format!("{of_second}\"alg\" must be \"HS256\": no other algorithm is implemented"),
            ),
            (
                r#"{"kid":"b","k":"KEY","alg":"none"}"#,
                format!("{of_second}\"alg\" must be \"HS256\": no other algorithm is implemented"),
            ),
            (r#"{"kid":"b","k":"KEY","use":"enc"}"#, format!("{of_second}\"use\" must be \"sig\"")),
            (
                r#"{"kid":"b","k":"KEY","key_ops":["encrypt"]}"#,
                format!("{of_second}\"key_ops\" must include \"verify\""),
            ),
        ] {
            let text = format!(r#"{{"keys":[{{"kid":"a","k":"KEY"}},{second}]}}"#);
            assert_eq!(parsed(&text), Err(reason), "{second}");
        }
        let base64 = format!("{of_second}\"k\" must be the key in base64url without padding");
        for k in ["1", "null", "\"KEY=\"", "\"KEY \"", "\"++++++++++++++++++++++++\"", "[\"KEY\"]"]
        {
            let text = format!(r#"{{"keys":[{{"kid":"a","k":"KEY"}},{{"kid":"b","k":{k}}}]}}"#);
            assert_eq!(parsed(&text), Err(base64.clone()), "{k}");
        }
    }

    #[test]
    fn a_short_key_is_refused_without_showing_it() {
        let refusal = parsed(r#"{"keys":[{"kid":"a","k":"c2hvcnQ"}]}"#).unwrap_err();
        assert_eq!(
            refusal,
            "key 1 (\"a\"): the key is only 5 bytes long, and one below 16 bytes can be guessed by \
             trial; make one with \"openssl rand 32\""
        );
        // Nor is a value in the wrong place shown.
        for text in [
            r#"{"keys":[{"kid":"a","kty":"KEY"}]}"#,
            r#"{"keys":["KEY"]}"#,
            r#"{"keys":"KEY"}"#,
            r#"{"keys":[{"kid":"a","alg":"KEY","k":1}]}"#,
            r#"{"keys":[{"kid":"KEY KEY"}]}"#,
            r#"{"keys":[{"kid":"a","k":"KEY"#,
        ] {
            let refusal = parsed(text).unwrap_err();
            assert!(!refusal.contains(K), "{refusal}");
        }
    }
}
