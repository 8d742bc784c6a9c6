//! Long-polling (section 12), by the location's mode and by the request's header.

use super::receiving::*;
use crate::support::{Client, Daemon};

const BY_HEADER: &str = "X-Nginx-PushStream-Mode: long-polling\r\n";

/// Long-polling by location and by request header: a daemon, and the field that requests need.
fn runs(http: &str, directives: &str) -> [(Daemon, &'static str); 2] {
    let run = |mode: &str| daemon_with(http, &location("/sub", mode, directives));
    [(run("long-polling"), ""), (run("streaming"), BY_HEADER)]
}

/// A client that has sent this request.
fn waiting(daemon: &Daemon, target: &str, fields: &str) -> Client {
    let client = daemon.connect();
    client.send(get(target, fields));
    client
}

#[test]
fn old_messages_are_answered_at_once() {
    for (daemon, own) in runs("", PAGE) {
        publish(&daemon, "a", "one");
        publish(&daemon, "b", "two");
        let reader = waiting(&daemon, "/sub/a.b1/b.b1", own);
        let items = ["HEAD\n", "[1|a|one|1]", "[1|b|two|2]", "FOOT\n"];
        assert_eq!(reader.text(), answer(0, (0, 2), &items));
        assert_eq!(subscriptions(&daemon, "a"), Some(0));
    }
}

#[test]
fn several_old_messages_come_after_the_event_that_the_client_knows() {
    for (daemon, own) in runs("", SHOWN) {
        for (text, event) in [("m1", "e1"), ("m2", "e2"), ("m3", "e3"), ("m4", "e4")] {
            publish_event(&daemon, "a", text, &format!("Event-Id: {event}\r\n"));
        }
        let reader = waiting(&daemon, "/sub/a", &format!("{own}Last-Event-Id: e2\r\n"));
        assert_eq!(reader.text(), answer(0, (0, 4), &["[3|a|m3|3]", "[4|a|m4|4]"]));
    }
}

#[test]
fn the_request_waits_for_the_next_message_and_gets_that_one_alone() {
    for (daemon, own) in runs("", PAGE) {
        let reader = waiting(&daemon, "/sub/a/b", own);
        assert_eq!(reader.text(), "");
        assert_eq!(subscriptions(&daemon, "b"), Some(1));
        daemon.advance(3_000);
        let publisher = daemon.connect();
        let post = |channel: &str, text: &str| {
            bare("POST", &format!("/pub?id={channel}"), "Content-Length: 3\r\n") + text
        };
        publisher.send(post("b", "one") + &post("a", "two"));
        assert_eq!(reader.text(), answer(3, (3, 1), &["HEAD\n", "[1|b|one|1]", "FOOT\n"]));
        assert_eq!(subscriptions(&daemon, "b"), Some(0));
    }
}

#[test]
fn with_the_validators_of_each_answer_a_client_gets_everything_once() {
    for (daemon, own) in runs("", SHOWN) {
        let reader = waiting(&daemon, "/sub/a", own);
        publish(&daemon, "a", "one");
        assert_eq!(reader.text(), answer(0, (0, 1), &["[1|a|one|1]"]));
        publish(&daemon, "a", "two");
        publish(&daemon, "a", "three");
        let go_on = |tag: u32| {
            let time = date(0);
            let fields = format!("{own}If-Modified-Since: {time}\r\nIf-None-Match: W/{tag}\r\n");
            get("/sub/a", &fields)
        };
        let missed = answer(0, (0, 3), &["[2|a|two|2]", "[3|a|three|3]"]);
        assert_eq!(reader.ask(go_on(1)), missed);
        assert_eq!(reader.ask(go_on(3)), "");
        publish(&daemon, "a", "four");
        assert_eq!(reader.text(), answer(0, (0, 4), &["[4|a|four|4]"]));
    }
}

#[test]
fn messages_of_different_channels_follow_each_other_by_tag() {
    for (daemon, own) in runs("", SHOWN) {
        let reader = waiting(&daemon, "/sub/a/b/c", own);
        for (number, channel) in ["a", "b", "c"].into_iter().enumerate() {
            publish(&daemon, channel, "x");
            let tag = number as u32 + 1;
            let item = format!("[1|{channel}|x|{tag}]");
            assert_eq!(reader.text(), answer(0, (0, tag), &[&item]));
            let fields = format!("{own}If-Modified-Since: {}\r\nIf-None-Match: {tag}\r\n", date(0));
            reader.send(get("/sub/a/b/c", &fields));
        }
    }
}

#[test]
fn a_deletion_answers_even_who_has_other_channels() {
    for (daemon, own) in runs("", PAGE) {
        let reader = waiting(&daemon, "/sub/a/b", own);
        daemon.advance(2_000);
        delete(&daemon, "a", "gone");
        assert_eq!(reader.text(), answer(2, (2, 0), &["HEAD\n", "[-2|a|gone|0]", "FOOT\n"]));
        assert_eq!(subscriptions(&daemon, "b"), Some(0));
    }
}

#[test]
fn when_the_time_is_over_the_answer_is_304_from_now_on() {
    let times = [
        "longpolling_connection_ttl = \"10s\"",
        "subscriber_connection_ttl = \"10s\"",
        "subscriber_connection_ttl = \"5s\"\nlongpolling_connection_ttl = \"10s\"",
        "subscriber_connection_ttl = \"15s\"\nlongpolling_connection_ttl = \"10s\"",
    ];
    for directives in times {
        for (daemon, own) in runs("", &format!("{PAGE}{directives}")) {
            let reader = waiting(&daemon, "/sub/a", own);
            daemon.advance(9_999);
            assert_eq!(reader.text(), "");
            daemon.advance(500);
            assert_eq!(reader.text(), timed_out(10), "{directives}");
            assert_eq!(subscriptions(&daemon, "a"), Some(0));
        }
    }
}

#[test]
fn the_long_polling_limit_does_not_bind_streams() {
    let daemon = daemon("streaming", "longpolling_connection_ttl = \"10s\"");
    let reader = subscriber(&daemon, "a");
    reader.read();
    daemon.advance(60_000);
    assert_eq!(reader.text(), "");
    assert_eq!(subscriptions(&daemon, "a"), Some(1));
}

#[test]
fn without_a_limit_the_request_waits_for_ever() {
    let daemon = daemon("long-polling", "");
    let reader = waiting(&daemon, "/sub/a", "");
    daemon.advance(24 * 3600 * 1000);
    assert_eq!(reader.text(), "");
    publish(&daemon, "a", "at last");
    assert_eq!(body(&reader.text()), chunk("at last") + LAST_CHUNK);
}

#[test]
fn a_connection_that_waited_without_a_limit_is_closed_when_it_is_idle_again() {
    for (daemon, own) in runs("", "") {
        let reader = waiting(&daemon, "/sub/a", own);
        daemon.advance(3_600_000);
        publish(&daemon, "a", "x");
        assert!(reader.text().ends_with("1\r\nx\r\n0\r\n\r\n"));
        daemon.advance(89_000);
        assert!(!reader.is_ended());
        daemon.advance(1_000 + TICK);
        assert!(reader.is_ended());
    }
}

#[test]
fn what_a_timed_out_client_missed_is_there_at_its_next_request() {
    let daemon =
        daemon("long-polling", "longpolling_connection_ttl = \"10s\"\n".to_owned().as_str());
    let reader = waiting(&daemon, "/sub/a", "");
    daemon.advance(10_000 + TICK);
    assert_eq!(reader.text(), timed_out(10));
    publish(&daemon, "a", "missed");
    let fields = format!("If-Modified-Since: {}\r\nIf-None-Match: W/0\r\n", date(10));
    assert_eq!(reader.ask(get("/sub/a", &fields)), answer(10, (10, 1), &["missed"]));
}

#[test]
fn with_timeout_with_body_the_time_out_is_a_message() {
    let directives = "message_template = \"~id~|~channel~|~text~|~size~|~tag~|~time~\"\n\
                      header_template = \"HEAD\"\nfooter_template = \"FOOT\"\n\
                      longpolling_connection_ttl = \"10s\"";
    for (daemon, own) in runs("timeout_with_body = true", directives) {
        let reader = waiting(&daemon, "/sub/a", own);
        daemon.advance(10_000 + TICK);
        let item = format!("-3||Timed out|9|0|{EPOCH}");
        assert_eq!(reader.text(), answer(10, (10, 0), &["HEAD", &item, "FOOT"]));
    }
}

#[test]
fn a_waiting_request_gets_no_ping_and_no_padding() {
    let directives = "header_template = \"H\"\nping_message_interval = \"1s\"\n\
                      padding_by_user_agent = \".*,1024,1024\"";
    for (daemon, own) in runs("", directives) {
        let reader = waiting(&daemon, "/sub/a", own);
        daemon.advance(5_000);
        assert_eq!(reader.text(), "");
        publish(&daemon, "a", "x");
        assert_eq!(reader.text(), answer(5, (5, 1), &["H", "x"]));
    }
}

#[test]
fn a_stop_and_a_reload_answer_like_the_end_of_the_time() {
    let text = location("/sub", "long-polling", "");
    let config = try_config("reload_ends_subscribers = true", &text).expect("it is good");
    let daemon = Daemon::new(config.clone());
    let reader = waiting(&daemon, "/sub/a", "");
    daemon.reconfigure(config);
    assert_eq!(reader.text(), timed_out(0));
    reader.send(get("/sub/a", ""));
    daemon.stop();
    assert_eq!(reader.text(), timed_out(0).replace("keep-alive", "close"));
    assert!(reader.is_ended());
}

#[test]
fn requests_that_were_pipelined_are_answered_after_the_wait() {
    for (daemon, own) in runs("", SHOWN) {
        let reader = daemon.connect();
        let fields = format!("{own}If-Modified-Since: {}\r\nIf-None-Match: 0\r\n", date(0));
        reader.send(get("/sub/a", own) + &get("/sub/a", &fields) + &get("/sub/b", own));
        assert_eq!(reader.text(), "");
        publish(&daemon, "a", "x");
        let one = answer(0, (0, 1), &["[1|a|x|1]"]);
        assert_eq!(reader.text(), one.repeat(2));
        publish(&daemon, "b", "y");
        assert_eq!(reader.text(), answer(0, (0, 2), &["[1|b|y|2]"]));
    }
}

#[test]
fn a_http_1_0_wait_ends_with_the_connection() {
    let daemon = daemon("long-polling", "");
    let reader = daemon.connect();
    reader.send(get("/sub/a", "").replace("HTTP/1.1", "HTTP/1.0"));
    publish(&daemon, "a", "x");
    let head = answer(0, (0, 1), &[]).replace("Transfer-Encoding: chunked\r\n", "");
    assert_eq!(reader.text(), head.replace("keep-alive", "close").replace(LAST_CHUNK, "") + "x");
    assert!(reader.is_ended());
}

#[test]
fn a_thousand_waiting_requests_are_answered_alike() {
    let daemon = daemon("long-polling", SHOWN);
    let readers: Vec<Client> = (0..1000).map(|_| waiting(&daemon, "/sub/a", "")).collect();
    publish(&daemon, "a", "x");
    for reader in readers {
        assert_eq!(reader.text(), answer(0, (0, 1), &["[1|a|x|1]"]));
    }
}

#[test]
fn an_event_source_location_gives_its_type_only_to_who_had_to_wait() {
    let daemon = daemon("eventsource", "");
    let reader = waiting(&daemon, "/sub/a", BY_HEADER);
    publish(&daemon, "a", "x");
    let items = [": \n", "data: x\n\n"];
    let event_stream = "text/event-stream; charset=utf-8";
    assert_eq!(reader.text(), typed_answer(event_stream, 0, (0, 1), &items));
    let reader = waiting(&daemon, "/sub/a.b1", BY_HEADER);
    assert_eq!(reader.text(), answer(0, (0, 1), &items));
}

#[test]
fn a_long_polling_location_cannot_be_turned_into_polling() {
    let daemon = daemon("long-polling", "");
    let reader = waiting(&daemon, "/sub/a", "X-Nginx-PushStream-Mode: polling\r\n");
    assert_eq!(reader.text(), "");
    publish(&daemon, "a", "x");
    assert_eq!(reader.text(), answer(0, (0, 1), &["x"]));
}

#[test]
fn a_client_that_hangs_up_while_it_waits_is_forgotten() {
    let daemon = daemon("long-polling", "");
    waiting(&daemon, "/sub/a", "").abort();
    assert_eq!(subscriptions(&daemon, "a"), Some(0));
}

#[test]
fn what_is_pipelined_behind_a_wait_is_kept_up_to_head_bytes_max() {
    for (length, is_kept) in [(512, true), (513, false)] {
        let mut config = try_config("", &location("/sub", "long-polling", SHOWN)).unwrap();
        config.limits.head_bytes_max = 512;
        let daemon = Daemon::new(config);
        let reader = waiting(&daemon, "/sub/a", "");
        let bare = get("/stats", "A: \r\n").len();
        reader.send(get("/stats", &format!("A: {}\r\n", "x".repeat(length - bare))));
        publish(&daemon, "a", "one");
        let text = reader.text();
        assert!(text.contains("[1|a|one|1]"), "{text}");
        assert_eq!(text.matches("HTTP/1.1 200 OK\r\n").count(), if is_kept { 2 } else { 1 });
        assert_eq!(text.contains("Connection: close\r\n"), !is_kept, "{text}");
        assert_eq!(reader.is_ended(), !is_kept);
    }
}

#[test]
fn after_the_clock_was_set_back_a_time_out_announces_what_comes_behind_all_messages() {
    for (daemon, own) in runs("", "longpolling_connection_ttl = 5") {
        publish(&daemon, "a", "one");
        daemon.set_clock_back(60_000);
        let reader = waiting(&daemon, "/sub/a", own);
        daemon.advance(5_000 + TICK);
        let answer = reader.text();
        let position = format!("Last-Modified: {}\r\n", date(0));
        assert!(answer.contains(&position) && answer.contains("Etag: W/1\r\n"), "{answer}");
        let seen = format!("{own}If-Modified-Since: {}\r\nIf-None-Match: W/1\r\n", date(0));
        assert_eq!(reader.ask(get("/sub/a", &seen)), "", "nothing is repeated");
        publish(&daemon, "a", "two");
        assert!(reader.text().ends_with(&(chunk("two") + LAST_CHUNK)), "nothing is missed");
    }
}
