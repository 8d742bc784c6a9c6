//! Clients of the signed subscribe API on all transports, simulated from a seed: they lose their
//! connections, read slowly, change their channels and resume from their cursors, while messages
//! expire, tokens end, channels are deleted and the server restarts without its store.

mod book;
mod client;
mod draw;
mod model;
mod publisher;
mod wire;
mod world;

use crate::{Steps, coverage, play_count, seeds};
use std::panic::{AssertUnwindSafe, catch_unwind};
use world::World;

/// Number of seeds of a normal test run.
const SEEDS: u64 = 1000;
/// Within this many seeds, each fault is found.
const SEEDS_FOR_A_FAULT: u64 = 60;

/// A fault of a server, made by changing what a client receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A message is lost.
    Dropped,
    /// A message is delivered twice.
    Doubled,
    /// The cursor of a heartbeat names a message that is not queued yet.
    HeartbeatAhead,
    /// Messages have left the store, and the floor of their channel is what it was: no reset.
    FloorNotRaised,
    /// A reset of a channel on which nothing is missing.
    NeedlessReset,
}

#[test]
fn every_client_gets_each_message_once_in_order_or_an_exact_reset() {
    play_count(seeds::SIGNED, coverage::SIGNED, SEEDS, |seed, steps| {
        World::new(seed, None, steps).run()
    });
}

#[test]
fn a_server_with_a_fault_is_found_out() {
    for fault in [
        Fault::Dropped,
        Fault::Doubled,
        Fault::HeartbeatAhead,
        Fault::FloorNotRaised,
        Fault::NeedlessReset,
    ] {
        let is_found = |seed| {
            let run = || World::new(seed, Some(fault), Steps::default()).run();
            catch_unwind(AssertUnwindSafe(run)).is_err()
        };
        assert!((0..SEEDS_FOR_A_FAULT).any(is_found), "{fault:?} is not found");
    }
}
