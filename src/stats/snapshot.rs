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
    /// Counts since the start.
    pub counters: Counters,
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
            counters,
        } = self;
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
        ]
    }
}

#[cfg(test)]
pub(super) mod tests {
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
            },
        }
    }

    #[test]
    fn exactly_the_counters_end_in_total() {
        for row in Snapshot::default().rows() {
            assert_eq!(
                row.name.ends_with("_total"),
                matches!(row.kind, Kind::Counter),
                "{}",
                row.name
            );
        }
    }
}
