//! Every limit with its default. Anything in the daemon that can grow is bounded by one of these.

use crate::time::Millis;

/// Limits of everything that can grow. Sizes are in bytes. Each limit is a key of the `[limits]`
/// table of the configuration file and an environment variable: the key in upper case after
/// `RPUSHD_`. Times are written there as `30s`, `500ms` or seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The memory budget: what the whole daemon may use, or `auto` (0 here) for half of the memory
    /// of its control group or machine; the other half is for the kernel, where a connection takes
    /// about 4 KiB, and for other programs. When it is nearly used up, this gives way, in this
    /// order: unused encodings, stored messages of channels without subscribers and then of all,
    /// incomplete requests, the slowest consumers, new subscribers. Incomplete requests and unread
    /// queues that take more than an eighth of it each give way before stored messages. A single
    /// body, message or encoding, and the publish backlog, may take an eighth of it,
    /// `store_bytes_max` half of it.
    pub memory: usize,
    /// Most connections open at once. Further clients wait in the backlog of the listener.
    pub connections_max: usize,
    /// Connections, of `connections_max` and of those that there are descriptors for, that only
    /// internal listeners may use; at most half, and none if no internal listener is bound.
    pub connections_reserved: usize,
    /// Largest head of a request (request line and header fields); 431 beyond it.
    pub head_bytes_max: usize,
    /// Longest request target; 414 beyond it.
    pub target_bytes_max: usize,
    /// Most header fields of one request; 431 beyond it.
    pub header_count_max: usize,
    /// Largest request body of the rpushd API; 413 beyond it. Locations have their own limit.
    pub body_bytes_max: usize,
    /// Largest body of `/api/stream`, which is a token; 413 beyond it or beyond `body_bytes_max`.
    pub stream_body_bytes_max: usize,
    /// From the first byte of a request to the end of its head; 408 beyond it.
    pub head_timeout: Millis,
    /// Between two arrivals of bytes of a body; 408 beyond it. Also of an unfinished message or
    /// frame from a WebSocket client; close code 1008 beyond it.
    pub body_timeout: Millis,
    /// From the end of a request's head to the end of its body, even if bytes keep arriving. Also
    /// from the first to the last byte of a message from a WebSocket client.
    pub body_total_timeout: Millis,
    /// How long an idle keep-alive connection is kept at least. It must exceed the proxy's own idle
    /// time-out, so that the proxy never sends a request on a connection being closed.
    pub keepalive_timeout: Millis,
    /// Most requests on one connection before it is closed; 0: no limit.
    pub keepalive_requests_max: u32,
    /// Most bytes in an outbox: a subscriber is closed if the next message would exceed it. Each
    /// frame counts 64 bytes extra, about its cost on the heap. A shared frame counts for each
    /// subscriber, although it is stored once. Replays are encoded in pieces of 64 KiB as they are
    /// read and do not count; a subscriber is also closed if messages it is still to be sent have
    /// left the store. A connection with half as many bytes of unread responses is paused.
    pub outbox_bytes_max: usize,
    /// How long the kernel may accept no byte of a filled outbox before the connection is closed.
    pub outbox_stall_timeout: Millis,
    /// How long a TCP client may leave bytes unacknowledged, its window closed or keep-alive probes
    /// unanswered before the kernel closes the connection.
    pub peer_timeout: Millis,
    /// How long a WebSocket client may send nothing after a ping.
    pub pong_timeout: Millis,
    /// Publish backlog: published bytes not yet handed to all subscribers, with everything encoded
    /// from them. Beyond it, no publications are accepted and no requests read. Each message counts
    /// 256 bytes extra. Events of the events channel wait for room, too; while those waiting exceed
    /// a quarter of `outbox_bytes_max`, the same applies.
    pub backlog_bytes_max: usize,
    /// Largest encoding of a message in one wire format, unless twice its payload is more; larger
    /// publications are refused. Templates of EventSource locations are applied to each line, so
    /// that a short payload can become long.
    pub encoded_bytes_max: usize,
    /// Most channels of any kind at once. Channels that only subscribers of locations use may be
    /// half of them.
    pub channels_max: usize,
    /// Longest channel name in locations without a lower limit of their own.
    pub channel_name_bytes_max: usize,
    /// Most channels that one request may name.
    pub channels_per_request_max: usize,
    /// Most publications in one request of the rpushd API; 413 beyond it.
    pub publications_per_request_max: usize,
    /// Most channels of one publication of the rpushd API; 413 beyond it.
    pub channels_per_publication_max: usize,
    /// How long a message is recognised that is published through the rpushd API again with the
    /// same id, and not delivered twice; 0: never.
    pub publication_id_window: Millis,
    /// Most ids that are kept for that, of all channels, and as many of WebSocket clients; the
    /// oldest are removed first. One takes about 120 bytes.
    pub publication_ids_max: usize,
    /// Most channels that a subscriber of the rpushd API may have at once, however it has come to
    /// them. Locations have `channels_per_request_max` only.
    pub channels_per_subscriber_max: usize,
    /// Most streams begun per second, of both faces together; 503 with `Retry-After` beyond it. As
    /// many may begin at once. Long-polling requests do not count: each message lets all of them
    /// come back at once. Internal listeners are exempt. 0: no limit.
    pub connects_per_second_max: u32,
    /// Most subscribers with the same address; 429 beyond it. Addresses of IPv6 count by their
    /// network of 64 bits, and behind a trusted proxy, `X-Forwarded-For` has the address. Internal
    /// listeners, peers without an address and trusted proxies that name no client are exempt. 0:
    /// no limit.
    pub connections_per_address_max: u32,
    /// Most subscribers of the rpushd API with the same subject (`sub`) in their tokens; 429 beyond
    /// it. 0: no limit.
    pub connections_per_subject_max: u32,
    /// How long a subscriber of the rpushd API is connected at most, before it is asked to connect
    /// again. 0: no limit.
    pub connection_age_max: Millis,
    /// Most subjects, token ids and channels whose older tokens are refused.
    pub revocations_max: usize,
    /// Most channels, and subjects on each, whose joins and leaves are announced.
    pub presence_max: usize,
    /// How long the older tokens of one of them are refused: as long as a token may live.
    pub revocation_age: Millis,
    /// Most long lists of channels, of either face, written at the same time; 503 beyond it. Each
    /// is made piece by piece and takes the memory of one piece, however many channels there are.
    pub listings_max: usize,
    /// Memory account of stored messages, channels and subscriptions. A push-stream
    /// `shared_memory_size` replaces it. Channels that only subscribers of locations use and stored
    /// events may take half of it, and such channels without subscribers a sixteenth; this share
    /// does not reduce the account of publications and subscribers.
    pub store_bytes_max: usize,
    /// Largest message from a WebSocket client. If clients may not publish, no part of it is kept.
    pub websocket_message_bytes_max: usize,
    /// From the stop signal to the end of the process.
    pub stop_timeout: Millis,
    /// How long a client may take to close a connection after the daemon has ended it.
    pub linger_timeout: Millis,
    /// Most new connections accepted in one turn of the loop.
    pub accepts_per_turn: usize,
    /// Most writes in one turn of the loop, which bounds the delay by a large fan-out.
    pub writes_per_turn: usize,
    /// Estimated work in one turn of the loop, in microseconds: half of it for reading and
    /// requests, half for fan-out and replays. Remaining work is done in the next turns.
    pub microseconds_per_turn: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory: 0,
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
            publications_per_request_max: 1000,
            channels_per_publication_max: 256,
            publication_id_window: Millis::from_seconds(120),
            publication_ids_max: 100_000,
            channels_per_subscriber_max: 64,
            connects_per_second_max: 0,
            connections_per_address_max: 0,
            connections_per_subject_max: 0,
            connection_age_max: Millis(0),
            revocations_max: 10_000,
            presence_max: 100_000,
            revocation_age: Millis::from_seconds(86_400),
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
