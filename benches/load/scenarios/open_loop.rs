//! Open loop: each message is published when it is due, whether or not the previous ones have
//! arrived.

use super::face_of;
use super::fan_out::record_latencies;
use crate::load::Outcome;
use crate::load::bench::Bench;
use crate::load::client::{Client, Subscription};
use crate::load::report::{Figure, Goal, Plot};
use crate::load::server_under_test::Side;
use crate::load::sys::monotonic_ns;
use crate::load::wire::Face;
use crate::load::yardstick::Writes;
use std::time::Duration;

const COST: Figure = Figure { name: "CPU per delivery", unit: "us", goal: Goal::Ratio(1.10) };
/// One of this many deliveries is plotted.
const PLOTTED_EVERY: usize = 53;

/// Measures one round.
pub fn run(bench: &mut Bench) -> Outcome<()> {
    let cases = [(100, 500), (1_000, 50), (10_000, 5)];
    for (subscriber_count, rate) in cases.into_iter().take(bench.scaled(3, 1)) {
        for side in [Side::Yardstick(Writes::Each), Side::Server] {
            measure(bench, subscriber_count, rate, side)?;
        }
    }
    Ok(())
}

fn measure(bench: &mut Bench, subscriber_count: usize, rate: usize, side: Side) -> Outcome<()> {
    let transport = bench.main_transport();
    let target = bench.start(side, transport)?;
    let mut client = target.client()?;
    client.subscribe(Subscription::to_one_channel(transport, subscriber_count))?;
    client.connect_publishers(1)?;
    let publication_count = bench.scaled(rate * 3 / 2, 20);
    let face = face_of(transport);
    publish_at_rate(&mut client, face, 100, 1, rate, &mut || 0)?;
    client.ledger.keep_latencies();
    let start = client.ledger.publication_count();
    let cpu_us = target.cpu_us_during(|| {
        publish_at_rate(&mut client, face, 100, publication_count, rate, &mut || 0)
    })?;
    let case = format!("{} {subscriber_count} x 100 B, {rate}/s", transport.name());
    let delivery_count = (publication_count * subscriber_count) as f64;
    bench.record(&case, COST, side, cpu_us.map(|cpu_us| cpu_us / delivery_count));
    record_latencies(bench, &case, side, &client, start);
    let latencies_ns = client.ledger.latencies_ns();
    if subscriber_count == 1_000 {
        for latency_ns in latencies_ns.into_iter().step_by(PLOTTED_EVERY) {
            bench.plot(Plot::Latency, transport, side, latency_ns as f64 / 1e6, Some(0.0));
        }
    }
    bench.audit(&case, side, &mut client, true);
    Ok(())
}

/// Publishes `count` messages of `size` bytes, `rate` per second, and waits until all have arrived.
pub fn publish_at_rate(
    client: &mut Client,
    face: Face,
    size: usize,
    count: usize,
    rate: usize,
    next_channel: &mut dyn FnMut() -> u32,
) -> Outcome<()> {
    let start_ns = monotonic_ns();
    for index in 0..count {
        let due_ns = start_ns + index as u64 * 1_000_000_000 / rate as u64;
        poll_until(client, due_ns)?;
        client.publish_due(0, face, next_channel(), size, Some(due_ns))?;
    }
    client.settle()
}

/// Reads deliveries until `due_ns`. Sleeps between them, except shortly before the end, when it
/// spins.
fn poll_until(client: &mut Client, due_ns: u64) -> Outcome<()> {
    loop {
        let now_ns = monotonic_ns();
        if now_ns >= due_ns {
            return Ok(());
        }
        let is_far = due_ns - now_ns > 2_000_000;
        client.poll(if is_far { Duration::from_millis(1) } else { Duration::ZERO })?;
    }
}
