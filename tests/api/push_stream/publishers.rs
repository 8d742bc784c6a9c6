//! Publisher locations, except deletion (section 6.1 to 6.3).

use super::locations::*;
use crate::fixtures::{ask, bare, get};
use crate::support::DATE;

const SHOWS: &str = "message_template = '~id~ ~channel~ ~text~ <~event-id~> <~event-type~>'";

#[test]
fn each_check_comes_before_the_next() {
    let daemon =
        daemon("max_channel_id_length = 4\nmax_number_of_channels = 2\nevents_channel_id = 'EV'");
    publish(&daemon, "a", "x");
    let no_channel = refused("400 Bad Request", "No channel id provided.");
    assert_eq!(post(&daemon, "/pub", "x"), no_channel);
    let reserved = refused("403 Forbidden", "Channel id not authorized for this method.");
    assert_eq!(post(&daemon, "/pub?id=toolong*", "x"), reserved);
    let too_large = refused("400 Bad Request", "Channel id is too large.");
    assert_eq!(post(&daemon, "/pub?id=toolong", "x"), too_large);
    let full = refused("403 Forbidden", "Number of channels were exceeded.");
    assert_eq!(post(&daemon, "/pub?id=b", ""), full);
    let events = refused("403 Forbidden", "Only internal routines can change events channel.");
    assert_eq!(post(&daemon, "/pub?id=EV", ""), events);
    let empty = refused("400 Bad Request", "Empty post requests are not allowed.");
    assert_eq!(post(&daemon, "/pub?id=a", ""), empty);
}

#[test]
fn the_channels_of_a_path_are_checked_one_after_the_other() {
    let daemon = daemon("max_channel_id_length = 4");
    let too_large = refused("400 Bad Request", "Channel id is too large.");
    assert_eq!(post(&daemon, "/pub?id=a/toolong/ALL", "x"), too_large);
    let reserved = refused("403 Forbidden", "Channel id not authorized for this method.");
    assert_eq!(post(&daemon, "/pub?id=b/ALL/toolong", "x"), reserved);
}

#[test]
fn channels_that_a_refused_publication_made_stay() {
    let daemon = daemon("");
    post(&daemon, "/pub?id=a/ALL/b", "x");
    post(&daemon, "/pub?id=c", "");
    assert_eq!(names(&daemon), ["a", "c"]);
    assert_eq!(channel(&daemon, "a"), Some(row("a", 0, 0, 0)));
}

#[test]
fn get_and_delete_make_no_channel() {
    let daemon = daemon("");
    assert_eq!(ask(&daemon, get("/pub?id=a", "")), answer("404 Not Found", "", ""));
    assert_eq!(ask(&daemon, send("DELETE", "/pub?id=a", "", "")), answer("404 Not Found", "", ""));
    assert_eq!(names(&daemon), Vec::<String>::new());
}

#[test]
fn post_and_put_publish_alike() {
    let daemon = daemon(SHOWS);
    let client = stream(&daemon, "/sub/a");
    assert_eq!(ask(&daemon, send("POST", "/pub?id=a", "", "x")), told(&row("a", 1, 1, 1)));
    assert_eq!(ask(&daemon, send("PUT", "/pub?id=a", "", "y")), told(&row("a", 2, 2, 1)));
    assert_eq!(client.text(), chunk("1 a x <> <>") + &chunk("2 a y <> <>"));
}

