//! Counts of events since the daemon started. The code that handles an event increments its field;
//! counters never decrease.

/// Counts since the daemon started. Each is a row of [`Snapshot`](super::Snapshot) with
/// the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Streams started: responses, on any transport, that stay open and deliver messages.
    pub stream_connections_total: u64,
    /// Accepted publish requests on both faces, without refused ones.
    pub publish_requests_total: u64,
    /// Payload bytes of accepted publish requests, without framing and once per message, not
    /// per subscriber.
    pub published_bytes_total: u64,
    /// Requests refused because of their publish secret or subscribe token.
    pub auth_failures_total: u64,
    /// Connections accepted.
    pub connections_total: u64,
    /// Times that accepting connections was paused because `connections_max` or a limit of the
    /// operating system was reached.
    pub accept_pauses_total: u64,
    /// Requests whose head was received completely and is valid.
    pub requests_total: u64,
    /// Requests whose head was not valid HTTP or exceeded a limit.
    pub malformed_requests_total: u64,
    /// Subscribers of the API ended by POST /api/disconnect.
    pub revoked_connections_total: u64,
    /// Requests whose head or body did not arrive in time, and WebSocket messages.
    pub timed_out_requests_total: u64,
    /// Bytes read from sockets.
    pub received_bytes_total: u64,
    /// Bytes written to sockets.
    pub sent_bytes_total: u64,
    /// Messages queued for subscribers: once per message and subscriber.
    pub deliveries_total: u64,
    /// Slow consumers: subscribers closed because their queue reached `outbox_bytes_max`.
    pub slow_subscribers_closed_total: u64,
    /// Connections closed because nothing could be written to their socket for
    /// `outbox_stall_timeout`, or because a WebSocket client did not answer a ping within
    /// `pong_timeout`.
    pub stalled_connections_closed_total: u64,
    /// Messages too large for a two-byte length, skipped for a framed subscriber (rpushd
    /// spec, section 5.2).
    pub oversized_frames_skipped_total: u64,
    /// Publish and subscribe requests refused because the memory account was full.
    pub store_refusals_total: u64,
    /// Stored messages removed because memory was short.
    pub memory_messages_evicted_total: u64,
    /// Incomplete requests and messages refused because memory was short.
    pub memory_requests_refused_total: u64,
    /// Slow consumers closed because memory was short.
    pub memory_consumers_closed_total: u64,
    /// New subscribers refused because memory was short.
    pub memory_subscribers_refused_total: u64,
    /// Messages that were to be stored and were published only, because memory or the memory
    /// account was short.
    pub memory_messages_unstored_total: u64,
    /// Publications through the API that were not delivered, because their channel had a message
    /// with the same id: once per channel.
    pub duplicate_publications_total: u64,
    /// Denials because the token was revoked.
    pub auth_failures_revoked_total: u64,
    /// Subscribers of the API whose token has expired.
    pub expired_connections_total: u64,
    /// Messages compressed for WebSocket subscribers: once per message, not per subscriber, and
    /// once more each time a stored message is replayed.
    pub websocket_messages_deflated_total: u64,
    /// Requests without a token or secret; like the following ones, part of `auth_failures_total`.
    pub auth_failures_missing_total: u64,
    /// Malformed tokens and Authorization fields.
    pub auth_failures_malformed_total: u64,
    /// Tokens signed with none of the current secrets.
    pub auth_failures_signature_total: u64,
    /// Publish secrets that are none of the current secrets.
    pub auth_failures_secret_total: u64,
    /// Expired tokens.
    pub auth_failures_expired_total: u64,
    /// Tokens that are not valid yet.
    pub auth_failures_early_total: u64,
    /// Tokens for another channel.
    pub auth_failures_channel_total: u64,
    /// Tokens for another audience or scope.
    pub auth_failures_purpose_total: u64,
    /// Bad tokens answered with 429, because there had been many from the same address.
    pub auth_failures_slowed_total: u64,
    /// Streams refused by `connects_per_second_max`.
    pub subscribers_refused_rate_total: u64,
    /// Subscribers refused by `connections_per_address_max`.
    pub subscribers_refused_address_total: u64,
    /// Subscribers refused by `connections_per_subject_max`.
    pub subscribers_refused_subject_total: u64,
    /// Log lines dropped because they could not be written at once: the reader is too slow, or
    /// the disk is full.
    pub log_lines_dropped_total: u64,
    /// Times that the process did not run for more than two seconds: it was stopped, its machine
    /// was suspended or overloaded.
    pub process_pauses_total: u64,
    /// Length of these pauses together.
    pub process_paused_seconds_total: u64,
    /// Reads and writes that the kernel refused for lack of memory; they are repeated.
    pub kernel_memory_shortages_total: u64,
}
