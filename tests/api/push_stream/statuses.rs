//! The table of statuses and reasons (section 23), a test per row.

use super::locations::*;
use crate::fixtures::{ask, bare, get};
use crate::support::DATE;

const BAD: &str = "400 Bad Request";
const FORBIDDEN: &str = "403 Forbidden";

#[test]
fn status_101_for_a_handshake() {
    // The fixture compares the complete answer.
    websocket(&daemon(""), "/ws/a");
}

#[test]
fn status_200_for_success_and_options() {
    let daemon = daemon("");
    assert_eq!(post(&daemon, "/pub?id=a", "x"), told(&row("a", 1, 1, 0)));
    assert_eq!(ask(&daemon, bare("OPTIONS", "/pub", "")), answer("200 OK", "", ""));
    assert_eq!(listen(&daemon, "/sub/a").text(), STREAM);
}

#[test]
fn status_200_with_a_reason_for_a_delete() {
    let daemon = daemon("");
    publish(&daemon, "a", "x");
    let given = ask(&daemon, send("DELETE", "/pub?id=a", "", ""));
    assert_eq!(given, refused("200 OK", "Channel deleted."));
}

#[test]
fn status_304_for_nothing_to_send_and_for_time_over() {
    let daemon = daemon("longpolling_connection_ttl = '500ms'");
    assert_eq!(ask(&daemon, get("/poll/a", "")), nothing("", ""));
    let client = listen(&daemon, "/lp/a");
    daemon.advance(900);
    let expected = nothing(&format!("Last-Modified: {DATE}\r\n"), "Etag: W/0\r\n");
    assert_eq!(client.text(), expected);
}

#[test]
fn status_400_for_no_channel() {
    let daemon = daemon("");
    let expected = refused(BAD, "No channel id provided.");
    for target in ["/pub", "/sub/", "/poll/", "/lp/", "/ev/"] {
        assert_eq!(ask(&daemon, get(target, "")), expected, "{target}");
    }
}

#[test]
fn status_400_for_an_id_that_is_too_large() {
    let daemon = daemon("max_channel_id_length = 3");
    let expected = refused(BAD, "Channel id is too large.");
    for target in ["/pub?id=long", "/sub/long", "/poll/long", "/lp/long", "/ev/long"] {
        assert_eq!(ask(&daemon, get(target, "")), expected, "{target}");
    }
    assert_eq!(ask(&daemon, get("/sub/abc", "")), STREAM);
}

#[test]
fn status_400_for_an_empty_post() {
    let expected = refused(BAD, "Empty post requests are not allowed.");
    assert_eq!(post(&daemon(""), "/pub?id=a", ""), expected);
}

