//! The publish secret (section 3).

use super::fixtures::{ACCEPTED, ask, bare, closing, config, daemon, empty, get, post, uncached};
use crate::support::Daemon;
use rpushd::config::Secret;

const BODY: &str = r#"{"channel":"a","message":1}"#;

#[test]
fn publish_takes_exactly_one_well_spelled_secret() {
    let daemon = daemon();
    let rows = [
        ("Authorization: Bearer publish secret of the tests\r\n", true),
        ("authorization:Bearer publish secret of the tests \t\r\n", true),
        ("", false),
        ("Authorization: bearer publish secret of the tests\r\n", false),
        ("Authorization: Bearer  publish secret of the tests\r\n", false),
        ("Authorization: Bearer publish secret of the test\r\n", false),
        ("Authorization: Bearer publish secret of the tests2\r\n", false),
        ("Authorization: Bearer subscribe secret of the tests\r\n", false),
        ("Authorization: Bearer \r\n", false),
        ("Authorization: Basic publish secret of the tests\r\n", false),
        ("Authorization: publish secret of the tests\r\n", false),
        ("X-Authorization: Bearer publish secret of the tests\r\n", false),
        (
            "Authorization: Bearer publish secret of the tests\r\n\
             Authorization: Bearer publish secret of the tests\r\n",
            false,
        ),
    ];
    for (fields, is_authorized) in rows {
        let expected = if is_authorized { ACCEPTED } else { &empty("401 Unauthorized") };
        assert_eq!(ask(&daemon, post("/api/publish", fields, BODY)), expected, "{fields:?}");
    }
    let refused = rows.iter().filter(|(_, is_authorized)| !is_authorized).count();
    assert_eq!(daemon.counters().auth_failures_total, refused as u64);
}

#[test]
fn a_wrong_secret_is_told_before_any_other_fault() {
    let daemon = daemon();
    let unauthorized = empty("401 Unauthorized");
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
    assert_eq!(ask(&daemon(), head), empty("401 Unauthorized"));
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
