//! What gives way, and in which order, when little of the memory budget is left. The use of memory
//! is a number that the test sets; with the real heap it is measured in `tests/daemon`.

use super::fixtures::*;
use super::push_stream::locations;
use super::push_stream::websocket_client::{TEXT, connected, masked, publishing_daemon};
use crate::support::{Client, Daemon, log_lines, set_heap_bytes};
use rpushd::config::{Config, Limits, ListenAddress, Listener, ListenerId};

const MIB: u64 = 1024 * 1024;
const BUDGET: u64 = 32 * MIB;
/// Uses of memory at which the steps begin.
const HISTORY: u64 = 26 * MIB;
const REQUESTS: u64 = 28 * MIB;
const CONSUMERS: u64 = 29 * MIB;
const SUBSCRIBERS: u64 = 30 * MIB;
const CONNECTIONS: u64 = 31 * MIB;

/// How the answer to a publication begins.
const OK: &str = "HTTP/1.1 204 ";

fn limits() -> Limits {
    Limits { memory: BUDGET as usize, ..Limits::default() }
}

fn daemon() -> Daemon {
    Daemon::new(Config { limits: limits(), ..config() })
}

/// A daemon with locations that store messages.
fn storing_daemon() -> Daemon {
    Daemon::new(Config { limits: limits(), ..locations::config("message_ttl = '1h'") })
}

