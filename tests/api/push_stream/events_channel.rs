//! The events channel, on which the server publishes events (section 21).

use super::locations::*;
use crate::fixtures::{ask, get};
use crate::support::Daemon;

const EVENTS: &str = "events_channel_id = 'EV'";

/// Texts of events as chunks; each event is given as a word and a channel.
fn told_of(events: &[(&str, &str)]) -> String {
    events.iter().map(|(word, id)| chunk(&text(word, id))).collect()
}

fn text(word: &str, id: &str) -> String {
    format!("{{\"type\": \"{word}\", \"channel\": \"{id}\"}}")
}

/// A subscriber of the events channel.
fn watcher(daemon: &Daemon) -> crate::support::Client {
    stream(daemon, "/events/EV")
}

#[test]
fn it_is_there_from_the_start() {
    let daemon = daemon(EVENTS);
    assert_eq!(names(&daemon), ["EV"]);
    assert_eq!(channel(&daemon, "EV"), Some(row("EV", 0, 0, 0)));
}

#[test]
fn a_channel_is_created() {
    let daemon = daemon(EVENTS);
    let events = watcher(&daemon);
    publish(&daemon, "a", "x");
    publish(&daemon, "a", "x");
    assert_eq!(events.text(), told_of(&[("channel_created", "a")]));
    ask(&daemon, get("/poll/b", ""));
    assert_eq!(events.text(), told_of(&[("channel_created", "b")]));
}

#[test]
fn a_channel_is_destroyed_some_time_after_its_deletion() {
    let daemon = daemon(EVENTS);
    publish(&daemon, "a", "x");
    let events = watcher(&daemon);
    ask(&daemon, send("DELETE", "/pub?id=a", "", ""));
    assert_eq!(events.text(), "");
    daemon.advance(4_000);
    assert_eq!(events.text(), told_of(&[("channel_destroyed", "a")]));
}

#[test]
fn a_channel_is_destroyed_when_it_is_collected_by_inactivity() {
    let daemon = daemon(&format!("{EVENTS}\nchannel_inactivity_time = '30s'"));
    post(&daemon, "/unstored?id=a", "x");
    let events = watcher(&daemon);
    daemon.advance(25_000);
    assert_eq!(events.text(), "");
    daemon.advance(15_000);
    assert_eq!(events.text(), told_of(&[("channel_destroyed", "a")]));
}

#[test]
fn a_streaming_client_subscribes_and_leaves() {
    let daemon = daemon(EVENTS);
    let events = watcher(&daemon);
    let client = stream(&daemon, "/sub/a");
    assert_eq!(events.text(), told_of(&[("channel_created", "a"), ("client_subscribed", "a")]));
    client.abort();
    assert_eq!(events.text(), told_of(&[("client_unsubscribed", "a")]));
}

#[test]
fn an_event_source_client_subscribes_and_leaves() {
    let daemon = daemon(EVENTS);
    publish(&daemon, "a", "x");
    let events = watcher(&daemon);
    listen(&daemon, "/ev/a").end();
    let expected = [("client_subscribed", "a"), ("client_unsubscribed", "a")];
    assert_eq!(events.text(), told_of(&expected));
}

#[test]
fn a_websocket_client_subscribes_and_leaves() {
    let daemon = daemon(EVENTS);
    publish(&daemon, "a", "x");
    let events = watcher(&daemon);
    let client = websocket(&daemon, "/ws/a");
    assert_eq!(events.text(), told_of(&[("client_subscribed", "a")]));
    client.abort();
    assert_eq!(events.text(), told_of(&[("client_unsubscribed", "a")]));
}

#[test]
fn a_waiting_long_poll_subscribes_and_leaves_with_its_answer() {
    let daemon = daemon(EVENTS);
    publish(&daemon, "a", "x");
    let events = watcher(&daemon);
    listen(&daemon, "/lp/a");
    assert_eq!(events.text(), told_of(&[("client_subscribed", "a")]));
    publish(&daemon, "a", "x");
    assert_eq!(events.text(), told_of(&[("client_unsubscribed", "a")]));
}

