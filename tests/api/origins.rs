//! Browsers on pages of other origins (`allowed_origins`): what their scripts may read and send.

use super::fixtures::*;
use crate::support::{DATE, Daemon};
use rpushd::config::Config;

const ORIGIN: &str = "Origin: https://www.example.org\r\n";

fn daemon_with(origins: &[&str]) -> Daemon {
    let allowed_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    Daemon::new(Config { allowed_origins, ..config() })
}

fn example_daemon() -> Daemon {
    daemon_with(&["https://example.net", "https://www.example.org"])
}

/// An answer that the origin's scripts may read; the two fields precede this one.
fn readable(answer: &str, before: &str) -> String {
    let fields = "access-control-allow-origin: https://www.example.org\r\nvary: origin\r\n";
    answer.replacen(before, &format!("{fields}{before}"), 1)
}

fn preflight(origin: &str) -> String {
    format!(
        "HTTP/1.1 204 No Content\r\n\
         access-control-allow-methods: POST\r\n\
         access-control-allow-headers: content-type\r\n\
         access-control-max-age: 86400\r\n\
         {origin}\
         date: {DATE}\r\n\r\n"
    )
}

fn from_origin(request: &str) -> String {
    request.replacen("\r\n\r\n", &format!("\r\n{ORIGIN}\r\n"), 1)
}

#[test]
fn a_stream_names_the_allowed_origin() {
    let daemon = example_daemon();
    let client = daemon.connect();
    let expected = readable(STREAM, "transfer-encoding");
    assert_eq!(client.ask(from_origin(&subscribe("a"))), expected);
    ask(&daemon, publish("a", "1"));
    assert_eq!(client.read(), frame("1"));
}

#[test]
fn every_error_of_a_stream_names_it_too() {
    let daemon = example_daemon();
    let rows = [
        (
            subscribe_with("a", "x.y.z"),
            denied("malformed").replacen(
                "date",
                "access-control-expose-headers: www-authenticate\r\ndate",
                1,
            ),
        ),
        (subscribe("a~b"), explained("400 Bad Request", BAD_CHANNEL)),
        (post("/api/stream/a", "", "{"), explained("400 Bad Request", BAD_JSON)),
        (
            subscribe("a").replace("application/json", "text/plain"),
            explained("415 Unsupported Media Type", NOT_JSON_TYPE),
        ),
        (
            bare(
                "POST",
                "/api/stream/a",
                "Content-Type: application/json\r\nContent-Length: 131073\r\n",
            ),
            closing(&explained("413 Request Entity Too Large", BODY_TOO_LARGE)),
        ),
        (
            bare("GET", "/api/stream/a", ""),
            empty("405 Not Allowed").replacen("date", "allow: POST\r\ndate", 1),
        ),
    ];
    for (request, answer) in rows {
        let expected = readable(&answer, "date");
        assert_eq!(ask(&daemon, from_origin(&request)), expected, "{request}");
    }
}

#[test]
fn a_chunked_body_that_grows_too_large_is_an_error_like_the_others() {
    let mut config = config();
    config.allowed_origins = vec!["https://www.example.org".to_owned()];
    config.limits.body_bytes_max = 10;
    let fields =
        format!("{ORIGIN}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n");
    let request = bare("POST", "/api/stream/a", &fields) + "b\r\n";
    let refused = closing(&explained("413 Request Entity Too Large", BODY_TOO_LARGE));
    let client = Daemon::new(config).connect();
    assert_eq!(client.ask(request + "{\"token\":\"\""), readable(&refused, "date"));
}

#[test]
fn a_preflight_is_told_what_a_script_may_send() {
    let daemon = example_daemon();
    let named = "access-control-allow-origin: https://www.example.org\r\nvary: origin\r\n";
    let fields = format!(
        "{ORIGIN}Access-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: content-type\r\n"
    );
    for path in ["/api/stream/a", "/api/stream/a%3Ab?x"] {
        assert_eq!(ask(&daemon, bare("OPTIONS", path, &fields)), preflight(named), "{path}");
    }
    assert_eq!(ask(&daemon, bare("OPTIONS", "/api/stream/a", "")), preflight(""));
}

