//! Subscribe tokens: JSON Web Tokens (RFC 7519) signed with HS256 (RFC 7515), with the claims of
//! the rpushd spec, section 5.1.

use super::{Denial, Grant};
use crate::config::Secret;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::value::RawValue;
use sha2::Sha256;
use std::borrow::Cow;

/// The tolerance for `nbf`, in seconds ahead of the daemon's clock.
const NOT_BEFORE_LEEWAY: f64 = 30.0;
/// Longer tokens are refused before they are decoded.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A key derived from a secret, for verifying and signing.
#[derive(Clone)]
pub struct TokenKey(Hmac<Sha256>);

impl TokenKey {
    /// Derives a key from a secret.
    pub fn new(secret: &Secret) -> TokenKey {
        TokenKey(Hmac::new_from_slice(secret.expose()).expect("HMAC accepts keys of any length"))
    }

    fn tag(&self, signed: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(signed);
        mac
    }
}

/// The claims that a token must grant to be accepted.
#[derive(Clone, Copy, Debug)]
pub struct Claims<'a> {
    /// The channel in the subscribe request.
    pub channel: &'a str,
    /// The current time in seconds since 1970 UTC.
    pub now: u64,
}

/// Accepts a token that is signed with one of the keys and grants the claims. Returns all that it
/// grants.
///
/// # Errors
/// The reason of the refusal. The claims of a token without a valid signature are not parsed.
pub fn verify(token: &str, keys: &[TokenKey], wanted: &Claims<'_>) -> Result<Grant, Denial> {
    if token.is_empty() {
        return Err(Denial::Missing);
    }
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Denial::Malformed);
    }
    let Parts { signed, header, payload, signature } = Parts::of(token).ok_or(Denial::Malformed)?;
    // All keys are tried, so that the time does not reveal which one matched.
    let mut verified_by = None;
    for (index, key) in keys.iter().enumerate() {
        if key.tag(signed.as_bytes()).verify_slice(&signature).is_ok() {
            verified_by = verified_by.or(Some(index));
        }
    }
    let key = verified_by.ok_or(Denial::WrongSignature)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Denial::Malformed);
    check_header(&decode(header)?).ok_or(Denial::Malformed)?;
    let payload = decode(payload)?;
    let claims = TokenClaims::read(&payload).ok_or(Denial::Malformed)?;
    let grant = claims.grant(key);
    claims.check(&grant, wanted)?;
    Ok(grant)
}

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

/// The parts of a token.
struct Parts<'a> {
    signed: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Option<Parts<'a>> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        // The base64url alphabet has no dot, so a fourth part fails here.
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Parts { signed, header, payload, signature })
    }
}

fn check_header(header: &[u8]) -> Option<()> {
    let members = Members::parse(header)?;
    (members.string("alg")? == "HS256" && members.find("crit").is_none()).then_some(())
}

/// The claims of a well-formed payload.
struct TokenClaims<'a> {
    has_purpose: bool,
    channel: Cow<'a, str>,
    expires: Seconds,
    begins: Option<Seconds>,
    subject: Option<Cow<'a, str>>,
}

impl<'a> TokenClaims<'a> {
    /// `None`: a claim is missing or of the wrong type.
    fn read(payload: &'a [u8]) -> Option<TokenClaims<'a>> {
        let members = Members::parse(payload)?;
        let has_audience = match members.find("aud")?.get() {
            list if list.starts_with('[') => {
                let list: Vec<Cow<'_, str>> = serde_json::from_str(list).ok()?;
                list.iter().any(|audience| audience == "rpushd")
            }
            _ => members.string("aud")? == "rpushd",
        };
        let has_scope = members.string("scope")?.split(' ').any(|scope| scope == "subscribe");
        let begins = match members.find("nbf") {
            Some(_) => Some(members.seconds("nbf")?),
            None => None,
        };
        Some(TokenClaims {
            has_purpose: has_audience && has_scope,
            channel: members.string("channel")?,
            expires: members.seconds("exp")?,
            begins,
            // Optional and not part of the decision: one of another type is ignored.
            subject: members.string("sub"),
        })
    }

    fn grant(&self, key: usize) -> Grant {
        Grant {
            channels: vec![self.channel.clone().into_owned()],
            expires_at: self.expires.whole(),
            subject: self.subject.clone().map(Cow::into_owned),
            key,
        }
    }

    /// The first claim that does not hold decides, in this order.
    fn check(&self, grant: &Grant, wanted: &Claims<'_>) -> Result<(), Denial> {
        let latest = wanted.now as f64 + NOT_BEFORE_LEEWAY;
        let is_early = self.begins.as_ref().is_some_and(|begins| begins.as_f64() > latest);
        if !self.has_purpose {
            return Err(Denial::OtherPurpose);
        }
        if !grant.allows(wanted.channel) {
            return Err(Denial::OtherChannel);
        }
        if is_early {
            return Err(Denial::Early);
        }
        if grant.is_expired(wanted.now) { Err(Denial::Expired) } else { Ok(()) }
    }
}

/// The members of a JSON object, whose names must be unique.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

enum Seconds {
    Whole(u64),
    Fraction(f64),
}

impl Seconds {
    fn as_f64(&self) -> f64 {
        match *self {
            Seconds::Whole(seconds) => seconds as f64,
            Seconds::Fraction(seconds) => seconds,
        }
    }