fn store(daemon: &Daemon, channel: &str, count: usize) {
    for number in 0..count {
        let answer = locations::post(daemon, &format!("/pub?id={channel}"), &number.to_string());
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}

fn stored(daemon: &Daemon, channel: &str) -> usize {
    daemon.with_server(|server, _| server.stored_count(channel.as_bytes()))
}

/// A request whose head is incomplete.
fn incomplete(bytes: usize) -> String {
    format!("GET /healthz HTTP/1.1\r\nX-A: {}", "x".repeat(bytes))
}

#[test]
fn below_the_steps_nothing_gives_way() {
    let daemon = storing_daemon();
    store(&daemon, "a", 8);
    set_heap_bytes(HISTORY - 1);
    daemon.advance(120_000);
    assert_eq!(stored(&daemon, "a"), 8);
    assert_eq!(daemon.counters().memory_messages_evicted_total, 0);
}

#[test]
fn stored_messages_give_way_as_long_as_memory_is_short() {
    let daemon = storing_daemon();
    let reader = daemon.connect();
    reader.ask(get("/sub/watched", ""));
    store(&daemon, "watched", 8);
    store(&daemon, "unused", 8);
    set_heap_bytes(HISTORY);
    daemon.turn();
    set_heap_bytes(0);
    assert_eq!((stored(&daemon, "unused"), stored(&daemon, "watched")), (0, 0));
    assert_eq!(daemon.counters().memory_messages_evicted_total, 16);
}

#[test]
fn a_publication_never_fails_for_want_of_memory_and_its_readers_get_it() {
    let daemon = storing_daemon();
    let reader = daemon.connect();
    reader.ask(get("/sub/a", ""));
    set_heap_bytes(SUBSCRIBERS);
    store(&daemon, "a", 100);
    let received = reader.text();
    assert!((0..100).all(|number| received.contains(&format!("\r\n{number}\r\n"))), "{received}");
    assert!(stored(&daemon, "a") < 10, "the messages before it are removed");
}

#[test]
fn a_full_account_removes_older_messages_instead_of_refusing_one() {
    let settings = "message_ttl = '1h'";
    let limits = Limits { store_bytes_max: 128 * 1024, ..Limits::default() };
    let daemon = Daemon::new(Config { limits, ..locations::config(settings) });
    store(&daemon, "a", 2_000);
    let count = stored(&daemon, "a");
    assert!((300..800).contains(&count), "{count} messages are stored");
    assert_eq!(daemon.counters().store_refusals_total, 0);
}

#[test]
fn incomplete_requests_are_refused_the_largest_first() {
    let daemon = daemon();
    let large: Vec<Client> = (0..64).map(|_| daemon.connect()).collect();
    large.iter().for_each(|client| client.send(incomplete(3_000)));
    let small = daemon.connect();
    small.send(incomplete(10));
    set_heap_bytes(REQUESTS);
    daemon.turn();
    let refused = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n";
    for client in &large {
        let answer = client.text();
        assert!(answer.starts_with(refused), "{answer}");
        assert!(client.is_ended(), "its remainder is not read");
    }
    assert_eq!(small.text(), "", "one turn refuses 64");
    assert_eq!(daemon.counters().memory_requests_refused_total, 64);
    set_heap_bytes(0);
    small.send("\r\nHost: a\r\n\r\n");
    assert!(small.text().starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn publications_that_arrive_in_parts_are_refused_last() {
    let daemon = daemon();
    let publisher = daemon.connect();
    let whole = publish("a", &format!("\"{}\"", "x".repeat(20_000)));
    let (first, last) = whole.split_at(whole.len() - 1);
    publisher.send(first);
    let other = daemon.connect();
    other.send(incomplete(3_000));
    set_heap_bytes(SUBSCRIBERS - 1);
    daemon.turn();
    assert!(other.text().starts_with("HTTP/1.1 503 "));
    publisher.send(last);
    assert_eq!(publisher.text(), ACCEPTED);
}

#[test]
fn a_publication_that_waits_for_room_is_refused_when_new_subscribers_are() {
    let limits = Limits { outbox_bytes_max: 8_000, writes_per_turn: 1, ..limits() };
    let daemon = Daemon::new(Config { limits, ..config() });
    let readers: Vec<Client> = (0..100).map(|_| subscriber(&daemon, "a")).collect();
    let publisher = daemon.connect();
    let first = format!("\"{}\"", "x".repeat(3_000));
    publisher.post(publish("a", &first) + &publish("a", "\"second\""));
    daemon.turn();
    set_heap_bytes(SUBSCRIBERS);
    daemon.run();
    let answers = publisher.text();
    assert!(answers.starts_with(OK) && answers.contains("HTTP/1.1 503 "), "{answers}");
    assert_eq!(daemon.counters().memory_requests_refused_total, 1);
    for reader in readers {
        assert_eq!(reader.read(), frames([&first]));
    }
}

#[test]
fn a_request_with_several_publications_is_counted_and_not_refused_once_it_has_begun() {
    let mut config = Config { limits: limits(), ..config() };
    config.limits.outbox_bytes_max = 8 * 1024;
    let daemon = Daemon::new(config);
    let reader = subscriber(&daemon, "a");
    let message = format!("\"{}\"", "x".repeat(1_000));
    let one = format!(r#"{{"channel":"a","message":{message}}}"#);
    let list = format!("[{}]", vec![one; 50].join(","));
    let (publisher, statistics) = (daemon.dial(), daemon.dial());
    publisher.post(publish_body(&list));
    daemon.turn();
    statistics.post(get("/api/stats", BEARER));
    daemon.turn();
    let text = statistics.text();
    let line = text.lines().find_map(|line| line.strip_prefix("memory_requests_bytes: "));
    let bytes: usize = line.expect("it is in the statistics").parse().expect("a number");
    assert!((list.len()..2 * list.len()).contains(&bytes), "{bytes}");
    set_heap_bytes(SUBSCRIBERS);
    daemon.run();
    assert_eq!(publisher.text(), ACCEPTED);
    assert_eq!(reader.read(), frames(vec![message; 50]));
}

#[test]
fn incomplete_requests_beyond_an_eighth_of_the_budget_give_way_before_stored_messages() {
    let daemon = storing_daemon();
    store(&daemon, "a", 8);
    let clients: Vec<Client> = (0..300).map(|_| daemon.connect()).collect();
    clients.iter().for_each(|client| client.send(incomplete(15_000)));
    set_heap_bytes(HISTORY);
    daemon.turn();
    let refused = clients.iter().filter(|client| !client.text().is_empty()).count();
    // 300 times 15,000 bytes are 4.5 MB; an eighth is 4 MiB.
    assert!((15..40).contains(&refused), "{refused} are refused");
}

#[test]
fn unread_queues_beyond_an_eighth_of_the_budget_give_way_before_stored_messages() {
    let daemon = daemon();
    let slow: Vec<Client> =
        (0..8).map(|number| subscriber(&daemon, &format!("slow{number}"))).collect();
    slow.iter().for_each(|client| client.take_only(0));
    let text = format!("\"{}\"", "x".repeat(60_000));
    for number in (0..8).cycle().take(8 * 15) {
        assert!(ask(&daemon, publish(&format!("slow{number}"), &text)).starts_with(OK));
    }
    daemon.pass(2_000);
    set_heap_bytes(HISTORY);
    daemon.turn();
    // 8 times 900 kB are 7.2 MB; an eighth is 4.2 MB.
    assert_eq!(slow.iter().filter(|client| client.is_closed()).count(), 4);
}

#[test]
fn a_queue_that_others_share_is_closed_after_one_that_frees_more() {
    let daemon = daemon();
    let readers: Vec<Client> = (0..100).map(|_| subscriber(&daemon, "shared")).collect();
    let alone = subscriber(&daemon, "alone");
    readers.iter().chain([&alone]).for_each(|client| client.take_only(0));
    for (channel, bytes) in [("alone", 10_000), ("shared", 50_000)] {
        let text = format!("\"{}\"", "x".repeat(bytes));
        assert!(ask(&daemon, publish(channel, &text)).starts_with(OK));
    }
    daemon.pass(2_000);
    set_heap_bytes(CONSUMERS);
    daemon.turn();
    assert!(alone.is_closed(), "among the 64 of one turn");
}

#[test]
fn messages_of_visitors_displace_no_others_while_memory_is_short() {
    let own = "websocket_allow_publish = true\nstore_messages = true";
    let text = format!(
        "[push_stream]\nmessage_ttl = '1h'\n[[location]]\npath = '/pub'\npublisher = true\n\
         channels_path = '$arg_id'\nstore_messages = true\n[[location]]\npath = '~ ^/ws/(.*)'\n\
         subscriber = 'websocket'\nchannels_path = '$1'\n{own}\n"
    );
    let daemon = Daemon::new(Config { limits: limits(), ..locations::read(&text).unwrap() });
    store(&daemon, "a", 8);
    let visitor = connected(&daemon, "own");
    let id = visitor.id();
    set_heap_bytes(HISTORY);
    log_lines();
    daemon.with_server(|server, now| {
        server.received(id, &masked(TEXT, "x"), now);
        assert_eq!(server.last_message_id(b"own", now), Some(1), "it is published");
        assert_eq!((server.stored_count(b"own"), server.stored_count(b"a")), (0, 8));
    });
    let line = format!(
        "warn rpushd::server::relief: memory short: messages of WebSocket clients are published \
         but not stored: {HISTORY} of {BUDGET} bytes are in use; raise memory in [limits], or \
         store fewer messages"
    );
    assert!(log_lines().contains(&line));
    let counters = daemon.counters();
    assert_eq!((counters.memory_messages_unstored_total, counters.store_refusals_total), (1, 0));
}

#[test]
fn every_slow_consumer_is_found_among_any_number_of_connections() {
    let limits = Limits { connections_max: 100_000, ..limits() };
    let daemon = Daemon::new(Config { limits, ..config() });
    let idle: Vec<Client> = (0..40_000).map(|_| daemon.dial()).collect();
    daemon.run();
    let slow: Vec<Client> = (0..3).map(|_| subscriber(&daemon, "a")).collect();
    slow.iter().for_each(|client| client.take_only(0));
    assert_eq!(ask(&daemon, publish("a", "\"x\"")), ACCEPTED);
    daemon.pass(2_000);
    set_heap_bytes(CONSUMERS);
    (0..8).for_each(|_| daemon.turn());
    assert!(slow.iter().all(Client::is_closed));
    drop(idle);
}

#[test]
fn unfinished_messages_of_websocket_clients_are_refused_like_requests() {
    let daemon = publishing_daemon("");
    let client = connected(&daemon, "a");
    let whole = masked(TEXT, "x".repeat(1000));
    client.send(&whole[..900]);
    set_heap_bytes(u64::MAX);
    daemon.turn();
    let closed = client.read();
    assert_eq!(closed[..2], [0x88, closed.len() as u8 - 2], "a close frame");
    assert_eq!(closed[2..4], 1013_u16.to_be_bytes(), "try again later");
}

#[test]
fn slow_consumers_are_closed_and_those_that_read_keep_their_stream() {
    let daemon = daemon();
    let slow: Vec<Client> = (0..3).map(|_| subscriber(&daemon, "a")).collect();
    slow.iter().for_each(|client| client.take_only(0));
    let healthy = subscriber(&daemon, "a");
    assert_eq!(ask(&daemon, publish("a", "\"one\"")), ACCEPTED);
    set_heap_bytes(CONSUMERS - 1);
    daemon.advance(1_000);
    assert!(slow.iter().all(|client| !client.is_closed()));
    set_heap_bytes(CONSUMERS);
    daemon.advance(1_000);
    assert!(slow.iter().all(Client::is_closed));
    assert_eq!(daemon.counters().memory_consumers_closed_total, 3);
    set_heap_bytes(0);
    assert!(ask(&daemon, publish("a", "\"two\"")).starts_with("HTTP/1.1 204 "));
    assert_eq!(healthy.read(), frames(["\"one\"".to_owned(), "\"two\"".to_owned()]));
}

#[test]
fn new_subscribers_are_refused_and_publications_are_not() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a");
    set_heap_bytes(SUBSCRIBERS);
    let answer = ask(&daemon, subscribe("a"));
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains("\r\nretry-after: 5\r\n"), "{answer}");
    assert!(answer.ends_with("the daemon is short of memory; try again later\n"), "{answer}");
    assert_eq!(ask(&daemon, publish("a", "\"x\"")), ACCEPTED);
    assert_eq!(reader.read(), frames(["\"x\"".to_owned()]));
    assert_eq!(daemon.counters().memory_subscribers_refused_total, 1);
}

#[test]
fn locations_refuse_new_subscribers_with_an_explanation() {
    let daemon = storing_daemon();
    set_heap_bytes(SUBSCRIBERS);
    for target in ["/sub/a", "/ev/a", "/lp/a"] {
        let answer = ask(&daemon, get(target, ""));
        assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
        assert!(answer.contains("\r\nRetry-After: 5\r\n"), "{answer}");
        let explained = "X-Nginx-PushStream-Explain: Short of memory, try again later.\r\n";
        assert!(answer.contains(explained), "{answer}");
    }
    // What needs no memory for long is answered.
    let answer = ask(&daemon, get("/poll/a", ""));
    assert!(answer.starts_with("HTTP/1.1 304 Not Modified\r\n"), "{answer}");
}

#[test]
fn at_last_only_internal_clients_are_accepted_and_nothing_incomplete_is_kept() {
    let listener = |port: u16, is_internal| Listener {
        address: ListenAddress::Tcp(([127, 0, 0, 1], port).into()),
        is_internal,
        server: None,
    };
    let listeners = vec![listener(1, false), listener(2, true)];
    let daemon = Daemon::new(Config { listeners, limits: limits(), ..config() });
    let early = daemon.connect();
    let idle = daemon.connect();
    daemon.advance(2_000);
    let publisher = daemon.connect_to(1).expect("there is room");
    set_heap_bytes(CONNECTIONS);
    assert!(daemon.connect_to(0).is_none());
    assert!(!daemon.with_server(|server, now| server.make_room(ListenerId(0), now)));
    assert!(!idle.is_closed(), "nothing would be gained by closing it");
    assert!(daemon.connect_to(1).is_some());
    early.send("GET /health");
    assert!(early.text().starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    let whole = publish("a", "\"x\"");
    publisher.send(&whole[..20]);
    publisher.send(&whole[20..]);
    assert!(publisher.text().starts_with("HTTP/1.1 204 "), "the application is not cut off");
}

#[test]
fn the_log_has_one_line_a_minute_for_each_kind() {
    let daemon = storing_daemon();
    store(&daemon, "a", 100);
    set_heap_bytes(SUBSCRIBERS);
    log_lines();
    for _ in 0..3 {
        ask(&daemon, get("/sub/a", ""));
    }
    let lines: Vec<String> =
        log_lines().into_iter().filter(|line| line.contains("memory short")).collect();
    let line = |what: &str, advice: &str| {
        format!(
            "warn rpushd::server::relief: memory short: {what}: {SUBSCRIBERS} of {BUDGET} bytes \
             are in use; raise memory in [limits]{advice}"
        )
    };
    let expected = [
        line("stored messages are removed", ", or store fewer messages"),
        line("new subscribers are refused", ""),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_reload_changes_the_budget() {
    let daemon = daemon();
    set_heap_bytes(SUBSCRIBERS);
    assert!(ask(&daemon, subscribe("a")).starts_with("HTTP/1.1 503 "));
    let limits = Limits { memory: 2 * BUDGET as usize, ..limits() };
    daemon.reconfigure(Config { limits, ..config() });
    assert_eq!(ask(&daemon, subscribe("a")), STREAM);
}

#[test]
fn a_single_message_may_take_an_eighth_of_the_budget() {
    let limits = Limits {
        memory: 8 * MIB as usize,
        websocket_message_bytes_max: 8 * MIB as usize,
        ..Limits::default()
    };
    let mut config = locations::config("client_max_body_size = '8m'");
    config.limits = limits;
    let daemon = Daemon::new(config);
    let eighth = MIB as usize;
    let answer = locations::post(&daemon, "/pub?id=a", &"x".repeat(eighth));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let answer = locations::post(&daemon, "/pub?id=a", &"x".repeat(eighth + 1));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[test]
fn the_account_of_stored_messages_is_at_most_half_of_the_budget() {
    let limits = Limits { memory: 8 * MIB as usize, ..Limits::default() };
    let daemon = Daemon::new(Config { limits, ..locations::config("message_ttl = '1h'") });
    let text = "x".repeat(100_000);
    (0..100).for_each(|_| drop(locations::post(&daemon, "/pub?id=a", &text)));
    let count = stored(&daemon, "a");
    assert!((20..=41).contains(&count), "{count} messages are stored");
}

#[test]
fn the_statistics_add_up_the_memory_of_all_requests_and_queues() {
    let daemon = daemon();
    let part = |name: &str| {
        let text = ask(&daemon, get("/api/stats", BEARER));
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("{text}")).parse::<usize>().unwrap()
    };
    let clients: Vec<Client> = (0..2).map(|_| daemon.connect()).collect();
    clients.iter().for_each(|client| client.send(incomplete(1000)));
    assert_eq!(part("memory_requests_bytes"), 2 * incomplete(1000).len());
    let readers: Vec<Client> = (0..2).map(|_| subscriber(&daemon, "a")).collect();
    readers.iter().for_each(|reader| reader.take_only(0));
    assert_eq!(part("memory_queues_bytes"), 0);
    ask(&daemon, publish("a", &format!("\"{}\"", "x".repeat(1000))));
    // Both queues hold the same frame.
    let queued = part("memory_queues_bytes");
    assert!((1000..1100).contains(&queued), "{queued} bytes are queued");
}
