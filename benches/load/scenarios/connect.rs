//! Many subscribers connect at once. The client signs all tokens in advance.

use super::face_of;
use crate::load::Outcome;
use crate::load::bench::Bench;
use crate::load::client::Subscription;
use crate::load::report::{Figure, Goal};
use crate::load::server_under_test::Side;
use crate::load::yardstick::Writes;

const COST: Figure = Figure { name: "CPU per connect", unit: "us", goal: Goal::Ratio(1.5) };

/// Measures one round.
pub fn run(bench: &mut Bench) -> Outcome<()> {
    let transport = bench.main_transport();
    let subscriber_count = bench.scaled(10_000, 200);
    let case = format!("{} {subscriber_count}", transport.name());
    for side in [Side::Yardstick(Writes::Each), Side::Server] {
        let target = bench.start(side, transport)?;
        let mut client = target.client()?;
        let wanted = Subscription::to_one_channel(transport, subscriber_count);
        let requests = client.subscribe_requests(wanted);
        let cpu_us = target.cpu_us_during(|| client.subscribe_with(wanted, &requests))?;
        bench.record(&case, COST, side, cpu_us.map(|cpu_us| cpu_us / subscriber_count as f64));
        // A publication to all proves that each is subscribed.
        client.connect_publishers(1)?;
        client.publish(0, face_of(transport), 0, 100)?;
        client.settle()?;
        bench.audit(&case, side, &mut client, true);
    }
    Ok(())
}
