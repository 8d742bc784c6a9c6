//! `GET /api/stats` (section 6), in all formats.

use super::fixtures::*;
use crate::support::{Client, Daemon};
use rpushd::config::Config;
use rpushd::time::Millis;

/// A daemon with two channels, three streams, three publications and a failed one.
fn story() -> (Daemon, Vec<Client>) {
    let daemon = daemon();
    let readers = ["thread-posts:459", "notifications:96501", "thread-posts:459"]
        .map(|channel| subscriber(&daemon, channel));
    let publisher = daemon.connect();
    publisher.ask(publish("forgotten", "\"nobody\""));
    publisher.ask(publish("thread-posts:459", "{\"id\": 1}"));
    publisher.ask(post("/api/publish", "", "{}"));
    daemon.advance(3_500);
    publisher.ask(publish("notifications:96501", "[true]"));
    daemon.advance(1_000);
    publisher.end();
    (daemon, readers.into())
}

/// The answer to a statistics request with a valid secret.
fn stats(daemon: &Daemon, query: &str) -> String {
    ask(daemon, get(&format!("/api/stats{query}"), BEARER))
}

/// The head of an answer five seconds after the start, for this body.
fn with_head(content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\n\
         content-type: {content_type}\r\n\
         cache-control: no-cache, no-store, must-revalidate, no-transform\r\n\
         pragma: no-cache\r\n\
         expires: 0\r\n\
         date: Tue, 14 Apr 2026 15:40:04 GMT\r\n\
         content-length: {length}\r\n\
         \r\n\
         {body}"
    )
}

/// Every number after the story, in order; the request itself is the eighth.
fn rows(query: &str) -> Vec<(&'static str, u64)> {
    vec![
        ("started_at", 1_776_181_200),
        ("uptime_seconds", 4),
        ("active_channels", 2),
        ("active_subscribers", 3),
        ("active_stream_connections", 3),
        ("stream_connections_total", 3),
        ("publish_requests_total", 3),
        ("published_bytes_total", 22),
        ("auth_failures_total", 1),
        ("memory_rss_bytes", 7_348_224),
        ("active_connections", 4),
        ("remembered_channels", 3),
        ("stored_messages", 0),
        ("stored_bytes", 2054),
        ("queued_bytes", 0),
        ("connections_total", 5),
        ("accept_pauses_total", 0),
        ("requests_total", 8),
        ("malformed_requests_total", 0),
        ("timed_out_requests_total", 0),
        ("received_bytes_total", 1751 + query.len() as u64),
        ("sent_bytes_total", 1210),
        ("deliveries_total", 3),
        ("slow_subscribers_closed_total", 0),
        ("stalled_connections_closed_total", 0),
        ("oversized_frames_skipped_total", 0),
        ("store_refusals_total", 0),
        ("websocket_messages_deflated_total", 0),
        ("auth_failures_missing_total", 1),
        ("auth_failures_malformed_total", 0),
        ("auth_failures_signature_total", 0),
        ("auth_failures_secret_total", 0),
        ("auth_failures_expired_total", 0),
        ("auth_failures_early_total", 0),
        ("auth_failures_channel_total", 0),
        ("auth_failures_purpose_total", 0),
        ("log_lines_dropped_total", 0),
        ("process_pauses_total", 0),
        ("process_paused_seconds_total", 0),
        ("kernel_memory_shortages_total", 0),
        ("memory_budget_bytes", 9_223_372_036_854_775_807),
        ("memory_used_bytes", 0),
        ("memory_connections_bytes", 800),
        ("memory_requests_bytes", 0),
        ("memory_queues_bytes", 0),
        ("memory_encodings_bytes", 0),
        ("memory_history_bytes", 0),
        ("memory_channels_bytes", 871),
        ("memory_messages_evicted_total", 0),
        ("memory_requests_refused_total", 0),
        ("memory_consumers_closed_total", 0),
        ("memory_subscribers_refused_total", 0),
        ("auth_failures_slowed_total", 0),
        ("subscribers_refused_rate_total", 0),
        ("subscribers_refused_address_total", 0),
        ("subscribers_refused_subject_total", 0),
        ("memory_messages_unstored_total", 0),
        ("duplicate_publications_total", 0),
        ("auth_failures_revoked_total", 0),
        ("expired_connections_total", 0),
        ("revoked_connections_total", 0),
    ]
}

