//! Heartbeats of idle streams: the cost of one, compared with a bare write, and their distribution
//! over time.

use crate::load::Outcome;
use crate::load::bench::Bench;
use crate::load::client::Subscription;
use crate::load::report::{Figure, Goal};
use crate::load::server_under_test::{Side, Subject};
use crate::load::sys::monotonic_ns;
use crate::load::wire::{Face, TEXT_BYTES_MIN, Transport};
use crate::load::yardstick::Writes;
use std::time::Duration;

const COST: Figure = Figure { name: "CPU per heartbeat", unit: "us", goal: Goal::Ratio(1.1) };
const PEAK: Figure =
    Figure { name: "busiest tenth of a second", unit: "times mean", goal: Goal::AtMost(1.5) };
/// The number of steps in which the bare loop writes to all: one per tick of rpushd's timers.
const GROUP_COUNT: u32 = (INTERVAL_SECONDS * 1000 / 64) as u32;
/// A heartbeat: an HTTP chunk that contains a frame length of 0.
const HEARTBEAT_BYTES: u64 = 7;
const INTERVAL_SECONDS: u64 = 2;
/// Number of intervals that are measured.
const INTERVAL_COUNT: u64 = 2;

/// Measures one round.
pub fn run(bench: &mut Bench) -> Outcome<()> {
    let is_served = matches!(bench.options.subject, Subject::Rpushd(_));
    if !is_served || !bench.options.wants(Transport::Framed) {
        return Ok(());
    }
    let subscriber_count = bench.scaled(10_000, 200);
    let case = format!("framed {subscriber_count}, every {INTERVAL_SECONDS} s");
    bare_writes(bench, &case, subscriber_count)?;
    heartbeats(bench, &case, subscriber_count)
}

/// Lets the bare loop write messages of about the same size, spread over time like the heartbeats:
/// a write to a sleeping client costs more than one in a burst.
fn bare_writes(bench: &mut Bench, case: &str, subscriber_count: usize) -> Outcome<()> {
    let side = Side::Yardstick(Writes::Each);
    let target = bench.start(side, Transport::Framed)?;
    let mut client = target.client()?;
    for channel in 0..GROUP_COUNT {
        client.subscribe(Subscription {
            channel,
            ..Subscription::to_one_channel(
                Transport::Framed,
                subscriber_count.div_ceil(GROUP_COUNT as usize),
            )
        })?;
    }
    client.connect_publishers(1)?;
    let mut publish = || -> Outcome<()> {
        let start_ns = monotonic_ns();
        for channel in 0..GROUP_COUNT {
            client.publish(0, Face::Api, channel, TEXT_BYTES_MIN)?;
            client.settle()?;
            let next_ns =
                u64::from(channel + 1) * INTERVAL_SECONDS * 1_000_000_000 / u64::from(GROUP_COUNT);
            while monotonic_ns() - start_ns < next_ns {
                client.poll(Duration::from_millis(5))?;
            }
        }
        Ok(())
    };
    publish()?;
    let cpu_us = target.cpu_us_during(|| (0..INTERVAL_COUNT).try_for_each(|_| publish()))?;
    let count = subscriber_count.div_ceil(GROUP_COUNT as usize) * GROUP_COUNT as usize;
    let count = count * INTERVAL_COUNT as usize;
    bench.record(case, COST, side, cpu_us.map(|cpu_us| cpu_us / count as f64));
    Ok(())
}

fn heartbeats(bench: &mut Bench, case: &str, subscriber_count: usize) -> Outcome<()> {
    let seconds = INTERVAL_SECONDS.to_string();
    let variables = [("RPUSHD_HEARTBEAT_SECS", seconds.as_str())];
    let target = bench.start_with(Side::Server, Transport::Framed, &variables)?;
    let mut client = target.client()?;
    client.subscribe(Subscription::to_one_channel(Transport::Framed, subscriber_count))?;
    let mut tenths: Vec<u64> = Vec::new();
    let mut receive = |interval_count: u64| -> Outcome<()> {
        let start_ns = monotonic_ns();
        let length = (interval_count * INTERVAL_SECONDS) as usize * 10;
        tenths = vec![0; length];
        loop {
            let tenth = ((monotonic_ns() - start_ns) / 100_000_000) as usize;
            if tenth >= length {
                return Ok(());
            }
            let before = client.received_bytes;
            client.poll(Duration::from_millis(5))?;
            tenths[tenth] += client.received_bytes - before;
        }
    };
    // Skip the first heartbeats after connecting.
    receive(1)?;
    let cpu_us = target.cpu_us_during(|| receive(INTERVAL_COUNT))?;
    let count = tenths.iter().sum::<u64>() / HEARTBEAT_BYTES;
    if count * 10 < subscriber_count as u64 * INTERVAL_COUNT * 9 {
        bench.fault(&format!("{case}: only {count} heartbeats"));
    }
    bench.record(case, COST, Side::Server, cpu_us.map(|cpu_us| cpu_us / count as f64));
    let busiest = tenths.iter().copied().max().unwrap_or(0) / HEARTBEAT_BYTES;
    let mean = count as f64 / tenths.len() as f64;
    bench.record(case, PEAK, Side::Server, Some(busiest as f64 / mean));
    bench.audit(case, Side::Server, &mut client, true);
    Ok(())
}
