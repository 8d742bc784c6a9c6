//! The publish secret (section 3).

use super::fixtures::{ACCEPTED, ask, bare, closing, config, daemon, denied, get, post, uncached};
use crate::support::Daemon;
use rpushd::config::Secret;

const BODY: &str = r#"{"channel":"a","message":1}"#;

#[test]
fn publish_takes_exactly_one_well_spelled_secret() {
    let daemon = daemon();
    let rows = [
        ("Authorization: Bearer publish secret of the tests\r\n", "accepted"),
        ("authorization:Bearer publish secret of the tests \t\r\n", "accepted"),
        ("", ""),
        ("Authorization: bearer publish secret of the tests\r\n", "malformed"),
        ("Authorization: Bearer  publish secret of the tests\r\n", "wrong secret"),
        ("Authorization: Bearer publish secret of the test\r\n", "wrong secret"),
        ("Authorization: Bearer publish secret of the tests2\r\n", "wrong secret"),
        ("Authorization: Bearer subscribe secret of the tests\r\n", "wrong secret"),
        ("Authorization: Bearer \r\n", ""),
        ("Authorization: Basic publish secret of the tests\r\n", ""),
        ("Authorization: publish secret of the tests\r\n", ""),
        ("X-Authorization: Bearer publish secret of the tests\r\n", ""),
        (
            "Authorization: Bearer publish secret of the tests\r\n\
             Authorization: Bearer publish secret of the tests\r\n",
            "malformed",
        ),
    ];
    for (fields, reason) in rows {
        let expected = if reason == "accepted" { ACCEPTED } else { &denied(reason) };
        assert_eq!(ask(&daemon, post("/api/publish", fields, BODY)), expected, "{fields:?}");
    }
    let refused = rows.iter().filter(|(_, reason)| *reason != "accepted").count();
    assert_eq!(daemon.counters().auth_failures_total, refused as u64);
}

#[test]
fn a_wrong_secret_is_told_before_any_other_fault() {
    let daemon = daemon();
    let unauthorized = denied("");
    let text = bare("POST", "/api/publish", "Content-Type: text/plain\r\nContent-Length: 1\r\n");
    assert_eq!(ask(&daemon, text + "x"), unauthorized, "before 415");
    assert_eq!(ask(&daemon, post("/api/publish", "", "{")), unauthorized, "before 400");
    assert_eq!(ask(&daemon, post("/api/publish", "", "{}")), unauthorized, "before 422");
    let large = bare(
        "POST",
        "/api/publish",
        "Content-Type: application/json\r\nContent-Length: 9999999\r\n",
    );
    assert_eq!(ask(&daemon, large), closing(&unauthorized), "before 413");
    let uncached = uncached(&unauthorized);
    assert_eq!(ask(&daemon, get("/api/stats?mode=none", "")), uncached, "before 400");
}

#[test]
fn a_wrong_secret_is_told_before_the_body_comes() {
    let head =
        bare("POST", "/api/publish", "Content-Type: application/json\r\nContent-Length: 27\r\n");
    assert_eq!(ask(&daemon(), head), denied(""));
}

#[test]
fn current_and_previous_secrets_are_accepted() {
    let mut config = config();
    config.publish_secrets.extend(Secret::new("the secret of last month"));
    let daemon = Daemon::new(config);
    for secret in ["publish secret of the tests", "the secret of last month"] {
        let bearer = format!("Authorization: Bearer {secret}\r\n");
        assert_eq!(ask(&daemon, post("/api/publish", &bearer, BODY)), ACCEPTED, "{secret}");
    }
}
