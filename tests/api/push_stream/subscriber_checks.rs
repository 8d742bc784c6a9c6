//! Subscriber requests: each check, and their order (section 8).

use super::locations::*;
use crate::fixtures::{ask, bare, get};
use crate::support::{DATE, Daemon};

fn forbidden(explain: &str) -> String {
    refused("403 Forbidden", explain)
}

fn subscribe(daemon: &Daemon, path: &str) -> String {
    ask(daemon, get(&format!("/sub/{path}"), ""))
}

#[test]
fn each_check_comes_before_the_next() {
    let daemon = daemon(
        "max_channel_id_length = 8\nauthorized_channels_only = true\n\
         wildcard_channel_prefix = 'w_'\nmax_subscribers_per_channel = 1\n\
         events_channel_id = 'EV'\nwildcard_channel_max_qtd = 1\n\
         max_number_of_channels = 2\nmax_number_of_wildcard_channels = 1",
    );
    publish(&daemon, "full", "x");
    stream(&daemon, "/sub/full");
    let not_allowed = answer("405 Not Allowed", "Allow: GET\r\n", "");
    assert_eq!(ask(&daemon, bare("POST", "/sub/ALL", "")), not_allowed);
    let no_channel = refused("400 Bad Request", "No channel id provided.");
    assert_eq!(subscribe(&daemon, ""), no_channel);
    let reserved = forbidden("Channel id not authorized for this method.");
    assert_eq!(subscribe(&daemon, "much_too_long*"), reserved);
    let too_large = refused("400 Bad Request", "Channel id is too large.");
    assert_eq!(subscribe(&daemon, "much_too_long"), too_large);
    let unauthorized = forbidden("Subscriber could not create channels.");
    assert_eq!(subscribe(&daemon, "none"), unauthorized);
    let crowded = forbidden("Subscribers limit per channel has been exceeded.");
    assert_eq!(subscribe(&daemon, "full/w_1/w_2"), crowded);
    // It is authorized, because events are already stored there.
    let events = forbidden("Subscription to events channel is not allowed.");
    assert_eq!(subscribe(&daemon, "EV/w_1/w_2"), events);
    let wildcards = forbidden("Subscribed too much wildcard channels.");
    assert_eq!(ask(&daemon, get("/events/EV/w_1/w_2", "")), wildcards);
    publish(&daemon, "w_9", "x");
    let exceeded = forbidden("Number of channels were exceeded.");
    assert_eq!(ask(&daemon, get("/events/EV/w_1", "")), exceeded);
}

#[test]
fn the_channels_of_a_path_are_checked_one_after_the_other() {
    let daemon = daemon("max_channel_id_length = 4");
    let too_large = refused("400 Bad Request", "Channel id is too large.");
    assert_eq!(subscribe(&daemon, "a/toolong/ALL"), too_large);
    let reserved = forbidden("Channel id not authorized for this method.");
    assert_eq!(subscribe(&daemon, "a/ALL/toolong"), reserved);
}

#[test]
fn no_channel_is_made_before_all_checks_are_passed() {
    let daemon = daemon(
        "max_channel_id_length = 4\nwildcard_channel_prefix = 'w'\nwildcard_channel_max_qtd = 1",
    );
    for path in ["a/ALL", "a/toolong", "a/w1/w2", "w1"] {
        subscribe(&daemon, path);
    }
    assert_eq!(names(&daemon), Vec::<String>::new());
}

#[test]
fn channels_made_before_the_one_without_room_stay() {
    let daemon = daemon("max_number_of_channels = 2");
    let expected = forbidden("Number of channels were exceeded.");
    assert_eq!(subscribe(&daemon, "a/b/c"), expected);
    assert_eq!(names(&daemon), ["a", "b"]);
    assert_eq!(summary(&daemon).subscribers, 0);
}

#[test]
fn authorized_channels_must_exist_and_have_a_stored_message() {
    let daemon =
        daemon("authorized_channels_only = true\nmessage_ttl = 2\nwildcard_channel_prefix = 'w'");
    let expected = forbidden("Subscriber could not create channels.");
    for target in ["/sub/a", "/poll/a", "/lp/a", "/ev/a"] {
        assert_eq!(ask(&daemon, get(target, "")), expected, "{target}");
    }
    post(&daemon, "/unstored?id=a", "x");
    assert_eq!(subscribe(&daemon, "a"), expected);
    publish(&daemon, "a", "x");
    stream(&daemon, "/sub/a");
    // Wildcard channels are exempt, at any place in the path.
    stream(&daemon, "/sub/w1/a");
    assert_eq!(subscribe(&daemon, "a/b"), expected);
    // An expired message does not count.
    daemon.advance(8_000);
    let later = crate::fixtures::after(8, &expected);
    assert_eq!(subscribe(&daemon, "a"), later);
}

#[test]
fn a_channel_takes_so_many_subscribers_and_no_more() {
    let daemon = daemon("max_subscribers_per_channel = 3");
    let expected = forbidden("Subscribers limit per channel has been exceeded.");
    let clients = ["/sub/a", "/ev/a", "/lp/a"].map(|target| listen(&daemon, target));
    for target in ["/sub/a", "/lp/a", "/ev/a", "/poll/a", "/sub/b/a"] {
        assert_eq!(ask(&daemon, get(target, "")), expected, "{target}");
    }
    stream(&daemon, "/sub/b");
    clients[1].abort();
    stream(&daemon, "/sub/a");
}

