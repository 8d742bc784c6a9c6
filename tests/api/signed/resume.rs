//! Cursors: what is replayed, and when a reset is sent.

use super::*;

fn reset(channels: &str, reason: &str, at: &str) -> String {
    format!(
        "id: {at}\nevent: rpushd.reset\ndata: {{\"channels\":[{channels}],\"reason\":\"{reason}\",\
         \"cursor\":\"{at}\"}}\n\n"
    )
}

/// What a client that resumes gets after its `hello`.
fn resumed(daemon: &Daemon, channels: &str, cursor: &str) -> String {
    let (_, body) = events(daemon, channels, &format!("Last-Event-ID: {cursor}\r\n"));
    let (hello, rest) = body.split_once("\n\n").expect("a hello");
    assert!(hello.contains("rpushd.hello"), "{hello}");
    rest.to_owned()
}

#[test]
fn what_was_stored_after_the_cursor_is_replayed_in_order_of_publication() {
    let daemon = Daemon::new(with_history());
    for (channel, message) in [("ha", "1"), ("hb", "2"), ("ha", "3"), ("hc", "4"), ("hb", "5")] {
        ask(&daemon, publish(channel, message));
    }
    assert_eq!(
        resumed(&daemon, "ha,hb", &cursor(1)),
        event(2, "hb", "2") + &event(3, "ha", "3") + &event(5, "hb", "5") + &heartbeat(5)
    );
    assert_eq!(resumed(&daemon, "ha,hb", &cursor(5)), "");
    assert_eq!(resumed(&daemon, "ha", &cursor(3)), "");
    assert_eq!(resumed(&daemon, "hb", &cursor(3)), event(5, "hb", "5") + &heartbeat(5));
}

#[test]
fn a_channel_without_history_has_a_gap_only_if_something_was_published() {
    let daemon = daemon();
    ask(&daemon, publish("a", "1"));
    ask(&daemon, publish("b", "2"));
    assert_eq!(resumed(&daemon, "b", &cursor(2)), "");
    assert_eq!(resumed(&daemon, "a", &cursor(1)), "", "nothing was published to it since");
    let expected = reset("\"b\"", "evicted", &cursor(2));
    assert_eq!(resumed(&daemon, "a,b", &cursor(1)), expected);
}

#[test]
fn after_a_restart_all_channels_are_reset_and_what_is_stored_is_sent() {
    let daemon = Daemon::new(with_history());
    ask(&daemon, publish("ha", "1"));
    let start = cursor(0);
    assert_eq!(
        resumed(&daemon, "ha,hb", "00000000000000aa.77"),
        reset("\"ha\",\"hb\"", "restarted", &start) + &event(1, "ha", "1") + &heartbeat(1)
    );
}

#[test]
fn a_client_that_received_only_hello_gets_the_reset_when_it_resumes() {
    let daemon = Daemon::new(with_history());
    ask(&daemon, publish("ha", "1"));
    for (first, reason) in
        [("00000000000000aa.77", "restarted"), (&*cursor(9), "unknown"), ("x", "restarted")]
    {
        let (_, body) = events(&daemon, "ha", &format!("Last-Event-ID: {first}\r\n"));
        let (id, _) = body.strip_prefix("id: ").unwrap().split_once('\n').unwrap();
        let again = resumed(&daemon, "ha", id);
        assert!(again.contains(&format!("\"reason\":\"{reason}\"")), "{first}: {again}");
    }
}

#[test]
fn a_cursor_that_is_none_of_this_server_is_a_reset_from_now_on() {
    let daemon = Daemon::new(with_history());
    ask(&daemon, publish("ha", "1"));
    for unknown in ["x", "7", &cursor(2), &cursor(99)] {
        let expected = reset("\"ha\"", "unknown", &cursor(1));
        assert_eq!(resumed(&daemon, "ha", unknown), expected, "{unknown}");
    }
}

#[test]
fn the_cursor_in_the_query_counts_without_the_field() {
    let daemon = Daemon::new(with_history());
    ask(&daemon, publish("ha", "1"));
    ask(&daemon, publish("ha", "2"));
    let (_, body) = events(&daemon, &format!("ha?cursor={}", cursor(1)), "");
    assert!(body.ends_with(&format!("\n\n{}{}", event(2, "ha", "2"), heartbeat(2))), "{body}");
    let fields = format!("Last-Event-ID: {}\r\n", cursor(2));
    let (_, body) = events(&daemon, &format!("ha?cursor={}", cursor(1)), &fields);
    assert_eq!(body.matches("data:").count(), 1, "{body}");
}

#[test]
fn last_sends_the_newest_messages_of_each_channel_unless_there_is_a_cursor() {
    let daemon = Daemon::new(with_history());
    for (channel, message) in [("ha", "1"), ("ha", "2"), ("hb", "3"), ("ha", "4")] {
        ask(&daemon, publish(channel, message));
    }
    let (_, body) = events(&daemon, "ha,hb?last=2", "");
    let (_, messages) = body.split_once("\n\n").unwrap();
    let newest = event(2, "ha", "2") + &event(3, "hb", "3") + &event(4, "ha", "4");
    assert_eq!(messages, newest + &heartbeat(4));
    assert!(body.starts_with(&format!("id: {}\n", cursor(1))), "a client that is cut off now");
    let (_, body) = events(&daemon, "ha,hb?last=2", &format!("Last-Event-ID: {}\r\n", cursor(3)));
    assert!(body.ends_with(&format!("}}\n\n{}{}", event(4, "ha", "4"), heartbeat(4))), "{body}");
}

#[test]
fn messages_published_during_a_long_replay_come_after_it() {
    let daemon = Daemon::new(with_history());
    let long = format!("\"{}\"", "x".repeat(30_000));
    let mut expected = String::new();
    for number in 1..=50 {
        let channel = ["ha", "hb"][number % 2];
        ask(&daemon, publish(channel, &long));
        expected += &event(number as u64, channel, &long);
    }
    let client = daemon.connect();
    client.take_only(10_000);
    let fields = format!("Last-Event-ID: {}\r\n", cursor(0));
    client.post(get_signed("/api/events/ha,hb", &fields));
    daemon.run();
    ask(&daemon, publish("ha", "\"live\""));
    let mut received = client.read();
    while !String::from_utf8_lossy(&received).contains("live") {
        client.take_more(100_000);
        daemon.run();
        received.extend(client.read());
    }
    let text = String::from_utf8(received).unwrap();
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let body = unchunked(body.as_bytes());
    let (_, messages) = body.split_once("\n\n").unwrap();
    assert!(
        messages == expected + &heartbeat(50) + &event(51, "ha", "\"live\""),
        "all of them, in order"
    );
}

#[test]
fn evicted_messages_are_a_gap_and_what_is_left_is_sent() {
    let mut config = with_history();
    config.history[0].messages = Some(2);
    let daemon = Daemon::new(config);
    for message in ["1", "2", "3", "4"] {
        ask(&daemon, publish("ha", message));
    }
    assert_eq!(
        resumed(&daemon, "ha", &cursor(1)),
        reset("\"ha\"", "evicted", &cursor(1))
            + &event(3, "ha", "3")
            + &event(4, "ha", "4")
            + &heartbeat(4)
    );
    let rest = event(3, "ha", "3") + &event(4, "ha", "4") + &heartbeat(4);
    assert_eq!(resumed(&daemon, "ha", &cursor(2)), rest);
}
