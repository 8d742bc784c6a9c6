//! Polling (section 11), by the location's mode and by the request's header.

use super::receiving::*;
use crate::support::Daemon;

const BY_HEADER: &str = "X-Nginx-PushStream-Mode: polling\r\n";

/// Polling by location and by request header: a daemon, and the field that requests need.
fn runs(directives: &str) -> [(Daemon, &'static str); 2] {
    [(daemon("polling", directives), ""), (daemon("streaming", directives), BY_HEADER)]
}

fn poll(channels: &str, own: &str, fields: &str) -> String {
    get(&format!("/sub/{channels}"), &format!("{own}{fields}"))
}

#[test]
fn with_nothing_to_send_the_answer_is_304_without_validators() {
    for (daemon, own) in runs(PAGE) {
        assert_eq!(ask(&daemon, poll("a", own, "")), not_modified("text/plain", 0, "", ""));
    }
}

#[test]
fn with_nothing_to_send_the_validators_come_back() {
    for (daemon, own) in runs(PAGE) {
        let time = format!("If-Modified-Since: {}\r\n", date(0));
        let last_modified = format!("Last-Modified: {}\r\n", date(0));
        let with = |time: &str, tag: &str, last_modified: &str, etag: &str| {
            let answer = ask(&daemon, poll("a", own, &format!("{time}{tag}")));
            assert_eq!(answer, not_modified("text/plain", 0, last_modified, etag));
        };
        with(&time, "If-None-Match: 3\r\n", &last_modified, "Etag: W/3\r\n");
        with(&time, "If-None-Match: W/3\r\n", &last_modified, "Etag: W/3\r\n");
        with(&time, "", &last_modified, "");
        with("", "If-None-Match: W/7\r\n", "", "Etag: W/7\r\n");
        // The epoch itself is not returned, and an invalid date or tag counts as absent.
        with(SINCE_EPOCH, "If-None-Match: \"3\"\r\n", "", "");
        with("If-Modified-Since: null\r\n", "If-None-Match: -1\r\n", "", "");
    }
}

#[test]
fn the_three_forms_of_dates_are_understood() {
    let daemon = daemon("polling", "");
    for form in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ] {
        let request = get("/sub/a", &format!("If-Modified-Since: {form}\r\n"));
        let last_modified = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        assert_eq!(
            ask(&daemon, request),
            not_modified("text/plain", 0, last_modified, ""),
            "{form}"
        );
    }
}

#[test]
fn messages_come_with_header_and_footer_and_the_position_of_the_last() {
    for (daemon, own) in runs(PAGE) {
        publish(&daemon, "pp", "one");
        publish(&daemon, "pp", "two");
        publish(&daemon, "pp2", "b");
        let items = ["HEAD\n", "[1|pp|one|1]", "[2|pp|two|2]", "[1|pp2|b|3]", "FOOT\n"];
        assert_eq!(ask(&daemon, poll("pp/pp2", own, SINCE_EPOCH)), answer(0, (0, 3), &items));
    }
}

#[test]
fn a_backtrack_alone_starts_from_the_beginning_of_time() {
    for (daemon, own) in runs(SHOWN) {
        publish(&daemon, "a", "one");
        daemon.advance(2_000);
        publish(&daemon, "b", "two");
        let expected = answer(2, (2, 1), &["[1|a|one|1]", "[1|b|two|1]"]);
        assert_eq!(ask(&daemon, poll("a.b1/b.b1", own, "")), expected);
    }
}

#[test]
fn the_position_is_never_before_the_one_that_the_client_has() {
    let daemon = daemon("polling", SHOWN);
    publish(&daemon, "a", "one");
    let later = format!("If-Modified-Since: {}\r\nIf-None-Match: 4\r\n", date(9));
    assert_eq!(ask(&daemon, get("/sub/a.b1", &later)), answer(0, (9, 4), &["[1|a|one|1]"]));
}

#[test]
fn the_answer_s_validators_lead_to_what_came_later_and_nothing_else() {
    for (daemon, own) in runs(SHOWN) {
        publish(&daemon, "a", "one");
        let next = format!("If-Modified-Since: {}\r\nIf-None-Match: W/1\r\n", date(0));
        let last_modified = format!("Last-Modified: {}\r\n", date(0));
        assert_eq!(
            ask(&daemon, poll("a", own, &next)),
            not_modified("text/plain", 0, &last_modified, "Etag: W/1\r\n")
        );
        publish(&daemon, "a", "two");
        assert_eq!(ask(&daemon, poll("a", own, &next)), answer(0, (0, 2), &["[2|a|two|2]"]));
    }
}

#[test]
fn a_poll_makes_the_channel_but_is_no_subscriber() {
    for (daemon, own) in runs("") {
        assert_eq!(subscriptions(&daemon, "a"), None);
        ask(&daemon, poll("a", own, ""));
        assert_eq!(subscriptions(&daemon, "a"), Some(0));
    }
}

#[test]
fn a_http_1_0_answer_ends_with_the_connection() {
    let daemon = daemon("polling", PAGE);
    publish(&daemon, "a", "x");
    let client = daemon.connect();
    client.send(get("/sub/a.b1", "").replace("HTTP/1.1", "HTTP/1.0"));
    let head = answer(0, (0, 1), &[]).replace("Transfer-Encoding: chunked\r\n", "");
    let head = head.replace("keep-alive", "close").replace(LAST_CHUNK, "");
    assert_eq!(client.text(), head + "HEAD\n[1|a|x|1]FOOT\n");
    assert!(client.is_ended());
}

#[test]
fn requests_may_be_pipelined() {
    let daemon = daemon("polling", SHOWN);
    publish(&daemon, "a", "x");
    let client = daemon.connect();
    client.send(get("/sub/a.b1", "") + &get("/sub/b", "") + &get("/sub/a.b1", ""));
    let one = answer(0, (0, 1), &["[1|a|x|1]"]);
    assert_eq!(client.text(), format!("{one}{}{one}", not_modified("text/plain", 0, "", "")));
}

#[test]
fn a_poll_gets_no_padding() {
    let directives = format!("{PAGE}padding_by_user_agent = \".*,1024,1024\"");
    let daemon = daemon("streaming", &directives);
    publish(&daemon, "a", "x");
    let items = ["HEAD\n", "[1|a|x|1]", "FOOT\n"];
    assert_eq!(ask(&daemon, poll("a.b1", BY_HEADER, "")), answer(0, (0, 1), &items));
}

#[test]
fn an_event_source_location_polled_by_header_keeps_its_formatting_but_not_its_type() {
    let directives = "header_template = \"H\"\nfooter_template = \"F\"";
    let daemon = daemon("eventsource", directives);
    publish(&daemon, "a", "x");
    let items = [": H\n", "data: x\n\n", ": F\n"];
    assert_eq!(ask(&daemon, poll("a.b1", BY_HEADER, "")), answer(0, (0, 1), &items));
}

#[test]
fn a_later_time_without_a_tag_comes_back_without_one_beside_the_messages_after_an_event() {
    for (daemon, own) in runs(SHOWN) {
        publish_event(&daemon, "a", "one", "Event-Id: e1\r\n");
        publish(&daemon, "a", "two");
        let fields = format!("If-Modified-Since: {}\r\nLast-Event-Id: e1\r\n", date(9));
        let answer = ask(&daemon, poll("a", own, &fields));
        assert!(answer.contains(&format!("Last-Modified: {}\r\n", date(9))), "{answer}");
        assert!(!answer.contains("Etag"), "{answer}");
        assert_eq!(body(&answer), chunk("[2|a|two|2]") + LAST_CHUNK);
    }
}
