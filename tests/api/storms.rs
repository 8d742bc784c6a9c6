//! Limits against storms: streams begun per second (`connects_per_second_max`).

use super::fixtures::*;
use super::push_stream::locations;
use super::single_visitors::both_faces;
use crate::support::Daemon;
use rpushd::config::Config;

const TOO_FAST: &str = "too many clients connect at once; try again later\n";

/// Both faces with at most this many streams begun per second.
fn limited(max: u32) -> Config {
    let mut config = both_faces();
    config.limits.connects_per_second_max = max;
    config
}

/// How many streams begin before one is refused.
fn begun(daemon: &Daemon) -> usize {
    let status = || ask(daemon, subscribe("a")).split(' ').nth(1).map(str::to_owned);
    std::iter::repeat_with(status).take_while(|status| status.as_deref() == Some("200")).count()
}

#[test]
fn connects_per_second_max_streams_begin_at_once_and_then_as_many_a_second() {
    let daemon = Daemon::new(limited(5));
    assert_eq!(begun(&daemon), 5);
    let (answer, seconds) = split_retry(&ask(&daemon, subscribe("a")));
    assert_eq!(answer, explained("503 Service Unavailable", TOO_FAST));
    assert!((1..=2).contains(&seconds), "{seconds}");
    daemon.advance(400);
    assert_eq!(begun(&daemon), 2);
    daemon.advance(60_000);
    assert_eq!(begun(&daemon), 5);
    assert_eq!(daemon.counters().subscribers_refused_rate_total, 4);
}

#[test]
fn both_faces_share_the_budget_and_a_location_refuses_in_its_own_words() {
    let daemon = Daemon::new(limited(3));
    assert_eq!(ask(&daemon, subscribe("a")), STREAM);
    assert_eq!(ask(&daemon, get("/sub/a", "")), locations::STREAM);
    assert!(ask(&daemon, get("/ev/a", "")).starts_with("HTTP/1.1 200 OK\r\n"));
    let explain = "Too many clients connect at once, try again later.";
    let expected = locations::refused("503 Service Unavailable", explain);
    for target in ["/sub/a", "/ev/a"] {
        assert_eq!(split_retry(&ask(&daemon, get(target, ""))).0, expected, "{target}");
    }
    assert_eq!(begun(&daemon), 0);
}

#[test]
fn publications_and_all_that_is_no_stream_are_never_behind_it() {
    let daemon = Daemon::new(limited(1));
    assert_eq!(begun(&daemon), 1);
    for request in [
        publish("a", "1"),
        get("/api/stats", BEARER),
        get("/healthz", ""),
        locations::send("POST", "/pub?id=a", "", "1"),
        get("/poll/a", ""),
    ] {
        for listener in [0, 1] {
            let answer = daemon.connect_to(listener).expect("there is room").ask(&request);
            let status = answer.split(' ').nth(1).unwrap_or_default();
            let is_hidden = listener == 0 && request.contains("/api/");
            let expected = if is_hidden { &["404"][..] } else { &["200", "204", "304"] };
            assert!(expected.contains(&status), "{request}{answer}");
        }
    }
    // A message would let all waiting clients come back at once.
    (0..5).for_each(|_| assert_eq!(ask(&daemon, get("/lp/b", "")), ""));
    // Streams of internal listeners are the operator's own.
    let internal = daemon.connect_to(1).expect("there is room");
    assert_eq!(internal.ask(subscribe("a")), STREAM);
    assert_eq!(daemon.counters().subscribers_refused_rate_total, 1);
}

/// Otherwise a client without a token could keep all others out.
#[test]
fn bad_requests_take_no_place() {
    let daemon = Daemon::new(limited(2));
    for _ in 0..10 {
        assert_eq!(ask(&daemon, subscribe_with("a", "x.y.z")), denied("malformed"));
        assert_eq!(ask(&daemon, subscribe("a~b")), explained("400 Bad Request", BAD_CHANNEL));
        assert!(ask(&daemon, get("/sub/ALL", "")).starts_with("HTTP/1.1 403 "));
    }
    assert_eq!(begun(&daemon), 2);
}

/// 200 clients come at once where 10 a second are let in. If each comes back when it was asked to,
/// there are about as many in each second as there are places.
#[test]
fn refused_clients_are_asked_to_come_back_at_the_pace_at_which_they_are_let_in() {
    let daemon = Daemon::new(limited(10));
    assert_eq!(begun(&daemon), 10);
    let mut per_second = vec![0; 64];
    for _ in 0..190 {
        let (_, seconds) = split_retry(&ask(&daemon, subscribe("a")));
        per_second[seconds as usize] += 1;
    }
    assert_eq!(per_second[0], 0);
    assert!(per_second.iter().all(|count| *count <= 18), "{per_second:?}");
    let last = per_second.iter().rposition(|count| *count > 0);
    assert!(last.is_some_and(|last| (19..=26).contains(&last)), "{per_second:?}");
    // However many there are, none is asked to wait much longer than a minute.
    let longest = (0..2_000).map(|_| split_retry(&ask(&daemon, subscribe("a"))).1).max();
    assert!(longest.is_some_and(|longest| (60..=76).contains(&longest)), "{longest:?}");
}

#[test]
fn a_reload_changes_the_budget_and_switches_it_off() {
    let daemon = Daemon::new(limited(10));
    assert_eq!(begun(&daemon), 10);
    daemon.reconfigure(limited(2));
    assert_eq!(begun(&daemon), 0);
    daemon.advance(60_000);
    assert_eq!(begun(&daemon), 2);
    daemon.reconfigure(limited(0));
    (0..20).for_each(|_| assert_eq!(ask(&daemon, subscribe("a")).get(..12), Some("HTTP/1.1 200")));
}

#[test]
fn scripts_of_an_allowed_origin_can_read_when_to_come_back() {
    let mut config = limited(1);
    config.allowed_origins = vec!["https://www.example.org".to_owned()];
    let daemon = Daemon::new(config);
    assert_eq!(begun(&daemon), 1);
    let from_page =
        subscribe("a").replacen("\r\n\r\n", "\r\nOrigin: https://www.example.org\r\n\r\n", 1);
    let (answer, _) = split_retry(&ask(&daemon, from_page));
    let fields = "access-control-expose-headers: retry-after\r\n\
                  access-control-allow-origin: https://www.example.org\r\nvary: origin\r\ndate";
    let expected = explained("503 Service Unavailable", TOO_FAST).replacen("date", fields, 1);
    assert_eq!(answer, expected);
}
