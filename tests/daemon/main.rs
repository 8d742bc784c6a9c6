//! The real binary with real sockets on loopback: what an operator and a client see. The programs
//! of others that a test needs and the machine does not have are named on standard error; on CI
//! that is an error.

mod admission;
mod browser;
mod ceiling;
mod clients;
mod configuration;
mod crowds;
mod development;
mod faults;
mod hostile;
mod http;
mod logging;
mod memory;
mod peers;
mod php_fpm;
mod programs;
mod proxies;
mod reload;
mod sandbox;
mod signals;
mod sockets;
mod support;
mod systemd;
mod transcript;
#[path = "../support/wire/mod.rs"]
mod wire;
