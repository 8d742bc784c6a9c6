//! Publishing through a WebSocket (sections 15.3 and 15.5).

use super::receiving::*;
use super::websocket_client::*;

#[test]
fn a_text_goes_to_every_channel_in_the_order_of_the_path_and_back_to_its_sender() {
    let daemon = publishing_daemon(SHOWN);
    let client = connected(&daemon, "a/b/c");
    client.send(masked(TEXT, "x"));
    let expected = ["[1|a|x|1]", "[1|b|x|2]", "[1|c|x|3]"].map(text).concat();
    assert_eq!(client.read(), expected);
    assert_eq!(["a", "b", "c"].map(|channel| stored(&daemon, channel)), [Some(1); 3]);
}

#[test]
fn without_permission_a_text_is_ignored() {
    let daemon = websocket_daemon("");
    let client = connected(&daemon, "a");
    client.send(masked(TEXT, "x"));
    assert_eq!(client.read(), b"");
    assert_eq!(subscriptions(&daemon, "a"), Some(1));
}

#[test]
fn a_location_that_does_not_store_does_not_store_what_its_clients_publish() {
    let daemon = websocket_daemon("websocket_allow_publish = true");
    let client = connected(&daemon, "a");
    client.send(masked(TEXT, "x"));
    assert_eq!(client.read(), text("x"));
    assert_eq!(stored(&daemon, "a"), Some(0));
}

#[test]
fn the_events_channel_is_left_out() {
    let own = "websocket_allow_publish = true\nallow_connections_to_events_channel = true\n\
               message_template = \"~channel~ ~text~\"";
    let daemon = daemon_with("events_channel_id = \"ev\"", &location("/ws", "websocket", own));
    publish(&daemon, "a", "before");
    let (client, _) = open(&daemon, "a/ev");
    client.read();
    client.send(masked(TEXT, "x"));
    assert_eq!(client.read(), text("a x"));
}

#[test]
fn an_empty_text_is_nothing() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a");
    client.send(masked(TEXT, ""));
    assert_eq!(client.read(), b"");
    assert_eq!(stored(&daemon, "a"), Some(0));
}

#[test]
fn fragments_are_joined_and_control_frames_may_stand_between() {
    let daemon = publishing_daemon(SHOWN);
    let client = connected(&daemon, "a");
    client.send(masked(0x01, "one "));
    client.send(masked(PING, "?"));
    client.send(masked(0x00, "two "));
    client.send(masked(0x80, "three"));
    assert_eq!(client.read(), [frame(PONG, "?"), text("[1|a|one two three|1]")].concat());
}

#[test]
fn a_character_may_be_split_between_fragments() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a");
    client.send(masked(0x01, b"\xe2\x82"));
    client.send(masked(0x80, b"\xac"));
    assert_eq!(client.read(), text("€"));
}

#[test]
fn several_frames_in_one_segment_are_all_handled() {
    let daemon = publishing_daemon(SHOWN);
    let client = connected(&daemon, "a");
    let frames = [masked(TEXT, "1"), masked(0x01, "2"), masked(0x80, "3"), masked(TEXT, "4")];
    client.send(frames.concat());
    let expected = ["[1|a|1|1]", "[2|a|23|2]", "[3|a|4|3]"].map(text).concat();
    assert_eq!(client.read(), expected);
}

#[test]
fn masked_frames_of_all_kinds_give_messages_in_order() {
    let daemon = publishing_daemon("message_template = \"~id~:~text~\"");
    let client = connected(&daemon, "a");
    let message = "x".repeat(70_000);
    for number in 1..=8 {
        let payload = match number % 3 {
            0 => "short",
            1 => &message[..200],
            _ => &message,
        };
        match number % 2 {
            0 => client.send(masked(TEXT, payload)),
            _ => {
                let (first, second) = payload.split_at(2);
                client.send([masked(0x01, first), masked(0x80, second)].concat());
            }
        }
        assert!(client.read() == text(format!("{number}:{payload}")), "message {number}");
    }
    assert_eq!(stored(&daemon, "a"), Some(8));
}

#[test]
fn bytes_may_dribble_in_one_by_one() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a");
    for byte in masked(TEXT, "slowly") {
        assert_eq!(client.read(), b"");
        client.send([byte]);
        daemon.advance(2_000);
    }
    assert_eq!(client.read(), text("slowly"));
}

