//! `GET /healthz` (section 2).

use super::fixtures::{ask, bare, daemon, get};

const HEALTHY: &str = "HTTP/1.1 200 OK\r\n\
     content-type: application/json\r\n\
     date: Tue, 14 Apr 2026 15:40:00 GMT\r\n\
     content-length: 15\r\n\
     \r\n\
     {\"status\":\"ok\"}";

#[test]
fn a_daemon_that_runs_is_healthy_for_everybody() {
    assert_eq!(ask(&daemon(), get("/healthz", "")), HEALTHY);
}

#[test]
fn a_query_and_an_absolute_target_change_nothing() {
    let daemon = daemon();
    for target in
        ["/healthz?x=1", "/healthz?", "http://push.test/healthz", "HTTPS://[::1]:1/healthz"]
    {
        assert_eq!(ask(&daemon, get(target, "")), HEALTHY, "{target}");
    }
}

#[test]
fn head_is_get_without_the_body() {
    let head = HEALTHY.strip_suffix("{\"status\":\"ok\"}").unwrap();
    assert_eq!(ask(&daemon(), bare("HEAD", "/healthz", "")), head);
}
