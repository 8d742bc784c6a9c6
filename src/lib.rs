//! rpushd holds the long-lived connections of a web site and fans out published messages to them.
//!
//! This page is the architecture: the map, one turn of the loop, the life of a request and of a
//! connection, the path of a message, why each subscriber gets each message exactly once and in
//! order, and where to put a new thing.
//!
//! # The map
//!
//! From leaves to root. A module imports only from rows above its own (`tests/tidy.rs` holds the
//! table of what each may import, and checks it).
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`time`] | spans, moments and Unix times as values; no clock |
//! | [`message`] | a published message, its position, and cursors |
//! | [`push_stream`] | the small grammars of push-stream requests: channel paths, tags |
//! | [`timer_wheel`] | deadlines of slab keys; no clock |
//! | [`compression`] | DEFLATE: one compressor and one inflater, reset for each message |
//! | [`http`] | bytes <-> HTTP/1.1; knows no channel and no socket |
//! | [`websocket`] | RFC 6455 and RFC 7692: handshake and frames as functions over bytes |
//! | [`transports`] | a message -> what one kind of subscriber reads |
//! | [`config`] | environment and TOML -> one typed `Config`, with every limit in one place |
//! | [`hub`] | channels, subscriptions, stored messages and their life; ids only, no bytes |
//! | [`auth`] | subscribe tokens -> what they grant; secrets compared in constant time |
//! | [`stats`] | counters -> snapshot -> text, JSON, XML, YAML, Prometheus; only its own types |
//! | [`broker`] | from a publication to its subscribers' queues: fan-out, delivery, replay |
//! | [`server`] | the state machine: connections, requests, deadlines, the budget of a turn |
//! | [`faces`] | one folder per dialect, one file per endpoint: parse, check, carry out, render |
//! | [`nginx_import`] | an nginx configuration -> the same `Config`, nginx changes, a report |
//! | [`reactor`] | the only folder that knows the operating system: sockets, signals, clock |
//! | `cli` | one file per subcommand of the program; the only place that picks exit codes |
//!
//! Everything but `reactor`, `cli` and the reading of files in `config` is *the core*: bytes and
//! time come in as arguments, bytes and deadlines go out. It has no clock, no socket and no thread,
//! so the whole server runs in a test with simulated sockets and time, from a seed
//! (`tests/simulation`).
//!
//! # A turn of the loop
//!
//! One thread does everything, in turns. [`reactor::Reactor`] makes the calls, and
//! [`server::Server`], which documents them, decides:
//!
//! ```text
//!   reactor                                server
//!   sleep until an event or next_wake()
//!   begin_turn(now) ─────────────────────> a new budget: half for reading, half for writing
//!   next_to_read() until None ───────────> paused connections continue with input they had sent
//!   accept, up to a limit ───────────────> accepted()
//!   read each ready socket once ─────────> received(): requests are parsed and carried out;
//!                                          answers are queued, publications get a job
//!   tick(now) ───────────────────────────> heartbeats, time-outs, expired messages
//!   next_to_write() until None ──────────> answers, at most 16 in a row, and deliveries
//!   one gathered write each ─────────────> sent() or blocked()
//!   fan_out(now), then write again ──────> one round: 16 members get what is pending for them
//!   next_to_shut() until None ───────────> the sending side of a finished connection is shut down
//!   next_to_close() until None ──────────> closed(): only now is the id free again
//! ```
//!
//! A turn takes no longer than its budget (`microseconds_per_turn`), whatever clients request. Work
//! is counted and weighed ([`broker::Work`]), not timed; what exceeds the budget continues in the
//! next turn.
//!
//! # The life of a request
//!
//! [`server::Server`] is a state with the faces beside it. It parses the head of a request and
//! offers it to each face until one accepts the path. The face sees the state through a
//! [`server::Context`], which belongs to one connection, and returns what comes next, a
//! [`server::Next`]:
//!
//! ```text
//!   Face::route(context, head) ──┬─> Answer  sent at once
//!                                ├─> Done    a subscriber: its answer is what is delivered to it
//!                                ├─> Later   a publication: when it is published to all channels,
//!                                │           PublicationHandler::published() makes the answer or
//!                                │           the next publication of the request
//!                                └─> Read    BodyHandler::complete(context, body) returns the
//!                                            next Next: Answer, Done or Later
//! ```
//!
//! # The life of a connection
//!
//! ```text
//!            accepted
//!               │
//!               v     a body is needed
//!     ┌──────> Head ──────────────────> Body
//!     │         │ │ <───────────────────┘ complete
//!     │ answered│ │ subscribes
//!     └─────────┘ └──────────────────> Subscriber ──> gets messages and heartbeats
//!     ^                                     │
//!     └── a long-poll's answer ─────────────┤ end of the stream, or a slow consumer
//!               │ no keep-alive             │
//!               v                           v
//!            Draining ──> Lingering ──> Condemned ──> closed
//!       what is queued    what the      to be closed at
//!       is written        client sends  the end of the turn
//!                         is dropped
//! ```
//!
//! A connection is *paused* (not read: back-pressure) while its own queue is more than half full,
//! while the publish backlog is full or too many events wait, or when its share of the turn is
//! spent. Its input waits, in the order of arrival. A *slow consumer*, whose queue exceeds
//! `outbox_bytes_max` or whose socket takes no bytes for `outbox_stall_timeout`, is closed: a
//! message is never dropped from the middle of a stream.
//!
//! # The path of a message
//!
//! 1. A face parses a publication and returns it with its channels as [`server::Next::Later`], or
//!    calls [`server::Context::publish_to`] for a single channel. It is published channel by
//!    channel, to each when it has room. The answer follows after the last.
//! 2. [`broker::Broker::publish`]: the hub *stamps* it (id, time, tag, position) and *stores* it,
//!    and it is added to the *job* of its channel. Nothing is done per subscriber yet.
//! 3. The fan-out *visits* the channel's members, some per round. A visit queues everything pending
//!    on the member's channels: encoded once per wire format, one frame shared by all queues.
//! 4. The reactor writes each visited queue with one gathered write. When the *pass* has visited
//!    all members, the publication is removed from the backlog.
//!
//! # Exactly once, in order
//!
//! *Every publication has a sequence number, and every subscriber that of the last one it was
//! given.* A visit queues the pending publications with greater numbers, merged over the
//! subscriber's channels by number, and updates the subscriber's number. So visiting it twice does
//! no harm.
//!
//! *No member is missed.* A pass visits the member list from front to back, up to its size at the
//! beginning of the pass. A member that joins during a pass is after that end, and gets the current
//! number when it joins. When a member leaves, the last one moves to its position; if the pass has
//! visited that position already, it goes back to it, or the moved member is visited at once. A
//! publication is removed from the backlog only when a pass that began after it has ended.
//!
//! *Old messages come before new ones, without a gap.* In one call, a subscriber first joins its
//! channels, which sets its number to the current one, and then gets the stored messages from the
//! hub. Every message is either stored by then and replayed, or published later and delivered.
//! Messages published while a replay is being written are queued after it.
//!
//! *A slow consumer is closed; no message is skipped.* So the messages that a subscriber has got
//! are always a prefix of those meant for it. It reconnects with its cursor, and the hub knows
//! whether messages after that have left the store, which would be a gap ([`hub::Resumed`]).
//!
//! *One cursor for all channels.* A [`message::Position`] orders the messages of all channels, so a
//! [`message::Cursor`] of the signed API names everything that its holder has seen, on any set of
//! channels. Each channel has a *floor*, the position of its newest message that is not stored any
//! more, or never was; the hub has that of removed channels. A cursor below the floor is a gap,
//! which a *reset* tells ([`transports::Control`]); stored messages of several channels are
//! replayed merged by position. A heartbeat carries the position of the last publication, only when
//! nothing is pending for its subscriber: a cursor never names more than what is queued.
//!
//! # Where to put a new thing
//!
//! | to add | change |
//! | --- | --- |
//! | an endpoint of the API | a variant of `Endpoint` in `faces/api/mod.rs`, and a file beside it |
//! | a directive of locations | a field and a row in `config/location.rs`, the code that uses it |
//! | a transport | a wire format in `transports/`; the compiler lists the other places |
//! | a control event | a variant of `Control` in `transports/control.rs`, `packaging/doc/api.md` |
//! | a command of WebSocket clients | an arm in `faces/api/commands.rs`, `packaging/doc/api.md` |
//! | a face | a folder in `faces/` with a [`server::Face`], a line in `faces/mod.rs` |
//! | a limit | a field in `config/limits.rs`, a row in `config/limit_table.rs`, a test |
//! | a statistic | a field in `stats/counters.rs`, a row in `stats/snapshot.rs` |
//! | retention or replay | `hub/` |
//! | a signal, a socket option | `reactor/` |

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod auth;
pub mod broker;
pub mod compression;
pub mod config;
pub mod faces;
pub mod http;
pub mod hub;
pub mod message;
pub mod nginx_import;
pub mod push_stream;
pub mod reactor;
pub mod server;
pub mod stats;
pub mod time;
pub mod timer_wheel;
pub mod transports;
pub mod websocket;
