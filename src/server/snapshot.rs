//! Snapshots of the statistics, and the counters of refused credentials.

use super::state::State;
use crate::auth::Denial;
use crate::stats::{Counters, Memory, Snapshot};
use crate::time::Now;

impl State {
    /// The counters and gauges at this moment.
    pub(super) fn snapshot(&mut self, now: Now) -> Snapshot {
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
            memory: self.memory_parts(),
            counters: Counters {
                websocket_messages_deflated_total: self.broker.formats.deflated_count(),
                ..self.counters
            },
        }
    }

    /// The memory budget, and what uses it.
    pub(super) fn memory_parts(&mut self) -> Memory {
        let (mut requests, mut queues, mut examined) = (0, 0, 0);
        for (_, connection) in self.connections.iter() {
            requests += connection.unfinished_bytes();
            let (bytes, frames) = connection.outbox.memory();
            queues += bytes;
            examined += frames;
        }
        self.turn.work.scanned += (self.connections.len() + examined) as u64;
        let broker = &self.broker;
        Memory {
            memory_budget_bytes: self.memory.budget(),
            memory_used_bytes: self.memory.used(),
            memory_connections_bytes: (self.connections.bytes()
                + self.sessions.bytes()
                + self.revocations.bytes()
                + self.presence.bytes()) as u64,
            memory_requests_bytes: (requests + self.waiting_publications.all_bytes()) as u64,
            memory_queues_bytes: queues as u64,
            memory_encodings_bytes: (broker.fanout.backlog_bytes() + broker.pieces.bytes()) as u64,
            memory_history_bytes: broker.hub.history_bytes() as u64,
            memory_channels_bytes: broker.hub.channels_bytes() as u64,
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
            Denial::Revoked => &mut counters.auth_failures_revoked_total,
            Denial::OtherPurpose => &mut counters.auth_failures_purpose_total,
        } += 1;
    }
}
