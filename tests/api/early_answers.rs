//! The body of a request is never parsed as another request, however early the answer was given.

use super::fixtures::*;
use crate::support::{Client, Daemon};

/// A smuggled request in a body; if it were answered, there would be one more answer.
const HIDDEN: &str = "GET /healthz HTTP/1.1\r\nHost: hidden\r\n\r\n";

/// Requests (method, target, fields) that are answered before their bodies arrive.
const EARLY: &[(&str, &str, &str)] = &[
    ("GET", "/healthz", ""),
    ("HEAD", "/healthz", ""),
    ("POST", "/healthz", ""),
    ("OPTIONS", "/healthz", ""),
    ("GET", "/none", ""),
    ("HEAD", "/none", ""),
    ("POST", "/none", ""),
    ("PUT", "/none", ""),
    ("DELETE", "/none", ""),
    ("BREW", "/none", ""),
    ("OPTIONS", "*", ""),
    ("GET", "/api/publish", ""),
    ("HEAD", "/api/publish", ""),
    ("PUT", "/api/publish", ""),
    ("POST", "/api/publish", "Content-Type: application/json\r\n"),
    ("POST", "/api/publish", "Authorization: Bearer publish secret of the tests\r\n"),
    ("GET", "/api/stats", ""),
    ("GET", "/api/stats?mode=x", "Authorization: Bearer publish secret of the tests\r\n"),
    ("POST", "/api/stats", ""),
    ("GET", "/api/stream/a", ""),
    ("POST", "/api/stream/a~b", "Content-Type: application/json\r\n"),
    ("POST", "/api/stream/a", "Content-Type: text/plain\r\n"),
];

/// The answer to each request without a body.
fn answer_to(daemon: &Daemon, (method, target, fields): (&str, &str, &str)) -> String {
    ask(daemon, bare(method, target, fields))
}

fn with_body(request: (&str, &str, &str), framing: &str) -> String {
    let (method, target, fields) = request;
    bare(method, target, &format!("{fields}{framing}"))
}

/// Sends a text in pieces, then a last request. Returns all answers.
fn exchange(client: &Client, bytes: &str, size: usize) -> String {
    bytes.as_bytes().chunks(size).for_each(|piece| client.send(piece));
    client.ask(get("/last", ""))
}

#[test]
fn a_body_of_known_length_is_dropped_and_the_next_request_answered() {
    let framing = format!("Content-Length: {}\r\n", HIDDEN.len() * 3);
    for &request in EARLY {
        let daemon = daemon();
        let expected = answer_to(&daemon, request) + &empty("404 Not Found");
        let bytes = with_body(request, &framing) + &HIDDEN.repeat(3);
        for size in [1, 50, 10_000] {
            let client = daemon.connect();
            assert_eq!(exchange(&client, &bytes, size), expected, "{request:?}, {size}");
        }
    }
}

#[test]
fn a_chunked_body_is_dropped_and_the_next_request_answered() {
    let chunk = format!("{:x};x\r\n{HIDDEN}\r\n", HIDDEN.len());
    let chunks = format!("{}0\r\nGET: /healthz HTTP/1.1\r\n\r\n", chunk.repeat(2));
    for &request in EARLY {
        let daemon = daemon();
        let expected = answer_to(&daemon, request) + &empty("404 Not Found");
        let bytes = with_body(request, "Transfer-Encoding: chunked\r\n") + &chunks;
        for size in [1, 50, 10_000] {
            let client = daemon.connect();
            assert_eq!(exchange(&client, &bytes, size), expected, "{request:?}, {size}");
        }
    }
}

#[test]
fn in_front_of_a_body_that_the_client_may_never_send_the_connection_ends() {
    let length = format!("Content-Length: {}\r\nExpect: 100-continue\r\n", HIDDEN.len());
    for framing in [&length, "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"] {
        for &request in EARLY {
            let daemon = daemon();
            let expected = closing(&answer_to(&daemon, request));
            let client = daemon.connect();
            let answer = client.ask(with_body(request, framing));
            assert_eq!(answer + &client.ask(HIDDEN), expected, "{request:?}");
            assert!(client.is_ended(), "{request:?}");
        }
    }
}

#[test]
fn in_front_of_a_body_beyond_the_limit_the_connection_ends() {
    for &request in EARLY {
        let daemon = daemon();
        let expected = closing(&answer_to(&daemon, request));
        let client = daemon.connect();
        let answer = client.ask(with_body(request, "Content-Length: 200000\r\n"));
        let rest = exchange(&client, &HIDDEN.repeat(200), 1000);
        assert_eq!((answer, rest.as_str()), (expected, ""), "{request:?}");
        assert!(client.is_ended(), "{request:?}");
    }
}

#[test]
fn a_chunked_body_beyond_the_limit_ends_the_connection_behind_the_answer() {
    let chunk = format!("{:x}\r\n{HIDDEN}\r\n", HIDDEN.len());
    for &request in EARLY {
        let daemon = daemon();
        let expected = answer_to(&daemon, request);
        let client = daemon.connect();
        let bytes = with_body(request, "Transfer-Encoding: chunked\r\n")
            + &chunk.repeat(4000)
            + "0\r\n\r\n";
        assert_eq!(exchange(&client, &bytes, 5000), expected, "{request:?}");
        assert!(client.is_ended(), "{request:?}");
    }
}

#[test]
fn a_broken_chunked_body_ends_the_connection_behind_the_answer() {
    for &request in EARLY {
        let daemon = daemon();
        let expected = answer_to(&daemon, request);
        let client = daemon.connect();
        let bytes = with_body(request, "Transfer-Encoding: chunked\r\n") + HIDDEN;
        assert_eq!(exchange(&client, &bytes, 10_000), expected, "{request:?}");
        assert!(client.is_ended(), "{request:?}");
    }
}

#[test]
fn the_body_of_a_refused_publication_or_subscription_is_not_a_request() {
    let daemon = daemon();
    for target in ["/api/publish", "/api/stream/a"] {
        let refused = explained("400 Bad Request", BAD_JSON);
        let client = daemon.connect();
        let answers = exchange(&client, &post(target, BEARER, HIDDEN), 10_000);
        assert_eq!(answers, refused + &empty("404 Not Found"), "{target}");
    }
}

#[test]
fn what_comes_after_the_last_answer_is_read_and_dropped_until_the_client_closes() {
    let daemon = daemon();
    let client = daemon.connect();
    client.ask(with_body(("POST", "/none", ""), "Content-Length: 200000\r\n"));
    assert_eq!((client.is_ended(), client.is_closed()), (true, false));
    client.send(HIDDEN.repeat(5000));
    assert_eq!((client.is_read(), client.text().as_str()), (true, ""));
    client.end();
    assert!(client.is_closed());
}
