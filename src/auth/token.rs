//! Subscribe tokens: JSON Web Tokens (RFC 7519) signed with HS256 (RFC 7515), with the claims of
//! the rpushd spec, section 5.1.

use super::claims::{Claims, TokenClaims};
use super::key::TokenKeys;
use super::members::Members;
use super::{Denial, Grant};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Longer tokens are refused before they are decoded.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Accepts a token that is signed with one of the keys and grants the claims. Returns all that it
/// grants.
///
/// If there are named keys, a token that names one (`kid`) must be signed with that one, and all
/// others with a secret.
///
/// # Errors
/// The reason of the refusal. The claims of a token without a valid signature are not parsed.
pub fn verify(token: &str, keys: &TokenKeys, wanted: &Claims<'_>) -> Result<Grant, Denial> {
    if token.is_empty() {
        return Err(Denial::Missing);
    }
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Denial::Malformed);
    }
    let Parts { signed, header, payload, signature } = Parts::of(token).ok_or(Denial::Malformed)?;
    let kid = if keys.has_names() { key_id(header)? } else { None };
    let key = match kid {
        Some(id) => keys.by_name(&id, signed.as_bytes(), &signature),
        None => keys.by_secret(signed.as_bytes(), &signature),
    };
    let key = key.ok_or(Denial::WrongSignature)?;
    check_header(&decode(header)?).ok_or(Denial::Malformed)?;
    let payload = decode(payload)?;
    let claims = TokenClaims::read(&payload, &key).ok_or(Denial::Malformed)?;
    claims.grant(key, wanted)
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

fn decode(part: &str) -> Result<Vec<u8>, Denial> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Denial::Malformed)
}

/// The key that a header names, if it names one.
fn key_id(header: &str) -> Result<Option<String>, Denial> {
    let header = decode(header)?;
    let members = Members::parse(&header).ok_or(Denial::Malformed)?;
    if members.find("kid").is_none() {
        return Ok(None);
    }
    let id = members.string("kid").filter(|id| !id.is_empty()).ok_or(Denial::Malformed)?;
    Ok(Some(id.into_owned()))
}