#[test]
fn polls_and_long_polls_answered_at_once_are_no_events() {
    let daemon = daemon(EVENTS);
    publish(&daemon, "a", "x");
    let events = watcher(&daemon);
    for target in ["/poll/a", "/poll/a.b1", "/lp/a.b1"] {
        ask(&daemon, get(target, ""));
    }
    assert_eq!(events.text(), "");
}

#[test]
fn a_long_poll_of_events_is_answered_with_exactly_one() {
    let daemon = daemon_of(
        "[push_stream]\nevents_channel_id = 'EV'\n\
         [[location]]\npath = '~ /lp/(.*)'\nsubscriber = 'long-polling'\nchannels_path = '$1'\n\
         allow_connections_to_events_channel = true\n\
         [[location]]\npath = '~ /sub/(.*)'\nsubscriber = true\nchannels_path = '$1'\n",
    );
    let events = listen(&daemon, "/lp/EV");
    stream(&daemon, "/sub/a");
    let first = text("channel_created", "a");
    assert_eq!(events.text(), polled(crate::support::DATE, 1, &[&first]));
}

#[test]
fn a_client_leaves_when_its_time_is_over() {
    let daemon = daemon_of(
        "[push_stream]\nevents_channel_id = 'EV'\n\
         [[location]]\npath = '~ ^/events/(.*)'\nsubscriber = true\nchannels_path = '$1'\n\
         allow_connections_to_events_channel = true\n\
         [[location]]\npath = '~ ^/sub/(.*)'\nsubscriber = true\nchannels_path = '$1'\n\
         subscriber_connection_ttl = 5\n",
    );
    let events = watcher(&daemon);
    stream(&daemon, "/sub/a");
    events.read();
    daemon.advance(4_900);
    assert_eq!(events.text(), "");
    daemon.advance(600);
    assert_eq!(events.text(), told_of(&[("client_unsubscribed", "a")]));
}

#[test]
fn the_clients_of_a_deleted_channel_leave_before_it_is_destroyed() {
    let daemon = daemon(EVENTS);
    let clients = ["/sub/a", "/ev/a/b", "/lp/a"].map(|target| listen(&daemon, target));
    let events = watcher(&daemon);
    ask(&daemon, send("DELETE", "/pub?id=a", "", ""));
    daemon.advance(4_000);
    let left = ("client_unsubscribed", "a");
    assert_eq!(events.text(), told_of(&[left, left, left, ("channel_destroyed", "a")]));
    drop(clients);
}

#[test]
fn channels_are_created_before_they_are_subscribed_to() {
    let daemon = daemon(EVENTS);
    let events = watcher(&daemon);
    stream(&daemon, "/sub/k1/k2");
    let expected = [
        ("channel_created", "k1"),
        ("channel_created", "k2"),
        ("client_subscribed", "k1"),
        ("client_subscribed", "k2"),
    ];
    assert_eq!(events.text(), told_of(&expected));
}

#[test]
fn a_subscriber_beside_the_events_channel_sees_its_own_channel_made_and_its_subscription() {
    let expected = [("channel_created", "other"), ("client_subscribed", "other")];
    let daemon = daemon(EVENTS);
    let events = listen(&daemon, "/events/EV/other");
    assert_eq!(events.text(), STREAM.to_owned() + &told_of(&expected));
}

#[test]
fn a_channel_is_created_before_its_first_message_however_it_is_published() {
    let daemon = daemon(&format!("{EVENTS}\nmessage_template = '~tag~ ~text~'"));
    publish(&daemon, "a", "x");
    assert_eq!(ask(&daemon, get("/poll/a.b1", "")), polled(crate::support::DATE, 2, &["2 x"]));
    let first = format!("1 {}", text("channel_created", "a"));
    assert_eq!(listen(&daemon, "/events/EV.b9").text(), STREAM.to_owned() + &chunk(&first));
}

