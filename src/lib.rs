//! rpushd keeps a web site's long-lived connections and fans published messages out to them.
//!
//! This page is the architecture: the map, one turn of the loop, the life of a connection, the path
//! of a message, why each subscriber gets each message exactly once and in order, and where to put
//! a new thing.
//!
//! # The map
//!
//! From leaves to root. A module imports only from rows above its own (`tests/tidy.rs` holds the
//! table of what each may import, and checks it).
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`time`] | points in time as values; no clock |
//! | [`message`] | a message as it was published |
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
//! | [`broker`] | from a publication to its subscribers' queues: fan out, deliver, replay |
//! | [`server`] | the state machine: connections, requests, deadlines, a turn's budget |
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
//! One thread does everything, in turns. [`reactor::Reactor`] drives, [`server::Server`] decides:
//!
//! ```text
//!   reactor                                server
//!   sleep until an event or next_wake()
//!   begin_turn(now) ─────────────────────> a new budget: half for reading, half for writing
//!   next_to_read() until None ───────────> paused connections go on with what they had sent
//!   accept, up to a limit ───────────────> accepted()
//!   read each ready socket once ─────────> received(): requests are parsed and carried out;
//!                                          answers are queued, publications get a job
//!   tick(now) ───────────────────────────> heartbeats, time-outs, expired messages
//!   next_to_write() until None ──────────> 16 answers, then the deliveries of the last round
//!   one gathered write each ─────────────> sent() or blocked()
//!   fan_out(now), then write again ──────> one round: 16 members get what is pending for them
//!   next_to_close() until None ──────────> closed(): only now is the id free again
//! ```
//!
//! A turn costs no more than its budget (`microseconds_per_turn`), whatever clients ask for. Work
//! is counted and weighed ([`broker::Work`]), not timed; what does not fit goes on in the next
//! turn.
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
//!     └── a long-poll's answer ─────────────┤ the stream ends, or the reader is too slow
//!               │ no keep-alive             │
//!               v                           v
//!            Draining ──> Lingering ──> Condemned ──> closed
//!       what is queued    what the      to be closed at
//!       is written        client sends  the end of the turn
//!                         is dropped
//! ```
//!
//! A connection is *paused* (not read: back-pressure) while its own queue is half full, while the
//! publish backlog is full, or when it has had its share of the turn. What it has sent waits, in
//! the order of arrival. A reader whose queue exceeds `outbox_bytes_max`, or takes nothing for
//! `outbox_stall_timeout`, is closed: a message is never dropped from the middle of a stream.
//!
//! # The path of a message
//!
//! 1. A face parses a publication and hands it to [`server::Context::publish`] with its channels.
//!    It is published channel by channel, each time there is room; the answer comes after the last.
//! 2. [`broker::Broker::publish`]: the hub *stamps* it (id, time, tag, position) and *stores* it;
//!    it joins the *job* of its channel. Nothing is done per subscriber yet.
//! 3. The fan-out *visits* the channel's members, some per round. Each takes everything that is
//!    pending on its channels: encoded once per wire format, one frame shared by all queues.
//! 4. The reactor writes each visited queue with one gathered write. When the *pass* has visited
//!    all members, the publication leaves the backlog.
//!
//! # Exactly once, in order
//!
//! *Every publication has a number; every subscriber remembers the last one it has taken.* A visit
//! gives a subscriber the pending publications with greater numbers, merged over its channels by
//! number, and moves its own number on. So visiting it twice does no harm.
//!
//! *Nobody is missed.* A pass visits the member list from front to back, up to the size that it had
//! when the pass began. Who joins during a pass is behind the end, and has taken the current number
//! by joining. When a member leaves, the last one takes its place; if that place has been visited
//! already, the pass steps back to it, or the moved member is visited at once. A publication leaves
//! the backlog only when a pass that began after it has ended.
//!
//! *Old messages come before new ones, without a hole.* A subscriber joins its channels first (its
//! number becomes the current one) and then asks the hub for stored messages, in one call: every
//! message is either stored by then and replayed, or published later and delivered. What is
//! published while a replay is still being written queues up behind it.
//!
//! *A slow reader is closed, not skipped.* So what a subscriber got is always a prefix of what it
//! should get. It comes back with its cursor, and the hub can say whether something after that has
//! left the store ([`hub::Resumed`]).
//!
//! # Where to put a new thing
//!
//! | to add | write |
//! | --- | --- |
//! | an endpoint of the API | a variant of `Endpoint` in `faces/api/mod.rs`, and a file beside it |
//! | a directive of locations | a field and a row in `config/location.rs`, the code that uses it |
//! | a transport | a wire format in `transports/`; the compiler lists the rest |
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
