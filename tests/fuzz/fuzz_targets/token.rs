//! Any bytes as a subscribe token, or as what a token holds. The first byte chooses which, and the
//! secret that signs. A token that is accepted was signed and grants what was asked for, and is
//! refused when one of its characters is changed or another secret is in force.
#![no_main]

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use libfuzzer_sys::fuzz_target;
use rpushd::auth::{Claims, Denial, TokenKey, TokenKeys, sign, verify};
use rpushd::config::Secret;
use serde_json::Value;
use sha2::Sha256;

const NOW: u64 = 1_776_181_200;
const CHANNEL: &str = "a:b";
/// In force, the current one first.
const SECRETS: [&str; 2] = ["current", "previous"];
const STRANGER: &str = "stranger";
/// A token may be this many seconds ahead of the daemon's clock.
const LEEWAY: f64 = 30.0;
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

fn key(secret: &str) -> TokenKey {
    TokenKey::new(&Secret::new(secret).expect("it is not empty"))
}

fn keys(secrets: &[&str]) -> TokenKeys {
    let secrets: Vec<Secret> = secrets.iter().filter_map(|text| Secret::new(text)).collect();
    TokenKeys::new(&secrets, &[])
}

fn judge(token: &str) -> Result<(), Denial> {
    judge_at(token, NOW)
}

fn judge_at(token: &str, now: u64) -> Result<(), Denial> {
    verify(token, &keys(&SECRETS), &Claims { channels: &[CHANNEL], now }).map(drop)
}

