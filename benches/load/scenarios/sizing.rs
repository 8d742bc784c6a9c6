//! Checks the sizing formula of benches/README.md: compares three typical servers with its results.

use super::face_of;
use super::open_loop::publish_at_rate;
use crate::load::Outcome;
use crate::load::bench::Bench;
use crate::load::client::Subscription;
use crate::load::measure;
use crate::load::report::{Figure, Goal};
use crate::load::server_under_test::{Side, Subject};
use crate::load::wire::{Face, Transport};

const MEMORY: Figure = Figure { name: "memory, grown by", unit: "MB", goal: Goal::None };
const MEMORY_FORMULA: Figure =
    Figure { name: "memory, the formula's", unit: "MB", goal: Goal::None };
const KERNEL: Figure =
    Figure { name: "kernel memory, grown by (a half)", unit: "MB", goal: Goal::None };
const KERNEL_FORMULA: Figure =
    Figure { name: "kernel memory, the formula's", unit: "MB", goal: Goal::None };
const CPU: Figure = Figure { name: "CPU, of one core", unit: "%", goal: Goal::None };
const CPU_FORMULA: Figure = Figure { name: "CPU, the formula's", unit: "%", goal: Goal::None };

/// The load of a typical server.
struct Load {
    name: &'static str,
    transport: Transport,
    /// Channels that are published to.
    channel_count: usize,
    subscribers_each: usize,
    /// Channels of each subscriber; only the first is published to.
    channels_each: usize,
    stored_count: usize,
    publications_per_second: usize,
}

const LOADS: [Load; 3] = [
    Load {
        name: "one crowd",
        transport: Transport::Framed,
        channel_count: 1,
        subscribers_each: 5_000,
        channels_each: 1,
        stored_count: 0,
        publications_per_second: 10,
    },
    Load {
        name: "chat rooms",
        transport: Transport::EventSource,
        channel_count: 500,
        subscribers_each: 10,
        channels_each: 2,
        stored_count: 20_000,
        publications_per_second: 500,
    },
    Load {
        name: "one each",
        transport: Transport::WebSocket,
        channel_count: 8_000,
        subscribers_each: 1,
        channels_each: 1,
        stored_count: 0,
        publications_per_second: 2_000,
    },
];

const TEXT_BYTES: usize = 200;

impl Load {
    fn subscriber_count(&self) -> usize {
        self.channel_count * self.subscribers_each
    }

    fn all_channel_count(&self) -> usize {
        self.channel_count * self.channels_each
    }

    fn memory_mb(&self) -> f64 {
        let further_count = self.subscriber_count() * (self.channels_each - 1);
        let bytes = 240 * self.subscriber_count()
            + 25 * further_count
            + 165 * self.all_channel_count()
            + (TEXT_BYTES + 150) * self.stored_count;
        bytes as f64 / 1e6
    }

    fn kernel_mb(&self) -> f64 {
        4_200.0 * self.subscriber_count() as f64 / 1e6
    }

    fn cpu_percent(&self) -> f64 {
        // With few subscribers, each delivery wakes its client; in a large fan-out, clients are
        // awake.
        let per_delivery_us = match self.subscribers_each {
            ..100 => 9.0,
            _ => 3.0 + 0.35 * self.subscriber_count() as f64 / 1_000.0,
        };
        let per_publication_us = 13.0 + per_delivery_us * self.subscribers_each as f64;
        per_publication_us * self.publications_per_second as f64 / 1e4
    }
}

/// Measures one round.
pub fn run(bench: &mut Bench) -> Outcome<()> {
    let Subject::Rpushd(_) = bench.options.subject else { return Ok(()) };
    for load in LOADS {
        if bench.options.wants(load.transport) {
            measure(bench, &load)?;
        }
    }
    Ok(())
}

fn measure(bench: &mut Bench, full: &Load) -> Outcome<()> {
    let side = Side::Server;
    let load = Load {
        channel_count: bench.scaled(full.channel_count, full.channel_count.min(50)),
        subscribers_each: bench.scaled(full.subscribers_each, full.subscribers_each.min(50)),
        stored_count: bench.scaled(full.stored_count, full.stored_count.min(100)),
        ..*full
    };
    let target = bench.start(side, load.transport)?;
    let mut client = target.client()?;
    client.connect_publishers(4)?;
    client.publish_many(20, Face::Store, TEXT_BYTES, || 1_000_000)?;
    let before = target.memory_bytes()?;
    let kernel_before = measure::kernel_memory_bytes()?;
    for _ in 0..load.subscribers_each {
        client.subscribe(Subscription {
            channel_step: load.channels_each as u32,
            channels_each: load.channels_each as u32,
            ..Subscription::to_one_channel(load.transport, load.channel_count)
        })?;
    }
    let kernel = (measure::kernel_memory_bytes()? - kernel_before) / 2.0;
    client.publish_many(load.stored_count, Face::Store, TEXT_BYTES, || 1_000_000)?;
    let memory = target.memory_bytes()?.zip(before).map(|(after, before)| after - before);

    let rate = load.publications_per_second;
    let seconds = bench.scaled(1_500, 200) as f64 / 1_000.0;
    let count = (rate as f64 * seconds) as usize;
    let mut publication = 0;
    let mut next_channel = || {
        publication += 1;
        // 7 is coprime to the numbers of channels, so this covers all of them, but not in order.
        (publication * 7 % load.channel_count * load.channels_each) as u32
    };
    let face = face_of(load.transport);
    let cpu_us = target.cpu_us_during(|| {
        publish_at_rate(&mut client, face, TEXT_BYTES, count, rate, &mut next_channel)
    })?;

    let subscribers = load.subscriber_count();
    let case = format!("{}: {} {subscribers}", load.name, load.transport.name());
    bench.record(&case, MEMORY, side, memory.map(|bytes| bytes / 1e6));
    bench.record(&case, MEMORY_FORMULA, side, Some(load.memory_mb()));
    bench.record(&case, KERNEL, side, Some(kernel / 1e6));
    bench.record(&case, KERNEL_FORMULA, side, Some(load.kernel_mb()));
    bench.record(&case, CPU, side, cpu_us.map(|us| us / seconds / 1e4));
    bench.record(&case, CPU_FORMULA, side, Some(load.cpu_percent()));
    bench.audit(&case, side, &mut client, true);
    Ok(())
}
