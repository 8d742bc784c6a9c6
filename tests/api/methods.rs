//! Paths and methods (section 2): 404 and 405.

use super::fixtures::{BEARER, ask, bare, daemon, empty, get};
use crate::support::DATE;

#[test]
fn paths_are_compared_as_they_are() {
    let daemon = daemon();
    for path in [
        "/",
        "/healthz/",
        "/Healthz",
        "//healthz",
        "/./healthz",
        "/api/../healthz",
        "/%68ealthz",
        "/api",
        "/api/",
        "/api/publish/",
        "/API/publish",
        "/api//publish",
        "/api/stats/",
        "/api/channels/",
        "/api/channels/a/b",
        "/api/stream",
        "/api/stream/",
        "/api/stream//a",
        "/api/stream/a/",
        "/api/stream/a/b",
    ] {
        for method in ["GET", "POST", "OPTIONS", "BREW"] {
            let request = bare(method, path, BEARER);
            assert_eq!(ask(&daemon, request), empty("404 Not Found"), "{method} {path}");
        }
    }
    assert_eq!(ask(&daemon, bare("OPTIONS", "*", "")), empty("404 Not Found"));
    assert_eq!(ask(&daemon, get("http://push.test", "")), empty("404 Not Found"));
}

#[test]
fn another_method_is_told_which_ones_there_are() {
    let daemon = daemon();
    let rows = [
        ("/healthz", "GET,HEAD", &["POST", "PUT", "OPTIONS", "get", "BREW"][..]),
        ("/api/stats", "GET,HEAD", &["POST", "DELETE", "OPTIONS"]),
        ("/api/channels", "GET,HEAD", &["POST", "DELETE", "OPTIONS"]),
        ("/api/channels/a", "GET,HEAD", &["POST", "DELETE", "OPTIONS"]),
        ("/api/publish", "POST", &["GET", "HEAD", "PUT", "OPTIONS", "post"]),
        ("/api/stream/a", "POST", &["GET", "HEAD", "PUT", "OPTIONS"]),
        ("/api/stream/bad%2Fchannel", "POST", &["GET"]),
    ];
    for (path, allowed, methods) in rows {
        let expected = format!(
            "HTTP/1.1 405 Not Allowed\r\nallow: {allowed}\r\ndate: {DATE}\r\n\
             content-length: 0\r\n\r\n"
        );
        for method in methods {
            assert_eq!(ask(&daemon, bare(method, path, "")), expected, "{method} {path}");
        }
    }
}