fn mac(secret: &str, signed: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(signed.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A token with these parts, whatever they are.
fn made(secret: &str, header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let signature = BASE64.encode(mac(secret, &signed));
    format!("{signed}.{signature}")
}

fn is_signed(token: &str) -> bool {
    let Some((signed, signature)) = token.rsplit_once('.') else { return false };
    let signature = BASE64.decode(signature).ok();
    SECRETS.iter().any(|secret| signature.as_ref() == Some(&mac(secret, signed)))
}

/// Header and payload of a token, as another JSON parser has them.
fn parts(token: &str) -> Option<[Value; 2]> {
    let (signed, _) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let decode = |part| serde_json::from_slice(&BASE64.decode(part).ok()?).ok();
    Some([decode(header)?, decode(payload)?])
}

/// Whether header and payload grant the channel at that second (rpushd spec, section 5.1).
fn grants([header, payload]: &[Value; 2], now: u64) -> bool {
    let is_rpushd = |audience: &Value| audience == "rpushd";
    let has_audience = match payload.get("aud") {
        Some(Value::Array(list)) => list.iter().all(Value::is_string) && list.iter().any(is_rpushd),
        Some(audience) => is_rpushd(audience),
        None => false,
    };
    let scope = payload.get("scope").and_then(Value::as_str).unwrap_or_default();
    let seconds = |name| payload.get(name).and_then(Value::as_f64).filter(|time| *time >= 0.0);
    let is_begun =
        payload.get("nbf").is_none() || seconds("nbf").is_some_and(|at| at <= now as f64 + LEEWAY);
    header.get("alg").is_some_and(|algorithm| algorithm == "HS256")
        && header.get("crit").is_none()
        && has_audience
        && scope.split(' ').any(|word| word == "subscribe")
        && grants_channel(payload)
        && is_begun
        && seconds("exp").is_some_and(|at| at >= now as f64)
}

/// Whether `channel` or an entry of `channels` is the channel; with `channels`, whether what is
/// newer than it is well-formed.
fn grants_channel(payload: &Value) -> bool {
    let single = payload.get("channel");
    let is_single = single.is_some_and(|channel| channel == CHANNEL);
    let list = match payload.get("channels") {
        None => return is_single,
        Some(list) => list.as_array().map_or(&[Value::Null][..], Vec::as_slice),
    };
    let is_entry = |entry: &Value| {
        entry.as_str().is_some_and(|text| !text.is_empty() && !text[..text.len() - 1].contains('*'))
    };
    let is_granted = |entry: &Value| match entry.as_str().and_then(|text| text.strip_suffix('*')) {
        Some(prefix) => CHANNEL.starts_with(prefix),
        None => entry == CHANNEL,
    };
    let is_usable = |name| match payload.get(name) {
        None => true,
        Some(Value::String(text)) => {
            (1..=255).contains(&text.len()) && !text.chars().any(char::is_control)
        }
        Some(_) => false,
    };
    list.iter().all(is_entry)
        && single.is_none_or(Value::is_string)
        && is_usable("sub")
        && is_usable("jti")
        && (is_single || list.iter().any(is_granted))
}

/// What holds for every text.
fn check(token: &str, choice: u8) {
    let judgement = judge(token);
    if !is_signed(token) {
        let unread = [Denial::Missing, Denial::Malformed, Denial::WrongSignature];
        let denial = judgement.expect_err("a token that verifies was signed");
        assert!(unread.contains(&denial), "what an unsigned token holds is not looked at");
        return;
    }
    let parts = parts(token);
    if judgement.is_ok() {
        // The daemon does not look at members that it does not know; another parser may not like
        // them.
        let is_granted = parts.as_ref().is_none_or(|parts| grants(parts, NOW));
        assert!(is_granted, "an accepted token grants the channel: {token}");
        let claims = Claims { channels: &[CHANNEL], now: NOW };
        for secrets in [&[][..], &[STRANGER]] {
            assert_eq!(verify(token, &keys(secrets), &claims), Err(Denial::WrongSignature));
        }
        if parts.as_ref().is_some_and(|[_, payload]| payload.get("channels").is_none()) {
            let other = Claims { channels: &["a:c"], now: NOW };
            assert_eq!(verify(token, &keys(&SECRETS), &other), Err(Denial::OtherChannel));
        }
        check_changed(token, choice);
    }
    // Written anew, no member is there twice.
    if let Some(parts) = parts.filter(|parts| parts.iter().all(Value::is_object)) {
        let [header, payload] = parts.each_ref().map(Value::to_string);
        let again = made(SECRETS[usize::from(choice) % 2], &header, &payload);
        for now in [NOW, NOW - 31, NOW + 1, NOW + 1_000_000_000, 0] {
            let is_accepted = judge_at(&again, now).is_ok();
            assert_eq!(is_accepted, grants(&parts, now), "at {now}: {header} {payload}");
        }
    }
}

/// No character can be changed.
fn check_changed(token: &str, choice: u8) {
    for at in (usize::from(choice) % 16..token.len()).step_by(16) {
        let mut changed = token.as_bytes().to_vec();
        let next =
            ALPHABET.iter().position(|letter| *letter == changed[at]).unwrap_or_default() + 1;
        changed[at] = ALPHABET[(next + usize::from(choice >> 4)) % ALPHABET.len()];
        let changed = String::from_utf8(changed).expect("tokens are ASCII");
        assert!(judge(&changed).is_err(), "{token} and {changed}");
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&choice, input)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(input) else { return };
    let secret = [SECRETS[0], SECRETS[1], STRANGER][usize::from(choice) % 3];
    match choice >> 6 {
        0 => check(text, choice),
        1 => {
            let (header, payload) = text.split_once('\n').unwrap_or((text, ""));
            check(&made(secret, header, payload), choice);
        }
        2 => check(&made(secret, r#"{"alg":"HS256"}"#, text), choice),
        _ => {
            let expires = NOW - 1 + u64::from(choice % 3);
            let token = sign(&key(SECRETS[0]), text, expires);
            let claims = Claims { channels: &[text], now: NOW };
            let expected = if expires < NOW { Err(Denial::Expired) } else { Ok(()) };
            let is_short = token.len() <= 16 * 1024;
            let expected = if is_short { expected } else { Err(Denial::Malformed) };
            let judgement = verify(&token, &keys(&SECRETS), &claims).map(drop);
            assert_eq!(judgement, expected, "made here");
            check(&token, choice);
        }
    }
});
