//! Streaming (section 10): one chunk per item, nothing lost or repeated, and a connection that can
//! be used again after the end.

use super::receiving::*;
use crate::support::Daemon;

#[test]
fn a_stream_is_chunked_and_its_head_comes_at_once() {
    let daemon = daemon("streaming", "");
    assert_eq!(subscriber(&daemon, "a").text(), stream_head());
}

#[test]
fn every_item_is_a_chunk_of_its_own() {
    let daemon = daemon("streaming", PAGE);
    publish(&daemon, "a", "old");
    publish(&daemon, "a", "older than new");
    let reader = subscriber(&daemon, "a.b2");
    assert_eq!(
        reader.text(),
        stream_head() + &chunks(["HEAD\n", "[1|a|old|1]", "[2|a|older than new|2]"])
    );
    publish(&daemon, "a", "new");
    assert_eq!(reader.text(), chunk("[3|a|new|3]"));
    delete(&daemon, "a", "");
    assert_eq!(reader.text(), chunks(["[-2|a|Channel deleted|0]", "FOOT\n"]) + LAST_CHUNK);
}

#[test]
fn publications_of_one_turn_stay_chunks_of_their_own() {
    let daemon = daemon("streaming", "");
    let reader = subscriber(&daemon, "a");
    reader.read();
    let publishers: Vec<_> = (0..3).map(|_| daemon.connect()).collect();
    for (number, publisher) in publishers.iter().enumerate() {
        let head = bare("POST", "/pub?id=a", "Content-Length: 2\r\n");
        publisher.post(format!("{head}m{number}"));
    }
    daemon.run();
    assert_eq!(reader.text(), chunks(["m0", "m1", "m2"]));
}

#[test]
fn no_separator_stands_between_messages_of_a_http_1_0_stream() {
    let daemon = daemon("streaming", PAGE);
    publish(&daemon, "a", "1");
    let reader = daemon.connect();
    reader.send(get("/sub/a.b1", "").replace("HTTP/1.1", "HTTP/1.0"));
    publish(&daemon, "a", "2");
    let head = stream_head().replace("Transfer-Encoding: chunked\r\n", "");
    assert_eq!(reader.text(), head.replace("keep-alive", "close") + "HEAD\n[1|a|1|1][2|a|2|2]");
    delete(&daemon, "a", "");
    assert_eq!(reader.text(), "[-2|a|Channel deleted|0]FOOT\n");
    assert!(reader.is_ended());
}

#[test]
fn nothing_is_lost_or_doubled_between_old_and_new_messages() {
    let daemon = daemon("streaming", "");
    let publisher = daemon.connect();
    let reader = daemon.connect();
    publisher.post(bare("POST", "/pub?id=a", "Content-Length: 1\r\n") + "1");
    reader.post(get("/sub/a.b9", ""));
    publisher.post(bare("POST", "/pub?id=a", "Content-Length: 1\r\n") + "2");
    daemon.run();
    publish(&daemon, "a", "3");
    let all = reader.text();
    assert_eq!(body(&all), chunks(["1", "2", "3"]));
}

#[test]
fn messages_of_several_channels_come_in_the_order_of_publication() {
    let daemon = daemon("streaming", SHOWN);
    let reader = subscriber(&daemon, "c1/c2/c3/c4/c5/c6");
    reader.read();
    for number in [3, 1, 6, 2, 5, 4] {
        publish(&daemon, &format!("c{number}"), "x");
    }
    let expected =
        ["[1|c3|x|1]", "[1|c1|x|2]", "[1|c6|x|3]", "[1|c2|x|4]", "[1|c5|x|5]", "[1|c4|x|6]"];
    assert_eq!(reader.text(), chunks(expected));
}

#[test]
fn a_channel_named_twice_gives_everything_twice() {
    let daemon = daemon("streaming", SHOWN);
    let reader = subscriber(&daemon, "a/a");
    reader.read();
    publish(&daemon, "a", "x");
    assert_eq!(reader.text(), chunks(["[1|a|x|1]", "[1|a|x|1]"]));
    assert_eq!(subscriptions(&daemon, "a"), Some(2));
}

#[test]
fn who_has_another_channel_goes_on_after_a_deletion() {
    let daemon = daemon("streaming", PAGE);
    let reader = subscriber(&daemon, "a/b");
    reader.read();
    delete(&daemon, "a", "gone");
    assert_eq!(reader.text(), chunk("[-2|a|gone|0]"));
    publish(&daemon, "b", "still here");
    assert_eq!(reader.text(), chunk("[1|b|still here|1]"));
}

#[test]
fn after_the_end_the_connection_can_be_used_again() {
    let daemon = daemon("streaming", "footer_template = \"FOOT\"");
    let reader = subscriber(&daemon, "a");
    reader.read();
    reader.send(get("/sub/b", ""));
    assert_eq!(reader.text(), "");
    delete(&daemon, "a", "");
    assert_eq!(reader.text(), chunks(["Channel deleted", "FOOT"]) + LAST_CHUNK + &stream_head());
}

#[test]
fn a_client_that_hangs_up_is_noticed_at_once() {
    let daemon = daemon("streaming", "");
    let reader = subscriber(&daemon, "a");
    assert_eq!(subscriptions(&daemon, "a"), Some(1));
    reader.abort();
    assert_eq!(subscriptions(&daemon, "a"), Some(0));
}

#[test]
fn a_client_that_takes_nothing_is_cut_off_after_a_minute() {
    let daemon = daemon("streaming", "");
    let reader = subscriber(&daemon, "a");
    reader.take_only(0);
    publish(&daemon, "a", "x");
    daemon.advance(59_000);
    assert!(!reader.is_closed());
    daemon.advance(1_000 + 2 * TICK);
    assert!(reader.is_closed());
}

#[test]
fn a_stop_ends_the_stream_with_its_footer() {
    let daemon = daemon("streaming", PAGE);
    let reader = subscriber(&daemon, "a");
    reader.read();
    daemon.stop();
    assert_eq!(reader.text(), chunk("FOOT\n") + LAST_CHUNK);
    assert!(reader.is_ended());
}

#[test]
fn a_reload_ends_the_stream_where_it_is_asked_to() {
    let text = location("/sub", "streaming", PAGE);
    for (http, expected) in [
        ("reload_ends_subscribers = true", chunk("FOOT\n") + LAST_CHUNK),
        ("reload_ends_subscribers = false", String::new()),
    ] {
        let config = try_config(http, &text).expect("the configuration is good");
        let daemon = Daemon::new(config.clone());
        let reader = subscriber(&daemon, "a");
        reader.read();
        daemon.reconfigure(config);
        assert_eq!(reader.text(), expected);
    }
}

#[test]
fn binary_messages_come_as_they_are() {
    let daemon = daemon("streaming", "");
    let reader = subscriber(&daemon, "a");
    reader.read();
    let bytes: Vec<u8> = (0..=255).collect();
    publish(&daemon, "a", &bytes);
    assert_eq!(reader.read(), [b"100\r\n", bytes.as_slice(), b"\r\n"].concat());
}
