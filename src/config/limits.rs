//! Every number that bounds something, with its default. Nothing else in the daemon may grow without one
//! of these.

use crate::time::Millis;

/// The bounds of everything that can grow. Sizes are bytes, times milliseconds; each is a key of the
/// `[limits]` table of the configuration file and, in upper case with `RPUSHD_` before it, an environment
/// variable. In the file and the environment, times are written as `30s`, `500ms` or seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once. Further ones wait in the listener's backlog.
    pub connections_max: usize,
    /// Of these, and of the descriptors, those that only internal listeners may use, but never more than
    /// half; nothing is reserved where no internal listener is bound.
    pub connections_reserved: usize,
    /// Size of a request's head (request line and header fields); beyond it 431.
    pub head_bytes_max: usize,
    /// Size of the request target alone; beyond it 414.
    pub target_bytes_max: usize,
    /// Header fields of one request; beyond it 431.
    pub header_count_max: usize,
    /// Size of a request body of the rpushd API; beyond it 413. Locations have their own limit.
    pub body_bytes_max: usize,
    /// Size of the body of `/api/stream`, which is a token; beyond it, or beyond `body_bytes_max`, 413.
    pub stream_body_bytes_max: usize,
    /// From the first byte of a request to the end of its head; beyond it 408.
    pub head_timeout: Millis,
    /// Between two arrivals of body bytes; beyond it 408. Also between two of an unfinished message or frame from
    /// a WebSocket client; beyond it close code 1008.
    pub body_timeout: Millis,
    /// From the end of a request's head to the end of its body, however steadily it trickles; also from the
    /// first to the last byte of a message from a WebSocket client.
    pub body_total_timeout: Millis,
    /// An idle keep-alive connection is kept at least this long; it must outlive the proxy's own idle
    /// time-out, so that the proxy never sends a request into a closing socket.
    pub keepalive_timeout: Millis,
    /// Requests answered on one connection before it is closed; 0: no limit.
    pub keepalive_requests_max: u32,
    /// Bytes queued for a subscriber before the next message closes it; each queued frame counts for 64 bytes
    /// more than it has, which is about what it takes on the heap. Shared frames count for each subscriber
    /// that has them queued, though they are held once. Old messages are encoded as they are read, 64 KiB
    /// at a time, and do not count; a subscriber that is still to be sent messages that have left the store is
    /// closed too. A connection with half as much in unread answers is not read any more.
    pub outbox_bytes_max: usize,
    /// How long the kernel may accept nothing while something is queued before the connection is closed.
    pub outbox_stall_timeout: Millis,
    /// How long a TCP client may leave bytes unacknowledged, its window closed or keep-alive probes
    /// unanswered before the kernel gives its connection up.
    pub peer_timeout: Millis,
    /// How long nothing may come from a WebSocket client after a ping.
    pub pong_timeout: Millis,
    /// Published bytes not yet handed to all subscribers, with everything encoded from them, before no further
    /// publications are taken and requests are read; each message counts for 256 bytes more than its text.
    /// Messages of the events channel wait for room too; the same holds while a quarter of
    /// `outbox_bytes_max` is waiting.
    pub backlog_bytes_max: usize,
    /// A message in one wire format, if that is more than twice its text; a publication beyond it is refused.
    /// Templates of EventSource locations are applied to each line, so that a short text can become long.
    pub encoded_bytes_max: usize,
    /// Channels, of any kind, at once. Those that only subscribers of locations use may be half of them.
    pub channels_max: usize,
    /// Length of a channel name on the push-stream face where no location limit is lower.
    pub channel_name_bytes_max: usize,
    /// Channels that one request may name.
    pub channels_per_request_max: usize,
    /// Lists of channels, of either face, that are too long to be made at once, being read at the same time;
    /// beyond it 503. Each takes a piece of the list, however many channels there are.
    pub listings_max: usize,
    /// Memory account of stored messages, channels and subscriptions. A push-stream
    /// `shared_memory_size` takes its place. Channels that only subscribers of locations use and stored
    /// events may take half of it, and such channels without subscribers a sixteenth; publications and
    /// subscribers have the whole account beside them.
    pub store_bytes_max: usize,
    /// Size of a message from a WebSocket client. Where clients may not publish, none of it is kept.
    pub websocket_message_bytes_max: usize,
    /// From the stop signal to the end of the process.
    pub stop_timeout: Millis,
    /// How long a connection that was told goodbye may take to hang up.
    pub linger_timeout: Millis,
    /// New connections accepted in one turn of the loop.
    pub accepts_per_turn: usize,
    /// Writes in one turn of the loop; bounds how long a large fan-out holds up everybody else.
    pub writes_per_turn: usize,
    /// Estimated work in one turn of the loop, in microseconds: half of it for reading and requests, half
    /// for handing out messages and old messages. What is left is done in the next turns.
    pub microseconds_per_turn: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 1_000_000,
            connections_reserved: 64,
            head_bytes_max: 16 * 1024,
            target_bytes_max: 8 * 1024,
            header_count_max: 100,
            body_bytes_max: 128 * 1024,
            stream_body_bytes_max: 16 * 1024,
            head_timeout: Millis::from_seconds(10),
            body_timeout: Millis::from_seconds(15),
            body_total_timeout: Millis::from_seconds(60),
            keepalive_timeout: Millis::from_seconds(90),
            keepalive_requests_max: 0,
            outbox_bytes_max: 1024 * 1024,
            outbox_stall_timeout: Millis::from_seconds(60),
            peer_timeout: Millis::from_seconds(240),
            pong_timeout: Millis::from_seconds(60),
            backlog_bytes_max: 16 * 1024 * 1024,
            encoded_bytes_max: 16 * 1024 * 1024,
            channels_max: 1_000_000,
            channel_name_bytes_max: 1024,
            channels_per_request_max: 256,
            listings_max: 16,
            store_bytes_max: 256 * 1024 * 1024,
            websocket_message_bytes_max: 8 * 1024 * 1024,
            stop_timeout: Millis::from_seconds(5),
            linger_timeout: Millis::from_seconds(2),
            accepts_per_turn: 256,
            writes_per_turn: 256,
            microseconds_per_turn: 10_000,
        }
    }
}
