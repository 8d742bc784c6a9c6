//! Counts what the runs of a world have met, so that a limit that is hardly ever reached is
//! noticed.

use rpushd::stats::Counters;
use std::collections::BTreeMap;

/// Number of occurrences of each event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<&'static str, u64>);

/// The minimum number of occurrences in [`crate::SEEDS`] seeds: about half the actual number.
pub type Floor = (&'static str, u64);

/// The rpushd API's world.
pub const API: &[Floor] = &[
    ("backlogs filled by a publication", 500),
    ("calls while the backlog was full", 7000),
    ("connections that waited for room", 250),
    ("deliveries", 8000),
    ("ended by keepalive_requests_max", 500),
    ("failures of authorization", 1000),
    ("full memory accounts", 60),
    ("halves of turns overdrawn by a call", 3500),
    ("idle connections closed", 450),
    ("malformed requests", 250),
    ("publications", 8000),
    ("reconfigurations", 500),
    ("refused connections", 7000),
    ("requests", 13_000),
    ("settled", 150),
    ("slow subscribers", 30),
    ("stalled connections", 50),
    ("stops that took their time", 40),
    ("streams", 600),
    ("streams refused by the rate", 30),
    ("streams refused by their address", 12),
    ("timed out requests", 700),
    ("turns spent by reading", 600),
    ("turns that free subscribers waited", 350),
];

/// The world of push-stream clients.
pub const PUSH_STREAM: &[Floor] = &[
    ("WebSockets closed", 300),
    ("answered polls", 2000),
    ("backlogs filled by a publication", 800),
    ("calls while the backlog was full", 16_000),
    ("deletions", 800),
    ("deliveries", 30_000),
    ("events", 4000),
    ("full memory accounts", 40),
    ("halves of turns overdrawn by a call", 25_000),
    ("long-polls that waited", 800),
    ("old messages", 6000),
    ("pongs superseded", 40),
    ("publications", 12_000),
    ("publications of WebSocket clients", 200),
    ("publications refused for want of memory", 60),
    ("publications that waited", 2500),
    ("reloads", 450),
    ("settled", 700),
    ("slow subscribers", 100),
    ("turns spent by reading", 8000),
    ("turns that free subscribers waited", 30_000),
];

/// The world of clients of the signed API.
pub const SIGNED: &[Floor] = &[
    ("broken connections", 2300),
    ("channels added", 400),
    ("deletions", 96),
    ("duplicates", 150),
    ("goodbyes: age", 88),
    ("goodbyes: expired", 560),
    ("goodbyes: revoked", 240),
    ("goodbyes: slow", 10),
    ("heartbeats", 1600),
    ("hellos", 2800),
    ("messages", 11_000),
    ("polls answered", 1800),
    ("publications", 12_000),
    ("refreshes", 320),
    ("refused tokens", 170),
    ("resets after a restart", 880),
    ("resets after an eviction", 1700),
    ("resets found exact", 1100),
    ("restarts", 300),
    ("settled", 800),
];

impl Coverage {
    pub fn count(&mut self, what: &'static str, count: u64) {
        *self.0.entry(what).or_default() += count;
    }

    /// What was counted of an event.
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    pub fn add(&mut self, other: &Coverage) {
        other.0.iter().for_each(|(what, count)| self.count(what, *count));
    }

    /// Checks the minimum numbers. A limit that is hardly reached is hardly tested. With more
    /// seeds, the numbers must be larger.
    pub fn assert_everything_was_reached(&self, floors: &[Floor], seed_count: u64) {
        for what in self.0.keys() {
            assert!(floors.iter().any(|(known, _)| known == what), "{what}: there is no floor");
        }
        for (what, floor) in floors {
            let count = self.0.get(what).copied().unwrap_or(0);
            let least = floor * seed_count / crate::SEEDS;
            assert!(count >= least, "{what}: seen {count} times, of {least} at least");
        }
    }

    /// Adds the counters of a server.
    pub fn take_counters(&mut self, counters: Counters) {
        for (what, count) in [
            ("deliveries", counters.deliveries_total),
            ("full memory accounts", counters.store_refusals_total),
            ("slow subscribers", counters.slow_subscribers_closed_total),
        ] {
            self.count(what, count);
        }
    }

    /// Adds counters of events that only clients of the rpushd API cause.
    pub fn take_api_counters(&mut self, counters: Counters) {
        for (what, count) in [
            ("failures of authorization", counters.auth_failures_total),
            ("malformed requests", counters.malformed_requests_total),
            ("requests", counters.requests_total),
            ("stalled connections", counters.stalled_connections_closed_total),
            ("streams", counters.stream_connections_total),
            ("streams refused by their address", counters.subscribers_refused_address_total),
            ("streams refused by the rate", counters.subscribers_refused_rate_total),
            ("timed out requests", counters.timed_out_requests_total),
        ] {
            self.count(what, count);
        }
    }
}

#[test]
#[should_panic(expected = "slow subscribers: seen 9 times, of 10 at least")]
fn an_event_that_is_seen_too_rarely_fails_the_run() {
    let mut coverage = Coverage::default();
    coverage.count("slow subscribers", 9);
    coverage.assert_everything_was_reached(&[("slow subscribers", 5)], 2 * crate::SEEDS);
}

#[test]
#[should_panic(expected = "a new event: there is no floor")]
fn an_event_without_a_floor_fails_the_run() {
    let mut coverage = Coverage::default();
    coverage.count("a new event", 1);
    coverage.assert_everything_was_reached(&[], crate::SEEDS);
}