/// The rows, each rendered by `write`.
fn written(query: &str, write: impl Fn(&str, u64) -> String) -> String {
    rows(query).into_iter().map(|(name, value)| write(name, value)).collect()
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn lines(query: &str) -> String {
    written(query, |name, value| format!("{name}: {value}\n")) + &format!("version: {VERSION}\n")
}

#[test]
fn text_is_the_form_without_a_mode() {
    let channels = "channels:\n  \
                    - name: forgotten\n    subscribers: 0\n    idle_seconds: 4\n  \
                    - name: notifications:96501\n    subscribers: 1\n    idle_seconds: 1\n  \
                    - name: thread-posts:459\n    subscribers: 2\n    idle_seconds: 4\n";
    for query in ["", "?mode=text", "?x=1&mode=text&verbose=1"] {
        let (daemon, _readers) = story();
        let body = lines(query) + channels;
        assert_eq!(stats(&daemon, query), with_head("text/plain; charset=utf-8", &body));
    }
}

#[test]
fn json_is_one_object() {
    let (daemon, _readers) = story();
    let members = written("?mode=json", |name, value| format!("\"{name}\": {value}, "));
    let body = format!(
        "{{{members}\"version\": \"{VERSION}\", \"channels\": [\
         {{\"idle_seconds\": 4, \"name\": \"forgotten\", \"subscribers\": 0}}, \
         {{\"idle_seconds\": 1, \"name\": \"notifications:96501\", \"subscribers\": 1}}, \
         {{\"idle_seconds\": 4, \"name\": \"thread-posts:459\", \"subscribers\": 2}}]}}\n"
    );
    let expected = with_head("application/json; charset=utf-8", &body);
    assert_eq!(stats(&daemon, "?mode=json"), expected);
}

#[test]
fn xml_has_an_element_for_each_member() {
    let (daemon, _readers) = story();
    let elements = written("?mode=xml", |name, value| format!("<{name}>{value}</{name}>"));
    let channel = |name: &str, subscribers: u64, idle: u64| {
        format!(
            "<channel><name>{name}</name><subscribers>{subscribers}</subscribers>\
             <idle_seconds>{idle}</idle_seconds></channel>"
        )
    };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<stats>{elements}\
         <version>{VERSION}</version><channels>{}{}{}</channels></stats>\n",
        channel("forgotten", 0, 4),
        channel("notifications:96501", 1, 1),
        channel("thread-posts:459", 2, 4),
    );
    let expected = with_head("application/xml; charset=utf-8", &body);
    assert_eq!(stats(&daemon, "?mode=xml"), expected);
}

#[test]
fn prometheus_reads_every_number_but_no_channel() {
    let (daemon, _readers) = story();
    let answer = stats(&daemon, "?mode=prometheus");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let expected = with_head("text/plain; version=0.0.4; charset=utf-8", body);
    assert_eq!(head, expected.split_once("\r\n\r\n").unwrap().0);
    // A sample follows the two lines that explain it.
    let mut explained = Vec::new();
    let mut samples = String::new();
    for group in body.lines().collect::<Vec<_>>().chunks(3) {
        let [help, kind, sample] = group else { panic!("three lines each") };
        let name = sample.split([' ', '{']).next().unwrap();
        let word = if name.ends_with("_total") { "counter" } else { "gauge" };
        explained.push(help.starts_with(&format!("# HELP {name} ")));
        explained.push(*kind == format!("# TYPE {name} {word}"));
        samples += &format!("{sample}\n");
    }
    let rows = written("?mode=prometheus", |name, value| format!("rpushd_{name} {value}\n"));
    let rows = rows + &format!("rpushd_build_info{{version=\"{VERSION}\"}} 1\n");
    assert_eq!((samples, explained), (rows, vec![true; 124]));
}

