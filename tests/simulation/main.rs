//! The whole server, simulated from a seed: clients, sockets and clocks (design, section 6).
//!
//! `SEED=7 cargo test --test simulation` replays one seed, `SEEDS=20000` plays the first 20,000.
//! Seeds that once found a fault are in `seeds.txt`; every run begins with them.

mod allocations;
mod bounds;
mod checks;
mod client;
mod cost;
mod coverage;
mod draw;
mod ending;
mod memory;
mod model;
#[path = "../support/no_files.rs"]
mod no_files;
mod observer;
mod order;
mod patience;
mod push_stream;
#[path = "../support/random.rs"]
mod random;
#[path = "../support/reactor/mod.rs"]
mod reactor;
mod script;
mod seeds;
mod signed;
mod turn;
#[path = "../support/wire/mod.rs"]
mod wire;
mod world;

use coverage::{Coverage, Floor};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use world::World;

/// Number of seeds of a normal test run.
const SEEDS: u64 = 600;
/// Number of steps that are shown when a seed fails.
const STEPS_SHOWN: usize = 40;

/// The last steps of a run.
#[derive(Clone, Default)]
struct Steps(Rc<RefCell<VecDeque<String>>>);

impl Steps {
    fn add(&self, step: String) {
        let mut steps = self.0.borrow_mut();
        if steps.len() == STEPS_SHOWN {
            steps.pop_front();
        }
        steps.push_back(step);
    }
}

/// Plays one seed. A failure reports how to replay it, and its last steps.
fn play(seed: u64, run: impl Fn(u64, Steps) -> Coverage) -> Coverage {
    let steps = Steps::default();
    let outcome = catch_unwind(AssertUnwindSafe(|| run(seed, steps.clone())));
    outcome.unwrap_or_else(|_| {
        for step in steps.0.borrow().iter() {
            eprintln!("  {step}");
        }
        panic!("SEED={seed} failed");
    })
}

/// The rpushd API's world.
fn run_api(seed: u64, steps: Steps) -> Coverage {
    World::new(seed, steps).run()
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Plays the requested seed; by default the recorded seeds and then all seeds of a test run, which
/// must reach the minimum numbers of `coverage`.
fn play_all(world: &str, floors: &[Floor], run: impl Fn(u64, Steps) -> Coverage + Copy + Send) {
    play_count(world, floors, SEEDS, run);
}

/// The same, with another number of seeds in a test run.
fn play_count(
    world: &str,
    floors: &[Floor],
    usual_count: u64,
    run: impl Fn(u64, Steps) -> Coverage + Copy + Send,
) {
    if let Some(seed) = variable("SEED") {
        play(seed, run);
        return;
    }
    play_each(&seeds::recorded(world), run);
    let seed_count = variable("SEEDS").unwrap_or(usual_count);
    let coverage = play_each(&Vec::from_iter(0..seed_count), run);
    println!("{coverage:#?}");
    if seed_count >= SEEDS {
        coverage.assert_everything_was_reached(floors, seed_count);
    }
}

/// Plays seeds in parallel, with one thread per processor.
fn play_each(seeds: &[u64], run: impl Fn(u64, Steps) -> Coverage + Copy + Send) -> Coverage {
    let thread_count = std::thread::available_parallelism().map_or(1, |count| count.get());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..thread_count)
            .map(|first| {
                scope.spawn(move || {
                    let mut coverage = Coverage::default();
                    for seed in seeds.iter().skip(first).step_by(thread_count) {
                        coverage.add(&play(*seed, run));
                    }
                    coverage
                })
            })
            .collect();
        let mut coverage = Coverage::default();
        for thread in threads {
            coverage.add(&thread.join().expect("a seed failed; it is named above"));
        }
        coverage
    })
}

#[test]
fn every_subscriber_gets_everything_once_and_in_order_whatever_the_others_do() {
    play_all(seeds::API, coverage::API, run_api);
}

#[test]
fn a_seed_plays_the_same_way_every_time() {
    for seed in 0..5 {
        assert_eq!(play(seed, run_api), play(seed, run_api));
    }
}
