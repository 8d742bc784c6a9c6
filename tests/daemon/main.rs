//! The real binary with real sockets on loopback: what an operator and a client see.

mod clients;
mod configuration;
mod crowds;
mod development;
mod signals;
mod sockets;
mod support;
mod systemd;
