//! Heads that are understood, and all that are refused.

use super::*;

const LIMITS: HeadLimits =
    HeadLimits { head_bytes_max: 512, target_bytes_max: 64, header_count_max: 8 };

/// A summary of a complete head, `method path?query framing flags`, or the status
/// that refuses it.
fn read(input: &str) -> String {
    match parse_head(input.as_bytes(), &mut 0, &LIMITS, &mut HeadStorage::default()) {
        Ok(Some((head, length))) => {
            assert_eq!(length, input.len(), "the whole head is consumed");
            format!(
                "{} {} {} {:?}{}{}",
                head.method,
                head.path,
                head.query,
                head.framing,
                if head.keeps_alive { " alive" } else { "" },
                if head.expects_continue { " continue" } else { "" },
            )
        }
        Ok(None) => "more".to_owned(),
        Err(status) => status.0.to_string(),
    }
}

#[test]
fn well_formed_heads_are_read() {
    assert_eq!(read("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"), "GET /a b=c Length(0) alive");
    assert_eq!(read("GET / HTTP/1.0\r\n\r\n"), "GET /  Length(0)");
    assert_eq!(read("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), "GET /  Length(0) alive");
    assert_eq!(read("GET / HTTP/1.1\r\nHost: a%2Db\r\n\r\n"), "GET /  Length(0) alive");
    assert_eq!(read("GET / HTTP/1.1\r\nHost:\r\nConnection: a, close\r\n\r\n"), "GET /  Length(0)");
    assert_eq!(
        read(
            "POST /p HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 12\r\n\
             Expect: 100-Continue\r\n\r\n"
        ),
        "POST /p  Length(12) alive continue"
    );
    assert_eq!(
        read("PUT /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"),
        "PUT /p  Chunked alive"
    );
    assert_eq!(
        read("GET http://h:1/a/b?c HTTP/1.1\r\nHost: other\r\n\r\n"),
        "GET /a/b c Length(0) alive"
    );
    assert_eq!(read("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), "OPTIONS *  Length(0) alive");
}

#[test]
fn incomplete_heads_wait_for_more() {
    for input in ["", "\r", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r"] {
        assert_eq!(read(input), "more", "{input:?}");
    }
}

#[test]
fn malformed_heads_are_refused() {
    let refused = [
        ("GET / HTTP/1.1\n\n", "400"),
        ("GET / HTTP/1.1\r\nHost: x\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a%4\r\n\r\n", "400"),
        ("GET http://a%/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("GET a HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
        ("GET * HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
        ("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
        ("GET ftp://h/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
        ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", "505"),
        ("GET / HTTP/1.9\r\nHost: x\r\n\r\n", "505"),
        ("GET / FTP/1.1\r\nHost: x\r\n\r\n", "400"),
        ("GET /\r\nHost: x\r\n\r\n", "400"),
        ("\x16\x03\x01\x02", "400"),
        ("GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n", "417"),
    ];
    for (input, status) in refused {
        assert_eq!(read(input), status, "{input:?}");
    }
}

#[test]
fn ambiguous_framing_is_refused() {
    let with = |fields: &str| read(&format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n"));
    assert_eq!(with("Content-Length: 1\r\nTransfer-Encoding: chunked"), "400");
    assert_eq!(with("Content-Length: 1\r\nContent-Length: 1"), "400");
    assert_eq!(with("Content-Length: 1, 1"), "400");
    assert_eq!(with("Content-Length: +1"), "400");
    assert_eq!(with("Content-Length: 1a"), "400");
    assert_eq!(with("Content-Length:"), "400");
    assert_eq!(with("Content-Length: 99999999999999999999"), "400");
    assert_eq!(with("Transfer-Encoding: gzip"), "400");
    assert_eq!(with("Transfer-Encoding: gzip, chunked"), "501");
    assert_eq!(with("Transfer-Encoding: chunked, gzip"), "400");
    assert_eq!(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), "400");
    assert_eq!(with("Transfer-Encoding: xchunked"), "400");
    assert_eq!(with("Transfer-Encoding:"), "400");
    assert_eq!(read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), "400");
}

#[test]
fn sizes_are_bounded_whether_the_head_is_complete_or_not() {
    let long = "a".repeat(600);
    assert_eq!(read(&format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n")), "414");
    assert_eq!(read(&format!("GET /{long}")), "414");
    assert_eq!(read(&format!("GET / HTTP/1.1\r\nHost: x\r\nA: {long}\r\n\r\n")), "431");
    assert_eq!(read(&format!("GET / HTTP/1.1\r\nA: {long}")), "431");
    assert_eq!(read(&long), "400");
    let many = "A: b\r\n".repeat(8);
    assert_eq!(read(&format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n")), "431");
}

#[test]
fn any_slicing_gives_the_same_head() {
    let input = b"POST /x?y HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    let mut scanned = 0;
    for length in 0..input.len() - 3 {
        let mut storage = HeadStorage::default();
        let head = parse_head(&input[..length], &mut scanned, &LIMITS, &mut storage);
        assert!(head.unwrap().is_none());
    }
    let mut storage = HeadStorage::default();
    let head = parse_head(input, &mut scanned, &LIMITS, &mut storage);
    let (head, length) = head.unwrap().unwrap();
    assert_eq!((head.path, length), ("/x", input.len() - 3));
}

/// Found by the fuzz target `server`: a long method was refused only if it arrived before the
/// other fields of its head.
#[test]
fn a_faulty_head_is_refused_with_the_same_status_however_it_is_sliced() {
    let (method, long) = ("G".repeat(33), "a".repeat(600));
    let good = "HTTP/1.1\r\nHost: x\r\n";
    for (status, input) in [
        ("400", format!("{method} / {good}\r\n")),
        ("400", format!("{method} /{long} {good}\r\n")),
        ("414", format!("GET /{long} {good}\n")),
        ("431", format!("GET / {good}A: {long}\n")),
        ("400", format!("GET / {good}\nA: {long}")),
    ] {
        assert_eq!(read(&input), status, "{input}");
        let mut scanned = 0;
        let prefixes = (0..=input.len()).map(|length| &input.as_bytes()[..length]);
        let mut judged = prefixes.map(|prefix| {
            let mut storage = HeadStorage::default();
            parse_head(prefix, &mut scanned, &LIMITS, &mut storage).map(|_| ())
        });
        let fault = judged.find_map(Result::err).expect("the head is refused");
        assert_eq!(fault.0.to_string(), status, "{input}, byte by byte");
    }
}

#[test]
fn empty_lines_before_a_request_are_counted() {
    assert_eq!(empty_lines(b"\r\n\r\nGET"), 4);
    assert_eq!(empty_lines(b"\r\n\r"), 2);
    assert_eq!(empty_lines(b"GET\r\n"), 0);
}

#[test]
fn fields_and_arguments_are_found() {
    let input = b"GET /?a=1&b&a=2 HTTP/1.1\r\nHost: h\r\nX-One:  v \r\nx-one: w\r\nX-On: z\r\n\r\n";
    let mut storage = HeadStorage::default();
    let (head, _) = parse_head(input, &mut 0, &LIMITS, &mut storage).unwrap().unwrap();
    assert_eq!(head.values("x-one").collect::<Vec<_>>(), [b"v", b"w"]);
    assert_eq!(
        (head.argument("a"), head.argument("b"), head.argument("c")),
        (Some("1"), Some(""), None)
    );
    assert_eq!(head.fields().count(), 4);
}
