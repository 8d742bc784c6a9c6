//! The cost of idling: memory and wake-ups without traffic.

use crate::load::Outcome;
use crate::load::bench::Bench;
use crate::load::client::Subscription;
use crate::load::report::{Figure, Goal, Plot};
use crate::load::server_under_test::{Side, Subject};
use crate::load::wire::{Face, TEXT_BYTES_MIN, Transport};
use crate::load::yardstick::Writes;
use std::time::Duration;

const AT_START: Figure = Figure { name: "memory at start", unit: "MB", goal: Goal::AtMost(1.5) };
const WAKE_UPS: Figure =
    Figure { name: "wake-ups, no subscribers", unit: "/s", goal: Goal::AtMost(0.0) };
const PER_SUBSCRIBER: Figure =
    Figure { name: "memory per idle subscriber", unit: "B", goal: Goal::AtMost(256.0) };
const PER_FURTHER_CHANNEL: Figure =
    Figure { name: "memory per further channel", unit: "B", goal: Goal::AtMost(48.0) };
const PER_IDLE_CHANNEL: Figure =
    Figure { name: "memory per idle channel", unit: "B", goal: Goal::AtMost(200.0) };

/// Subscribers that connect before the first reading, so that code and tables are in memory.
const WARM_UP_COUNT: usize = 10;

/// Measures one round.
pub fn run(bench: &mut Bench) -> Outcome<()> {
    for side in [Side::Yardstick(Writes::Each), Side::Server] {
        at_start(bench, side)?;
        for transport in Transport::ALL {
            if bench.options.wants(transport) {
                per_subscriber(bench, transport, side)?;
            }
        }
    }
    if let Subject::Rpushd(_) = bench.options.subject {
        for transport in [Transport::Stream, Transport::SignedEvents] {
            per_further_channel(bench, transport)?;
        }
        per_idle_channel(bench)?;
    }
    Ok(())
}

fn at_start(bench: &mut Bench, side: Side) -> Outcome<()> {
    let target = bench.start(side, bench.main_transport())?;
    std::thread::sleep(Duration::from_millis(200));
    let memory = target.memory_bytes()?;
    bench.record("start", AT_START, side, memory.map(|bytes| bytes / 1e6));
    let before = target.sleep_count()?;
    let duration = Duration::from_millis(bench.scaled(2_000, 300) as u64);
    std::thread::sleep(duration);
    let per_second = (target.sleep_count()? - before) as f64 / duration.as_secs_f64();
    bench.record("start", WAKE_UPS, side, memory.map(|_| per_second));
    Ok(())
}

fn per_subscriber(bench: &mut Bench, transport: Transport, side: Side) -> Outcome<()> {
    let target = bench.start(side, transport)?;
    let mut client = target.client()?;
    client.subscribe(Subscription::to_one_channel(transport, WARM_UP_COUNT))?;
    let base = target.memory_bytes()?;
    let mut count = 0;
    let mut memory = base;
    for step in [1_000, 1_500, 2_500, 5_000] {
        let step = bench.scaled(step, 50);
        client.subscribe(Subscription::to_one_channel(transport, step))?;
        count += step;
        memory = target.memory_bytes()?;
        bench.plot(Plot::Memory, transport, side, count as f64, memory.map(|bytes| bytes / 1e6));
    }
    let growth = memory.zip(base).map(|(memory, base)| (memory - base) / count as f64);
    let case = format!("{} {count}", transport.name());
    bench.record(&case, PER_SUBSCRIBER, side, growth);
    bench.audit(&case, side, &mut client, true);
    Ok(())
}

/// Compares the same number of subscribers with nine channels each and with one.
fn per_further_channel(bench: &mut Bench, transport: Transport) -> Outcome<()> {
    if !bench.options.wants(transport) {
        return Ok(());
    }
    let subscriber_count = bench.scaled(4_000, 50);
    let mut readings = [None; 2];
    for (reading, channels_each) in readings.iter_mut().zip([1, 9]) {
        let target = bench.start(Side::Server, transport)?;
        let mut client = target.client()?;
        let one_channel = Subscription::to_one_channel(transport, subscriber_count);
        client.subscribe(Subscription { channels_each, ..one_channel })?;
        *reading = target.memory_bytes()?;
    }
    if let [Some(with_one), Some(with_nine)] = readings {
        let bytes = (with_nine - with_one) / (subscriber_count * 8) as f64;
        let case = format!("{} {subscriber_count} x 9 channels", transport.name());
        bench.record(&case, PER_FURTHER_CHANNEL, Side::Server, Some(bytes));
    }
    Ok(())
}

/// Measures channels with one past publication and neither subscribers nor stored messages.
fn per_idle_channel(bench: &mut Bench) -> Outcome<()> {
    let target = bench.start(Side::Server, Transport::Framed)?;
    let mut client = target.client()?;
    client.connect_publishers(16)?;
    let mut next_channel = 0;
    let mut publish = |count| {
        client.publish_many(count, Face::Api, TEXT_BYTES_MIN, || {
            next_channel += 1;
            next_channel
        })
    };
    publish(100)?;
    let before = target.memory_bytes()?;
    let channel_count = bench.scaled(50_000, 500);
    publish(channel_count)?;
    let growth = target.memory_bytes()?.zip(before).map(|(after, before)| after - before);
    let case = format!("{channel_count} channels");
    let bytes = growth.map(|growth| growth / channel_count as f64);
    bench.record(&case, PER_IDLE_CHANNEL, Side::Server, bytes);
    bench.audit(&case, Side::Server, &mut client, false);
    Ok(())
}
