//! The end of tokens, refresh, disconnect.

use super::*;

fn expiring_token(seconds: u64, more: &str) -> String {
    let expires = STARTED_AT + seconds;
    signed(&format!(
        r#"{{"aud":"rpushd","scope":"subscribe","channels":["a","b"],"exp":{expires}{more}}}"#
    ))
}

fn events_with(daemon: &Daemon, channels: &str, token: &str) -> (Client, String) {
    let client = daemon.connect();
    let answer = client.ask(get(&format!("/api/events/{channels}?token={token}"), ""));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    (client, unchunked(body.as_bytes()))
}

fn refresh(daemon: &Daemon, connection: &str, token: &str) -> String {
    let body = format!(r#"{{"connection":"{connection}","token":"{token}"}}"#);
    ask(daemon, post("/api/refresh", "", &body))
}

fn disconnect(daemon: &Daemon, body: &str) -> String {
    let answer = ask(daemon, post("/api/disconnect", BEARER, body));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    body.to_owned()
}

fn is_goodbye(text: &str, reason: &str) -> bool {
    text.contains("event: rpushd.goodbye\n") && text.contains(&format!("\"reason\":\"{reason}\""))
}

#[test]
fn a_stream_is_warned_and_ends_with_its_token() {
    let daemon = daemon();
    let (client, _) = events_with(&daemon, "a", &expiring_token(100, ""));
    let mut received = String::new();
    for _ in 0..41 {
        daemon.advance(1_000);
        received += &more(&client);
    }
    received = received.lines().filter(|line| !line.starts_with("id: ")).collect();
    assert_eq!(received, "", "41 seconds after the start the warning is not due");
    daemon.advance(100);
    let warning = format!("event: rpushd.expiring\ndata: {{\"expires\":{}}}\n\n", STARTED_AT + 100);
    assert_eq!(more(&client), warning);
    let mut last = String::new();
    for second in 41..101 {
        assert!(!client.is_ended(), "{second}");
        daemon.advance(1_000);
        last = more(&client);
    }
    assert!(is_goodbye(&last, "expired"), "{last}");
    assert!(client.is_ended());
    assert_eq!(daemon.counters().expired_connections_total, 1);
}

#[test]
fn a_token_ends_by_the_wall_clock_though_the_daemon_did_not_run_for_a_while() {
    let daemon = daemon();
    let (client, _) = events_with(&daemon, "a", &expiring_token(100, ""));
    daemon.set_clock_forward(90_000);
    daemon.advance(1_000);
    assert!(!client.is_ended());
    daemon.advance(11_000);
    assert!(is_goodbye(&more(&client), "expired") && client.is_ended());
    let (client, _) = events_with(&daemon, "a", &expiring_token(200, ""));
    daemon.set_clock_back(50_000);
    daemon.advance(110_000);
    assert!(!client.is_ended());
    daemon.advance(50_000);
    assert!(client.is_ended());
}

#[test]
fn a_fresh_token_lets_the_stream_go_on() {
    let daemon = daemon();
    let subject = r#","sub":"alice""#;
    let (client, hello) = events_with(&daemon, "a", &expiring_token(100, subject));
    let connection = connection_of(&hello);
    let fresh = expiring_token(1_000, subject);
    assert!(refresh(&daemon, &connection, &fresh).starts_with("HTTP/1.1 204 No Content\r\n"));
    daemon.advance(200_000);
    assert!(!client.is_ended());
    daemon.advance(900_000);
    assert!(client.is_ended());
}

#[test]
fn a_refresh_needs_the_connection_its_subject_and_its_channels() {
    let daemon = daemon();
    let subject = r#","sub":"alice""#;
    let (client, hello) = events_with(&daemon, "a", &expiring_token(100, subject));
    let connection = connection_of(&hello);
    let fresh = expiring_token(1_000, subject);
    let other = expiring_token(1_000, r#","sub":"bob""#);
    let narrow = signed(&format!(
        r#"{{"aud":"rpushd","scope":"subscribe","channels":["b"],"exp":{}{subject}}}"#,
        STARTED_AT + 1_000
    ));
    let not_found = explained("404 Not Found", "no subscriber has this connection id\n");
    let forbidden = explained(
        "403 Forbidden",
        "the token is of another subject, or not for all channels of the subscriber\n",
    );
    assert_eq!(refresh(&daemon, "0123456789abcdef", &fresh), not_found);
    assert_eq!(refresh(&daemon, &connection, &other), forbidden);
    assert_eq!(refresh(&daemon, &connection, &narrow), forbidden);
    assert_eq!(refresh(&daemon, &connection, "x.y.z"), denied("malformed"));
    client.end();
    daemon.run();
    assert_eq!(refresh(&daemon, &connection, &fresh), not_found);
}

#[test]
fn subscribers_are_disconnected_by_subject_token_channel_or_connection() {
    let daemon = daemon();
    let open =
        |more: &str, channel: &str| events_with(&daemon, channel, &expiring_token(1_000, more));
    let (alice, _) = open(r#","sub":"alice","jti":"t1""#, "a");
    let (bob, _) = open(r#","sub":"bob","jti":"t2""#, "a");
    let (carol, _) = open("", "b");
    let (dave, hello) = open("", "a");
    assert_eq!(disconnect(&daemon, r#"{"subject":"alice"}"#), r#"{"disconnected":1}"#);
    assert!(is_goodbye(&more(&alice), "revoked") && alice.is_ended());
    assert_eq!(disconnect(&daemon, r#"{"token_id":"t2"}"#), r#"{"disconnected":1}"#);
    assert!(is_goodbye(&more(&bob), "revoked") && bob.is_ended());
    assert_eq!(disconnect(&daemon, r#"{"channel":"b"}"#), r#"{"disconnected":1}"#);
    assert!(carol.is_ended() && !dave.is_ended());
    let by_id = format!(r#"{{"connection":"{}"}}"#, connection_of(&hello));
    assert_eq!(disconnect(&daemon, &by_id), r#"{"disconnected":1}"#);
    assert!(dave.is_ended());
    assert_eq!(disconnect(&daemon, r#"{"subject":"alice"}"#), r#"{"disconnected":0}"#);
    assert_eq!(daemon.counters().revoked_connections_total, 4);
}

#[test]
fn older_tokens_are_refused_after_a_revocation_and_newer_ones_are_not() {
    let daemon = daemon();
    let token = |issued: u64| expiring_token(1_000, &format!(r#","sub":"alice","iat":{issued}"#));
    let old = token(STARTED_AT - 10);
    let (client, _) = events_with(&daemon, "a", &old);
    let body = r#"{"subject":"alice","revoke":true}"#;
    assert_eq!(disconnect(&daemon, body), r#"{"disconnected":1}"#);
    assert!(client.is_ended());
    let target = format!("/api/events/a?token={old}");
    assert_eq!(ask(&daemon, get(&target, "")), denied("revoked"));
    assert_eq!(daemon.counters().auth_failures_revoked_total, 1);
    events_with(&daemon, "a", &token(STARTED_AT + 1));
}

#[test]
fn a_goodbye_comes_after_the_response_head_even_if_nothing_was_written_yet() {
    let daemon = daemon();
    let client = daemon.connect();
    client.take_only(0);
    client.post(get(&format!("/api/events/a?token={}", expiring_token(1_000, "")), ""));
    daemon.run();
    assert_eq!(disconnect(&daemon, r#"{"channel":"a"}"#), r#"{"disconnected":1}"#);
    client.take_more(10_000);
    daemon.run();
    let received = client.text();
    let (head, body) = received.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{received}");
    assert!(is_goodbye(&unchunked(body.as_bytes()), "revoked"), "{received}");
}

#[test]
fn a_plain_stream_is_disconnected_too_but_outlives_its_token() {
    let daemon = daemon();
    let client = daemon.connect();
    assert_eq!(client.ask(subscribe_with("a", &expiring_token(10, ""))), STREAM);
    daemon.advance(60_000);
    assert!(!client.is_ended());
    assert_eq!(disconnect(&daemon, r#"{"channel":"a"}"#), r#"{"disconnected":1}"#);
    assert!(client.is_ended());
}

#[test]
fn a_disconnect_needs_the_secret_and_exactly_one_criterion() {
    let daemon = daemon();
    assert_eq!(ask(&daemon, post("/api/disconnect", "", "{}")), denied(""));
    for (body, status) in [
        ("{", "400 Bad Request"),
        ("{}", "422 Unprocessable Content"),
        (r#"{"subject":"a","channel":"b"}"#, "422 Unprocessable Content"),
        (r#"{"subject":1}"#, "422 Unprocessable Content"),
        (r#"{"connection":"x","revoke":true}"#, "422 Unprocessable Content"),
    ] {
        let answer = ask(&daemon, post("/api/disconnect", BEARER, body));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{body}: {answer}");
    }
}

#[test]
fn many_are_disconnected_over_several_turns() {
    let daemon = daemon();
    let clients: Vec<Client> =
        (0..2_000).map(|_| events_with(&daemon, "a", &expiring_token(1_000, "")).0).collect();
    assert_eq!(disconnect(&daemon, r#"{"channel":"a"}"#), r#"{"disconnected":2000}"#);
    assert!(clients.iter().all(Client::is_ended));
    assert!(daemon.dearest_half() < 20_000_000, "{}", daemon.dearest_half());
}

#[test]
fn a_connection_ends_at_its_greatest_age_and_resumes() {
    let mut config = config();
    config.limits.connection_age_max = rpushd::time::Millis(60_000);
    let daemon = Daemon::new(config);
    let (client, _) = events_with(&daemon, "a", &expiring_token(1_000, ""));
    daemon.advance(53_000);
    assert!(!client.is_ended(), "an age differs by a tenth at most");
    daemon.advance(8_000);
    let last = more(&client);
    assert!(is_goodbye(&last, "age"), "{last}");
    assert!(client.is_ended());
}

#[test]
fn a_fresh_token_makes_no_connection_older_than_allowed_and_an_old_one_ends_it_earlier() {
    let mut config = config();
    config.limits.connection_age_max = rpushd::time::Millis(600_000);
    let daemon = Daemon::new(config);
    let open = || events_with(&daemon, "a", &expiring_token(1_000, ""));
    let ((long, first), (short, second)) = (open(), open());
    let accepted = "HTTP/1.1 204 No Content\r\n";
    let fresh = expiring_token(3_600, "");
    assert!(refresh(&daemon, &connection_of(&first), &fresh).starts_with(accepted));
    let shorter = expiring_token(100, "");
    assert!(refresh(&daemon, &connection_of(&second), &shorter).starts_with(accepted));
    daemon.advance(102_000);
    assert!(short.is_ended() && !long.is_ended());
    daemon.advance(500_000);
    assert!(is_goodbye(&more(&long), "age") && long.is_ended());
}

#[test]
fn a_slow_reader_is_told_so_and_resumes_from_its_cursor() {
    let mut config = with_history();
    config.limits.outbox_bytes_max = 64 * 1024;
    let daemon = Daemon::new(config);
    let (client, _) = events(&daemon, "ha", "");
    client.take_only(100);
    let message = format!("\"{}\"", "x".repeat(10_000));
    for _ in 0..20 {
        ask(&daemon, publish("ha", &message));
    }
    client.take_more(1_000_000);
    daemon.run();
    let received = String::from_utf8(client.read()).unwrap();
    assert!(received.contains("\"reason\":\"slow\""), "{received}");
    assert!(client.is_ended());
    assert_eq!(daemon.counters().slow_subscribers_closed_total, 1);
}
