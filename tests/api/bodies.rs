//! Request bodies: lengths, chunks and `Expect: 100-continue` (section 2).

use super::fixtures::*;

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const BODY: &str = r#"{"channel":"a","message":"body"}"#;

fn publish_head(fields: &str) -> String {
    bare("POST", "/api/publish", &format!("{BEARER}Content-Type: application/json\r\n{fields}"))
}

fn chunked(body: &str, size: usize) -> String {
    let chunk =
        |piece: &[u8]| format!("{:X}\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).unwrap());
    body.as_bytes().chunks(size).map(chunk).collect::<String>() + "0\r\n\r\n"
}

#[test]
fn a_chunked_body_is_the_same_body() {
    let daemon = daemon();
    let client = daemon.connect();
    let reader = subscriber(&daemon, "a");
    for size in [1, 10, 31, 100] {
        let request = publish_head("Transfer-Encoding: chunked\r\n") + &chunked(BODY, size);
        for piece in [1, 7, 1000] {
            request.as_bytes().chunks(piece).for_each(|bytes| client.send(bytes));
            assert_eq!(client.text(), ACCEPTED, "chunks of {size} in pieces of {piece}");
            assert_eq!(reader.read(), frame("\"body\""));
        }
    }
}

#[test]
fn chunk_extensions_and_trailers_are_dropped() {
    let daemon = daemon();
    let length = BODY.len();
    let body = format!("{length:x};a=b;c=\"d\"\r\n{BODY}\r\n00;e\r\nX-Sum: 1\r\nY:\r\n\r\n");
    let request = publish_head("Transfer-Encoding: Chunked\r\n") + &body;
    assert_eq!(ask(&daemon, request + &publish("a", "1")), ACCEPTED.repeat(2));
}

#[test]
fn broken_chunks_are_400_and_the_end() {
    let length = BODY.len();
    for body in [
        "x\r\n".to_owned(),
        "\r\n".to_owned(),
        "-1\r\n".to_owned(),
        "0x20\r\n".to_owned(),
        "fffffffffffffffff\r\n".to_owned(),
        format!("{length:x}\n{BODY}\r\n0\r\n\r\n"),
        format!("{length:x}\r{BODY}\r\n0\r\n\r\n"),
        format!("{length:x}\r\n{BODY}\n0\r\n\r\n"),
        format!("{length:x}\r\n{BODY}x0\r\n\r\n"),
        format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", length - 1),
        format!("{length:x}\r\n{BODY}\r\n0\r\n\n"),
        format!("{length:x}\r\n{BODY}\r\n0\r\n folded\r\n\r\n"),
        format!("{length:x};{}\r\n{BODY}\r\n0\r\n\r\n", "x".repeat(9000)),
    ] {
        let daemon = daemon();
        let client = daemon.connect();
        let request = publish_head("Transfer-Encoding: chunked\r\n") + &body + &get("/healthz", "");
        assert_eq!(client.ask(request), closing(&empty("400 Bad Request")), "{body:?}");
        assert!(client.is_ended());
        assert_eq!(daemon.counters().malformed_requests_total, 1);
    }
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it() {
    let daemon = daemon();
    let client = daemon.connect();
    let length = format!("Content-Length: {}\r\n", BODY.len());
    for framing in [length.as_str(), "Transfer-Encoding: chunked\r\n"] {
        let head = publish_head(&format!("{framing}Expect: 100-Continue\r\n"));
        assert_eq!(client.ask(head), CONTINUE);
        let is_chunked = framing.starts_with("Transfer");
        let body = if is_chunked { chunked(BODY, 5) } else { BODY.to_owned() };
        assert_eq!(client.ask(body), ACCEPTED, "{framing}");
    }
}

#[test]
fn a_body_that_is_there_already_needs_no_100_continue() {
    let length = BODY.len();
    let head = publish_head(&format!("Content-Length: {length}\r\nExpect: 100-continue\r\n"));
    assert_eq!(ask(&daemon(), head + BODY), ACCEPTED);
}

#[test]
fn http_1_0_gets_no_100_continue() {
    let daemon = daemon();
    let client = daemon.connect();
    let length = BODY.len();
    let head = publish_head(&format!("Content-Length: {length}\r\nExpect: 100-continue\r\n"))
        .replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(client.ask(head), "");
    assert_eq!(client.ask(BODY), closing(ACCEPTED));
}

#[test]
fn a_body_announced_as_too_large_is_refused_at_once_and_instead_of_100_continue() {
    let refused = closing(&explained("413 Request Entity Too Large", BODY_TOO_LARGE));
    for expect in ["", "Expect: 100-continue\r\n"] {
        for length in ["131073", "9223372036854775807", "18446744073709551615"] {
            let daemon = daemon();
            let client = daemon.connect();
            let head = publish_head(&format!("Content-Length: {length}\r\n{expect}"));
            assert_eq!(client.ask(head), refused, "{length} {expect}");
            assert!(client.is_ended());
        }
    }
}

#[test]
fn a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    let daemon = daemon();
    let padded = |length: usize| BODY.to_owned() + &" ".repeat(length - BODY.len());
    let limit = 128 * 1024;
    let head = publish_head("Transfer-Encoding: chunked\r\n");
    assert_eq!(ask(&daemon, publish_body(&padded(limit))), ACCEPTED);
    assert_eq!(ask(&daemon, head.clone() + &chunked(&padded(limit), 999)), ACCEPTED);
    let refused = closing(&explained("413 Request Entity Too Large", BODY_TOO_LARGE));
    assert_eq!(ask(&daemon, publish_body(&padded(limit + 1))), refused);
    assert_eq!(ask(&daemon, head + &chunked(&padded(limit + 1), 999)), refused);
}

#[test]
fn the_largest_message_passes_with_the_default_limit() {
    let message = format!("\"{}\"", "x".repeat(65_533));
    assert_eq!(ask(&daemon(), publish(&"a".repeat(191), &message)), ACCEPTED);
}

#[test]
fn a_body_may_come_with_any_method_and_is_dropped() {
    let daemon = daemon();
    let client = daemon.connect();
    let healthy = client.ask(get("/healthz", ""));
    let request = bare("GET", "/healthz", "Content-Length: 4\r\n") + "body";
    assert_eq!(client.ask(request.repeat(3)), healthy.repeat(3));
    let request = bare("GET", "/healthz", "Transfer-Encoding: chunked\r\n") + &chunked(BODY, 9);
    assert_eq!(client.ask(request.repeat(3)), healthy.repeat(3));
}
