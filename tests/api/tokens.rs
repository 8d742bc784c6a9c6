//! Subscribe tokens, as checked by the endpoint (section 5.1).

use super::fixtures::*;
use crate::support::{Daemon, STARTED_AT};
use rpushd::config::Secret;

/// A valid set of claims with one claim replaced; an empty value removes it.
fn claims_with(name: &str, value: &str) -> String {
    let expires = STARTED_AT.to_string();
    let mut claims = vec![
        ("aud", r#""rpushd""#),
        ("scope", r#""subscribe""#),
        ("channel", r#""a:b""#),
        ("exp", &expires),
    ];
    claims.retain(|(other, _)| *other != name);
    claims.push((name, value));
    claims.retain(|(_, value)| !value.is_empty());
    let members: Vec<_> =
        claims.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// Whether a token is accepted. Otherwise the answer must be a 401 with a reason.
fn is_accepted(daemon: &Daemon, token: &str) -> bool {
    let failures = daemon.counters().auth_failures_total;
    let answer = ask(daemon, subscribe_with("a:b", token));
    let is_counted = daemon.counters().auth_failures_total == failures + 1;
    if is_counted {
        let reason = answer.split("error_description=\"").nth(1).unwrap_or_default();
        let reason = reason.split('"').next().unwrap_or_default();
        assert_eq!(answer, denied(reason), "{token}");
    } else {
        assert_eq!(answer, STREAM, "{token}")
    }
    !is_counted
}

#[test]
fn a_refused_token_is_answered_and_counted_by_its_reason() {
    let daemon = daemon();
    let expired = (STARTED_AT - 1).to_string();
    let early = (STARTED_AT + 31).to_string();
    let counts = || {
        let counters = daemon.counters();
        [
            counters.auth_failures_missing_total,
            counters.auth_failures_malformed_total,
            counters.auth_failures_signature_total,
            counters.auth_failures_expired_total,
            counters.auth_failures_early_total,
            counters.auth_failures_channel_total,
            counters.auth_failures_purpose_total,
            counters.auth_failures_secret_total,
        ]
    };
    let header = r#"{"alg":"HS256"}"#;
    for (index, (token, reason)) in [
        (String::new(), ""),
        ("x.y.z!".to_owned(), "malformed"),
        (signed_with("stranger", header, &claims_with("exp", &expired)), "bad signature"),
        (signed(&claims_with("exp", &expired)), "expired"),
        (signed(&claims_with("nbf", &early)), "not yet valid"),
        (signed(&claims_with("channel", r#""other""#)), "for another channel"),
        (signed(&claims_with("aud", r#""web""#)), "for another audience or scope"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut expected = counts();
        expected[index] += 1;
        assert_eq!(ask(&daemon, subscribe_with("a:b", &token)), denied(reason), "{reason}");
        assert_eq!(counts(), expected, "{reason}");
    }
    assert_eq!(daemon.counters().auth_failures_total, 7);
    ask(&daemon, post("/api/publish", "Authorization: Bearer x\r\n", "{}"));
    assert_eq!(daemon.counters().auth_failures_secret_total, 1);
}

#[test]
fn each_claim_has_its_rule() {
    let daemon = daemon();
    let rows = [
        ("aud", r#""rpushd""#, true),
        ("aud", r#"["web","rpushd"]"#, true),
        ("aud", r#"["web"]"#, false),
        ("aud", r#""Rpushd""#, false),
        ("aud", "", false),
        ("scope", r#""read subscribe""#, true),
        ("scope", r#""subscribed""#, false),
        ("scope", r#"["subscribe"]"#, false),
        ("scope", "", false),
        ("channel", r#""A:b""#, false),
        ("channel", r#""a""#, false),
        ("channel", "", false),
        ("exp", "1776181200", true),
        ("exp", "1776181199", false),
        ("exp", "1776181200.5", true),
        ("exp", "18446744073709551615", true),
        ("exp", "-1", false),
        ("exp", r#""1776181200""#, false),
        ("exp", "null", false),
        ("exp", "", false),
        ("nbf", "1776181230", true),
        ("nbf", "1776181231", false),
        ("nbf", r#""now""#, false),
        ("sub", r#"{"any":["thing"]}"#, true),
    ];
    for (name, value, expected) in rows {
        let token = signed(&claims_with(name, value));
        assert_eq!(is_accepted(&daemon, &token), expected, "{name}: {value}");
    }
}

#[test]
fn a_token_dies_with_its_second() {
    let daemon = daemon();
    let token = signed(&claims_with("exp", &STARTED_AT.to_string()));
    daemon.advance(999);
    assert!(is_accepted(&daemon, &token));
    daemon.advance(1);
    let refused = after(1, &denied("expired"));
    assert_eq!(ask(&daemon, subscribe_with("a:b", &token)), refused);
}

#[test]
fn the_header_is_looked_at() {
    let daemon = daemon();
    let claims = claims_with("more", "1");
    let rows = [
        (r#"{"alg":"HS256"}"#, true),
        (r#"{"typ":"JWT","kid":"1","alg":"HS256"}"#, true),
        (r#"{"alg":"none"}"#, false),
        (r#"{"alg":"HS512"}"#, false),
        (r#"{"alg":"hs256"}"#, false),
        (r#"{"typ":"JWT"}"#, false),
        (r#"{"alg":"HS256","crit":["x"]}"#, false),
        (r#"{"alg":"HS256","alg":"HS256"}"#, false),
        ("HS256", false),
        ("", false),
    ];
    for (header, expected) in rows {
        let token = signed_with(SUBSCRIBE_SECRET, header, &claims);
        assert_eq!(is_accepted(&daemon, &token), expected, "{header}");
    }
}

#[test]
fn other_spellings_of_a_good_token_are_faults() {
    let daemon = daemon();
    let good = signed(&claims_with("more", "1"));
    assert!(is_accepted(&daemon, &good));
    let (unsigned, signature) = good.rsplit_once('.').unwrap();
    let last = signature.chars().last().unwrap();
    // The last of 43 characters carries four bits; the next letter differs only in the other two.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let trailing = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    let faults = [
        format!("{good}="),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!(" {good}"),
        format!("{good} "),
        unsigned.to_owned(),
        format!("{unsigned}."),
        format!("{}{trailing}", &good[..good.len() - 1]),
        good.replacen('.', "", 1),
        signed(&claims_with("aud", r#""rpushd","aud":"rpushd""#)),
        signed_with("another secret", r#"{"alg":"HS256"}"#, &claims_with("more", "1")),
        signed_with(PUBLISH_SECRET, r#"{"alg":"HS256"}"#, &claims_with("more", "1")),
        String::new(),
    ];
    for fault in faults {
        assert!(!is_accepted(&daemon, &fault), "{fault}");
    }
}

#[test]
fn current_and_previous_secrets_sign() {
    let mut config = config();
    config.subscribe_secrets.extend(Secret::new("the secret of last month"));
    let daemon = Daemon::new(config);
    for secret in [SUBSCRIBE_SECRET, "the secret of last month"] {
        let token = signed_with(secret, r#"{"alg":"HS256"}"#, &claims_with("more", "1"));
        assert!(is_accepted(&daemon, &token), "{secret}");
    }
}