fn websocket_refusal(fields: &str, own: &str) {
    let expected = format!(
        "HTTP/1.1 400 Bad Request\r\n{NO_CACHE}{own}Date: {DATE}\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    assert_eq!(ask(&daemon(""), get("/ws/a", fields)), expected);
}

#[test]
fn status_400_for_a_handshake_without_its_headers() {
    websocket_refusal(
        "Upgrade: websocket\r\n",
        "X-Nginx-PushStream-Explain: Don't have at least one of the mandatory headers: \
         Connection, Upgrade, Sec-WebSocket-Key and Sec-WebSocket-Version\r\n",
    );
}

#[test]
fn status_400_for_another_version_of_the_handshake() {
    websocket_refusal(
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 7\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Sec-WebSocket-Version: 8, 13\r\n\
         X-Nginx-PushStream-Explain: Version not supported. Supported versions: 8, 13\r\n",
    );
}

#[test]
fn status_403_for_a_reserved_id() {
    let daemon = daemon("");
    let expected = refused(FORBIDDEN, "Channel id not authorized for this method.");
    for target in ["/pub?id=ALL", "/pub?id=a*", "/sub/ALL", "/sub/a*"] {
        assert_eq!(ask(&daemon, get(target, "")), expected, "{target}");
    }
}

#[test]
fn status_403_for_one_channel_too_many() {
    let daemon = daemon("max_number_of_channels = 1");
    publish(&daemon, "a", "x");
    let expected = refused(FORBIDDEN, "Number of channels were exceeded.");
    assert_eq!(post(&daemon, "/pub?id=b", "x"), expected);
    assert_eq!(ask(&daemon, get("/sub/b", "")), expected);
}

#[test]
fn status_403_for_a_publication_on_the_events_channel() {
    let daemon = daemon("events_channel_id = 'EV'");
    let expected = refused(FORBIDDEN, "Only internal routines can change events channel.");
    assert_eq!(post(&daemon, "/pub?id=EV", "x"), expected);
}

#[test]
fn status_403_for_a_channel_that_is_not_authorized() {
    let daemon = daemon("authorized_channels_only = true");
    let expected = refused(FORBIDDEN, "Subscriber could not create channels.");
    assert_eq!(ask(&daemon, get("/sub/a", "")), expected);
}

#[test]
fn status_403_for_one_subscriber_too_many() {
    let daemon = daemon("max_subscribers_per_channel = 1");
    stream(&daemon, "/sub/a");
    let expected = refused(FORBIDDEN, "Subscribers limit per channel has been exceeded.");
    assert_eq!(ask(&daemon, get("/sub/a", "")), expected);
}

#[test]
fn status_403_for_too_many_wildcard_channels() {
    let daemon = daemon("wildcard_channel_prefix = 'w'\nwildcard_channel_max_qtd = 1");
    let expected = refused(FORBIDDEN, "Subscribed too much wildcard channels.");
    assert_eq!(ask(&daemon, get("/sub/a/w1/w2", "")), expected);
}

#[test]
fn status_403_for_a_subscription_to_the_events_channel() {
    let daemon = daemon("events_channel_id = 'EV'");
    let expected = refused(FORBIDDEN, "Subscription to events channel is not allowed.");
    assert_eq!(ask(&daemon, get("/sub/EV", "")), expected);
}

#[test]
fn status_404_for_channels_that_do_not_exist() {
    let daemon = daemon("");
    let expected = answer("404 Not Found", "", "");
    assert_eq!(ask(&daemon, get("/pub?id=a", "")), expected);
    assert_eq!(ask(&daemon, send("DELETE", "/pub?id=a", "", "")), expected);
    let expected = answer("404 Not Found", &identity(), "");
    assert_eq!(ask(&daemon, get("/channels-stats?id=a", "")), expected);
}

#[test]
fn status_405_for_other_methods() {
    let daemon = daemon("");
    let expected = answer("405 Not Allowed", "Allow: GET\r\n", "");
    for target in ["/sub/a", "/channels-stats"] {
        assert_eq!(ask(&daemon, bare("PUT", target, "")), expected, "{target}");
    }
}

#[test]
fn status_413_for_a_body_beyond_the_limit() {
    let daemon = daemon("client_max_body_size = 1");
    let given = post(&daemon, "/pub?id=a", "xy");
    assert!(given.starts_with("HTTP/1.1 413 Request Entity Too Large\r\n"), "{given}");
    assert_eq!(names(&daemon), Vec::<String>::new());
}

#[test]
fn status_500_for_no_memory() {
    let daemon = daemon("shared_memory_size = '128k'");
    let given = post(&daemon, "/pub?id=a", &"x".repeat(140_000));
    assert!(given.starts_with("HTTP/1.1 500 Internal Server Error\r\n"), "{given}");
}

#[test]
fn header_names_match_in_any_letter_case_and_only_whole() {
    let daemon = daemon("message_template = '~event-id~|~event-type~'");
    let client = stream(&daemon, "/sub/a");
    ask(&daemon, send("POST", "/pub?id=a", "EVENT-id: i\r\nevent-TYPE: t\r\n", "x"));
    ask(&daemon, send("POST", "/pub?id=a", "Event-Ids: i\r\nEvent-Typ: t\r\n", "x"));
    assert_eq!(client.text(), chunk("i|t") + &chunk("|"));
    let request = get("/pub?id=a", "aCCEPT: x/yaml\r\n");
    assert!(ask(&daemon, request).contains("\r\nContent-Type: application/yaml\r\n"));
    let mode = get("/sub/a", "x-nginx-pushstream-MODE: polling\r\n");
    assert_eq!(ask(&daemon, mode), nothing("", ""));
}
