//! The soak: healthy clients of all transports and both faces, churn, reloads and random faults,
//! from a seed, for minutes or hours. Nothing may be lost, and nothing may grow.
//!
//! The load runs in rounds. At the end of each, all activity stops except that the steady clients
//! stay connected; then every gauge and the number of descriptors must be what they were before the
//! load, exactly. Resident memory at these moments must not grow from the first half of the rounds
//! to the second. At the end all clients leave, and thousands come and leave at once.

mod churn;
mod faults;
mod gate;
mod leave;
mod sample;
mod setting;
mod steady;

use super::Outcome;
use super::server_under_test::Target;
use super::sys;
use crate::random::Random;
use gate::Gate;
use sample::{SLACK_BYTES, Sample, Sampler};
use setting::Setting;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Clients that come, receive and leave at the same time as others.
const CHURN_THREADS: u64 = 2;
/// A round is as long as this, or a sixth of a shorter run.
const ROUND_MAX: Duration = Duration::from_secs(60);
/// Within this time all traces of the load must be gone: longer than every time-out and lifetime in
/// the configuration, and than two trims of the heap.
const SETTLE_MAX: Duration = Duration::from_secs(40);
/// Resident memory may have grown by a tenth from the first half of the rounds to the second, and
/// by what the daemon does not return.
const GROWTH_MAX: f64 = 1.10;

/// Options of the soak.
pub struct Settings {
    /// Length of the load; the end takes up to two minutes more.
    pub duration: Duration,
    /// Determines what the threads do, though not when.
    pub seed: u64,
    /// Most clients of the mass leave; the descriptor limit may allow fewer.
    pub leave_count: usize,
    /// The rpushd binary.
    pub program: PathBuf,
}

/// Runs the soak. Returns whether there was no violation.
pub fn run(settings: &Settings) -> Outcome<bool> {
    println!(
        "soak: {} s, seed {}, {}",
        settings.duration.as_secs(),
        settings.seed,
        settings.program.display()
    );
    let descriptor_count = sys::raise_descriptor_limit()?;
    let core = match sys::allowed_cores()?[..] {
        [server_core, client_core, ..] => {
            sys::pin_to(client_core)?;
            Some(server_core)
        }
        _ => None,
    };
    let setting = Setting::create()?;
    let target = setting.start(&settings.program, core)?;
    let gate = Gate::default();
    let result = soak(settings, &setting, &target, &gate).and_then(|()| {
        let count = settings.leave_count.min((descriptor_count as usize).saturating_sub(500));
        leave::run(&target, count, &gate)
    });
    if let Err(error) = result {
        gate.fault(error.to_string());
    }
    let faults = gate.faults();
    for fault in &faults {
        println!("soak: VIOLATION: {fault}");
    }
    if faults.is_empty() {
        println!("soak: no violation");
    } else {
        println!("soak: again with --seed {}; the daemon's log:", settings.seed);
        setting.print_end_of_log();
    }
    Ok(faults.is_empty())
}

fn soak(settings: &Settings, setting: &Setting, target: &Target, gate: &Gate) -> Outcome<()> {
    let mut sampler = Sampler::connect(target)?;
    let before = sampler.sample()?;
    println!("before the load: {before}");
    let mut seeds = Random::new(settings.seed);
    let mut seed = || Random::new(seeds.number());
    let (steady, churn) = (seed(), (0..CHURN_THREADS).map(|_| seed()).collect::<Vec<_>>());
    let disturbing = seed();
    thread::scope(|scope| {
        let (ready, is_ready) = mpsc::channel();
        scope.spawn(move || gate.run(|| steady::run(target, gate, steady, &ready)));
        let result = is_ready.recv().map_err(|_| "the steady clients are not ready".into());
        let result = result.and_then(|()| {
            for (index, random) in churn.into_iter().enumerate() {
                scope.spawn(move || gate.run(|| churn::run(target, gate, random, index as u32)));
            }
            scope.spawn(move || gate.run(|| faults::run(target, setting, gate, disturbing)));
            rounds(settings.duration, &mut sampler, gate)
        });
        gate.end();
        result
    })?;
    println!("done: {}", gate.counts());
    let after = sampler.settle(SETTLE_MAX, &before)?;
    println!("after the load:  {after}");
    after.compare(&before, "after the load").into_iter().for_each(|fault| gate.fault(fault));
    Ok(())
}

fn rounds(duration: Duration, sampler: &mut Sampler, gate: &Gate) -> Outcome<()> {
    gate.close()?;
    let idle = sampler.sample()?;
    let idle = sampler.settle(SETTLE_MAX, &idle)?;
    println!("steady clients:  {idle}");
    let until = Instant::now() + duration;
    let length = ROUND_MAX.min(duration / 6);
    let mut quiet: Vec<Sample> = Vec::new();
    while Instant::now() < until && !gate.has_fault() {
        gate.open();
        let round_end = Instant::now() + length;
        let mut peak = sampler.sample()?;
        while Instant::now() < round_end && !gate.has_fault() {
            thread::sleep(Duration::from_secs(1));
            peak.raise_to(&sampler.sample()?);
        }
        gate.close()?;
        let sample = sampler.settle(SETTLE_MAX, &idle)?;
        println!("round {}: peak {peak}", quiet.len() + 1);
        println!("  at its end:    {sample}");
        sample.compare(&idle, "at the end of a round").into_iter().for_each(|one| gate.fault(one));
        quiet.push(sample);
    }
    // The first round warms up.
    let (first, second) = quiet[1.min(quiet.len())..].split_at(quiet.len().saturating_sub(1) / 2);
    if let (Some(first), Some(second)) =
        (sample::median_resident(first), sample::median_resident(second))
    {
        println!(
            "resident memory at the ends of rounds: first half {} kB, second half {} kB",
            first / 1024,
            second / 1024
        );
        if second as f64 > first as f64 * GROWTH_MAX + SLACK_BYTES as f64 {
            gate.fault(format!("resident memory has grown from {first} to {second} bytes"));
        }
    }
    Ok(())
}
