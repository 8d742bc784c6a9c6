//! The promises of the rpushd API, by section of its spec, on simulated sockets: bytes in, bytes
//! out.

#[path = "../support/mod.rs"]
mod support;

mod admission;
mod bodies;
mod channels;
mod counters;
mod early_answers;
mod faces;
mod fairness;
mod fixtures;
mod health;
mod heartbeats;
mod keep_alive;
mod limits;
mod listeners;
mod log_lines;
mod malformed;
mod malicious_tokens;
mod memory_budget;
mod methods;
mod origins;
mod presence;
mod public_prefix;
mod publications;
mod publish;
mod push_stream;
mod reload;
mod secrets;
mod signed;
mod single_visitors;
mod slow_readers;
mod stats;
mod stop;
mod storms;
mod stream;
mod timeouts;
mod tokens;