#[test]
fn other_origins_are_not_named() {
    let daemon = example_daemon();
    for origin in [
        "https://example.org",
        "http://www.example.org",
        "https://www.example.org:8443",
        "https://www.example.org.evil.test",
        "https://WWW.example.org",
        "null",
        "*",
        "",
        "https://www.example.org\r\nOrigin: https://www.example.org",
    ] {
        let fields = format!("Origin: {origin}\r\n");
        let request = subscribe("a").replacen("\r\n\r\n", &format!("\r\n{fields}\r\n"), 1);
        assert_eq!(ask(&daemon, request), STREAM, "{origin:?}");
        let asked = ask(&daemon, bare("OPTIONS", "/api/stream/a", &fields));
        assert_eq!(asked, preflight(""), "{origin:?}");
    }
}

#[test]
fn a_star_allows_any_origin_by_name() {
    let daemon = daemon_with(&["*"]);
    let expected = readable(STREAM, "transfer-encoding");
    assert_eq!(ask(&daemon, from_origin(&subscribe("a"))), expected);
    assert_eq!(ask(&daemon, subscribe("a")), STREAM);
}

#[test]
fn only_streams_may_be_called_from_elsewhere() {
    let daemon = daemon_with(&["*"]);
    assert_eq!(ask(&daemon, from_origin(&publish("a", "1"))), ACCEPTED);
    assert_eq!(ask(&daemon, from_origin(&get("/none", ""))), empty("404 Not Found"));
    for (path, allowed) in
        [("/healthz", "GET,HEAD"), ("/api/stats", "GET,HEAD"), ("/api/publish", "POST")]
    {
        let expected =
            empty("405 Not Allowed").replacen("date", &format!("allow: {allowed}\r\ndate"), 1);
        assert_eq!(ask(&daemon, bare("OPTIONS", path, ORIGIN)), expected, "{path}");
    }
}

#[test]
fn without_configured_origins_nothing_is_said_of_them() {
    let daemon = daemon();
    assert_eq!(ask(&daemon, from_origin(&subscribe("a"))), STREAM);
    let expected = empty("405 Not Allowed").replacen("date", "allow: POST\r\ndate", 1);
    assert_eq!(ask(&daemon, bare("OPTIONS", "/api/stream/a", ORIGIN)), expected);
}

#[test]
fn origins_are_read_anew_with_the_configuration() {
    let daemon = daemon();
    let allowed_origins = vec!["https://www.example.org".to_owned()];
    daemon.reconfigure(Config { allowed_origins, ..config() });
    let expected = readable(STREAM, "transfer-encoding");
    assert_eq!(ask(&daemon, from_origin(&subscribe("a"))), expected);
}

/// A listed origin's scripts may send the cookie that may carry a token. A star names no origin,
/// and browsers would give the answer to any page with the visitor's cookies.
#[test]
fn cookies_are_allowed_to_listed_origins_only_and_only_if_one_is_configured() {
    let credentials = |answer: &str| {
        answer.replacen("vary: ", "access-control-allow-credentials: true\r\nvary: ", 1)
    };
    let with_cookie = |origins: &[&str]| {
        let mut config = config();
        config.allowed_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        config.tokens.cookie = Some("push".to_owned());
        Daemon::new(config)
    };
    let named = "access-control-allow-origin: https://www.example.org\r\nvary: origin\r\n";
    let stream = readable(STREAM, "transfer-encoding");
    let asked = |daemon: &Daemon| {
        let preflight = ask(daemon, bare("OPTIONS", "/api/stream/a", ORIGIN));
        (ask(daemon, from_origin(&subscribe("a"))), preflight)
    };
    for origins in [&["https://www.example.org"][..], &["*", "https://www.example.org"]] {
        let expected = (credentials(&stream), credentials(&preflight(named)));
        assert_eq!(asked(&with_cookie(origins)), expected, "{origins:?}");
    }
    assert_eq!(asked(&with_cookie(&["*"])), (stream, preflight(named)));
    let refused = (STREAM.to_owned(), preflight(""));
    assert_eq!(asked(&with_cookie(&["https://example.net"])), refused);
}
