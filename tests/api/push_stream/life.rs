//! Lifetime of messages and channels, the trash, and the counters (section 20).

use super::locations::*;
use crate::fixtures::{after, ask, get};
use crate::support::{DATE, Daemon};

fn delete(daemon: &Daemon, id: &str) {
    let answer = ask(daemon, send("DELETE", &format!("/pub?id={id}"), "", ""));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[test]
fn a_stored_message_lives_until_the_sweep_after_its_time() {
    let daemon = daemon("message_ttl = 12");
    daemon.advance(1_000);
    publish(&daemon, "a", "x");
    for (millis, second) in [(1_000, 2), (4_000, 6), (6_900, 12)] {
        daemon.advance(millis);
        let expected = polled("Tue, 14 Apr 2026 15:40:01 GMT", 1, &["x"]);
        let expected = expected.replacen(DATE, &after(second, DATE), 1);
        assert_eq!(ask(&daemon, get("/poll/a.b1", "")), expected);
    }
    daemon.advance(4_200);
    assert_eq!(ask(&daemon, get("/poll/a.b1", "")), after(17, &nothing("", "")));
    assert_eq!(channel(&daemon, "a"), Some(row("a", 1, 0, 0)));
    assert_eq!(summary(&daemon).messages_in_trash, 1);
}

#[test]
fn a_message_of_one_second_is_in_the_trash_after_five() {
    let daemon = daemon("message_ttl = 1");
    publish(&daemon, "a", "x");
    daemon.advance(5_000);
    let expected =
        Summary { channels: 1, published_messages: 1, messages_in_trash: 1, ..Summary::default() };
    assert_eq!(summary(&daemon), expected);
}

#[test]
fn a_message_that_is_not_stored_is_in_the_trash_at_once_for_ten_seconds_and_a_sweep() {
    let daemon = daemon("");
    post(&daemon, "/unstored?id=a", "x");
    let expected =
        Summary { channels: 1, published_messages: 1, messages_in_trash: 1, ..Summary::default() };
    assert_eq!(summary(&daemon), expected);
    daemon.advance(10_000);
    assert_eq!(summary(&daemon).messages_in_trash, 1);
    daemon.advance(5_000);
    assert_eq!(summary(&daemon).messages_in_trash, 0);
}

#[test]
fn messages_beyond_the_maximum_go_to_the_trash() {
    let daemon = daemon("max_messages_stored_per_channel = 2");
    for _ in 0..5 {
        publish(&daemon, "a", "x");
    }
    let expected = Summary {
        channels: 1,
        published_messages: 5,
        stored_messages: 2,
        messages_in_trash: 3,
        ..Summary::default()
    };
    assert_eq!(summary(&daemon), expected);
}

#[test]
fn messages_in_the_trash_are_never_delivered() {
    let daemon = daemon("message_ttl = 1");
    publish(&daemon, "a", "x");
    daemon.advance(5_000);
    assert_eq!(ask(&daemon, get("/poll/a.b9", "")), after(5, &nothing("", "")));
}

/// When an unused channel is removed, in steps of half a second, up to 60 s.
fn idle_end(daemon: &Daemon) -> u64 {
    for half in 0..120 {
        if names(daemon).is_empty() {
            return half * 500;
        }
        daemon.advance(500);
    }
    panic!("the channel stays");
}

#[test]
fn an_unused_channel_goes_after_its_inactivity_time_by_way_of_the_trash() {
    for (time, earliest, latest) in [("30s", 25_000, 35_000), ("5s", 2_000, 8_000)] {
        let daemon = daemon(&format!("channel_inactivity_time = '{time}'"));
        post(&daemon, "/unstored?id=a", "x");
        let end = idle_end(&daemon);
        assert!((earliest..=latest).contains(&end), "{time}: {end}");
        let gone = summary(&daemon);
        assert_eq!((gone.channels, gone.channels_in_trash), (0, 1));
        daemon.advance(10_000);
        daemon.advance(5_000);
        assert_eq!(summary(&daemon).channels_in_trash, 0);
    }
}

#[test]
fn stored_messages_and_subscribers_keep_a_channel() {
    let daemon = daemon("channel_inactivity_time = 5\nmessage_ttl = '1m'");
    publish(&daemon, "stored", "x");
    let client = stream(&daemon, "/sub/heard");
    daemon.advance(40_000);
    assert_eq!(names(&daemon), ["stored", "heard"]);
    // Its lifetime is long over when the last subscriber leaves.
    client.abort();
    daemon.advance(4_000);
    assert_eq!(names(&daemon), ["stored"]);
    daemon.advance(25_000);
    assert_eq!(names(&daemon), Vec::<String>::new());
}

#[test]
fn only_publications_and_subscriptions_renew_a_channel() {
    let daemon = daemon("channel_inactivity_time = 10");
    for id in ["polled", "posted", "looked_at", "subscribed", "published"] {
        post(&daemon, &format!("/unstored?id={id}"), "");
    }
    daemon.advance(7_000);
    ask(&daemon, get("/poll/polled", ""));
    post(&daemon, "/unstored?id=posted", "");
    ask(&daemon, get("/pub?id=looked_at", ""));
    listen(&daemon, "/sub/subscribed").abort();
    post(&daemon, "/unstored?id=published", "x");
    daemon.advance(8_000);
    assert_eq!(names(&daemon), ["subscribed", "published"]);
    daemon.advance(8_000);
    assert_eq!(names(&daemon), Vec::<String>::new());
}

#[test]
fn a_removed_channel_begins_anew_with_id_1() {
    let daemon = daemon("channel_inactivity_time = 5");
    post(&daemon, "/unstored?id=a", "x");
    post(&daemon, "/unstored?id=a", "x");
    daemon.advance(8_000);
    assert_eq!(names(&daemon), Vec::<String>::new());
    let body = row("a", 1, 1, 0);
    assert_eq!(post(&daemon, "/pub?id=a", "x"), after(8, &told(&body)));
}

/// The timeline that was observed on the wire: ttl 3 s, inactivity 5 s, two publications at 0, one
/// of their channels deleted at once.
#[test]
fn a_deleted_and_an_idle_channel_go_as_in_the_timeline() {
    let daemon = daemon("message_ttl = 3\nchannel_inactivity_time = 5");
    publish(&daemon, "kept", "x");
    publish(&daemon, "deleted", "x");
    delete(&daemon, "deleted");
    let at = |millis: u64| {
        daemon.advance(millis);
        summary(&daemon)
    };
    let all = Summary { published_messages: 2, ..Summary::default() };
    assert_eq!(at(800), Summary { channels: 1, stored_messages: 2, channels_in_delete: 1, ..all });
    assert_eq!(
        at(3_300),
        Summary { channels: 1, messages_in_trash: 2, channels_in_trash: 1, ..all }
    );
    assert_eq!(at(3_800), Summary { messages_in_trash: 2, channels_in_trash: 2, ..all });
    assert_eq!(at(6_100), Summary { messages_in_trash: 2, channels_in_trash: 2, ..all });
    assert_eq!(at(6_000), all);
}

#[test]
fn a_deleted_channel_rests_in_delete_then_in_the_trash_and_leaves_others_alone() {
    let daemon = daemon("wildcard_channel_prefix = 'w'");
    publish(&daemon, "a", "x");
    publish(&daemon, "w1", "x");
    delete(&daemon, "a");
    let now = summary(&daemon);
    let counts =
        (now.channels, now.wildcard_channels, now.channels_in_delete, now.channels_in_trash);
    assert_eq!(counts, (0, 1, 1, 0));
    daemon.advance(5_000);
    let now = summary(&daemon);
    let counts =
        (now.channels, now.wildcard_channels, now.channels_in_delete, now.channels_in_trash);
    assert_eq!(counts, (0, 1, 0, 1));
    assert_eq!((now.stored_messages, now.messages_in_trash), (1, 1));
}

#[test]
fn deletion_reaches_each_mode_in_its_own_form() {
    let daemon = daemon("footer_template = 'FOOT'");
    let [streaming, other] = ["/sub/a", "/sub/a/b"].map(|target| stream(&daemon, target));
    let events = listen(&daemon, "/ev/a");
    events.read();
    let socket = websocket(&daemon, "/ws/a");
    let waiting = listen(&daemon, "/lp/a/b");
    let called = listen(&daemon, "/lp/a?callback=f");
    delete(&daemon, "a");
    let end = chunk("FOOT") + LAST_CHUNK;
    assert_eq!(streaming.text(), chunk("Channel deleted") + &end);
    assert_eq!(other.text(), chunk("Channel deleted"));
    let expected = chunk("data: Channel deleted\n\n") + &chunk(": FOOT\n") + LAST_CHUNK;
    assert_eq!(events.text(), expected);
    assert_eq!(socket.read(), b"\x81\x0fChannel deleted\x81\x04FOOT\x88\x00");
    assert!(socket.is_ended());
    assert_eq!(waiting.text(), polled(DATE, 0, &["Channel deleted", "FOOT"]));
    let expected = polled(DATE, 0, &["f", "([", "Channel deleted", "]);", "FOOT"]);
    assert_eq!(called.text(), expected.replace("text/plain", "application/javascript"));
}

#[test]
fn each_counter_counts_what_the_table_says() {
    let daemon = daemon("events_channel_id = 'EV'\nwildcard_channel_prefix = 'w'");
    // The events channel exists from the start, and is a normal one.
    assert_eq!(summary(&daemon), Summary { channels: 1, ..Summary::default() });
    publish(&daemon, "a", "x");
    post(&daemon, "/unstored?id=w1", "x");
    let clients = ["/sub/a/b/a", "/ev/a", "/lp/a"].map(|target| listen(&daemon, target));
    websocket(&daemon, "/ws/a");
    ask(&daemon, get("/poll/a", ""));
    // A connection is counted once, each of its subscriptions separately.
    let expected = Summary {
        channels: 3,
        wildcard_channels: 1,
        published_messages: 2,
        stored_messages: 1,
        messages_in_trash: 1,
        subscribers: 4,
        ..Summary::default()
    };
    assert_eq!(summary(&daemon), expected);
    assert_eq!(channel(&daemon, "a"), Some(row("a", 1, 1, 5)));
    // Created: a, w1, b. Subscribed: a, b, a; a; a; a.
    assert_eq!(channel(&daemon, "EV"), Some(row("EV", 9, 9, 0)));
    clients[0].abort();
    publish(&daemon, "a", "x");
    assert_eq!(summary(&daemon).subscribers, 2);
    assert_eq!(channel(&daemon, "a"), Some(row("a", 2, 2, 2)));
}

#[test]
fn published_messages_do_not_fall_when_channels_go() {
    let daemon = daemon("channel_inactivity_time = 5");
    publish(&daemon, "a", "x");
    post(&daemon, "/unstored?id=b", "x");
    delete(&daemon, "a");
    daemon.advance(20_000);
    assert_eq!(summary(&daemon), Summary { published_messages: 2, ..Summary::default() });
}

#[test]
fn tags_count_per_second_over_all_channels() {
    let daemon = daemon("message_template = '~time~ ~tag~'");
    let client = stream(&daemon, "/sub/a/b");
    for id in ["a", "b", "a"] {
        publish(&daemon, id, "x");
    }
    daemon.advance(1_000);
    publish(&daemon, "b", "x");
    let expected: String = (1..=3).map(|tag| chunk(&format!("{DATE} {tag}"))).collect();
    let next = chunk(&after(1, &format!("{DATE} 1")));
    assert_eq!(client.text(), expected + &next);
}

#[test]
fn without_an_inactivity_time_a_channel_lives_half_a_minute_after_its_last_use_as_in_the_module() {
    let daemon = daemon("");
    let client = stream(&daemon, "/sub/a");
    post(&daemon, "/unstored?id=b", "x");
    daemon.advance(29_000);
    assert_eq!(names(&daemon), ["a", "b"]);
    daemon.advance(6_000);
    assert_eq!(names(&daemon), ["a"]);
    // The end of a subscription does not count as use.
    client.abort();
    daemon.advance(1_000);
    assert_eq!(names(&daemon), [""; 0]);
}
