//! Snapshots of the statistics, and the counters of refused credentials.

use super::state::State;
use crate::auth::Denial;
use crate::stats::{Counters, Snapshot};
use crate::time::Now;

impl State {
    /// The counters and gauges at this moment.
    pub(super) fn snapshot(&self, now: Now) -> Snapshot {
        let totals = self.broker.hub.totals();
        let queued_bytes = self.connections.iter().map(|(_, one)| one.outbox.bytes() as u64).sum();
        Snapshot {
            started_at: self.started.unix_seconds(),
            // The clock is stopped while the process does not run.
            uptime_seconds: now.monotonic.since(self.started.monotonic).whole_seconds()
                + self.counters.process_paused_seconds_total,
            active_channels: totals.active_channels as u64,
            active_subscribers: totals.subscriptions as u64,
            active_stream_connections: self.connections.subscriber_count as u64,
            memory_rss_bytes: (self.host.resident_bytes)(),
            active_connections: self.connections.len() as u64,
            remembered_channels: self.broker.hub.channel_count() as u64,
            stored_messages: totals.stored as u64,
            stored_bytes: self.broker.hub.accounted_bytes() as u64,
            queued_bytes,
            counters: Counters {
                websocket_messages_deflated_total: self.broker.formats.deflated_count(),
                ..self.counters
            },
        }
    }

    /// Counts a request that is refused for its secret or token.
    pub(super) fn count_denial(&mut self, denial: Denial) {
        let counters = &mut self.counters;
        counters.auth_failures_total += 1;
        *match denial {
            Denial::Missing => &mut counters.auth_failures_missing_total,
            Denial::Malformed => &mut counters.auth_failures_malformed_total,
            Denial::WrongSignature => &mut counters.auth_failures_signature_total,
            Denial::WrongSecret => &mut counters.auth_failures_secret_total,
            Denial::Expired => &mut counters.auth_failures_expired_total,
            Denial::Early => &mut counters.auth_failures_early_total,
            Denial::OtherChannel => &mut counters.auth_failures_channel_total,
            Denial::OtherPurpose => &mut counters.auth_failures_purpose_total,
        } += 1;
    }
}
