//! The cost of a publication without subscribers.

use crate::load::Outcome;
use crate::load::bench::Bench;
use crate::load::report::{Figure, Goal};
use crate::load::server_under_test::{Side, Subject};
use crate::load::wire::{Face, Transport};
use crate::load::yardstick::Writes;

const API: Figure = Figure { name: "CPU per publication", unit: "us", goal: Goal::Ratio(1.35) };
const LOCATION: Figure =
    Figure { name: "CPU per publication", unit: "us", goal: Goal::Ratio(1.25) };

/// Measures one round.
pub fn run(bench: &mut Bench) -> Outcome<()> {
    let is_peer = matches!(bench.options.subject, Subject::Peer(_));
    for (face, name, figure) in
        [(Face::Api, "JSON API", API), (Face::Location, "publisher location", LOCATION)]
    {
        if is_peer && face == Face::Api {
            continue;
        }
        for publisher_count in [16, 64] {
            let case = format!("{name}, {publisher_count} publishers");
            for side in [Side::Yardstick(Writes::Each), Side::Server] {
                let target = bench.start(side, Transport::Framed)?;
                let mut client = target.client()?;
                client.connect_publishers(publisher_count)?;
                client.publish_many(publisher_count, face, 100, || 0)?;
                let count = bench.scaled(15_000, 500);
                let cpu_us =
                    target.cpu_us_during(|| client.publish_many(count, face, 100, || 0))?;
                bench.record(&case, figure, side, cpu_us.map(|cpu_us| cpu_us / count as f64));
                bench.audit(&case, side, &mut client, false);
            }
        }
    }
    Ok(())
}
