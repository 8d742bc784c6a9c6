//! `POST /api/stream/{channel}` (section 5): heads, frames and their order.

use super::fixtures::*;
use crate::support::DATE;

#[test]
fn a_stream_begins_with_its_head_and_one_heartbeat() {
    let daemon = daemon();
    let client = daemon.connect();
    assert_eq!(client.ask(subscribe("a")), STREAM);
    assert!(!client.is_ended());
}

#[test]
fn http_1_0_gets_the_frames_as_they_are_and_the_end_with_the_connection() {
    let daemon = daemon();
    let reader = daemon.connect();
    let request = subscribe("a").replace("HTTP/1.1", "HTTP/1.0");
    let head = "HTTP/1.1 200 OK\r\n\
                content-type: application/octet-stream\r\n\
                cache-control: no-cache, no-store, must-revalidate, no-transform\r\n\
                pragma: no-cache\r\n\
                expires: 0\r\n\
                x-content-type-options: nosniff\r\n\
                x-accel-buffering: no\r\n\
                date: Tue, 14 Apr 2026 15:40:00 GMT\r\n\
                connection: close\r\n\
                \r\n\
                \0\0";
    let keep_alive = request.replacen("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n", 1);
    assert_eq!(reader.ask(request), head);
    assert_eq!(ask(&daemon, keep_alive), head);
    ask(&daemon, publish("a", "\"hello\""));
    assert_eq!(reader.text(), "\0\u{7}\"hello\"");
    daemon.stop();
    assert_eq!((reader.text().as_str(), reader.is_ended()), ("", true));
}

#[test]
fn a_client_that_will_close_is_told_that_the_server_will() {
    let request = subscribe("a").replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
    let expected = closing(STREAM);
    assert_eq!(ask(&daemon(), request), expected);
}

#[test]
fn each_message_is_a_frame_with_its_length() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a");
    ask(&daemon, publish("a", "{\"n\": 1}"));
    assert_eq!(reader.text(), "9\r\n\0\u{7}{\"n\":1}\r\n");
    let longest = format!("\"{}\"", "x".repeat(65_533));
    ask(&daemon, publish("a", &longest));
    assert_eq!(reader.read(), [b"10001\r\n\xff\xff", longest.as_bytes(), b"\r\n"].concat());
}

#[test]
fn only_what_is_published_after_the_head_arrives() {
    let daemon = daemon();
    ask(&daemon, publish("a", "\"before\""));
    let reader = subscriber(&daemon, "a");
    ask(&daemon, publish("a", "\"after\""));
    assert_eq!(reader.read(), frame("\"after\""));
}

#[test]
fn only_the_own_channel_arrives_and_letter_case_matters() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a");
    for channel in ["A", "a.", "b"] {
        ask(&daemon, publish(channel, "0"));
    }
    ask(&daemon, publish("a", "1"));
    assert_eq!(reader.read(), frame("1"));
}

#[test]
fn order_is_the_order_of_publication_for_every_subscriber() {
    let daemon = daemon();
    let readers: Vec<_> = (0..50).map(|_| subscriber(&daemon, "a")).collect();
    let (one, other) = (daemon.connect(), daemon.connect());
    let mut expected = Vec::new();
    for round in 0..20 {
        // Both publish in the same turn; the first connection is read first.
        one.post(publish("a", &format!("\"{round} one\"")).repeat(3));
        other.post(publish("a", &format!("\"{round} other\"")));
        daemon.run();
        expected.extend(frames([
            format!("\"{round} one\""),
            format!("\"{round} one\""),
            format!("\"{round} one\""),
        ]));
        expected.extend(frame(&format!("\"{round} other\"")));
    }
    for reader in readers {
        assert_eq!(reader.read(), expected);
    }
}

#[test]
fn several_subscriptions_of_one_client_are_several_streams() {
    let daemon = daemon();
    let (first, second) = (subscriber(&daemon, "a"), subscriber(&daemon, "a"));
    ask(&daemon, publish("a", "1"));
    assert_eq!((first.read(), second.read()), (frame("1"), frame("1")));
}

