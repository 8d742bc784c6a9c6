//! Little memory, simulated from a seed: slow consumers, incomplete requests, histories and a crowd
//! until each step of the stated order is reached. The heap in use is that of the server's calls.

mod client;
mod world;

use crate::coverage::Floor;
use crate::{SEEDS, play, play_each, variable};
use world::World;

/// A share of the seeds of the other worlds: these have more clients.
const SEEDS_SHARE: u64 = 2;

/// What gave way, and what had to go on meanwhile, at least this often in [`SEEDS`] seeds: about
/// half the actual number.
const FLOORS: &[Floor] = &[
    ("bytes of all parts", 5_000_000),
    ("bytes of the heap", 5_000_000),
    ("stored messages removed", 1000),
    ("requests refused", 450),
    ("slow consumers closed", 25),
    ("subscribers refused", 20),
    ("connections refused", 450),
    ("publications refused", 10),
    ("publications", 10_000),
    ("deliveries", 30_000),
];

#[test]
fn what_gives_way_is_what_the_order_says_and_healthy_clients_lose_nothing() {
    let run = |seed, steps| World::new(seed, steps).run();
    if let Some(seed) = variable("SEED") {
        play(seed, run);
        return;
    }
    let seed_count = variable("SEEDS").unwrap_or(SEEDS) / SEEDS_SHARE;
    let coverage = play_each(&Vec::from_iter(0..seed_count), run);
    println!("{coverage:#?}");
    // Over all worlds, what the parts count too much and too little evens out.
    let (heap, parts) = (coverage.of("bytes of the heap"), coverage.of("bytes of all parts"));
    assert!(heap.abs_diff(parts) <= heap / 10, "{heap} bytes in use, {parts} counted");
    if seed_count * SEEDS_SHARE >= SEEDS {
        coverage.assert_everything_was_reached(FLOORS, seed_count * SEEDS_SHARE);
    }
}
