//! Malformed requests (RFC 9112): each gets a status, and the connection is closed.

use super::fixtures::*;

/// Bytes sent, and the status of the answer.
fn rows() -> Vec<(String, &'static str)> {
    const BAD: &str = "400 Bad Request";
    let head = |fields: &str| format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n");
    vec![
        ("\x16\x03\x01\x02\x00\r\n\r\n".to_owned(), BAD),
        ("GET\r\n\r\n".to_owned(), BAD),
        ("GET /\r\nHost: x\r\n\r\n".to_owned(), BAD),
        ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), BAD),
        (" GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), BAD),
        ("G@T / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), BAD),
        ("GET / HTTP/1.1\nHost: x\n\n".to_owned(), BAD),
        ("GET / HTTP/1.1\rHost: x\r\r".to_owned() + "\r\n\r\n", BAD),
        ("GET / FTP/1.1\r\nHost: x\r\n\r\n".to_owned(), BAD),
        ("GET / HTTP/1.x\r\nHost: x\r\n\r\n".to_owned(), BAD),
        ("GET / HTTP/x.1\r\nHost: x\r\n\r\n".to_owned(), BAD),
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n".to_owned(), "505 HTTP Version Not Supported"),
        ("GET / HTTP/1.2\r\nHost: x\r\n\r\n".to_owned(), "505 HTTP Version Not Supported"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), "505 HTTP Version Not Supported"),
        ("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), BAD),
        ("GET /\u{e4} HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), BAD),
        ("GET healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), BAD),
        ("GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), BAD),
        ("CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), BAD),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), BAD),
        (head("Host: x"), BAD),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(), BAD),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n".to_owned(), BAD),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n".to_owned(), BAD),
        (head("A: b\r\n folded"), BAD),
        (head(" A: b"), BAD),
        (head("A : b"), BAD),
        (head("A"), BAD),
        (head(": b"), BAD),
        (head("A: b\0c"), BAD),
        (head("A: b\rc"), BAD),
        (head("A: b\nC: d"), BAD),
        (head("Content-Length: 1\r\nContent-Length: 1"), BAD),
        (head("Content-Length: 1\r\nContent-Length: 2"), BAD),
        (head("Content-Length: 1, 1"), BAD),
        (head("Content-Length: -1"), BAD),
        (head("Content-Length: +1"), BAD),
        (head("Content-Length: 0x1"), BAD),
        (head("Content-Length: 1 1"), BAD),
        (head("Content-Length:"), BAD),
        (head("Content-Length: 18446744073709551616"), BAD),
        (head("Content-Length: 1\r\nTransfer-Encoding: chunked"), BAD),
        (head("Transfer-Encoding: gzip"), BAD),
        (head("Transfer-Encoding: chunked, chunked"), BAD),
        (head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), BAD),
        (head("Transfer-Encoding: chunked, gzip"), BAD),
        (head("Transfer-Encoding: identity"), BAD),
        (head("Transfer-Encoding:"), BAD),
        (head("Transfer-Encoding: gzip, chunked"), "501 Not Implemented"),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), BAD),
        (head("Expect: 200-ok"), "417 Expectation Failed"),
    ]
}

#[test]
fn each_is_refused_with_its_status_and_nothing_behind_it_is_answered() {
    for (request, status) in rows() {
        let daemon = daemon();
        let client = daemon.connect();
        let answer = client.ask(request.clone() + &get("/healthz", ""));
        assert_eq!(answer, closing(&empty(status)), "{request:?}");
        assert!(client.is_ended(), "{request:?}");
        assert_eq!(daemon.counters().malformed_requests_total, 1, "{request:?}");
    }
}

#[test]
fn each_is_refused_however_it_is_sliced() {
    for (request, status) in rows() {
        let daemon = daemon();
        let client = daemon.connect();
        request.as_bytes().chunks(1).for_each(|byte| client.send(byte));
        assert_eq!(client.text(), closing(&empty(status)), "{request:?}");
    }
}

#[test]
fn a_good_request_in_front_is_still_answered() {
    let daemon = daemon();
    for (request, status) in rows() {
        let expected = empty("404 Not Found") + &closing(&empty(status));
        assert_eq!(ask(&daemon, get("/none", "") + &request), expected, "{request:?}");
    }
}

#[test]
fn a_line_feed_of_its_own_between_requests_is_refused_however_it_arrives() {
    let daemon = daemon();
    for pieces in [&["\n"][..], &["\r", "\n", "\n"], &["\r\n\r", "\n", "\n"]] {
        let client = daemon.connect();
        let (last, before) = pieces.split_last().unwrap();
        before.iter().for_each(|piece| client.send(piece));
        let answer = client.ask(last.to_string() + &get("/healthz", ""));
        assert_eq!(answer, closing(&empty("400 Bad Request")), "{pieces:?}");
    }
}