#[test]
fn the_channel_of_the_path_is_decoded_once() {
    let daemon = daemon();
    let request = |path: &str| post(&format!("/api/stream/{path}"), "", &body("a:b"));
    fn body(channel: &str) -> String {
        format!(r#"{{"token":"{}"}}"#, token(channel))
    }
    for path in ["a:b", "a%3Ab", "%61%3a%62"] {
        assert_eq!(ask(&daemon, request(path)), STREAM, "{path}");
    }
    let broken = explained("400 Bad Request", "a broken escape in the path\n");
    for path in ["a%", "a%3", "a%zz", "%"] {
        assert_eq!(ask(&daemon, request(path)), broken, "{path}");
    }
    let invalid = explained("400 Bad Request", BAD_CHANNEL);
    let too_long = "a".repeat(192);
    for path in ["a%2Fb", "a%253Ab", "a+b", "%20", "%00", "%ff", "a~b", &too_long] {
        assert_eq!(ask(&daemon, request(path)), invalid, "{path}");
    }
}

#[test]
fn a_bad_channel_is_told_before_a_bad_token() {
    let refused = explained("400 Bad Request", BAD_CHANNEL);
    assert_eq!(ask(&daemon(), subscribe_with("a~b", "no token")), refused);
}

#[test]
fn the_body_follows_the_rules_of_json() {
    let daemon = daemon();
    let send = |body: &str| ask(&daemon, post("/api/stream/a", "", body));
    let not_json = explained("400 Bad Request", BAD_JSON);
    for body in ["", "{", "{}{}", "token"] {
        assert_eq!(send(body), not_json, "{body}");
    }
    let text = "the body must be an object with a string \"token\", once\n";
    let no_token = explained("422 Unprocessable Content", text);
    for body in ["{}", "[]", "null", r#"{"token":1}"#, r#"{"token":"a","token":"a"}"#, r#"["a"]"#] {
        assert_eq!(send(body), no_token, "{body}");
    }
    let further = format!(r#"{{"more":[1],"token":"{}"}}"#, token("a"));
    assert_eq!(send(&further), STREAM);
    let plain = subscribe("a").replace("application/json", "text/plain");
    assert_eq!(ask(&daemon, plain), explained("415 Unsupported Media Type", NOT_JSON_TYPE));
}

#[test]
fn errors_keep_the_connection_open_for_another_try() {
    let daemon = daemon();
    let client = daemon.connect();
    let expected =
        [denied("malformed"), explained("400 Bad Request", BAD_JSON), STREAM.to_owned()].concat();
    let requests =
        [subscribe_with("a", "x.y.z"), post("/api/stream/a", "", "{"), subscribe("a")].concat();
    assert_eq!(client.ask(requests), expected);
}

#[test]
fn a_stream_may_follow_other_requests_in_one_go() {
    let daemon = daemon();
    let client = daemon.connect();
    let requests = [publish("a", "1"), subscribe("a")].concat();
    assert_eq!(client.ask(requests), [ACCEPTED, STREAM].concat());
    ask(&daemon, publish("a", "2"));
    assert_eq!(client.read(), frame("2"));
}

#[test]
fn what_a_client_sends_behind_its_subscription_is_not_answered_into_the_stream() {
    let daemon = daemon();
    let client = daemon.connect();
    assert_eq!(client.ask(subscribe("a") + &get("/healthz", "")), STREAM);
    client.send(publish("a", "1"));
    ask(&daemon, publish("a", "2"));
    assert_eq!(client.read(), frame("2"));
}

#[test]
fn a_subscriber_that_closes_or_vanishes_leaves_its_channel() {
    let daemon = daemon();
    let (closes, vanishes, stays) =
        (subscriber(&daemon, "a"), subscriber(&daemon, "a"), subscriber(&daemon, "a"));
    closes.end();
    vanishes.abort();
    assert_eq!((closes.is_closed(), vanishes.is_closed()), (true, true));
    ask(&daemon, publish("a", "1"));
    assert_eq!(stays.read(), frame("1"));
    assert_eq!(daemon.counters().deliveries_total, 1);
}

#[test]
fn a_request_in_pieces_of_any_size_is_the_same_request() {
    let request = subscribe("a").into_bytes();
    for size in [1, 2, 3, 7, 50, 300] {
        let daemon = daemon();
        let client = daemon.connect();
        request.chunks(size).for_each(|piece| client.send(piece));
        assert_eq!(client.text(), STREAM, "pieces of {size}");
    }
}

#[test]
fn a_subscription_by_get_is_refused() {
    let expected = format!(
        "HTTP/1.1 405 Not Allowed\r\nallow: POST\r\ndate: {DATE}\r\ncontent-length: 0\r\n\r\n"
    );
    assert_eq!(ask(&daemon(), get("/api/stream/a", "")), expected);
}
