//! A burst of messages closes nobody who reads all that is sent.

use super::receiving::*;
use super::websocket_client::*;
use crate::support::Client;

#[test]
fn a_burst_larger_than_a_queue_closes_no_reader_that_keeps_up() {
    let own = "websocket_allow_publish = true";
    let locations = location("/ws", "websocket", own) + &location("/sub", "streaming", "");
    let mut config = try_config("", &locations).unwrap();
    config.limits.outbox_bytes_max = 64 * 1024;
    // All of it is read in one turn.
    config.limits.microseconds_per_turn = 500_000;
    let daemon = crate::support::Daemon::new(config);
    let readers: Vec<Client> = (0..400).map(|_| subscriber(&daemon, "a")).collect();
    let publisher = connected(&daemon, "a");
    publisher.post(masked(TEXT, "x".repeat(100)).repeat(2000));
    daemon.run();
    let text = chunk(&"x".repeat(100));
    for reader in readers.iter() {
        assert_eq!(reader.text().matches(&text).count(), 2000);
    }
    assert_eq!(daemon.counters().slow_subscribers_closed_total, 0);
}
