//! The statistics of the rpushd spec, section 6, which the tests of all formats write.

use super::*;

/// The channels of the rpushd spec, section 6.
pub(in crate::stats) const CHANNELS: [ChannelRow; 2] = [
    ChannelRow { name: b"notifications:96501", subscribers: 1, idle_seconds: 3 },
    ChannelRow { name: b"thread-posts:459", subscribers: 3, idle_seconds: 1 },
];

/// A channel of this name.
pub(in crate::stats) fn named(name: &[u8]) -> ChannelRow<'_> {
    ChannelRow { name, subscribers: 0, idle_seconds: 0 }
}

/// The snapshot of the rpushd spec, section 6.
pub(in crate::stats) fn example() -> Snapshot {
    Snapshot {
        started_at: 1776181200,
        uptime_seconds: 842,
        active_channels: 3,
        active_subscribers: 7,
        active_stream_connections: 7,
        memory_rss_bytes: 7348224,
        active_connections: 9,
        remembered_channels: 2,
        stored_messages: 4,
        stored_bytes: 5120,
        queued_bytes: 66,
        memory: Memory {
            memory_budget_bytes: 126,
            memory_used_bytes: 127,
            memory_connections_bytes: 128,
            memory_requests_bytes: 129,
            memory_queues_bytes: 130,
            memory_encodings_bytes: 131,
            memory_history_bytes: 132,
            memory_channels_bytes: 133,
        },
        counters: Counters {
            stream_connections_total: 24,
            publish_requests_total: 18,
            published_bytes_total: 2914,
            auth_failures_total: 0,
            connections_total: 101,
            accept_pauses_total: 102,
            requests_total: 103,
            malformed_requests_total: 104,
            timed_out_requests_total: 105,
            received_bytes_total: 106,
            sent_bytes_total: 107,
            deliveries_total: 108,
            slow_subscribers_closed_total: 109,
            stalled_connections_closed_total: 110,
            oversized_frames_skipped_total: 111,
            store_refusals_total: 112,
            websocket_messages_deflated_total: 113,
            auth_failures_missing_total: 114,
            auth_failures_malformed_total: 115,
            auth_failures_signature_total: 116,
            auth_failures_secret_total: 117,
            auth_failures_expired_total: 118,
            auth_failures_early_total: 119,
            auth_failures_channel_total: 120,
            auth_failures_purpose_total: 121,
            log_lines_dropped_total: 122,
            process_pauses_total: 123,
            process_paused_seconds_total: 124,
            kernel_memory_shortages_total: 125,
            memory_messages_evicted_total: 134,
            memory_requests_refused_total: 135,
            memory_consumers_closed_total: 136,
            memory_subscribers_refused_total: 137,
            auth_failures_slowed_total: 138,
            subscribers_refused_rate_total: 139,
            subscribers_refused_address_total: 140,
            subscribers_refused_subject_total: 141,
            memory_messages_unstored_total: 142,
            duplicate_publications_total: 143,
            auth_failures_revoked_total: 150,
            expired_connections_total: 151,
            revoked_connections_total: 152,
        },
    }
}

#[test]
fn exactly_the_counters_end_in_total() {
    for row in Snapshot::default().rows() {
        assert_eq!(row.name.ends_with("_total"), matches!(row.kind, Kind::Counter), "{}", row.name);
    }
}
