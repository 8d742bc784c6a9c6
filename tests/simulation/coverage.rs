//! What a run has seen, so that a limit that no seed reaches is noticed.

use rpushd::stats::Counters;
use std::collections::BTreeMap;

/// How often something was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<&'static str, u64>);

impl Coverage {
    pub fn count(&mut self, what: &'static str, count: u64) {
        *self.0.entry(what).or_default() += count;
    }

    pub fn add(&mut self, other: &Coverage) {
        other.0.iter().for_each(|(what, count)| self.count(what, *count));
    }

    /// A limit that no seed reaches is not tested.
    pub fn assert_everything_was_reached(&self) {
        for (what, count) in &self.0 {
            assert!(*count > 0, "no seed has seen: {what}");
        }
    }

    /// What a server has counted. Everything else that is to be seen stands here too, with nothing.
    pub fn take_counters(&mut self, counters: Counters) {
        for (what, count) in [
            ("streams", counters.stream_connections_total),
            ("deliveries", counters.deliveries_total),
            ("requests", counters.requests_total),
            ("malformed requests", counters.malformed_requests_total),
            ("timed out requests", counters.timed_out_requests_total),
            ("slow subscribers", counters.slow_subscribers_closed_total),
            ("stalled connections", counters.stalled_connections_closed_total),
            ("failures of authorization", counters.auth_failures_total),
            ("full memory accounts", counters.store_refusals_total),
            ("refused connections", 0),
            ("settled", 0),
            ("reconfigurations", 0),
            ("stops that took their time", 0),
            ("ended by keepalive_requests_max", 0),
            ("idle connections closed", 0),
            ("connections that waited for room", 0),
        ] {
            self.count(what, count);
        }
    }
}