#[test]
fn a_poll_of_events_sees_the_channel_that_it_makes() {
    let daemon = daemon_of(
        "[push_stream]\nevents_channel_id = 'EV'\n\
         [[location]]\npath = '~ /poll/(.*)'\nsubscriber = 'polling'\nchannels_path = '$1'\n\
         allow_connections_to_events_channel = true\n",
    );
    let first = text("channel_created", "b");
    let expected = polled(crate::support::DATE, 1, &[&first]);
    assert_eq!(ask(&daemon, get("/poll/EV.b9/b", "")), expected);
}

#[test]
fn an_id_that_is_not_utf_8_is_told_in_utf_8() {
    let daemon = daemon(EVENTS);
    let events = watcher(&daemon);
    publish(&daemon, "a%ff", "x");
    assert_eq!(events.text(), told_of(&[("channel_created", "a\u{fffd}")]));
}

#[test]
fn nothing_is_told_about_the_events_channel_itself() {
    let daemon = daemon(EVENTS);
    let events = watcher(&daemon);
    watcher(&daemon).abort();
    assert_eq!(events.text(), "");
    assert_eq!(channel(&daemon, "EV"), Some(row("EV", 0, 0, 1)));
}

#[test]
fn an_event_has_its_word_as_type_and_no_id() {
    let daemon =
        daemon(&format!("{EVENTS}\nmessage_template = '~id~ <~event-id~> <~event-type~> ~text~'"));
    let events = watcher(&daemon);
    publish(&daemon, "a", "x");
    let expected = format!("1 <> <channel_created> {}", text("channel_created", "a"));
    assert_eq!(events.text(), chunk(&expected));
}

