//! All publishers publish to one channel at once. Compared with the collecting bare loop.

use super::face_of;
use crate::load::Outcome;
use crate::load::bench::Bench;
use crate::load::client::Subscription;
use crate::load::report::{Figure, Goal};
use crate::load::server_under_test::Side;
use crate::load::yardstick::Writes;

const COST: Figure = Figure { name: "CPU per publication", unit: "us", goal: Goal::Ratio(1.3) };

const EACH: Figure =
    Figure { name: "CPU per publication, bare loop not collecting", unit: "us", goal: Goal::None };

/// Measures one round.
pub fn run(bench: &mut Bench) -> Outcome<()> {
    let cases = [(16, 100, 100), (16, 100, 4096), (64, 1_000, 100), (64, 1_000, 4096)];
    for (publisher_count, subscriber_count, size) in cases.into_iter().take(bench.scaled(4, 2)) {
        for (side, figure) in [
            (Side::Yardstick(Writes::Each), EACH),
            (Side::Yardstick(Writes::Collected), COST),
            (Side::Server, COST),
        ] {
            let case = Case { publisher_count, subscriber_count, size };
            measure(bench, case, side, figure)?;
        }
    }
    Ok(())
}

struct Case {
    publisher_count: usize,
    subscriber_count: usize,
    size: usize,
}

fn measure(bench: &mut Bench, case: Case, side: Side, figure: Figure) -> Outcome<()> {
    let Case { publisher_count, subscriber_count, size } = case;
    let transport = bench.main_transport();
    let target = bench.start(side, transport)?;
    let mut client = target.client()?;
    client.subscribe(Subscription::to_one_channel(transport, subscriber_count))?;
    client.connect_publishers(publisher_count)?;
    let burst_count = bench.scaled(if subscriber_count > 100 { 5 } else { 40 }, 5);
    let mut burst = || -> Outcome<()> {
        for publisher in 0..publisher_count {
            client.publish(publisher, face_of(transport), 0, size)?;
        }
        client.settle()?;
        client.synchronise_if_polling(transport)
    };
    burst()?;
    let cpu_us = target.cpu_us_during(|| (0..burst_count).try_for_each(|_| burst()))?;
    let case =
        format!("{} {publisher_count} publishers, {subscriber_count} x {size} B", transport.name());
    let publication_count = (burst_count * publisher_count) as f64;
    bench.record(&case, figure, side, cpu_us.map(|cpu_us| cpu_us / publication_count));
    bench.audit(&case, side, &mut client, false);
    Ok(())
}