#[test]
fn a_message_that_is_not_ended_in_time_closes_its_connection() {
    let late = close(1008, "message took too long");
    let fragment = masked(0x01, "x");
    let half_a_close_frame = &masked(CLOSING, b"\x03\xe8")[..5];
    let half_a_header = &masked(TEXT, "x")[..1];
    for allow in ["true", "false"] {
        for begun in [&fragment[..], &fragment[..7], half_a_close_frame, half_a_header] {
            let daemon = websocket_daemon(&format!("websocket_allow_publish = {allow}"));
            let client = connected(&daemon, "a");
            client.send(begun);
            daemon.advance(14_999);
            assert_eq!(client.read(), b"", "{begun:?}");
            daemon.advance(TICK);
            assert_eq!(client.read(), late, "{begun:?}");
            assert!(client.is_ended());
            assert_eq!(daemon.counters().timed_out_requests_total, 1);
            assert_eq!(daemon.with_server(|server, _| server.buffered_bytes()), 0);
        }
    }
}

#[test]
fn a_message_that_trickles_for_ever_closes_its_connection() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a");
    client.send(masked(0x01, "x"));
    for _ in 0..5 {
        daemon.advance(10_000);
        // A ping between its fragments does not restart the message.
        client.send([masked(0x00, "x"), masked(PING, "?")].concat());
        assert_eq!(client.read(), frame(PONG, "?"));
    }
    daemon.advance(9_999);
    assert_eq!(client.read(), b"");
    daemon.advance(TICK);
    assert_eq!(client.read(), close(1008, "message took too long"));
}

#[test]
fn a_message_that_was_ended_leaves_no_deadline() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a");
    client.send(&masked(TEXT, "x")[..3]);
    daemon.advance(10_000);
    client.send(&masked(TEXT, "x")[3..]);
    assert_eq!(client.read(), text("x"));
    daemon.advance(100_000);
    assert!(!client.is_ended());
}

#[test]
fn without_permission_nothing_of_a_text_is_kept() {
    let daemon = websocket_daemon("");
    let client = connected(&daemon, "a");
    let message = masked(TEXT, "x".repeat(1_000_000));
    for piece in message.chunks(100_000) {
        client.send(piece);
        assert_eq!(daemon.with_server(|server, _| server.buffered_bytes()), 0);
    }
    client.send(masked(PING, "?"));
    assert_eq!(client.read(), frame(PONG, "?"));
}

#[test]
fn a_message_of_four_mebibytes_and_a_small_one_behind_it_get_through() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a");
    let large = "0123456789abcdef".repeat(256 * 1024);
    client.send(masked(TEXT, &large));
    assert!(client.read() == text(&large));
    client.send(masked(TEXT, "small"));
    assert_eq!(client.read(), text("small"));
}

#[test]
fn text_of_all_lengths_of_utf_8_comes_back_unchanged() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a");
    let all = "aé€😀 \0\u{7f}\u{7ff}\u{ffff}\u{10ffff} ¡Hola! Привет 日本語".repeat(2000);
    client.send(masked(TEXT, &all));
    assert!(client.read() == text(&all));
}

#[test]
fn nothing_is_read_from_a_publisher_while_backlog_bytes_max_wait_for_their_subscribers() {
    let own = "websocket_allow_publish = true";
    let mut config = try_config("", &location("/ws", "websocket", own)).unwrap();
    config.limits.backlog_bytes_max = 1024;
    config.limits.writes_per_turn = 1;
    let daemon = crate::support::Daemon::new(config);
    let publisher = connected(&daemon, "a");
    let readers: Vec<_> = (0..20).map(|_| connected(&daemon, "a")).collect();
    let message = "x".repeat(60_000);
    publisher.post(masked(TEXT, &message).repeat(5));
    (0..15).for_each(|_| daemon.turn());
    assert!(!publisher.is_read(), "one message was read and is on its way");
    daemon.run();
    assert!(publisher.is_read());
    for reader in readers {
        assert!(reader.read() == text(&message).repeat(5));
    }
}

#[test]
fn a_client_whose_text_finds_no_memory_is_closed_and_the_refusal_is_counted() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a/b");
    // Visitors may use three quarters of the memory account: 48 MiB.
    let large = "x".repeat(13 * 512 * 1024);
    for _ in 0..3 {
        client.send(masked(TEXT, &large));
        assert!(client.read() == [text(&large), text(&large)].concat());
    }
    client.send([masked(TEXT, &large), masked(TEXT, "never read")].concat());
    let reason = [b"\x03\xf5".as_slice(), b"no memory for the message"].concat();
    // One of the two channels had room.
    assert!(client.read() == [text(&large), frame(CLOSING, reason)].concat());
    assert!(client.is_ended());
    assert_eq!(daemon.counters().store_refusals_total, 1);
}

#[test]
fn names_that_are_not_utf_8_reach_clients_as_utf_8() {
    let daemon = publishing_daemon("message_template = \"~channel~ ~event-id~ ~text~\"");
    let client = connected(&daemon, "a%ff");
    publish_event(&daemon, "a%ff", "x", "Event-Id: i\r\n");
    client.send(masked(TEXT, "y"));
    assert_eq!(client.read(), [text("a\u{fffd} i x"), text("a\u{fffd}  y")].concat());
}
