//! Closed loop: each message is published after the previous one has arrived at all subscribers.

use super::face_of;
use crate::load::Outcome;
use crate::load::bench::Bench;
use crate::load::client::{Client, Subscription};
use crate::load::measure::percentile;
use crate::load::report::{Figure, Goal, Plot};
use crate::load::server_under_test::Side;
use crate::load::wire::Transport;
use crate::load::yardstick::Writes;

const SMALL: Figure = Figure { name: "CPU per delivery", unit: "us", goal: Goal::Ratio(1.10) };
const LARGE: Figure = Figure { name: "CPU per delivery", unit: "us", goal: Goal::Ratio(1.15) };
const FIRST: Figure =
    Figure { name: "first subscriber's latency, p50", unit: "us", goal: Goal::Ratio(1.5) };
const LAST: Figure =
    Figure { name: "last subscriber's latency, p50", unit: "us", goal: Goal::Ratio(1.10) };
const LAST_WORST: Figure =
    Figure { name: "last subscriber's latency, p99", unit: "us", goal: Goal::Ratio(1.10) };

/// Measures one round.
pub fn run(bench: &mut Bench) -> Outcome<()> {
    for transport in Transport::ALL {
        if !bench.options.wants(transport) {
            continue;
        }
        for subscriber_count in [100, 1_000, 10_000] {
            // Long-polling sends a new request per message; with many subscribers, this would
            // measure requests rather than deliveries.
            let is_meaningful = transport != Transport::LongPolling || subscriber_count <= 1_000;
            if is_meaningful {
                for side in [Side::Yardstick(Writes::Each), Side::Server] {
                    measure(bench, transport, bench.scaled(subscriber_count, 100), side)?;
                }
            }
            if bench.options.is_smoke {
                break;
            }
        }
    }
    Ok(())
}

fn measure(
    bench: &mut Bench,
    transport: Transport,
    subscriber_count: usize,
    side: Side,
) -> Outcome<()> {
    let target = bench.start(side, transport)?;
    let mut client = target.client()?;
    client.subscribe(Subscription::to_one_channel(transport, subscriber_count))?;
    client.connect_publishers(1)?;
    for (size, cost) in [(100, SMALL), (4096, LARGE)] {
        let is_needed = size == 100 || subscriber_count <= 1_000;
        if !is_needed {
            continue;
        }
        let publication_count = bench.scaled((30_000 / subscriber_count).max(5), 3);
        // The first publication warms up the caches, and the buffers of the kernel.
        publish(&mut client, transport, 1, size)?;
        let start = client.ledger.publication_count();
        let cpu_us =
            target.cpu_us_during(|| publish(&mut client, transport, publication_count, size))?;
        let case = format!("{} {subscriber_count} x {size} B", transport.name());
        let delivery_count = (publication_count * subscriber_count) as f64;
        let per_delivery = cpu_us.map(|cpu_us| cpu_us / delivery_count);
        bench.record(&case, cost, side, per_delivery);
        if size == 100 {
            let count = subscriber_count as f64;
            bench.plot(Plot::CostPerDelivery, transport, side, count, per_delivery);
            record_latencies(bench, &case, side, &client, start);
        }
        bench.audit(&case, side, &mut client, true);
    }
    Ok(())
}

fn publish(client: &mut Client, transport: Transport, count: usize, size: usize) -> Outcome<()> {
    for _ in 0..count {
        client.publish(0, face_of(transport), 0, size)?;
        client.settle()?;
        client.synchronise_if_polling(transport)?;
    }
    Ok(())
}

/// Latencies of the publications since `start`.
pub fn record_latencies(bench: &mut Bench, case: &str, side: Side, client: &Client, start: usize) {
    let publications = client.ledger.publications_since(start);
    let first: Vec<f64> = publications.iter().map(|one| one.first_latency_us()).collect();
    let last: Vec<f64> = publications.iter().map(|one| one.last_latency_us()).collect();
    bench.record(case, FIRST, side, percentile(&first, 0.5));
    bench.record(case, LAST, side, percentile(&last, 0.5));
    bench.record(case, LAST_WORST, side, percentile(&last, 0.99));
}
