//! Replays that are larger than an outbox: they are generated as the client reads, and nothing is
//! lost, repeated or reordered.

use super::receiving::*;
use super::websocket_client::UPGRADE;
use crate::support::{Client, Daemon};

/// The outbox limit, much smaller than the stored messages.
const SMALL: usize = 8 * 1024;
const LARGE: usize = 16 * 1024 * 1024;
const MESSAGES: usize = 500;

const LOCATIONS: [(&str, &str, &str); 5] = [
    ("/sub", "streaming", "subscriber_connection_ttl = \"20s\""),
    ("/padded", "streaming", "padding_by_user_agent = '.*,100,400'"),
    ("/zipped", "streaming", "gzip = true\ngzip_streams = true\ngzip_types = ['*']"),
    ("/poll", "polling", "gzip = true\ngzip_types = ['*']"),
    ("/ws", "websocket", ""),
];

/// A daemon with this outbox limit, and 250 messages of 300 bytes on each of two channels.
fn daemon_that_may_queue(outbox_bytes_max: usize, http: &str) -> Daemon {
    let all: String = LOCATIONS.map(|(path, mode, own)| location(path, mode, own)).concat();
    let mut config = try_config(&format!("{PAGE}{http}"), &all).unwrap();
    config.limits.outbox_bytes_max = outbox_bytes_max;
    let daemon = Daemon::new(config);
    for number in 0..MESSAGES {
        publish(&daemon, if number % 2 == 0 { "a" } else { "b" }, old_message(number));
    }
    daemon
}

fn old_message(number: usize) -> String {
    format!("{number:0300}")
}

/// A client that has requested all old messages and read none.
fn blocked(daemon: &Daemon, request: &str) -> Client {
    let client = daemon.connect();
    client.take_only(0);
    client.send(request);
    client
}

fn queued_bytes(daemon: &Daemon) -> usize {
    daemon.with_server(|server, _| server.buffered_bytes())
}

/// The bytes that a client reads in small pieces, while more is published.
fn read_slowly(daemon: &Daemon, request: &str) -> Vec<u8> {
    let client = blocked(daemon, request);
    let mut read = Vec::new();
    for round in 0..400 {
        client.take_more(1_499);
        if round % 40 == 3 {
            publish(daemon, "b", format!("live {round}"));
        }
        read.extend(client.read());
    }
    assert!(!client.is_ended());
    read
}

fn requests() -> Vec<(&'static str, String)> {
    let everything = "a.b999/b.b999";
    vec![
        ("streaming", get(&format!("/sub/{everything}"), "")),
        ("padding", get(&format!("/padded/{everything}"), "User-Agent: any\r\n")),
        ("compressed", get(&format!("/zipped/{everything}"), "Accept-Encoding: gzip\r\n")),
        ("polling", get(&format!("/poll/{everything}"), "")),
        ("jsonp", get(&format!("/poll/{everything}?callback=call"), "")),
        ("websocket", get(&format!("/ws/{everything}"), UPGRADE)),
    ]
}

#[test]
fn a_slow_reader_of_many_old_messages_gets_the_same_as_from_an_unbounded_queue() {
    for (kind, request) in requests() {
        let bounded = daemon_that_may_queue(SMALL, "");
        let expected = read_slowly(&daemon_that_may_queue(LARGE, ""), &request);
        assert!(expected.len() > 10 * SMALL || kind == "compressed", "{kind}");
        assert!(read_slowly(&bounded, &request) == expected, "{kind}");
        assert_eq!(bounded.counters().slow_subscribers_closed_total, 0, "{kind}");
    }
}

#[test]
fn clients_that_come_back_and_read_nothing_have_no_more_queued_than_the_limit_each() {
    for (kind, request) in requests() {
        let daemon = daemon_that_may_queue(SMALL, "");
        let clients: Vec<Client> = (0..20).map(|_| blocked(&daemon, &request)).collect();
        // The message that crosses the limit, its padding and the footer may exceed it.
        let bytes_max = clients.len() * (2 * SMALL + 2_000);
        assert!(queued_bytes(&daemon) <= bytes_max, "{kind}: {}", queued_bytes(&daemon));
        for client in &clients {
            client.take_more(usize::MAX);
        }
        let first = clients[0].read();
        assert!(clients[1..].iter().all(|client| client.read() == first), "{kind}");
    }
}

#[test]
fn all_who_are_sent_the_same_old_messages_share_them() {
    let daemon = daemon_that_may_queue(LARGE, "");
    let one = blocked(&daemon, &get("/sub/a.b999", ""));
    let other = blocked(&daemon, &get("/sub/a.b999", ""));
    let places = |client: &Client| client.unsent_places();
    assert_eq!(places(&one)[1..], places(&other)[1..], "all but the head");
    // A replay that starts elsewhere soon reaches the same shared pieces.
    let late = blocked(&daemon, &get("/sub/a.b100", ""));
    assert_eq!(places(&one).last(), places(&late).last());
}

#[test]
fn a_replay_that_began_earlier_takes_no_later_messages_from_one_that_has_overtaken_it() {
    let daemon = daemon_that_may_queue(SMALL, "");
    let early = blocked(&daemon, &get("/sub/a.b999", ""));
    for number in MESSAGES..MESSAGES + 10 {
        publish(&daemon, "a", old_message(number));
    }
    let late = daemon.connect();
    late.send(get("/sub/a.b999", ""));
    let late = late.text();
    early.take_more(usize::MAX);
    daemon.run();
    assert_eq!(late.matches("|a|").count(), MESSAGES / 2 + 10);
    assert_eq!(early.text(), late);
}