#[test]
fn the_list_of_channels_can_be_left_out() {
    for query in ["?verbose=0", "?verbose=false", "?verbose=no", "?mode=text&verbose=off"] {
        let (daemon, _readers) = story();
        let expected = with_head("text/plain; charset=utf-8", &lines(query));
        assert_eq!(stats(&daemon, query), expected, "{query}");
    }
    let (daemon, _readers) = story();
    let query = "?verbose=0&mode=json";
    let members = written(query, |name, value| format!("\"{name}\": {value}, "));
    let body = format!("{{{members}\"version\": \"{VERSION}\"}}\n");
    assert_eq!(stats(&daemon, query), with_head("application/json; charset=utf-8", &body));
}

#[test]
fn another_mode_is_400() {
    let daemon = daemon();
    let text = "mode is one of text, json, xml, prometheus\n";
    let refused = uncached(&explained("400 Bad Request", text));
    for query in ["?mode=", "?mode=JSON", "?mode=yaml", "?mode=text%20", "?mode"] {
        assert_eq!(stats(&daemon, query), refused, "{query}");
    }
}

#[test]
fn a_repeated_mode_is_400_and_an_escaped_one_is_decoded() {
    let daemon = daemon();
    let refused = uncached(&explained("400 Bad Request", "mode is given more than once\n"));
    for query in ["?mode=json&mode=json", "?mode=text&m%6fde=xml", "?mode&mode=json"] {
        assert_eq!(stats(&daemon, query), refused, "{query}");
    }
    let answer = stats(&daemon, "?mode=js%6Fn");
    assert!(answer.contains("\r\ncontent-type: application/json; charset=utf-8\r\n"), "{answer}");
}

#[test]
fn a_wrong_secret_is_401_and_counted() {
    let daemon = daemon();
    assert_eq!(ask(&daemon, get("/api/stats", "")), uncached(&denied("")));
    let twice = get("/api/stats", &BEARER.repeat(2));
    assert_eq!(ask(&daemon, twice), uncached(&denied("malformed")));
    assert_eq!(daemon.counters().auth_failures_total, 2);
}

#[test]
fn head_is_get_without_the_body() {
    let (one, _readers) = story();
    let (other, _readers) = story();
    let get = stats(&one, "?mode=json");
    let head = ask(&other, bare("HEAD", "/api/stats?mode=json", BEARER));
    assert_eq!(head, get.split_once("\r\n\r\n").unwrap().0.to_owned() + "\r\n\r\n");
}

#[test]
fn a_channel_is_remembered_for_its_time_after_the_last_use() {
    let channel_idle_ttl = Millis::from_seconds(100);
    let daemon = Daemon::new(Config { channel_idle_ttl, ..config() });
    let reader = subscriber(&daemon, "heard");
    ask(&daemon, publish("unheard", "1"));
    let names = || {
        let answer = stats(&daemon, "");
        let names: Vec<_> =
            answer.lines().filter_map(|line| line.strip_prefix("  - name: ")).collect();
        names.join(" ")
    };
    daemon.advance(99_999);
    assert_eq!(names(), "heard unheard");
    daemon.advance(2_001);
    assert_eq!(names(), "heard");
    reader.abort();
    daemon.advance(99_999);
    assert_eq!(names(), "heard");
    daemon.advance(2_001);
    assert_eq!(names(), "");
}

const SMALL: usize = 4096;
const MANY: usize = 200;

/// A daemon with 200 channels, whose list is longer than an outbox may be.
fn many_channels(listings_max: usize) -> Daemon {
    let mut config = config();
    config.limits.outbox_bytes_max = SMALL;
    config.limits.listings_max = listings_max;
    let daemon = Daemon::new(config);
    // 77 and 200 are coprime: each channel once, not in the order of names.
    let names = (0..MANY).map(|number| format!("c{:03}", number * 77 % MANY));
    names.for_each(|name| assert_eq!(ask(&daemon, publish(&name, "1")), ACCEPTED));
    daemon
}

/// A client that requests statistics and does not read.
fn blocked(daemon: &Daemon, query: &str) -> Client {
    let client = daemon.connect();
    client.take_only(0);
    client.send(get(&format!("/api/stats{query}"), BEARER));
    client
}

fn numbered(write: impl Fn(usize) -> String) -> String {
    (0..MANY).map(write).collect()
}

/// The list in the text format.
fn many_as_text() -> String {
    let item =
        |number| format!("  - name: c{number:03}\n    subscribers: 0\n    idle_seconds: 0\n");
    "channels:\n".to_owned() + &numbered(item)
}

