//! rpushd holds a web site's long-lived connections and fans published messages out to them.
//!
//! The map, from leaves to root; imports point upwards only (`tests/tidy.rs` holds the table):
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
//! | [`hub`] | who listens to what: channels, subscriptions, stored messages and their life |
//! | [`auth`] | subscribe tokens -> claims checked; secrets compared in constant time |
//! | [`stats`] | counters -> snapshot -> text, JSON, XML, YAML, Prometheus; only its own types |
//! | [`broker`] | a message's way to the queues of its subscribers: publish, fan out, deliver, replay |
//! | [`server`] | the state machine: connections, outboxes, fan-out, deadlines; asks its faces what a request is for |
//! | [`faces`] | one folder per dialect, one file per endpoint: parse, check, carry out, render |
//! | [`nginx_import`] | an nginx configuration -> the same `Config`, nginx changes, a report |
//! | [`reactor`] | the only folder that knows the operating system: sockets, signals, clock |
//! | `cli` | one file per subcommand of the program; the only place that picks exit codes |

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
