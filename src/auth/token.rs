//! Subscribe tokens: JSON Web Tokens (RFC 7519) signed with HS256 (RFC 7515), with the claims of
//! the rpushd spec, section 5.1.

use super::claims::{Claims, TokenClaims};
use super::key::TokenKey;
use super::members::Members;
use super::{Denial, Grant};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;

/// Longer tokens are refused before they are decoded.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

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

#[cfg(test)]
mod tests {
    use super::super::sign;
    use super::*;
    use crate::config::Secret;

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