#[test]
fn a_long_list_is_made_as_it_is_read_in_the_order_of_names() {
    let daemon = many_channels(16);
    let text = unchunked(&stats(&daemon, ""));
    assert!(text.starts_with("started_at: ") && text.ends_with(&many_as_text()), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&unchunked(&stats(&daemon, "?mode=json"))).unwrap();
    let names: Vec<_> =
        json["channels"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, (0..MANY).map(|number| format!("c{number:03}")).collect::<Vec<_>>());
    let xml = unchunked(&stats(&daemon, "?mode=xml"));
    let item = |number| {
        format!(
            "<channel><name>c{number:03}</name><subscribers>0</subscribers>\
             <idle_seconds>0</idle_seconds></channel>"
        )
    };
    assert!(xml.ends_with(&format!("<channels>{}</channels></stats>\n", numbered(item))), "{xml}");
}

#[test]
fn readers_that_do_not_read_hold_no_list_and_no_one_up() {
    let daemon = many_channels(16);
    let slow: Vec<_> = (0..10).map(|_| blocked(&daemon, "")).collect();
    let queued = || daemon.with_server(|server, _| server.buffered_bytes());
    assert!(queued() < 10 * 3 * SMALL, "{}", queued());
    assert_eq!(ask(&daemon, publish("c000", "1")), ACCEPTED);
    let mut answer = String::new();
    while !answer.ends_with("\r\n0\r\n\r\n") {
        slow[0].take_more(999);
        answer += &slow[0].text();
    }
    assert!(unchunked(&answer).ends_with(&many_as_text()));
    // The connection can be used again.
    slow[0].take_more(usize::MAX);
    assert_eq!(slow[0].ask(publish("c000", "1")), ACCEPTED);
}

#[test]
fn a_channel_that_ends_while_the_list_is_read_is_left_out() {
    let mut config = config();
    config.limits.outbox_bytes_max = SMALL;
    config.channel_idle_ttl = Millis::from_seconds(10);
    let daemon = Daemon::new(config);
    (0..MANY).for_each(|number| _ = ask(&daemon, publish(&format!("c{number:03}"), "1")));
    let slow = blocked(&daemon, "");
    let _heard = subscriber(&daemon, "c199");
    daemon.advance(15_000);
    slow.take_more(usize::MAX);
    let body = unchunked(&slow.text());
    assert!(body.ends_with("  - name: c199\n    subscribers: 1\n    idle_seconds: 15\n"), "{body}");
    assert!(body.matches("- name: ").count() < MANY / 2, "{body}");
}

#[test]
fn listings_max_long_lists_are_read_at_once_and_short_answers_are_always_given() {
    let daemon = many_channels(2);
    let (first, _second) = (blocked(&daemon, ""), blocked(&daemon, "?mode=xml"));
    let text =
        "listings_max lists of channels are being read; try again later, or with verbose=0\n";
    let refused = uncached(&explained("503 Service Unavailable", text));
    assert_eq!(stats(&daemon, ""), refused);
    for query in ["?verbose=0", "?mode=prometheus", "?mode=json&verbose=no"] {
        assert!(stats(&daemon, query).starts_with("HTTP/1.1 200 OK\r\n"), "{query}");
    }
    first.abort();
    assert!(unchunked(&stats(&daemon, "")).ends_with(&many_as_text()));
}

#[test]
fn a_long_list_has_its_head_alone_for_head_and_ends_with_the_connection_in_http_1_0() {
    let daemon = many_channels(16);
    let client = daemon.connect();
    let head = client.ask(bare("HEAD", "/api/stats", BEARER));
    let whole = stats(&daemon, "");
    assert_eq!(head, whole.split_once("\r\n\r\n").unwrap().0.to_owned() + "\r\n\r\n");
    assert_eq!(client.ask(get("/none", "")), empty("404 Not Found"));
    let old = daemon.connect();
    let answer =
        old.ask(format!("GET /api/stats HTTP/1.0\r\nConnection: keep-alive\r\n{BEARER}\r\n"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nconnection: close") && !head.contains("chunked"), "{head}");
    assert!(body.ends_with(&many_as_text()), "{body}");
    assert!(old.is_ended());
}
