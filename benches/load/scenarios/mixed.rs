//! Whether a large fan-out delays other deliveries: messages for one subscriber, during
//! publications to a channel with very many.

use super::face_of;
use crate::load::Outcome;
use crate::load::bench::Bench;
use crate::load::client::{Client, Subscription};
use crate::load::measure::percentile;
use crate::load::report::{Figure, Goal};
use crate::load::server_under_test::Side;
use crate::load::sys::monotonic_ns;
use crate::load::wire::Transport;
use crate::load::yardstick::Writes;
use std::time::Duration;

const MEDIAN: Figure = Figure { name: "latency, p50", unit: "ms", goal: Goal::None };
const WORST: Figure = Figure { name: "latency, p99", unit: "ms", goal: Goal::AtMost(3.0) };
const CROWD_INTERVAL_NS: u64 = 100_000_000;
/// No divisor of the other interval, so that the probe meets every phase of a fan-out.
const PROBE_INTERVAL_NS: u64 = 7_300_000;

/// Measures one round.
pub fn run(bench: &mut Bench) -> Outcome<()> {
    let transport = bench.main_transport();
    if transport == Transport::LongPolling {
        return Ok(());
    }
    for side in [Side::Yardstick(Writes::Each), Side::Server] {
        measure(bench, transport, side)?;
    }
    Ok(())
}

fn measure(bench: &mut Bench, transport: Transport, side: Side) -> Outcome<()> {
    let subscriber_count = bench.scaled(10_000, 200);
    let duration_ns = bench.scaled(3_000, 500) as u64 * 1_000_000;
    let target = bench.start(side, transport)?;
    let mut crowd = target.client()?;
    crowd.subscribe(Subscription::to_one_channel(transport, subscriber_count))?;
    crowd.connect_publishers(1)?;
    let mut probe = target.client()?;
    probe.subscribe(Subscription { channel: 1, ..Subscription::to_one_channel(transport, 1) })?;
    probe.connect_publishers(1)?;

    let start_ns = monotonic_ns();
    let (mut crowd_due_ns, mut probe_due_ns) = (start_ns, start_ns);
    while monotonic_ns() < start_ns + duration_ns {
        publish_if_due(&mut crowd, transport, 0, &mut crowd_due_ns, CROWD_INTERVAL_NS)?;
        publish_if_due(&mut probe, transport, 1, &mut probe_due_ns, PROBE_INTERVAL_NS)?;
        // The probe has its own epoll instance, so it does not queue behind the crowd's deliveries.
        probe.poll(Duration::ZERO)?;
        crowd.poll(Duration::ZERO)?;
    }
    crowd.settle()?;
    probe.settle()?;

    let case = format!("{} beside {subscriber_count} x 10/s", transport.name());
    let publications = probe.ledger.publications_since(0);
    let latencies: Vec<f64> =
        publications.iter().map(|one| one.last_latency_us() / 1000.0).collect();
    bench.record(&case, MEDIAN, side, percentile(&latencies, 0.5));
    bench.record(&case, WORST, side, percentile(&latencies, 0.99));
    bench.audit(&case, side, &mut crowd, true);
    bench.audit(&case, side, &mut probe, true);
    Ok(())
}

fn publish_if_due(
    client: &mut Client,
    transport: Transport,
    channel: u32,
    due_ns: &mut u64,
    interval_ns: u64,
) -> Outcome<()> {
    if monotonic_ns() >= *due_ns {
        client.publish_due(0, face_of(transport), channel, 100, Some(*due_ns))?;
        *due_ns += interval_ns;
    }
    Ok(())
}