/// Step 4.4 precedes any creation: it counts the existing subscriptions, not those that the request
/// would add.
#[test]
fn a_channel_that_is_named_twice_needs_one_free_place_and_takes_two() {
    let daemon = daemon("max_subscribers_per_channel = 2");
    let _one = listen(&daemon, "/sub/a");
    let _twice = listen(&daemon, "/sub/a/a");
    assert_eq!(channel(&daemon, "a"), Some(row("a", 0, 0, 3)));
    let expected = forbidden("Subscribers limit per channel has been exceeded.");
    assert_eq!(subscribe(&daemon, "a"), expected);
}

#[test]
fn polling_requests_take_no_place() {
    let daemon = daemon("max_subscribers_per_channel = 1");
    for _ in 0..3 {
        assert_eq!(ask(&daemon, get("/poll/a", "")), nothing("", ""));
    }
    assert_eq!(channel(&daemon, "a"), Some(row("a", 0, 0, 0)));
    stream(&daemon, "/sub/a");
}

#[test]
fn the_events_channel_is_for_locations_that_allow_it() {
    let daemon = daemon("events_channel_id = 'EV'");
    let expected = forbidden("Subscription to events channel is not allowed.");
    for path in ["EV", "a/EV"] {
        assert_eq!(subscribe(&daemon, path), expected);
    }
    stream(&daemon, "/events/EV");
}

#[test]
fn wildcard_channels_are_limited_per_request_and_do_not_come_alone() {
    let daemon = daemon("wildcard_channel_prefix = 'bd_'\nwildcard_channel_max_qtd = 2");
    let expected = forbidden("Subscribed too much wildcard channels.");
    for path in ["bd_1", "bd_", "bd_1/bd_2", "a/bd_1/bd_2/bd_3"] {
        assert_eq!(subscribe(&daemon, path), expected, "{path}");
    }
    for path in ["bd", "bd1", "a/bd_1", "bd_1/bd_2/a"] {
        stream(&daemon, &format!("/sub/{path}"));
    }
}

#[test]
fn the_maximum_number_of_wildcard_channels_is_the_default_per_request() {
    let daemon = daemon("wildcard_channel_prefix = 'w'\nmax_number_of_wildcard_channels = 1");
    let expected = forbidden("Subscribed too much wildcard channels.");
    assert_eq!(subscribe(&daemon, "w1"), expected);
    assert_eq!(subscribe(&daemon, "a/w1/w2"), expected);
    stream(&daemon, "/sub/a/w1");
}

#[test]
fn without_a_limit_wildcard_channels_may_come_alone() {
    let daemon = daemon("wildcard_channel_prefix = 'w'");
    stream(&daemon, "/sub/w1/w2/w3");
}

#[test]
fn no_memory_for_a_channel_is_500_with_an_empty_reason() {
    let daemon = daemon("shared_memory_size = '128k'\nmax_messages_stored_per_channel = 1");
    let text = "x".repeat(100_000);
    publish(&daemon, "a", &text);
    post(&daemon, "/pub?id=b", &"x".repeat(30_000));
    let expected = refused("500 Internal Server Error", "");
    assert_eq!(subscribe(&daemon, &"n".repeat(190)), expected);
}

#[test]
fn the_mode_header_chooses_between_the_answers_of_a_location() {
    let daemon = daemon("message_template = '<~text~>'");
    let field = |mode: &str| format!("X-Nginx-PushStream-Mode: {mode}\r\n");
    let ask_mode = |target: &str, mode: &str| ask(&daemon, get(target, &field(mode)));
    for target in ["/sub/a", "/poll/a"] {
        assert_eq!(ask_mode(target, "polling"), nothing("", ""));
        assert_eq!(ask_mode(target, "POLLING"), nothing("", ""));
        assert_eq!(ask_mode(target, "Long-Polling"), "");
    }
    // A long-polling location cannot be turned into polling.
    assert_eq!(ask_mode("/lp/a", "polling"), "");
    assert_eq!(ask_mode("/lp/a", "long-polling"), "");
    for mode in ["streaming", "eventsource", "websocket", "poll", ""] {
        assert_eq!(ask_mode("/sub/a", mode), STREAM, "{mode}");
        assert_eq!(ask_mode("/poll/a", mode), nothing("", ""), "{mode}");
        assert_eq!(ask_mode("/lp/a", mode), "", "{mode}");
    }
}

#[test]
fn an_event_source_location_formats_polls_as_events_with_the_ordinary_type() {
    let daemon = daemon("");
    publish(&daemon, "a", "x");
    let polling = get("/ev/a.b1", "X-Nginx-PushStream-Mode: polling\r\n");
    assert_eq!(ask(&daemon, polling), polled(DATE, 1, &[": \n", "data: x\n\n"]));
    let at_once = get("/ev/a.b1", "X-Nginx-PushStream-Mode: long-polling\r\n");
    assert_eq!(ask(&daemon, at_once), polled(DATE, 1, &[": \n", "data: x\n\n"]));
    let client = daemon.connect();
    client.send(get("/ev/a", "X-Nginx-PushStream-Mode: long-polling\r\n"));
    publish(&daemon, "a", "y");
    let expected = polled(DATE, 2, &[": \n", "data: y\n\n"]);
    assert_eq!(client.text(), expected.replace("text/plain", "text/event-stream; charset=utf-8"));
}

#[test]
fn channels_path_may_depend_on_the_request() {
    let daemon = daemon_of(
        "[[location]]\npath = '~ /sub/(.*)'\nsubscriber = true\nchannels_path = '$1'\n\
         [[location.if]]\nvariable = '$arg_test'\nchannels_path = 'test_$1'\n\
         [[location]]\npath = '/channels-stats'\nchannels_statistics = true\n\
         channels_path = '$arg_id'\n",
    );
    stream(&daemon, "/sub/a?test=1");
    stream(&daemon, "/sub/a");
    assert_eq!(names(&daemon), ["test_a", "a"]);
}
