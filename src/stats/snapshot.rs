//! The statistics at one time, and the one table of rows from which all formats are written.

use super::Counters;

/// The statistics of `/api/stats` without the list of channels; filled in by the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Start time of the daemon in seconds since 1970 UTC.
    pub started_at: u64,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Channels with at least one subscriber.
    pub active_channels: u64,
    /// Subscriptions: (subscriber, channel) pairs.
    pub active_subscribers: u64,
    /// Connections with an open stream.
    pub active_stream_connections: u64,
    /// Resident memory of the process; 0 where the system does not report it.
    pub memory_rss_bytes: u64,
    /// Open connections of any kind.
    pub active_connections: u64,
    /// Channels, with or without subscribers.
    pub remembered_channels: u64,
    /// Stored messages of all channels.
    pub stored_messages: u64,
    /// Bytes in the memory account: messages, channels and subscribers.
    pub stored_bytes: u64,
    /// Bytes queued for sockets; a shared frame counts once per subscriber.
    pub queued_bytes: u64,
    /// The memory budget and its parts.
    pub memory: Memory,
    /// Counts since the start.
    pub counters: Counters,
}

/// The memory budget, and what uses it, in bytes. The parts are estimates but for the use as a
/// whole, which is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What the daemon may use.
    pub memory_budget_bytes: u64,
    /// What it uses: the heap, and what the process needs besides.
    pub memory_used_bytes: u64,
    /// Connections, without what the next two count.
    pub memory_connections_bytes: u64,
    /// Incomplete requests and messages from clients.
    pub memory_requests_bytes: u64,
    /// Queues for sockets; a shared frame counts once.
    pub memory_queues_bytes: u64,
    /// The publish backlog, and encoded stored messages.
    pub memory_encodings_bytes: u64,
    /// Stored messages.
    pub memory_history_bytes: u64,
    /// Channels and subscriptions.
    pub memory_channels_bytes: u64,
}

/// The daemon's version. Not a [`Row`] because it is text; it follows the rows in every format.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One channel of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelRow<'a> {
    /// Its name: any bytes if it was created through the push-stream face.
    pub name: &'a [u8],
    /// Number of subscriptions.
    pub subscribers: u64,
    /// Seconds since the last publication, subscription or end of a subscription.
    pub idle_seconds: u64,
}

/// One statistic.
pub(super) struct Row {
    /// Its name in every format, for Prometheus with the prefix `rpushd_`. Part of the interface.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) value: u64,
    /// One line of help for operators.
    pub(super) help: &'static str,
}

/// The Prometheus type of a statistic.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Never decreases; its name ends in `_total`.
    Counter,
    /// May increase and decrease.
    Gauge,
}