#[test]
fn the_next_request_is_answered_when_a_large_answer_is_written() {
    let daemon = daemon_that_may_queue(SMALL, "");
    let ask = get("/poll/a.b999/b.b999", "");
    let expected = daemon.connect().ask(&ask);
    let client = blocked(&daemon, &(ask.clone() + &ask));
    assert!(queued_bytes(&daemon) < 2 * SMALL);
    client.take_more(usize::MAX);
    assert!(client.text() == expected.repeat(2));
}

#[test]
fn a_stream_that_ends_is_still_sent_all_old_messages_first() {
    let daemon = daemon_that_may_queue(SMALL, "");
    let client = blocked(&daemon, &get("/sub/a.b999/b.b999", ""));
    publish(&daemon, "a", "live");
    daemon.advance(20_000 + TICK);
    publish(&daemon, "a", "too late");
    client.take_more(usize::MAX);
    let answer = client.text();
    let body = body(&answer);
    assert_eq!(body.matches("[").count(), MESSAGES + 1);
    assert!(body.ends_with(&(chunks(["[251|a|live|501]", "FOOT\n"]) + LAST_CHUNK)));
    assert!(!client.is_ended(), "its connection may be used again");
}

#[test]
fn whoever_reads_too_slowly_for_the_store_is_closed_and_not_sent_a_gap() {
    let daemon = daemon_that_may_queue(SMALL, "max_messages_stored_per_channel = 250");
    let slow = blocked(&daemon, &get("/sub/a.b999", ""));
    let fast = blocked(&daemon, &get("/sub/a.b20", ""));
    for number in 0..20 {
        publish(&daemon, "a", format!("live {number}"));
        fast.take_more(2_000);
    }
    fast.take_more(usize::MAX);
    assert_eq!(body(&fast.text()).matches("[").count(), 40, "its messages were in the queue");
    // 20 messages were queued when the store removed the first 20; 20 more follow.
    for number in 0..20 {
        publish(&daemon, "a", format!("more {number}"));
    }
    assert!(!slow.is_closed(), "it is found out when there is room for more");
    slow.take_more(usize::MAX);
    assert!(slow.is_closed());
    let read = slow.text();
    let texts: Vec<&str> = read.split('[').skip(1).map(|item| &item[..2]).collect();
    assert_eq!(texts[..2], ["1|", "2|"]);
    assert!(!read.contains("|live") && !read.ends_with(LAST_CHUNK));
    assert_eq!(daemon.counters().slow_subscribers_closed_total, 1);
}

#[test]
fn an_answer_larger_than_a_queue_is_not_compressed() {
    let request = get("/poll/a.b999", "Accept-Encoding: gzip\r\n");
    let packed = daemon_that_may_queue(LARGE, "").connect();
    packed.send(&request);
    assert!(String::from_utf8_lossy(&packed.read()).contains("Content-Encoding: gzip\r\n"));
    let daemon = daemon_that_may_queue(SMALL, "");
    let plain = daemon.connect().ask(get("/poll/a.b999", ""));
    assert!(daemon.connect().ask(&request) == plain);
}

/// In HTTP/1.0, the end of the connection ends the answer: an incomplete one must not look
/// complete.
#[test]
fn an_answer_of_http_1_0_that_is_cut_short_ends_with_a_reset() {
    let mut config = try_config("", &location("/poll", "polling", "")).unwrap();
    config.limits.outbox_bytes_max = SMALL;
    let daemon = Daemon::new(config);
    let texts = ["1", "2", "3"].map(|digit| digit.repeat(SMALL));
    for text in &texts {
        publish(&daemon, "a", text);
    }
    let client = blocked(&daemon, "GET /poll/a.b9 HTTP/1.0\r\n\r\n");
    while !client.is_ended() {
        client.take_more(SMALL / 2);
    }
    let read = client.text();
    assert!(body(&read) == texts.concat());
    assert!(!client.is_reset());

    let client = blocked(&daemon, "GET /poll/a.b9?callback=call HTTP/1.0\r\n\r\n");
    client.take_more(usize::MAX);
    let read = client.text();
    assert_eq!(body(&read), format!("call([{}]);", texts.join(",")));
    assert!(!client.is_reset());
    assert!(!read.contains("Content-Length"), "the module sends none");

    let client = blocked(&daemon, "GET /poll/a.b9 HTTP/1.0\r\n\r\n");
    delete(&daemon, "a", "gone");
    client.take_more(usize::MAX);
    assert!(client.is_closed() && client.is_reset());
    assert!(!client.text().contains("333"));
}

#[test]
fn a_replay_goes_on_in_its_template_after_a_reload_that_has_no_use_for_it() {
    let config = |template: &str| {
        let own = format!("message_template = '{template}'\n");
        let all = location("/sub", "streaming", &own) + &location("/poll", "polling", &own);
        let mut config = try_config("", &all).unwrap();
        config.limits.outbox_bytes_max = SMALL;
        config
    };
    let daemon = Daemon::new(config("old ~text~"));
    for number in 0..MESSAGES {
        publish(&daemon, "a", old_message(number));
    }
    let requests = [get("/sub/a.b9999", ""), get("/poll/a.b9999", "")];
    let clients = requests.map(|request| blocked(&daemon, &request));
    daemon.reconfigure(config("newer ~text~"));
    daemon.reconfigure(config("newest ~text~"));
    for client in clients {
        client.take_more(usize::MAX);
        let all = client.text();
        assert_eq!(all.matches("old 0").count(), MESSAGES);
        assert_eq!(all.matches("newe").count(), 0);
    }
}
