//! Whether a publication costs more if there are many channels. Each message is for one subscriber.

use super::face_of;
use crate::load::Outcome;
use crate::load::bench::Bench;
use crate::load::client::Subscription;
use crate::load::report::{Figure, Goal};
use crate::load::server_under_test::Side;
use crate::load::wire::TEXT_BYTES_MIN;
use crate::load::yardstick::Writes;

const COST: Figure = Figure { name: "CPU per publication", unit: "us", goal: Goal::None };
/// The goal compares the growth of both sides: for the bare loop, too, many sockets cost more than
/// a few.
const RELATIVE: Figure =
    Figure { name: "against few channels", unit: "times", goal: Goal::Ratio(1.15) };
/// Also the number of channels that serve as the base of the comparison. With fewer, several
/// messages for a subscriber would be written together, which would distort the comparison.
const PUBLISHER_COUNT: usize = 16;
/// Client and server are limited to 20,000 file descriptors each.
const SUBSCRIBER_COUNT_MAX: usize = 9_000;

/// Measures one round.
pub fn run(bench: &mut Bench) -> Outcome<()> {
    for side in [Side::Yardstick(Writes::Each), Side::Server] {
        let mut of_few_channels = None;
        for channel_count in [PUBLISHER_COUNT, bench.scaled(1_000, 50), bench.scaled(100_000, 500)]
        {
            let subscriber_count = channel_count.min(bench.scaled(SUBSCRIBER_COUNT_MAX, 100));
            let cost = measure(bench, channel_count, subscriber_count, side)?;
            let case = format!("{channel_count} channels, {subscriber_count} subscribers");
            bench.record(&case, COST, side, cost);
            match of_few_channels {
                None => of_few_channels = cost,
                Some(few) => {
                    bench.record(&case, RELATIVE, side, cost.map(|cost| cost / few));
                }
            }
        }
    }
    Ok(())
}

fn measure(
    bench: &mut Bench,
    channel_count: usize,
    subscriber_count: usize,
    side: Side,
) -> Outcome<Option<f64>> {
    let transport = bench.main_transport();
    let face = face_of(transport);
    let target = bench.start(side, transport)?;
    let mut client = target.client()?;
    let one_each = Subscription {
        channel_step: 1,
        ..Subscription::to_one_channel(transport, subscriber_count)
    };
    client.subscribe(one_each)?;
    client.connect_publishers(PUBLISHER_COUNT)?;
    // Create the channels without subscribers.
    let mut silent_channels = subscriber_count as u32..channel_count as u32;
    client.publish_many(channel_count - subscriber_count, face, TEXT_BYTES_MIN, || {
        silent_channels.next().unwrap_or(0)
    })?;
    let mut channels = Scattered { state: 1, count: subscriber_count as u32 };
    let count = bench.scaled(15_000, 500);
    client.publish_many(count / 10, face, 100, || channels.next())?;
    let cpu_us =
        target.cpu_us_during(|| client.publish_many(count, face, 100, || channels.next()))?;
    let case = format!("{channel_count} channels");
    bench.audit(&case, side, &mut client, false);
    Ok(cpu_us.map(|cpu_us| cpu_us / count as f64))
}

/// Numbers below `count` in an order that caches cannot predict (a linear congruential generator).
struct Scattered {
    state: u32,
    count: u32,
}

impl Scattered {
    fn next(&mut self) -> u32 {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.state >> 8) % self.count
    }
}