#[test]
fn an_id_that_would_break_the_text_is_escaped() {
    let daemon = daemon(EVENTS);
    let events = watcher(&daemon);
    publish(&daemon, "a%22%5C", "x");
    assert_eq!(events.text(), told_of(&[("channel_created", r#"a\"\\"#)]));
}

#[test]
fn events_are_stored_though_nothing_else_is_and_expire_but_the_channel_stays() {
    let daemon = daemon(&format!("{EVENTS}\nmessage_ttl = 10\nchannel_inactivity_time = 5"));
    post(&daemon, "/unstored?id=a", "x");
    assert_eq!(channel(&daemon, "EV"), Some(row("EV", 1, 1, 0)));
    let expected =
        Summary { channels: 2, published_messages: 1, messages_in_trash: 1, ..Summary::default() };
    assert_eq!(summary(&daemon), expected);
    daemon.advance(60_000);
    // Created and destroyed.
    assert_eq!(channel(&daemon, "EV"), Some(row("EV", 2, 0, 0)));
    assert_eq!(names(&daemon), ["EV"]);
    let expected = Summary { channels: 1, published_messages: 1, ..Summary::default() };
    assert_eq!(summary(&daemon), expected);
}

#[test]
fn the_maximum_of_stored_messages_holds_for_events_too() {
    let daemon = daemon(&format!("{EVENTS}\nmax_messages_stored_per_channel = 20"));
    let ids: Vec<String> = (0..20).map(|number| format!("c{number}")).collect();
    let clients: Vec<_> = ids.iter().map(|id| stream(&daemon, &format!("/sub/{id}"))).collect();
    assert_eq!(channel(&daemon, "EV"), Some(row("EV", 40, 20, 0)));
    for id in &ids {
        ask(&daemon, send("DELETE", &format!("/pub?id={id}"), "", ""));
    }
    assert_eq!(channel(&daemon, "EV"), Some(row("EV", 60, 20, 0)));
    daemon.advance(5_000);
    assert_eq!(channel(&daemon, "EV"), Some(row("EV", 80, 20, 0)));
    drop(clients);
}

#[test]
fn outsiders_can_neither_publish_to_it_nor_delete_it() {
    let daemon = daemon(EVENTS);
    let expected = refused("403 Forbidden", "Only internal routines can change events channel.");
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(ask(&daemon, send(method, "/pub?id=EV", "", "x")), expected, "{method}");
    }
    assert_eq!(ask(&daemon, get("/pub?id=EV", "")), told(&row("EV", 0, 0, 0)));
}

#[test]
fn a_websockets_text_goes_to_its_other_channels_only() {
    let daemon = daemon_of(
        "[push_stream]\nevents_channel_id = 'EV'\n\
         [[location]]\npath = '~ ^/ws/(.*)'\nsubscriber = 'websocket'\nchannels_path = '$1'\n\
         websocket_allow_publish = true\nstore_messages = true\n\
         allow_connections_to_events_channel = true\n\
         [[location]]\npath = '/channels-stats'\nchannels_statistics = true\n\
         channels_path = '$arg_id'\n",
    );
    let (client, frames) = websocket_with_frames(&daemon, "/ws/EV/a");
    let told = ["channel_created", "client_subscribed"].map(|word| text(word, "a"));
    assert_eq!(frames, [b"\x81\x2b", told[0].as_bytes(), b"\x81\x2d", told[1].as_bytes()].concat());
    // `x`, masked with four zeros.
    client.send(b"\x81\x81\0\0\0\0x");
    assert_eq!(channel(&daemon, "a"), Some(row("a", 1, 1, 1)));
    // Created and subscribed.
    assert_eq!(channel(&daemon, "EV"), Some(row("EV", 2, 2, 1)));
}

#[test]
fn it_counts_in_the_maximum_of_channels() {
    let daemon = daemon(&format!("{EVENTS}\nmax_number_of_channels = 2"));
    publish(&daemon, "a", "x");
    let expected = refused("403 Forbidden", "Number of channels were exceeded.");
    assert_eq!(post(&daemon, "/pub?id=b", "x"), expected);
}

#[test]
fn tags_of_events_and_messages_follow_each_other_and_begin_anew_each_second() {
    let daemon = daemon(&format!("{EVENTS}\nmessage_template = '~tag~ ~text~'"));
    let client = stream(&daemon, "/sub/a");
    // Created and subscribed had tags 1 and 2.
    publish(&daemon, "a", "x");
    publish(&daemon, "b", "x");
    publish(&daemon, "a", "x");
    daemon.advance(1_000);
    publish(&daemon, "a", "x");
    publish(&daemon, "a", "x");
    let expected: String = ["3 x", "6 x", "1 x", "2 x"].map(chunk).concat();
    assert_eq!(client.text(), expected);
}

#[test]
fn old_events_come_before_those_of_the_subscription_itself() {
    let daemon = daemon(EVENTS);
    publish(&daemon, "a", "x");
    let events = listen(&daemon, "/events/EV.b9/b");
    let expected = [("channel_created", "a"), ("channel_created", "b"), ("client_subscribed", "b")];
    assert_eq!(events.text(), STREAM.to_owned() + &told_of(&expected));
}

#[test]
fn a_reload_that_ends_subscribers_makes_them_leave() {
    let settings = format!("{EVENTS}\nreload_ends_subscribers = true");
    let daemon = daemon(&settings);
    let clients = ["/sub/a/b", "/ev/a", "/lp/a"].map(|target| listen(&daemon, target));
    daemon.reconfigure(config(&settings));
    // Two channels, four subscriptions, and their ends.
    assert_eq!(channel(&daemon, "EV"), Some(row("EV", 10, 10, 0)));
    let events = listen(&daemon, "/events/EV.b4");
    let text = events.text();
    assert_eq!(text.matches("client_unsubscribed").count(), 4, "{text}");
    drop(clients);
}

#[test]
fn it_goes_on_after_a_reload() {
    let daemon = daemon(EVENTS);
    publish(&daemon, "a", "x");
    let events = watcher(&daemon);
    daemon.reconfigure(config(EVENTS));
    publish(&daemon, "b", "x");
    assert_eq!(events.text(), told_of(&[("channel_created", "b")]));
    assert_eq!(channel(&daemon, "EV"), Some(row("EV", 2, 2, 1)));
}
