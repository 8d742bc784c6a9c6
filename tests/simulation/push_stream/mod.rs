//! Push-stream locations, simulated from a seed: every mode, stored messages, expiry, deletion and
//! the events channel, with simulated clients, sockets and clocks (push-stream spec, sections 6 to
//! 22).

mod checks;
mod client;
mod draw;
mod events;
mod model;
mod observer;
mod turn;
mod world;

use crate::{coverage, play_all, seeds};
use world::World;

#[test]
fn every_mode_gets_what_its_channels_say_once_and_in_order() {
    play_all(seeds::PUSH_STREAM, coverage::PUSH_STREAM, |seed, steps| {
        World::new(seed, steps).run()
    });
}