fn check_header(header: &[u8]) -> Option<()> {
    let members = Members::parse(header)?;
    (members.string("alg")? == "HS256" && members.find("crit").is_none()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::super::{GrantedChannels, TokenKey, VerifiedBy, sign};
    use super::*;
    use crate::config::{NamedKey, Secret};
    use hmac::Mac;

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
        let secrets = ["other", "secret"].map(|text| Secret::new(text).unwrap());
        verify(token, &TokenKeys::new(&secrets, &[]), &Claims { channels: &["a:b"], now: NOW })
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
        let name = |text: &str| GrantedChannels::Name(text.to_owned());
        let grant = Grant {
            channels: vec![name("a:b")],
            expires_at: NOW + 60,
            subject: None,
            id: None,
            issued_at: None,
            publishes: false,
            key: VerifiedBy::Secret(1),
        };
        assert_eq!(granted(&sign(&key("secret"), "a:b", NOW + 60)), Ok(grant.clone()));
        let of_other_key = Grant { key: VerifiedBy::Secret(0), ..grant.clone() };
        assert_eq!(granted(&sign(&key("other"), "a:b", NOW + 60)), Ok(of_other_key));
        let of_subject = Grant { subject: Some("é".to_owned()), ..grant.clone() };
        let subject = r#""channel":"\u0061:b","exp":1776181260,"sub":"\u00e9""#;
        assert_eq!(with(subject), Ok(of_subject));
        // Accepted before these claims had a meaning.
        let unusable = r#""channel":"a:b","exp":1776181260,"sub":[1],"jti":"""#;
        assert_eq!(with(unusable), Ok(grant.clone()));
        let of_list = Grant {
            channels: vec![GrantedChannels::Prefix("a:".to_owned()), name("b")],
            subject: Some("7".to_owned()),
            id: Some("t1".to_owned()),
            ..grant.clone()
        };
        let list = r#""channels":["a:*","b"],"exp":1776181260,"sub":"7","jti":"t1""#;
        assert_eq!(with(list), Ok(of_list.clone()));
        let channels = [vec![name("c")], of_list.channels.clone()].concat();
        let both = list.replacen('"', r#""channel":"c",""#, 1);
        assert_eq!(with(&both), Ok(Grant { channels, ..of_list }));
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

    /// A valid token of this length: spaces follow its header and its claims.
    fn of_length(length: usize) -> String {
        let claims = r#"{"aud":"rpushd","scope":"subscribe","channel":"a:b","exp":1776181200}"#;
        let encoded = |byte_count: usize| (byte_count * 4).div_ceil(3);
        let room = |header: &usize| length - 2 - encoded(*header) - encoded(32);
        // No text has an encoded length of 4 n + 1.
        let header = (15..18).find(|header| room(header) % 4 != 1).unwrap();
        let payload = room(&header) * 3 / 4;
        signed(&format!("{:header$}", r#"{"alg":"HS256"}"#), &format!("{claims:payload$}"))
    }

    #[test]
    fn the_longest_token_is_read_and_a_longer_one_is_not() {
        let longest = of_length(TOKEN_BYTES_MAX);
        assert_eq!(longest.len(), TOKEN_BYTES_MAX);
        assert_eq!(judge(&longest), Ok(()));
        assert_eq!(judge(&of_length(TOKEN_BYTES_MAX + 1)), Err(Denial::Malformed));
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
            ("channels", r#"["other"]"#, true),
            ("channels", "[]", true),
            ("channels", r#""a:b""#, false),
            ("channels", r#"["a:b", 1]"#, false),
            ("channels", r#"["a:b", ""]"#, false),
            ("channels", r#"["a:*:c"]"#, false),
            ("channels", "null", false),
        ];
        for (name, value, is_accepted) in rows {
            assert_eq!(accepts_with(name, value), is_accepted, "{name}: {value}");
        }
    }

    #[test]
    fn a_token_with_a_list_of_channels_needs_usable_identifiers() {
        let judge = |more: &str| {
            let claims = r#""aud":"rpushd","scope":"subscribe","exp":1776181200"#;
            judge(&signed(r#"{"alg":"HS256"}"#, &format!("{{{claims},{more}}}")))
        };
        let longest = "é".repeat(127) + "e";
        for name in ["sub", "jti"] {
            for (value, is_accepted) in [
                (r#""7""#, true),
                (&*format!("\"{longest}\""), true),
                (&*format!("\"{longest}e\""), false),
                (r#""""#, false),
                (r#""a\nb""#, false),
                (r#""\ud800""#, false),
                ("7", false),
                ("null", false),
                ("[\"7\"]", false),
            ] {
                let list = judge(&format!(r#""channels":["a:*"],"{name}":{value}"#));
                let expected = if is_accepted { Ok(()) } else { Err(Denial::Malformed) };
                assert_eq!(list, expected, "{name}: {value}");
                let single = judge(&format!(r#""channel":"a:b","{name}":{value}"#));
                assert_eq!(single, Ok(()), "{name}: {value}");
            }
        }
    }

    #[test]
    fn a_token_that_names_a_key_is_verified_with_that_key_only() {
        let named = ["a", "b"].map(|id| NamedKey {
            id: id.to_owned(),
            secret: Secret::new(&format!("secret of {id}")).unwrap(),
        });
        let keys = TokenKeys::new(&[Secret::new("secret").unwrap()], &named);
        let judge = |secret: &str, header: &str, more: &str| {
            let claims = r#""aud":"rpushd","scope":"subscribe","exp":1776181200,"channel":"a:b""#;
            let parts = [header, &format!("{{{claims}{more}}}")].map(|t| URL_SAFE_NO_PAD.encode(t));
            let tag = key(secret).tag(parts.join(".").as_bytes()).finalize().into_bytes();
            let token = format!("{}.{}", parts.join("."), URL_SAFE_NO_PAD.encode(tag));
            let claims = Claims { channels: &["a:b"], now: NOW };
            verify(&token, &keys, &claims).map(|grant| (grant.key, grant.subject))
        };
        let by_a = VerifiedBy::Key("a".to_owned());
        let of_a = r#"{"alg":"HS256","kid":"a"}"#;
        assert_eq!(judge("secret of a", of_a, ""), Ok((by_a.clone(), None)));
        let subject = r#","sub":"7""#;
        assert_eq!(judge("secret of a", of_a, subject), Ok((by_a, Some("7".to_owned()))));
        assert_eq!(judge("secret of a", of_a, r#","sub":7"#), Err(Denial::Malformed));
        let by_secret = Ok((VerifiedBy::Secret(0), None));
        assert_eq!(judge("secret", r#"{"alg":"HS256"}"#, r#","sub":7"#), by_secret);
        for (secret, header, denial) in [
            ("secret of b", of_a, Denial::WrongSignature),
            ("secret", of_a, Denial::WrongSignature),
            ("secret of a", r#"{"alg":"HS256"}"#, Denial::WrongSignature),
            ("secret of a", r#"{"alg":"HS256","kid":"c"}"#, Denial::WrongSignature),
            ("secret of a", r#"{"alg":"none","kid":"a"}"#, Denial::Malformed),
            ("secret of a", r#"{"alg":"HS256","kid":""}"#, Denial::Malformed),
            ("secret", r#"{"alg":"HS256","kid":null}"#, Denial::Malformed),
        ] {
            assert_eq!(judge(secret, header, ""), Err(denial), "{secret}: {header}");
        }
    }

    #[test]
    fn each_wanted_channel_must_be_granted() {
        let token = signed(
            r#"{"alg":"HS256"}"#,
            r#"{"aud":"rpushd","scope":"subscribe","channels":["a:*","b"],"exp":1776181200}"#,
        );
        for (channels, expected) in [
            (&["a:b", "b", "a:"][..], Ok(())),
            (&["a:b", "c"], Err(Denial::OtherChannel)),
            (&["a"], Err(Denial::OtherChannel)),
        ] {
            let keys = TokenKeys::new(&[Secret::new("secret").unwrap()], &[]);
            let judged = verify(&token, &keys, &Claims { channels, now: NOW });
            assert_eq!(judged.map(drop), expected, "{channels:?}");
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
