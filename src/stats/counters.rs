//! What has happened since the daemon started. Whoever sees it happen adds to the field; nothing here
//! ever falls.

/// Counts since the start of the daemon. Each is a row of [`Snapshot`](super::Snapshot) under the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Streams begun: answers, of any transport, that stay open and deliver messages.
    pub stream_connections_total: u64,
    /// Accepted publications, of either face; refused ones are not in it.
    pub publish_requests_total: u64,
    /// Payload bytes of accepted publications: once each, however many subscribers, without framing.
    pub published_bytes_total: u64,
    /// Requests refused for their publish secret or subscribe token.
    pub auth_failures_total: u64,
    /// Connections accepted.
    pub connections_total: u64,
    /// Times that accepting was paused because connection slots or descriptors had run out.
    pub accept_pauses_total: u64,
    /// Requests whose head was read to its end and understood.
    pub requests_total: u64,
    /// Requests that were not HTTP, or larger than a limit of the head.
    pub malformed_requests_total: u64,
    /// Requests given up because head or body did not arrive in time.
    pub timed_out_requests_total: u64,
    /// Bytes read from sockets.
    pub received_bytes_total: u64,
    /// Bytes that sockets accepted.
    pub sent_bytes_total: u64,
    /// Messages queued for subscribers: once per message and subscriber.
    pub deliveries_total: u64,
    /// Subscribers closed because their queue reached `outbox_bytes_max`.
    pub slow_subscribers_closed_total: u64,
    /// Connections closed because their socket accepted nothing for `outbox_stall_timeout`, or because a
    /// WebSocket client answered no ping for `pong_timeout`.
    pub stalled_connections_closed_total: u64,
    /// Messages too large for a two-byte length, skipped for a framed subscriber (rpushd spec, section 5.2).
    pub oversized_frames_skipped_total: u64,
    /// Publications and subscriptions refused because the memory account was full.
    pub store_refusals_total: u64,
    /// Messages compressed for WebSocket subscribers: once per message, however many subscribers, and once
    /// more whenever a stored message is sent to a late one.
    pub websocket_messages_deflated_total: u64,
    /// Requests without a token or secret; part of `auth_failures_total`, as those below.
    pub auth_failures_missing_total: u64,
    /// Tokens and Authorization fields that cannot be read.
    pub auth_failures_malformed_total: u64,
    /// Tokens that no secret in force has signed.
    pub auth_failures_signature_total: u64,
    /// Publish secrets that are not in force.
    pub auth_failures_secret_total: u64,
    /// Tokens whose time is over.
    pub auth_failures_expired_total: u64,
    /// Tokens whose time has not begun.
    pub auth_failures_early_total: u64,
    /// Tokens for another channel.
    pub auth_failures_channel_total: u64,
    /// Tokens for another audience or scope.
    pub auth_failures_purpose_total: u64,
    /// Lines of the log that could not be written at once: nothing reads them fast enough, or the disk is full.
    pub log_lines_dropped_total: u64,
}
