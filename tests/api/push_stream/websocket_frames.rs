//! WebSocket frames (sections 15.2 and 15.3, RFC 6455): those sent, and the handling of those
//! received.

use super::receiving::*;
use super::websocket_client::*;

const FRAMED: &str = "header_template = \"HEADER_TEMPLATE\"\n\
                      footer_template = \"FOOTER_TEMPLATE\"\n\
                      message_template = \"[~id~|~channel~|~text~|~tag~]\"\n";

#[test]
fn header_and_old_messages_are_a_frame_each() {
    let daemon = websocket_daemon(FRAMED);
    publish(&daemon, "a", "one");
    publish(&daemon, "a", "two");
    let (_, frames) = open(&daemon, "a.b2");
    let expected = ["HEADER_TEMPLATE", "[1|a|one|1]", "[2|a|two|2]"].map(text).concat();
    assert_eq!(frames, expected);
    assert_eq!(&frames[..2], b"\x81\x0f");
}

#[test]
fn lengths_take_one_three_or_nine_bytes() {
    let daemon = websocket_daemon("");
    let client = connected(&daemon, "a");
    for (length, head) in [
        (1, b"\x81\x01".as_slice()),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ] {
        let message = "x".repeat(length);
        publish(&daemon, "a", &message);
        assert!(client.read() == [head, message.as_bytes()].concat(), "{length} bytes");
    }
}

#[test]
fn a_message_goes_out_whatever_bytes_it_holds() {
    let daemon = websocket_daemon("");
    let client = connected(&daemon, "a");
    let pairs: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_be_bytes).collect();
    publish(&daemon, "a", &pairs);
    assert!(client.read() == [b"\x81\x7f\0\0\0\0\0\x02\0\0", pairs.as_slice()].concat());
}

#[test]
fn the_template_is_framed_here_and_plain_in_a_stream() {
    let locations = location("/ws", "websocket", SHOWN) + &location("/sub", "streaming", SHOWN);
    let daemon = daemon_with("", &locations);
    let client = connected(&daemon, "a");
    let reader = subscriber(&daemon, "a");
    reader.read();
    publish(&daemon, "a", "x");
    assert_eq!(client.read(), text("[1|a|x|1]"));
    assert_eq!(reader.text(), chunk("[1|a|x|1]"));
}

#[test]
fn a_ping_comes_every_interval() {
    let daemon = websocket_daemon("ping_message_interval = \"1s\"");
    let client = connected(&daemon, "a");
    daemon.advance(3_000 + TICK);
    assert_eq!(client.read(), b"\x89\x00\x89\x00\x89\x00");
}

#[test]
fn a_client_that_answers_no_ping_is_closed_and_one_that_does_is_kept() {
    let daemon = websocket_daemon("ping_message_interval = \"20s\"");
    let (vanished, pongs, talks) =
        (connected(&daemon, "a"), connected(&daemon, "a"), connected(&daemon, "a"));
    daemon.advance(20_000 + TICK);
    for _ in 0..4 {
        pongs.send(masked(PONG, ""));
        talks.send(masked(TEXT, "hello"));
        daemon.advance(10_000);
        assert!(!vanished.is_closed());
        daemon.advance(4_900);
    }
    daemon.advance(500);
    assert!(vanished.is_closed());
    assert!(!pongs.is_closed() && !talks.is_closed());
    assert_eq!(daemon.counters().stalled_connections_closed_total, 1);
}

#[test]
fn the_time_limit_ends_with_footer_and_close_frame() {
    let daemon = websocket_daemon("footer_template = \"FOOT\"\nsubscriber_connection_ttl = \"2s\"");
    let client = connected(&daemon, "a");
    daemon.advance(1_999);
    assert_eq!(client.read(), b"");
    daemon.advance(TICK);
    assert_eq!(client.read(), [text("FOOT").as_slice(), CLOSE].concat());
    assert!(client.is_ended());
}

#[test]
fn without_a_footer_the_end_is_the_close_frame_alone() {
    let daemon = websocket_daemon("subscriber_connection_ttl = \"2s\"");
    let client = connected(&daemon, "a");
    daemon.advance(2_000 + TICK);
    assert_eq!(client.read(), CLOSE);
}

#[test]
fn a_deleted_last_channel_ends_the_connection() {
    let daemon = websocket_daemon(FRAMED);
    let (client, _) = open(&daemon, "a/b");
    delete(&daemon, "a", "bye");
    assert_eq!(client.read(), text("[-2|a|bye|0]"));
    delete(&daemon, "b", "bye");
    let expected = [text("[-2|b|bye|0]"), text("FOOTER_TEMPLATE"), CLOSE.to_vec()].concat();
    assert_eq!(client.read(), expected);
    assert!(client.is_ended());
}

#[test]
fn a_stop_and_a_reload_say_goodbye() {
    let locations = location("/ws", "websocket", "footer_template = \"FOOT\"");
    let config = try_config("reload_ends_subscribers = true", &locations).expect("it is good");
    let daemon = crate::support::Daemon::new(config.clone());
    let reloaded = connected(&daemon, "a");
    daemon.reconfigure(config);
    assert_eq!(reloaded.read(), [text("FOOT").as_slice(), CLOSE].concat());
    assert_eq!(subscriptions(&daemon, "a"), Some(0));
    let stopped = connected(&daemon, "a");
    daemon.stop();
    assert_eq!(stopped.read(), [text("FOOT").as_slice(), CLOSE].concat());
    assert!(stopped.is_ended());
}