impl Snapshot {
    /// All rows in order. New rows are appended: those up to `memory_rss_bytes` are fixed by
    /// the rpushd spec, section 6. The patterns name every field, so that the compiler finds
    /// a missing row.
    pub(super) fn rows(&self) -> Vec<Row> {
        let &Snapshot {
            started_at,
            uptime_seconds,
            active_channels,
            active_subscribers,
            active_stream_connections,
            memory_rss_bytes,
            active_connections,
            remembered_channels,
            stored_messages,
            stored_bytes,
            queued_bytes,
            memory,
            counters,
        } = self;
        let Memory {
            memory_budget_bytes,
            memory_used_bytes,
            memory_connections_bytes,
            memory_requests_bytes,
            memory_queues_bytes,
            memory_encodings_bytes,
            memory_history_bytes,
            memory_channels_bytes,
        } = memory;
        let Counters {
            stream_connections_total,
            publish_requests_total,
            published_bytes_total,
            auth_failures_total,
            connections_total,
            accept_pauses_total,
            requests_total,
            malformed_requests_total,
            timed_out_requests_total,
            received_bytes_total,
            sent_bytes_total,
            deliveries_total,
            slow_subscribers_closed_total,
            stalled_connections_closed_total,
            oversized_frames_skipped_total,
            store_refusals_total,
            websocket_messages_deflated_total,
            auth_failures_missing_total,
            auth_failures_malformed_total,
            auth_failures_signature_total,
            auth_failures_secret_total,
            auth_failures_expired_total,
            auth_failures_early_total,
            auth_failures_channel_total,
            auth_failures_purpose_total,
            log_lines_dropped_total,
            process_pauses_total,
            process_paused_seconds_total,
            kernel_memory_shortages_total,
            memory_messages_evicted_total,
            memory_requests_refused_total,
            memory_consumers_closed_total,
            memory_subscribers_refused_total,
            auth_failures_slowed_total,
            subscribers_refused_rate_total,
            subscribers_refused_address_total,
            subscribers_refused_subject_total,
            memory_messages_unstored_total,
            duplicate_publications_total,
            auth_failures_revoked_total,
            expired_connections_total,
            revoked_connections_total,
        } = counters;
        macro_rules! row {
            ($kind:ident, $name:ident, $help:literal) => {
                Row { name: stringify!($name), kind: Kind::$kind, value: $name, help: $help }
            };
        }
        vec![
            row!(Gauge, started_at, "Start of the daemon in seconds since 1970."),
            row!(Gauge, uptime_seconds, "Seconds since the start."),
            row!(Gauge, active_channels, "Channels with at least one subscriber."),
            row!(Gauge, active_subscribers, "Subscriptions, one per subscriber and channel."),
            row!(Gauge, active_stream_connections, "Connections with an open stream."),
            row!(Counter, stream_connections_total, "Streams started."),
            row!(Counter, publish_requests_total, "Accepted publish requests."),
            row!(Counter, published_bytes_total, "Payload bytes of accepted publish requests."),
            row!(
                Counter,
                auth_failures_total,
                "Requests refused because of their publish secret or subscribe token."
            ),
            row!(Gauge, memory_rss_bytes, "Resident memory of the process."),
            row!(Gauge, active_connections, "Open connections."),
            row!(Gauge, remembered_channels, "Channels, with or without subscribers."),
            row!(Gauge, stored_messages, "Stored messages of all channels."),
            row!(
                Gauge,
                stored_bytes,
                "Bytes in the memory account: messages, channels and subscribers."
            ),
            row!(
                Gauge,
                queued_bytes,
                "Bytes queued for sockets; a shared frame counts once per subscriber."
            ),
            row!(Counter, connections_total, "Accepted connections."),
            row!(
                Counter,
                accept_pauses_total,
                "Times accept was paused because connections or file descriptors ran out."
            ),
            row!(Counter, requests_total, "Requests with a complete and valid head."),
            row!(
                Counter,
                malformed_requests_total,
                "Requests whose head was not valid HTTP or exceeded a limit."
            ),
            row!(
                Counter,
                timed_out_requests_total,
                "Requests and WebSocket messages that did not arrive in time."
            ),
            row!(Counter, received_bytes_total, "Bytes read from sockets."),
            row!(Counter, sent_bytes_total, "Bytes written to sockets."),
            row!(
                Counter,
                deliveries_total,
                "Messages queued for subscribers, once per message and subscriber."
            ),
            row!(
                Counter,
                slow_subscribers_closed_total,
                "Slow consumers: subscribers closed at outbox_bytes_max."
            ),
            row!(
                Counter,
                stalled_connections_closed_total,
                "Connections closed because no byte could be sent or no pong arrived in time."
            ),
            row!(
                Counter,
                oversized_frames_skipped_total,
                "Messages skipped because they do not fit into a frame of the rpushd API."
            ),
            row!(
                Counter,
                store_refusals_total,
                "Requests refused because the memory account was full."
            ),
            row!(
                Counter,
                websocket_messages_deflated_total,
                "Messages compressed for WebSocket subscribers."
            ),
            row!(
                Counter,
                auth_failures_missing_total,
                "Authorisation failures: no token or secret."
            ),
            row!(
                Counter,
                auth_failures_malformed_total,
                "Authorisation failures: malformed token or Authorization field."
            ),
            row!(
                Counter,
                auth_failures_signature_total,
                "Authorisation failures: token signed with none of the current secrets."
            ),
            row!(
                Counter,
                auth_failures_secret_total,
                "Authorisation failures: none of the current publish secrets."
            ),
            row!(Counter, auth_failures_expired_total, "Authorisation failures: token expired."),
            row!(
                Counter,
                auth_failures_early_total,
                "Authorisation failures: token not valid yet."
            ),
            row!(
                Counter,
                auth_failures_channel_total,
                "Authorisation failures: token for another channel."
            ),
            row!(
                Counter,
                auth_failures_purpose_total,
                "Authorisation failures: token for another audience or scope."
            ),
            row!(
                Counter,
                log_lines_dropped_total,
                "Log lines dropped because they could not be written at once."
            ),
            row!(
                Counter,
                process_pauses_total,
                "Times that the daemon did not run for more than two seconds."
            ),
            row!(Counter, process_paused_seconds_total, "Length of these pauses together."),
            row!(
                Counter,
                kernel_memory_shortages_total,
                "Reads and writes repeated because the kernel had no memory for them."
            ),
            row!(Gauge, memory_budget_bytes, "Memory that the daemon may use."),
            row!(
                Gauge,
                memory_used_bytes,
                "Memory that it uses: the heap, and what the process needs besides."
            ),
            row!(
                Gauge,
                memory_connections_bytes,
                "Memory of connections, without what the next two rows count."
            ),
            row!(
                Gauge,
                memory_requests_bytes,
                "Memory of incomplete requests and messages from clients."
            ),
            row!(
                Gauge,
                memory_queues_bytes,
                "Memory of queues for sockets; a shared frame counts once."
            ),
            row!(
                Gauge,
                memory_encodings_bytes,
                "Memory of the publish backlog and of encoded stored messages."
            ),
            row!(Gauge, memory_history_bytes, "Memory of stored messages."),
            row!(Gauge, memory_channels_bytes, "Memory of channels and subscriptions."),
            row!(
                Counter,
                memory_messages_evicted_total,
                "Stored messages removed because memory was short."
            ),
            row!(
                Counter,
                memory_requests_refused_total,
                "Incomplete requests refused because memory was short."
            ),
            row!(
                Counter,
                memory_consumers_closed_total,
                "Slow consumers closed because memory was short."
            ),
            row!(
                Counter,
                memory_subscribers_refused_total,
                "New subscribers refused because memory was short."
            ),
            row!(
                Counter,
                auth_failures_slowed_total,
                "Bad tokens answered with 429, after many from the same address."
            ),
            row!(
                Counter,
                subscribers_refused_rate_total,
                "Streams refused by connects_per_second_max."
            ),
            row!(
                Counter,
                subscribers_refused_address_total,
                "Subscribers refused by connections_per_address_max."
            ),
            row!(
                Counter,
                subscribers_refused_subject_total,
                "Subscribers refused by connections_per_subject_max."
            ),
            row!(
                Counter,
                memory_messages_unstored_total,
                "Messages published but not stored because memory was short."
            ),
            row!(
                Counter,
                duplicate_publications_total,
                "Publications not delivered because a message with the same id had been."
            ),
            row!(Counter, auth_failures_revoked_total, "Authorisation failures: token revoked."),
            row!(
                Counter,
                expired_connections_total,
                "Subscribers of the API ended because their token had expired."
            ),
            row!(
                Counter,
                revoked_connections_total,
                "Subscribers of the API ended by a disconnect request."
            ),
        ]
    }
}

#[cfg(test)]
#[path = "example.rs"]
pub(super) mod tests;
