//! One client's requests do not delay the others: the work of a turn is limited, and connections
//! take turns.

use crate::fixtures::*;
use crate::support::{Client, Daemon};

/// The published numbers that a subscriber has received, in order.
fn received(subscriber: &Client) -> Vec<String> {
    let text = String::from_utf8_lossy(&subscriber.read()).into_owned();
    text.split("\r\n").filter_map(|line| line.strip_prefix("\0\u{1}")).map(Into::into).collect()
}

#[test]
fn a_publication_reaches_its_subscriber_within_three_turns_though_hundreds_keep_asking() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a");
    let askers: Vec<Client> = (0..600).map(|_| daemon.dial()).collect();
    let keep_asking = || {
        for asker in &askers {
            asker.read();
            asker.post(get("/healthz", "").repeat(2));
        }
    };
    for _ in 0..3 {
        keep_asking();
        daemon.turn();
    }
    keep_asking();
    daemon.dial().post(publish("a", "1"));
    let turns = (1..20).find(|_| {
        keep_asking();
        daemon.turn();
        !reader.read().is_empty()
    });
    assert!(turns.is_some_and(|turns| turns <= 3), "delivered after {turns:?} turns");
}

#[test]
fn requests_beyond_what_a_turn_may_cost_are_carried_out_in_the_next_turns() {
    let mut config = config();
    config.limits.microseconds_per_turn = 20;
    let daemon = Daemon::new(config);
    let greedy = daemon.dial();
    greedy.post(get("/healthz", "").repeat(100));
    daemon.turn();
    let first = greedy.text().matches("HTTP/1.1 200").count();
    assert!((1..=6).contains(&first), "{first} answers in one turn");
    daemon.run();
    assert_eq!(first + greedy.text().matches("HTTP/1.1 200").count(), 100);
}

#[test]
fn what_arrived_earlier_is_carried_out_earlier_though_the_turn_was_spent() {
    let mut config = config();
    config.limits.microseconds_per_turn = 1;
    let daemon = Daemon::new(config);
    let reader = subscriber(&daemon, "a");
    let (early, late) = (daemon.dial(), daemon.dial());
    early.post(publish("a", "1") + &publish("a", "2"));
    daemon.turn();
    late.post(publish("a", "3"));
    daemon.run();
    assert_eq!(received(&reader), ["1", "2", "3"]);
}

#[test]
fn one_client_with_many_requests_does_not_come_before_another_with_one() {
    let mut config = config();
    config.limits.microseconds_per_turn = 1;
    let daemon = Daemon::new(config);
    let reader = subscriber(&daemon, "a");
    let (many, one) = (daemon.dial(), daemon.dial());
    many.post(["1", "2", "3", "4"].map(|number| publish("a", number)).concat());
    one.post(publish("a", "9"));
    daemon.run();
    assert_eq!(received(&reader), ["1", "2", "9", "3", "4"]);
}

#[test]
fn a_request_waits_for_a_share_of_each_client_that_pipelines_and_not_for_all_they_sent() {
    let mut config = config();
    config.limits.microseconds_per_turn = 2000;
    let daemon = Daemon::new(config);
    let greedy: Vec<Client> = (0..100).map(|_| daemon.dial()).collect();
    greedy.iter().for_each(|client| client.post(get("/healthz", "").repeat(1000)));
    let late = daemon.dial();
    late.post(publish("a", "1"));
    let first = (1..100).find(|_| {
        daemon.turn();
        !late.text().is_empty()
    });
    assert!(first.is_some_and(|turns| turns <= 10), "answered in turn {first:?}, behind new ones");
    // Now all the others are paused in the middle of their input.
    late.post(publish("a", "2"));
    daemon.turn();
    assert!(late.text().starts_with("HTTP/1.1 204"), "not behind those that are paused");
    daemon.run();
    let answers = |client: &Client| client.text().matches("HTTP/1.1 200").count();
    assert!(greedy.iter().all(|client| answers(client) == 1000));
}

#[test]
fn little_is_kept_of_clients_that_pipeline_more_than_there_is_time_for() {
    let mut config = config();
    config.limits.microseconds_per_turn = 2000;
    let daemon = Daemon::new(config);
    let greedy: Vec<Client> = (0..100).map(|_| daemon.dial()).collect();
    greedy.iter().for_each(|client| client.post(get("/healthz", "").repeat(1500)));
    for _ in 0..50 {
        daemon.turn();
        greedy.iter().for_each(|client| _ = client.read());
        let bytes = daemon.buffered_bytes();
        assert!(bytes <= 64 * 1024 + 100 * 8 * 1024, "{bytes} bytes are kept");
    }
}

#[test]
fn publishers_that_pipeline_to_one_channel_close_no_reader_that_keeps_up() {
    const COUNT: usize = 100;
    let mut config = config();
    config.limits.outbox_bytes_max = 32 * 1024;
    // All input is read in one turn.
    config.limits.microseconds_per_turn = 500_000;
    let daemon = Daemon::new(config);
    let readers: Vec<Client> = (0..20).map(|_| subscriber(&daemon, "a")).collect();
    let publishers: Vec<Client> = (0..10).map(|_| daemon.dial()).collect();
    let message = |publisher: usize, number: usize| format!("\"{publisher} {number:0>100}\"");
    for (publisher, client) in publishers.iter().enumerate() {
        let requests = (0..COUNT).map(|number| publish("a", &message(publisher, number)));
        client.post(requests.collect::<String>());
    }
    daemon.run();
    let answers = |client: &Client| client.text().matches("HTTP/1.1 204").count();
    assert!(publishers.iter().all(|publisher| answers(publisher) == COUNT));
    for reader in &readers {
        let text = reader.text();
        for publisher in 0..publishers.len() {
            let of_it: Vec<&str> = text
                .split('"')
                .filter(|message| message.starts_with(&format!("{publisher} ")))
                .collect();
            let expected: Vec<String> =
                (0..COUNT).map(|number| message(publisher, number)).collect();
            let expected = expected.iter().map(|message| message.trim_matches('"'));
            assert!(of_it.iter().copied().eq(expected), "{} of publisher {publisher}", of_it.len());
        }
    }
    assert_eq!(daemon.counters().slow_subscribers_closed_total, 0);
}