    /// Rounded down to whole seconds, at most `u64::MAX`.
    fn whole(&self) -> u64 {
        match *self {
            Seconds::Whole(seconds) => seconds,
            Seconds::Fraction(seconds) => seconds as u64,
        }
    }
}

impl<'a> Members<'a> {
    fn parse(text: &'a [u8]) -> Option<Members<'a>> {
        serde_json::from_str(std::str::from_utf8(text).ok()?).ok()
    }

    fn find(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    fn string(&self, name: &str) -> Option<Cow<'a, str>> {
        /// Borrows unless the text contains an escape.
        #[derive(serde::Deserialize)]
        struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
        serde_json::from_str::<Text<'a>>(self.find(name)?.get()).ok().map(|text| text.0)
    }

    /// A point in time: a finite number that is not negative.
    fn seconds(&self, name: &str) -> Option<Seconds> {
        let text = self.find(name)?.get();
        if let Ok(whole) = text.parse() {
            return Some(Seconds::Whole(whole));
        }
        let fraction: f64 = serde_json::from_str(text).ok()?;
        (fraction >= 0.0 && fraction.is_finite()).then_some(Seconds::Fraction(fraction))
    }
}

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Members<'de>, A::Error> {
                /// Borrows unless the name contains an escape.
                #[derive(serde::Deserialize)]
                struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &RawValue>()? {
                    if members.iter().any(|(other, _)| *other == name) {
                        return Err(serde::de::Error::custom("duplicate member"));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_776_181_200;

    fn key(secret: &str) -> TokenKey {
        TokenKey::new(&Secret::new(secret).unwrap())
    }

    fn signed(header: &str, payload: &str) -> String {
        let parts =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let tag = key("secret").tag(parts.as_bytes()).finalize().into_bytes();
        format!("{parts}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    fn accepts(token: &str) -> bool {
        judge(token).is_ok()
    }

    fn judge(token: &str) -> Result<(), Denial> {
        granted(token).map(|_| ())
    }

    fn granted(token: &str) -> Result<Grant, Denial> {
        let keys = [key("other"), key("secret")];
        verify(token, &keys, &Claims { channel: "a:b", now: NOW })
    }

    fn accepts_payload(payload: &str) -> bool {
        accepts(&signed(r#"{"alg":"HS256"}"#, payload))
    }

    /// A valid payload with one member replaced; an empty value removes it.
    fn accepts_with(name: &str, value: &str) -> bool {
        let mut members = vec![
            ("aud", r#""rpushd""#),
            ("scope", r#""subscribe""#),
            ("channel", r#""a:b""#),
            ("exp", "1776181200"),
        ];
        members.retain(|(other, _)| *other != name);
        members.push((name, value));
        members.retain(|(_, value)| !value.is_empty());
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
        accepts_payload(&format!("{{{}}}", members.join(", ")))
    }

    #[test]
    fn a_token_made_here_is_accepted_here() {
        assert!(accepts(&sign(&key("secret"), "a:b", NOW)));
        assert!(!accepts(&sign(&key("secret"), "a:B", NOW)));
        assert!(!accepts(&sign(&key("secret"), "a:b", NOW - 1)));
        assert!(!accepts(&sign(&key("stranger"), "a:b", NOW)));
    }

    #[test]
    fn an_accepted_token_returns_what_it_grants() {
        let with = |claims: &str| {
            let claims = format!(r#"{{"aud":"rpushd","scope":"subscribe",{claims}}}"#);
            granted(&signed(r#"{"alg":"HS256"}"#, &claims))
        };
        let grant =
            Grant { channels: vec!["a:b".to_owned()], expires_at: NOW + 60, subject: None, key: 1 };
        assert_eq!(granted(&sign(&key("secret"), "a:b", NOW + 60)), Ok(grant.clone()));
        let of_other_key = Grant { key: 0, ..grant.clone() };
        assert_eq!(granted(&sign(&key("other"), "a:b", NOW + 60)), Ok(of_other_key));
        let of_subject = Grant { subject: Some("é".to_owned()), ..grant.clone() };
        let subject = r#""channel":"\u0061:b","exp":1776181260,"sub":"\u00e9""#;
        assert_eq!(with(subject), Ok(of_subject));
        // It does not decide, so one of another type does not make the token invalid.
        assert_eq!(with(r#""channel":"a:b","exp":1776181260,"sub":[1]"#), Ok(grant.clone()));
        for (expires, expires_at) in
            [("1776181260.9", NOW + 60), ("18446744073709551615", u64::MAX), ("1e300", u64::MAX)]
        {
            let grant = Grant { expires_at, ..grant.clone() };
            assert_eq!(with(&format!(r#""channel":"a:b","exp":{expires}"#)), Ok(grant));
        }
    }

    #[test]
    fn a_grant_allows_its_channels_until_it_expires() {
        let grant = granted(&sign(&key("secret"), "a:b", NOW + 60)).unwrap();
        let allowed = ["a:b", "a:B", "a:", "a:b*", ""].map(|channel| grant.allows(channel));
        assert_eq!(allowed, [true, false, false, false, false]);
        assert_eq!(
            [NOW, NOW + 60, NOW + 61].map(|now| grant.is_expired(now)),
            [false, false, true]
        );
    }

    #[test]
    fn each_fault_has_its_reason() {
        let with = |claims: &str| judge(&signed(r#"{"alg":"HS256"}"#, claims));
        let good = r#"{"aud":"rpushd","scope":"subscribe","channel":"a:b","exp":1776181200}"#;
        for (token, denial) in [
            (String::new(), Denial::Missing),
            ("x".to_owned(), Denial::Malformed),
            ("x.y.z!".to_owned(), Denial::Malformed),
            ("a".repeat(TOKEN_BYTES_MAX + 1), Denial::Malformed),
            (sign(&key("stranger"), "a:b", NOW), Denial::WrongSignature),
            (sign(&key("stranger"), "other", NOW - 1), Denial::WrongSignature),
            (signed(r#"{"alg":"none"}"#, good), Denial::Malformed),
            (sign(&key("secret"), "a:b", NOW - 1), Denial::Expired),
            (sign(&key("secret"), "other", NOW), Denial::OtherChannel),
        ] {
            assert_eq!(judge(&token), Err(denial), "{token}");
        }
        assert_eq!(with(good), Ok(()));
        for (from, to, denial) in [
            ("rpushd", "other", Denial::OtherPurpose),
            ("subscribe", "publish", Denial::OtherPurpose),
            ("1776181200", "1776181200,\"nbf\":1776181231", Denial::Early),
            ("1776181200", "null", Denial::Malformed),
            (",\"exp\":1776181200", "", Denial::Malformed),
            ("{", "", Denial::Malformed),
        ] {
            assert_eq!(with(&good.replace(from, to)), Err(denial), "{to}");
        }
    }

    #[test]
    fn a_token_from_another_maker_is_accepted() {
        // Made with Python: hmac.digest(b"secret", signed, "sha256").
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJycHVzaGQiLCJzY29wZSI6InN1YnNjcmliZSIsImNoYW5u\
                     ZWwiOiJhOmIiLCJleHAiOjk5OTk5OTk5OTl9.\
                     1Rvu_CZGTMdmtM0NPsrbkIcaoyneFk-Nj2_6Ll0DUMQ";
        assert!(accepts(token));
    }

    #[test]
    fn each_claim_has_its_rule() {
        let rows = [
            ("aud", r#"["other", "rpushd"]"#, true),
            ("aud", r#"["other"]"#, false),
            ("aud", r#"[1, "rpushd"]"#, false),
            ("aud", r#""RPUSHD""#, false),
            ("aud", "", false),
            ("scope", r#""read subscribe""#, true),
            ("scope", r#""subscribers""#, false),
            ("scope", r#"["subscribe"]"#, false),
            ("channel", r#""\u0061:b""#, true),
            ("channel", "1", false),
            ("exp", "18446744073709551615", true),
            ("exp", "18446744073709551616", true),
            ("exp", "1776181200.5", true),
            ("exp", "1776181199.9", false),
            ("exp", "1.8e9", true),
            ("exp", "1e999", false),
            ("exp", "-1", false),
            ("exp", "\"1776181200\"", false),
            ("exp", "null", false),
            ("exp", "", false),
            ("nbf", "1776181230", true),
            ("nbf", "1776181231", false),
            ("nbf", "\"0\"", false),
            ("other", "{\"any\": [1]}", true),
        ];
        for (name, value, is_accepted) in rows {
            assert_eq!(accepts_with(name, value), is_accepted, "{name}: {value}");
        }
    }

    #[test]
    fn headers_and_spellings_that_are_faults() {
        let payload = r#"{"aud":"rpushd","scope":"subscribe","channel":"a:b","exp":1776181200}"#;
        assert!(accepts_payload(payload));
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS256","crit":["x"]}"#, "{}", "no", "[]"] {
            assert!(!accepts(&signed(header, payload)), "{header}");
        }
        assert!(!accepts_payload(&payload.replace("{", "{\"aud\":\"rpushd\",")));
        assert!(!accepts_payload(&payload.replace("{", "{\"x\":1,\"x\":2,")));
        assert!(!accepts_payload(&format!("{payload}x")));
        assert!(!accepts_payload("[]"));
        let token = signed(r#"{"alg":"HS256"}"#, payload);
        for fault in [format!("{token}="), format!("{token}.x"), format!(" {token}"), String::new()]
        {
            assert!(!accepts(&fault), "{fault}");
        }
        assert!(!accepts(&"a".repeat(TOKEN_BYTES_MAX + 1)));
        // Non-zero trailing bits of the last character.
        let last = token.chars().last().unwrap();
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let next = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
        assert!(!accepts(&format!("{}{next}", &token[..token.len() - 1])));
    }
}
