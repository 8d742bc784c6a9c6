//! How long a connection is kept alive, and how many requests it may pipeline (section 2).

use super::fixtures::*;

fn healthy() -> String {
    ask(&daemon(), get("/healthz", ""))
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let daemon = daemon();
    let client = daemon.connect();
    let requests =
        [get("/healthz", ""), publish("a", "1"), get("/none", ""), publish("a", "2")].concat();
    let expected =
        [&healthy(), ACCEPTED, &empty("404 Not Found"), ACCEPTED].map(str::to_owned).concat();
    for size in [1, 5, 64, 10_000] {
        requests.as_bytes().chunks(size).for_each(|piece| client.send(piece));
        assert_eq!(client.text(), expected, "pieces of {size}");
    }
    assert!(!client.is_ended());
}

#[test]
fn http_1_1_stays_open_until_the_client_says_close() {
    let daemon = daemon();
    let client = daemon.connect();
    assert_eq!(client.ask(get("/healthz", "")), healthy());
    let both = get("/healthz", "Connection: x, Close\r\n") + &get("/healthz", "");
    assert_eq!(client.ask(both), closing(&healthy()));
    assert!(client.is_ended());
}

#[test]
fn http_1_0_is_closed_unless_it_asks_for_more() {
    let daemon = daemon();
    let request = "GET /healthz HTTP/1.0\r\n\r\n";
    let client = daemon.connect();
    assert_eq!(client.ask(request), closing(&healthy()));
    assert!(client.is_ended());
    let client = daemon.connect();
    let request = "GET /healthz HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
    let kept = healthy().replacen("\r\n\r\n", "\r\nconnection: keep-alive\r\n\r\n", 1);
    assert_eq!(client.ask(request), kept);
    assert_eq!(client.ask(request), kept);
}

#[test]
fn errors_keep_the_connection_open_when_the_body_was_read() {
    let daemon = daemon();
    let client = daemon.connect();
    let rows = [
        (get("/none", ""), empty("404 Not Found")),
        (post("/api/publish", "", "{}"), denied("")),
        (publish_body("{"), explained("400 Bad Request", BAD_JSON)),
        (publish("a b", "1"), explained("400 Bad Request", BAD_CHANNEL)),
        (subscribe_with("a", "b"), denied("malformed")),
        (publish("a", "1"), ACCEPTED.to_owned()),
    ];
    for (request, answer) in rows {
        assert_eq!(client.ask(&request), answer, "{request}");
    }
    assert!(!client.is_ended());
}

#[test]
fn empty_lines_between_requests_are_skipped() {
    let daemon = daemon();
    let requests = format!("\r\n{}\r\n\r\n{}", get("/healthz", ""), get("/healthz", ""));
    assert_eq!(ask(&daemon, requests), healthy().repeat(2));
}

#[test]
fn a_client_that_closes_its_side_still_gets_its_answers() {
    let daemon = daemon();
    let client = daemon.connect();
    client.post(get("/healthz", "").repeat(2));
    client.end();
    assert_eq!((client.text(), client.is_closed()), (healthy().repeat(2), true));
}

#[test]
fn a_client_that_reads_late_gets_its_answers_also_when_it_has_closed_its_side() {
    let daemon = daemon();
    let client = daemon.connect();
    client.take_only(10);
    client.post(get("/healthz", "").repeat(2));
    client.end();
    assert!(!client.is_closed());
    client.take_more(usize::MAX);
    assert_eq!((client.text(), client.is_closed()), (healthy().repeat(2), true));
}

#[test]
fn half_a_request_and_then_the_end_is_not_answered() {
    for half in ["", "GET /hea", &publish("a", "1")[..150]] {
        let daemon = daemon();
        let client = daemon.connect();
        client.send(half);
        client.end();
        assert_eq!((client.text().as_str(), client.is_closed()), ("", true), "{half:?}");
        assert_eq!(daemon.connection_count(), 0);
    }
}