#[test]
fn half_a_frame_at_a_reload_is_never_taken_for_a_request() {
    let locations = location("/ws", "websocket", "");
    let config = try_config("reload_ends_subscribers = true", &locations).expect("it is good");
    let daemon = crate::support::Daemon::new(config.clone());
    let client = connected(&daemon, "a");
    let frame = masked(TEXT, "GET /ws/a HTTP/1.1\r\n\r\n");
    client.send(&frame[..9]);
    daemon.reconfigure(config);
    client.send(&frame[9..]);
    client.send(get("/pub?id=a", ""));
    assert_eq!(client.read(), CLOSE);
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a");
    client.send(masked(PING, "Hello"));
    assert_eq!(client.read(), frame(PONG, "Hello"));
    client.send(masked(PING, ""));
    assert_eq!(client.read(), b"\x8a\x00");
    assert_eq!(stored(&daemon, "a"), Some(0));
}

#[test]
fn only_the_latest_of_several_pings_is_answered() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a");
    client.send(["1", "22", "333"].map(|payload| masked(PING, payload)).concat());
    assert_eq!(client.read(), frame(PONG, "333"));
    // The answer to the first ping has been sent partly; the published message is queued after it.
    client.take_only(1);
    client.send(masked(PING, "first"));
    client.send(masked(PING, "second"));
    publish(&daemon, "a", "x");
    client.send(["third", "4"].map(|payload| masked(PING, payload)).concat());
    client.take_more(usize::MAX);
    let pongs = ["first", "second", "4"].map(|payload| frame(PONG, payload));
    assert_eq!(
        client.read(),
        [&pongs[0], &pongs[1], &text("x"), &pongs[2]].map(|one| &one[..]).concat()
    );
}

#[test]
fn a_client_that_pings_and_never_reads_has_one_pong_queued() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a");
    client.take_only(0);
    for _ in 0..100 {
        client.send(masked(PING, "x".repeat(125)).repeat(1000));
    }
    assert_eq!(daemon.with_server(|server, _| server.buffered_bytes()), 127);
    client.take_more(usize::MAX);
    assert_eq!(client.read(), frame(PONG, "x".repeat(125)));
}

#[test]
fn a_pong_is_ignored() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a");
    client.send(masked(PONG, "Hello"));
    assert_eq!(client.read(), b"");
    assert_eq!(subscriptions(&daemon, "a"), Some(1));
}

#[test]
fn a_close_frame_is_answered_with_its_code() {
    let daemon = websocket_daemon("footer_template = \"FOOT\"");
    for (payload, answer) in [
        (b"".as_slice(), CLOSE.to_vec()),
        (b"\x03\xe8", close(1000, "")),
        (b"\x03\xe9bye", close(1001, "")),
        (b"\x0f\xa0", close(4000, "")),
        (b"\x03", close(1002, "close frame with half a status code")),
        (b"\x03\xed", close(1002, "invalid status code")),
        (b"\x03\xe8\xff", close(1007, "text is not UTF-8")),
    ] {
        let client = connected(&daemon, "a");
        client.send(masked(CLOSING, payload));
        assert_eq!(client.read(), answer, "{payload:?}");
        assert!(client.is_ended());
        assert_eq!(subscriptions(&daemon, "a"), Some(0));
    }
}

#[test]
fn what_comes_after_the_server_s_close_frame_is_dropped() {
    let daemon = websocket_daemon("subscriber_connection_ttl = \"1s\"");
    let client = connected(&daemon, "a");
    daemon.advance(1_000 + TICK);
    assert_eq!(client.read(), CLOSE);
    client.send("GET /ws/a HTTP/1.1\r\nHost: x\r\n\r\n");
    client.send(masked(CLOSING, ""));
    assert_eq!(client.read(), b"");
    client.end();
    assert!(client.is_closed());
    assert_eq!(daemon.counters().malformed_requests_total, 0);
}

#[test]
fn a_binary_frame_ends_the_connection() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a");
    client.send(masked(BINARY, "x"));
    assert_eq!(client.read(), CLOSE);
    assert!(client.is_ended());
    assert_eq!(subscriptions(&daemon, "a"), Some(0));
}

#[test]
fn broken_framing_is_refused_and_nothing_is_published() {
    let unmasked = frame(TEXT, "x");
    let long_ping = masked(PING, "x".repeat(126));
    let rows = [
        (unmasked.as_slice(), 1002, "frame without a mask"),
        (&masked(0x91, "x"), 1002, "reserved bit set"),
        (&masked(0xc1, "x"), 1002, "reserved bit set"),
        (&masked(0x83, "x"), 1002, "reserved opcode"),
        (&masked(0x80, "x"), 1002, "continuation without a start"),
        (&masked(0x09, "x"), 1002, "fragmented control frame"),
        (&long_ping, 1002, "control frame above 125 bytes"),
        (b"\x81\xfe\x00\x01\0\0\0\0x", 1002, "payload length not in its shortest form"),
        (
            &[masked(0x01, "x"), masked(TEXT, "y")].concat(),
            1002,
            "new message inside a fragmented one",
        ),
        (&masked(TEXT, b"\xc3\x28"), 1007, "text is not UTF-8"),
        (&masked(TEXT, b"\xe2\x82"), 1007, "text is not UTF-8"),
    ];
    for (bytes, code, reason) in rows {
        let daemon = publishing_daemon("");
        let client = connected(&daemon, "a");
        client.send(bytes);
        assert_eq!(client.read(), close(code, reason), "{bytes:?}");
        assert!(client.is_ended());
        assert_eq!(stored(&daemon, "a"), Some(0));
    }
}
