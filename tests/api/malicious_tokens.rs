//! Malicious and malformed tokens, each with the reason that it is counted under. The daemon has a
//! current and a previous secret, and two named keys.

use super::fixtures::*;
use crate::support::{Daemon, STARTED_AT};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use rpushd::config::{NamedKey, Secret};

const PREVIOUS: &str = "previous subscribe secret";
const KEY_A: &str = "the key with the id a";
const KEY_B: &str = "the key with the id b";
const HEAD: &str = r#"{"alg":"HS256"}"#;
const HEAD_A: &str = r#"{"alg":"HS256","kid":"a"}"#;
const HEAD_B: &str = r#"{"alg":"HS256","kid":"b"}"#;

fn daemon_with_keys() -> Daemon {
    let mut config = config();
    config.subscribe_secrets.extend(Secret::new(PREVIOUS));
    let named = |(id, text): (&str, &str)| {
        let secret = Secret::new(text).expect("it is not blank");
        NamedKey { id: id.to_owned(), secret }
    };
    config.tokens.keys = [("a", KEY_A), ("b", KEY_B)].map(named).into();
    Daemon::new(config)
}

/// Claims without a channel, and these.
fn claims(more: &str) -> String {
    format!(r#"{{"aud":"rpushd","scope":"subscribe","exp":{STARTED_AT},{more}}}"#)
}

fn good() -> String {
    claims(r#""channel":"a:b""#)
}

/// Claims with `exp` or another time of this value.
fn timed(name: &str, value: &str) -> String {
    match name {
        "exp" => good().replace(&STARTED_AT.to_string(), value),
        _ => claims(&format!(r#""channel":"a:b","{name}":{value}"#)),
    }
}

fn by_secret(claims: &str) -> String {
    signed_with(SUBSCRIBE_SECRET, HEAD, claims)
}

fn by_a(claims: &str) -> String {
    signed_with(KEY_A, HEAD_A, claims)
}

fn with_head(head: &str) -> String {
    signed_with(SUBSCRIBE_SECRET, head, &good())
}

fn with_kid(kid: &str) -> String {
    signed_with(KEY_A, &format!(r#"{{"alg":"HS256","kid":{kid}}}"#), &good())
}

fn with_list(channels: &str) -> String {
    by_secret(&claims(&format!(r#""channels":{channels}"#)))
}

/// Any text in the place of the three parts, signed with the secret.
fn raw(signed: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SUBSCRIBE_SECRET.as_bytes()).expect("any");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn ask_with(daemon: &Daemon, token: &str) -> String {
    let body = serde_json::json!({ "token": token }).to_string();
    // Its client has no address, so it is not slowed after the first of them.
    let client = daemon.connect_from(0, None).expect("there is room");
    client.ask(post("/api/stream/a:b", "", &body))
}

#[test]
fn what_the_refused_tokens_vary_is_accepted() {
    let daemon = daemon_with_keys();
    let deep = "[".repeat(1000) + &"]".repeat(1000);
    for token in [
        by_secret(&good()),
        signed_with(PREVIOUS, HEAD, &good()),
        by_a(&good()),
        signed_with(KEY_B, HEAD_B, &good()),
        with_kid(r#""\u0061""#),
        with_list(r#"["a:b"]"#),
        with_list(r#"["other","a:*"]"#),
        with_list(r#"["*"]"#),
        by_a(&claims(r#""channels":["a:*"],"sub":"7","jti":"t-1""#)),
        by_secret(&claims(r#""channel":"other","channels":["a:b"]"#)),
        by_secret(&claims(r#""channel":"a:b","channels":[]"#)),
        // Accepted by 1.0.3, too.
        by_secret(&claims(r#""channel":"a:b","sub":7,"jti":[1]"#)),
        by_secret(&claims(&format!(r#""channel":"a:b","other":{deep}"#))),
        with_head(r#"{"typ":"anything","alg":"HS256","jku":"http://evil.test/keys"}"#),
        raw(&format!("{}.{}", URL_SAFE_NO_PAD.encode(HEAD), URL_SAFE_NO_PAD.encode(good()))),
    ] {
        assert_eq!(ask_with(&daemon, &token), STREAM, "{token}");
    }
    assert_eq!(daemon.counters().auth_failures_total, 0);
}

#[test]
fn malicious_and_malformed_tokens_are_refused_each_for_its_reason() {
    const MALFORMED: &str = "malformed";
    const SIGNATURE: &str = "bad signature";
    const EXPIRED: &str = "expired";
    const EARLY: &str = "not yet valid";
    const CHANNEL: &str = "for another channel";
    const PURPOSE: &str = "for another audience or scope";
    let token = by_secret(&good());
    let parts: Vec<&str> = token.split('.').collect();
    let (unsigned, signature) = token.rsplit_once('.').unwrap();
    let [head, payload] = [parts[0], parts[1]];
    let json = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let unsigned_with = |head: &str| format!("{}.{payload}.", json(head));
    let many = |count: usize| {
        let members: Vec<String> = (0..count).map(|number| format!("\"{number}\":0")).collect();
        format!("{{{},\"alg\":\"none\"}}", members.join(","))
    };
    let long = "x".repeat(4000);
    let deep = "[".repeat(2000) + &"]".repeat(2000);
    // The last of 43 characters carries four bits; the next letter differs only in the other two.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = alphabet.find(&signature[42..]).unwrap();
    let trailing = format!("{unsigned}.{}{}", &signature[..42], &alphabet[at + 1..at + 2]);
    let rows: Vec<(&str, String, &str)> = vec![
        // No algorithm, or another one.
        ("none, unsigned", unsigned_with(r#"{"alg":"none"}"#), SIGNATURE),
        ("None, unsigned", unsigned_with(r#"{"alg":"None"}"#), SIGNATURE),
        ("none, unsigned, with a key", unsigned_with(r#"{"alg":"none","kid":"a"}"#), SIGNATURE),
        ("no algorithm, unsigned", unsigned_with("{}"), SIGNATURE),
        ("none, signed", with_head(r#"{"alg":"none"}"#), MALFORMED),
        ("no algorithm, signed", with_head("{}"), MALFORMED),
        ("HS384", with_head(r#"{"alg":"HS384"}"#), MALFORMED),
        ("HS512", with_head(r#"{"alg":"HS512"}"#), MALFORMED),
        ("RS256 signed with HMAC", with_head(r#"{"alg":"RS256"}"#), MALFORMED),
        (
            "ES256 signed with HMAC",
            signed_with(KEY_A, r#"{"alg":"ES256","kid":"a"}"#, &good()),
            MALFORMED,
        ),
        ("lower case", with_head(r#"{"alg":"hs256"}"#), MALFORMED),
        ("a blank behind it", with_head(r#"{"alg":"HS256 "}"#), MALFORMED),
        ("full-width letters", with_head(r#"{"alg":"ＨＳ256"}"#), MALFORMED),
        ("a NUL behind it", with_head(r#"{"alg":"HS256\u0000"}"#), MALFORMED),
        ("a list", with_head(r#"{"alg":["HS256"]}"#), MALFORMED),
        ("null", with_head(r#"{"alg":null}"#), MALFORMED),
        ("named Alg", with_head(r#"{"Alg":"HS256"}"#), MALFORMED),
        // Headers.
        ("crit", with_head(r#"{"alg":"HS256","crit":["exp"]}"#), MALFORMED),
        ("empty crit", with_head(r#"{"alg":"HS256","crit":[]}"#), MALFORMED),
        ("crit with an escape", with_head(r#"{"alg":"HS256","cr\u0069t":null}"#), MALFORMED),
        ("b64", with_head(r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#), MALFORMED),
        (
            "b64 without crit",
            raw(&format!("{}.{}", json(r#"{"alg":"HS256","b64":false}"#), good())),
            MALFORMED,
        ),
        ("two alg", with_head(r#"{"alg":"HS256","alg":"HS256"}"#), MALFORMED),
        (
            "two alg, one with an escape",
            with_head(r#"{"alg":"HS256","\u0061lg":"none"}"#),
            MALFORMED,
        ),
        ("a list as header", with_head(r#"["HS256"]"#), MALFORMED),
        ("an empty header", with_head(""), MALFORMED),
        ("text behind the header", with_head(r#"{"alg":"HS256"}{}"#), MALFORMED),
        ("a byte order mark", with_head("\u{feff}{\"alg\":\"HS256\"}"), MALFORMED),
        ("a nested header", with_head(&format!(r#"{{"alg":{deep}}}"#)), MALFORMED),
        ("500 members", with_head(&many(500)), MALFORMED),
        ("a lone surrogate as name", with_head(r#"{"alg":"HS256","\ud800":1}"#), MALFORMED),
        (
            "a key of its own",
            signed_with("evil", r#"{"alg":"HS256","jwk":{"kty":"oct","k":"ZXZpbA"}}"#, &good()),
            SIGNATURE,
        ),
        // Keys.
        ("key a with the id b", signed_with(KEY_A, HEAD_B, &good()), SIGNATURE),
        ("the secret with the id a", signed_with(SUBSCRIBE_SECRET, HEAD_A, &good()), SIGNATURE),
        ("key a without an id", signed_with(KEY_A, HEAD, &good()), SIGNATURE),
        ("the publish secret", signed_with(PUBLISH_SECRET, HEAD, &good()), SIGNATURE),
        (
            "the publish secret with the id a",
            signed_with(PUBLISH_SECRET, HEAD_A, &good()),
            SIGNATURE,
        ),
        ("the id as key", signed_with("a", HEAD_A, &good()), SIGNATURE),
        ("no key", signed_with("", HEAD, &good()), SIGNATURE),
        (
            "no key with an unknown id",
            signed_with("", r#"{"alg":"HS256","kid":"z"}"#, &good()),
            SIGNATURE,
        ),
        ("an unknown id", with_kid(r#""c""#), SIGNATURE),
        ("an empty id", with_kid(r#""""#), MALFORMED),
        ("an upper-case id", with_kid(r#""A""#), SIGNATURE),
        ("a blank behind the id", with_kid(r#""a ""#), SIGNATURE),
        ("a NUL behind the id", with_kid(r#""a\u0000""#), SIGNATURE),
        ("a full-width id", with_kid(r#""ａ""#), SIGNATURE),
        ("a Cyrillic id", with_kid(r#""а""#), SIGNATURE),
        ("a path as id", with_kid(r#""../../../../dev/null""#), SIGNATURE),
        ("an absolute path as id", with_kid(r#""/etc/rpushd/keys.json""#), SIGNATURE),
        ("an injection as id", with_kid(r#""a' OR '1'='1""#), SIGNATURE),
        ("a long id", with_kid(&format!("\"{long}\"")), SIGNATURE),
        ("a list of ids", with_kid(r#"["a"]"#), MALFORMED),
        ("an object as id", with_kid(r#"{"kid":"a"}"#), MALFORMED),
        ("a number as id", with_kid("0"), MALFORMED),
        ("null as id", with_kid("null"), MALFORMED),
        ("two ids", with_kid(r#""a","kid":"b""#), MALFORMED),
        // Parts.
        ("one part", head.to_owned(), MALFORMED),
        ("two parts", unsigned.to_owned(), MALFORMED),
        ("dots", "..".to_owned(), MALFORMED),
        ("four parts", format!("{token}.{signature}"), SIGNATURE),
        ("four parts, signed", raw(&format!("{unsigned}.{payload}")), MALFORMED),
        (
            "five parts as of JWE",
            format!(
                "{}.{payload}.{payload}.{payload}.{signature}",
                json(r#"{"alg":"dir","enc":"A128GCM"}"#)
            ),
            SIGNATURE,
        ),
        (
            "JSON serialization",
            format!(r#"{{"protected":"{head}","payload":"{payload}","signature":"{signature}"}}"#),
            MALFORMED,
        ),
        ("a scheme before it", format!("Bearer {token}"), MALFORMED),
        ("no signature", format!("{unsigned}."), SIGNATURE),
        ("half a signature", format!("{unsigned}.{}", &signature[..20]), SIGNATURE),
        ("a longer signature", format!("{unsigned}.{signature}AAAA"), SIGNATURE),
        ("no payload", raw(&format!("{head}.")), MALFORMED),
        ("no header", raw(&format!(".{payload}")), MALFORMED),
        // base64url.
        ("padding", format!("{token}="), MALFORMED),
        (
            "padding in the header",
            raw(&format!("{}.{payload}", URL_SAFE.encode(r#"{"alg":"HS256" }"#))),
            MALFORMED,
        ),
        ("trailing bits", trailing, MALFORMED),
        (
            "the other alphabet",
            raw(&format!("{head}.{}", STANDARD.encode(claims(r#""channel":"a:b","x":"???>>>""#)))),
            MALFORMED,
        ),
        ("percent-encoding", token.replace('.', "%2E"), MALFORMED),
        ("a blank before it", format!(" {token}"), MALFORMED),
        ("a blank behind it", format!("{token} "), MALFORMED),
        ("a line end behind it", format!("{token}\n"), MALFORMED),
        ("a line end in it", format!("{head}\r\n.{payload}.{signature}"), MALFORMED),
        ("a NUL behind it", format!("{token}\0"), MALFORMED),
        ("full-width dots", token.replace('.', "．"), MALFORMED),
        ("letters beyond ASCII", format!("é.{payload}.{signature}"), MALFORMED),
        (
            "another payload",
            format!("{head}.{}.{signature}", json(&claims(r#""channel":"a:b","x":1"#))),
            SIGNATURE,
        ),
        // Payloads.
        ("a list as payload", by_secret("[]"), MALFORMED),
        ("a text as payload", by_secret(r#""a:b""#), MALFORMED),
        (
            "bytes that are not UTF-8",
            raw(&format!("{head}.{}", URL_SAFE_NO_PAD.encode([0xff, 0xfe]))),
            MALFORMED,
        ),
        ("a payload that ends early", by_secret(&good()[..good().len() - 1]), MALFORMED),
        ("a comment", by_secret(&good().replace("{", "{/**/")), MALFORMED),
        ("a token in a token", by_secret(&token), MALFORMED),
        ("two channels", by_secret(&claims(r#""channel":"a:b","channel":"a:b""#)), MALFORMED),
        (
            "two channels, one with an escape",
            by_secret(&claims(r#""channel":"other","\u0063hannel":"a:b""#)),
            MALFORMED,
        ),
        ("two exp", by_secret(&claims(r#""channel":"a:b","exp":9999999999"#)), MALFORMED),
        (
            "two of an unknown claim",
            by_secret(&claims(r#""channel":"a:b","x":1,"x":2"#)),
            MALFORMED,
        ),
        // Times.
        ("exp as text", by_secret(&timed("exp", r#""9999999999""#)), MALFORMED),
        ("exp as a list", by_secret(&timed("exp", "[9999999999]")), MALFORMED),
        ("exp true", by_secret(&timed("exp", "true")), MALFORMED),
        ("exp null", by_secret(&timed("exp", "null")), MALFORMED),
        ("exp beyond a double", by_secret(&timed("exp", "1e400")), MALFORMED),
        ("exp of 400 digits", by_secret(&timed("exp", &"9".repeat(400))), MALFORMED),
        ("exp negative", by_secret(&timed("exp", "-1")), MALFORMED),
        ("exp -0", by_secret(&timed("exp", "-0")), EXPIRED),
        ("exp with a leading zero", by_secret(&timed("exp", "01776181200")), MALFORMED),
        ("exp in base 16", by_secret(&timed("exp", "0xffffffff")), MALFORMED),
        ("exp NaN", by_secret(&timed("exp", "NaN")), MALFORMED),
        ("exp over", by_a(&timed("exp", "1776181199")), EXPIRED),
        ("nbf as text", by_secret(&timed("nbf", r#""0""#)), MALFORMED),
        ("nbf far ahead", by_a(&timed("nbf", "1e300")), EARLY),
        // Channels.
        ("no channel", by_secret(&claims(r#""x":1"#)), MALFORMED),
        ("a star in channel", by_secret(&claims(r#""channel":"*""#)), CHANNEL),
        ("a prefix in channel", by_secret(&claims(r#""channel":"a:*""#)), CHANNEL),
        ("channel as a list", by_secret(&claims(r#""channel":["a:b"]"#)), MALFORMED),
        (
            "channel as a number beside a list",
            by_secret(&claims(r#""channel":1,"channels":["a:b"]"#)),
            MALFORMED,
        ),
        ("a full-width colon", by_secret(&claims(r#""channel":"a：b""#)), CHANNEL),
        ("a NUL behind the channel", by_secret(&claims(r#""channel":"a:b\u0000""#)), CHANNEL),
        (
            "channel with a lone surrogate",
            by_secret(&claims(r#""channel":"a:b\ud800""#)),
            MALFORMED,
        ),
        ("channels as text", with_list(r#""a:b""#), MALFORMED),
        ("channels as an object", with_list(r#"{"0":"a:b"}"#), MALFORMED),
        ("channels null", with_list("null"), MALFORMED),
        (
            "channels null beside channel",
            by_secret(&claims(r#""channel":"a:b","channels":null"#)),
            MALFORMED,
        ),
        ("channels with a number", with_list(r#"["a:b",1]"#), MALFORMED),
        ("channels in channels", with_list(r#"[["a:b"]]"#), MALFORMED),
        ("deeply nested channels", with_list(&deep), MALFORMED),
        ("channels with an empty entry", with_list(r#"["a:b",""]"#), MALFORMED),
        ("a star inside an entry", with_list(r#"["a:b","a:*:c"]"#), MALFORMED),
        ("two stars", with_list(r#"["**"]"#), MALFORMED),
        ("a star before an entry", with_list(r#"["*:b"]"#), MALFORMED),
        ("no channels", with_list("[]"), CHANNEL),
        ("a prefix that is longer", with_list(r#"["a:bc*"]"#), CHANNEL),
        ("other case", with_list(r#"["A:*"]"#), CHANNEL),
        ("a full-width star", with_list(r#"["a:＊"]"#), CHANNEL),
        (
            "two lists of channels",
            by_secret(&claims(r#""channels":["a:b"],"channels":["a:b"]"#)),
            MALFORMED,
        ),
        // Who and which.
        ("sub as a number", by_a(&claims(r#""channel":"a:b","sub":7"#)), MALFORMED),
        ("sub as a list", with_list(r#"["a:b"],"sub":["7"]"#), MALFORMED),
        ("sub null", with_list(r#"["a:b"],"sub":null"#), MALFORMED),
        ("sub empty", with_list(r#"["a:b"],"sub":"""#), MALFORMED),
        ("sub with a line end", with_list(r#"["a:b"],"sub":"7\r\nX: 1""#), MALFORMED),
        ("sub of 256 bytes", with_list(&format!(r#"["a:b"],"sub":"{}""#, &long[..256])), MALFORMED),
        ("jti as a number", by_a(&claims(r#""channel":"a:b","jti":1"#)), MALFORMED),
        ("jti as an object", with_list(r#"["a:b"],"jti":{}"#), MALFORMED),
        ("jti of 256 bytes", with_list(&format!(r#"["a:b"],"jti":"{}""#, &long[..256])), MALFORMED),
        // Purposes.
        ("another audience", by_a(&good().replace("rpushd", "web")), PURPOSE),
        ("no audience", by_secret(&good().replace(r#""aud":"rpushd","#, "")), MALFORMED),
        (
            "audience as an object",
            by_secret(&good().replace(r#""rpushd""#, r#"{"rpushd":1}"#)),
            MALFORMED,
        ),
        (
            "audiences with null",
            by_secret(&good().replace(r#""rpushd""#, r#"["rpushd",null]"#)),
            MALFORMED,
        ),
        ("another scope", by_a(&good().replace("subscribe", "publish")), PURPOSE),
        ("a longer scope", by_secret(&good().replace("subscribe", "subscribe-not")), PURPOSE),
        ("scope with a tab", by_secret(&good().replace("subscribe", r"subscribe\tread")), PURPOSE),
        (
            "scope as a list",
            by_secret(&good().replace(r#""subscribe""#, r#"["subscribe"]"#)),
            MALFORMED,
        ),
        ("empty", String::new(), ""),
    ];
    assert!(rows.len() >= 60, "{} rows", rows.len());
    let daemon = daemon_with_keys();
    let counts = || {
        let counters = daemon.counters();
        [
            ("", counters.auth_failures_missing_total),
            (MALFORMED, counters.auth_failures_malformed_total),
            (SIGNATURE, counters.auth_failures_signature_total),
            (EXPIRED, counters.auth_failures_expired_total),
            (EARLY, counters.auth_failures_early_total),
            (CHANNEL, counters.auth_failures_channel_total),
            (PURPOSE, counters.auth_failures_purpose_total),
        ]
    };
    for (what, token, reason) in &rows {
        let expected = counts().map(|(name, count)| (name, count + u64::from(name == *reason)));
        assert_eq!(ask_with(&daemon, token), denied(reason), "{what}: {token}");
        assert_eq!(counts(), expected, "{what}: {token}");
    }
    assert_eq!(daemon.counters().auth_failures_total, rows.len() as u64);
    assert_eq!(ask_with(&daemon, &token), STREAM);
}