#[test]
fn an_empty_or_missing_body_is_refused() {
    let daemon = daemon("");
    let expected = refused("400 Bad Request", "Empty post requests are not allowed.");
    assert_eq!(post(&daemon, "/pub?id=a", ""), expected);
    assert_eq!(ask(&daemon, bare("POST", "/pub?id=a", "")), expected);
    let chunked = bare("PUT", "/pub?id=a", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n";
    assert_eq!(ask(&daemon, chunked), expected);
}

#[test]
fn a_chunked_body_is_accepted() {
    let daemon = daemon("");
    let client = stream(&daemon, "/sub/a");
    let request = bare("POST", "/pub?id=a", "Transfer-Encoding: chunked\r\n");
    let answer = ask(&daemon, request + "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
    assert_eq!(answer, told(&row("a", 1, 1, 1)));
    assert_eq!(client.text(), chunk("abcde"));
}

#[test]
fn a_body_may_come_in_pieces() {
    let daemon = daemon("");
    let publisher = daemon.connect();
    publisher.send(bare("POST", "/pub?id=a", "Content-Length: 3\r\n"));
    for byte in ["x", "y"] {
        assert_eq!(publisher.ask(byte), "");
    }
    assert_eq!(publisher.ask("z"), told(&row("a", 1, 1, 0)));
}

#[test]
fn the_text_is_the_body_whatever_its_type() {
    let daemon = daemon("");
    let client = stream(&daemon, "/sub/a");
    let fields = "Content-Type: application/x-www-form-urlencoded\r\n";
    ask(&daemon, send("POST", "/pub?id=a", fields, "a=b&c=%20"));
    assert_eq!(client.text(), chunk("a=b&c=%20"));
}

#[test]
fn all_pairs_of_bytes_arrive_as_they_were_published() {
    let daemon = daemon("");
    let client = stream(&daemon, "/sub/a");
    for first in 0..=255u8 {
        let text: Vec<u8> = (0..=255u8).flat_map(|second| [first, second]).collect();
        let publisher = daemon.connect();
        publisher.send(
            [bare("POST", "/pub?id=a", "Content-Length: 512\r\n").as_bytes(), &text].concat(),
        );
        assert_eq!(client.read(), [b"200\r\n", text.as_slice(), b"\r\n"].concat(), "{first}");
    }
}

#[test]
fn event_id_and_type_come_from_their_fields() {
    let daemon = daemon(SHOWS);
    let client = stream(&daemon, "/sub/a");
    let ask_with = |fields: &str| {
        ask(&daemon, send("POST", "/pub?id=a", fields, "x"));
        client.text()
    };
    assert_eq!(ask_with("Event-Id: i 1\r\n"), chunk("1 a x <i 1> <>"));
    assert_eq!(ask_with("eVENT-tYPE: t\r\nevent-ID: i\r\n"), chunk("2 a x <i> <t>"));
    assert_eq!(
        ask_with("Event-Ids: i\r\nEvent-I: i\r\nEvent-Typ: t\r\nX-Event-Id: i\r\n"),
        chunk("3 a x <> <>")
    );
}

#[test]
fn an_empty_event_id_counts_as_present() {
    let daemon = daemon("");
    let client = listen(&daemon, "/ev/a");
    client.read();
    ask(&daemon, send("POST", "/pub?id=a", "Event-Id: \r\n", "x"));
    assert_eq!(client.text(), chunk("id: \n") + &chunk("data: x\n\n"));
}

#[test]
fn one_publication_goes_to_every_channel_of_the_path_in_order() {
    let daemon = daemon("message_template = '~id~ ~channel~ ~tag~;'");
    publish(&daemon, "b", "x");
    let client = stream(&daemon, "/sub/b/a/c");
    let rows = [row("a", 1, 1, 1), row("b", 2, 2, 1), row("c", 1, 1, 1)];
    assert_eq!(post(&daemon, "/pub?id=a/b/c", "x"), told(&group(3, 0, &rows)));
    assert_eq!(client.text(), chunk("1 a 2;") + &chunk("2 b 3;") + &chunk("1 c 4;"));
}

#[test]
fn what_is_not_stored_is_only_for_who_listens() {
    let daemon = daemon("");
    let client = stream(&daemon, "/sub/a");
    assert_eq!(post(&daemon, "/unstored?id=a", "x"), told(&row("a", 1, 0, 1)));
    assert_eq!(client.text(), chunk("x"));
    assert_eq!(ask(&daemon, get("/poll/a.b9", "")), nothing("", ""));
}

#[test]
fn the_oldest_beyond_the_maximum_are_dropped() {
    let daemon = daemon("max_messages_stored_per_channel = 4");
    for number in 1..=10 {
        publish(&daemon, "a", &number.to_string());
    }
    assert_eq!(channel(&daemon, "a"), Some(row("a", 10, 4, 0)));
    assert_eq!(ask(&daemon, get("/poll/a.b9", "")), polled(DATE, 10, &["7", "8", "9", "10"]));
}

#[test]
fn without_channel_info_the_answer_is_empty() {
    let daemon = daemon("channel_info_on_publish = false");
    assert_eq!(post(&daemon, "/pub?id=a", "x"), answer("200 OK", "", ""));
    assert_eq!(post(&daemon, "/pub?id=a/b", "x"), answer("200 OK", "", ""));
    assert_eq!(ask(&daemon, get("/pub?id=a", "")), told(&row("a", 2, 2, 0)));
}

#[test]
fn the_answer_has_the_layout_of_accept() {
    let daemon = daemon("");
    let request = send("POST", "/pub?id=a", "Accept: text/plain\r\n", "x");
    let body = "channel: a\r\npublished_messages: 1\r\nstored_messages: 1\r\n\
                active_subscribers: 0\r\n";
    assert_eq!(ask(&daemon, request), answer("200 OK", "Content-Type: text/plain\r\n", body));
}

#[test]
fn get_tells_of_the_channels_that_exist() {
    let daemon = daemon("");
    publish(&daemon, "a", "x");
    publish(&daemon, "b", "x");
    assert_eq!(ask(&daemon, get("/pub?id=none/a", "")), told(&row("a", 1, 1, 0)));
    let rows = [row("b", 1, 1, 0), row("a", 1, 1, 0)];
    assert_eq!(ask(&daemon, get("/pub?id=b/none/a", "")), told(&group(2, 0, &rows)));
    assert_eq!(ask(&daemon, get("/pub?id=none", "")), answer("404 Not Found", "", ""));
}

#[test]
fn channels_path_and_store_messages_may_depend_on_the_request() {
    let daemon = daemon_of(
        "[[location]]\npath = '/pub'\npublisher = true\nchannels_path = '$arg_id'\n\
         store_messages = true\n\
         [[location.if]]\nvariable = '$arg_test'\nchannels_path = 'test_$arg_id'\n\
         [[location.if]]\nvariable = '$arg_tests'\nequals = 'on'\nstore_messages = false\n",
    );
    assert_eq!(post(&daemon, "/pub?id=a&test=1", "x"), told(&row("test_a", 1, 1, 0)));
    assert_eq!(post(&daemon, "/pub?id=a&test=0", "x"), told(&row("a", 1, 1, 0)));
    assert_eq!(post(&daemon, "/pub?id=a&tests=on", "x"), told(&row("a", 2, 1, 0)));
    assert_eq!(post(&daemon, "/pub?id=a&tests=off", "x"), told(&row("a", 3, 2, 0)));
}

#[test]
fn a_large_message_and_a_small_one_after_it_reach_everybody() {
    let daemon = daemon("client_max_body_size = '5m'");
    let client = stream(&daemon, "/sub/a");
    let large = "^".repeat(4 << 20);
    publish(&daemon, "a", &large);
    publish(&daemon, "a", "small");
    let expected = chunk(&large) + &chunk("small");
    assert!(client.text() == expected, "4 MiB live, then a small message");
    let replay = polled(DATE, 2, &[&large, "small"]);
    assert!(ask(&daemon, get("/poll/a.b2", "")) == replay, "4 MiB from history");
}

#[test]
fn many_messages_arrive_in_order() {
    let daemon = daemon("message_template = '~id~'");
    let client = stream(&daemon, "/sub/a");
    let publisher = daemon.connect();
    for number in 1..=1500 {
        publisher.send(send("POST", "/unstored?id=a", "", "x"));
        assert_eq!(client.text(), chunk(&number.to_string()));
    }
}

#[test]
fn placeholders_in_the_text_are_not_replaced() {
    let words = "~id~~channel~~text~~size~~tag~~time~~event-id~~event-type~".repeat(20_000);
    let daemon = daemon("message_template = '~text~ ~text~'\nclient_max_body_size = '5m'");
    let client = stream(&daemon, "/sub/a");
    publish(&daemon, "a", &words);
    assert!(client.text() == chunk(&format!("{words} {words}")), "the text stands as it is");
}

#[test]
fn time_tag_and_size_can_be_shown() {
    let daemon = daemon("message_template = '~time~ ~tag~ ~size~'");
    let client = stream(&daemon, "/sub/a");
    publish(&daemon, "a", "four");
    publish(&daemon, "a", "äö");
    let now = DATE;
    assert_eq!(client.text(), chunk(&format!("{now} 1 4")) + &chunk(&format!("{now} 2 4")));
}

#[test]
fn ids_with_the_same_crc_32_stay_apart() {
    // The two names of each pair have the same CRC-32.
    let ids = ["plumless", "buckeroo", "codding", "gnu", "exhibiters", "schlager"];
    let daemon = daemon("message_template = '~channel~'");
    for (tag, id) in (1..).zip(ids) {
        publish(&daemon, id, "x");
        assert_eq!(channel(&daemon, id), Some(row(id, 1, 1, 0)));
        let poll = ask(&daemon, get(&format!("/poll/{id}.b1"), ""));
        assert_eq!(poll, polled(DATE, tag, &[id]));
    }
    assert_eq!(names(&daemon), ids);
}
