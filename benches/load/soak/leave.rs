//! Thousands of subscribers come, receive and leave at once, three times.

use super::gate::Gate;
use super::sample::Sampler;
use super::steady::{audit, publish};
use crate::load::Outcome;
use crate::load::client::Subscription;
use crate::load::server_under_test::Target;
use crate::load::wire::{Face, Transport};
use std::time::Duration;

const WAVES: usize = 3;
const TRANSPORTS: [Transport; 3] =
    [Transport::Framed, Transport::EventSource, Transport::WebSocket];
const MESSAGES: usize = 5;
const PATIENCE: Duration = Duration::from_secs(40);
/// Resident memory returns to within a tenth of what it was.
const GROWTH_MAX: f64 = 1.10;

/// Checks that nothing of `count` subscribers is left.
pub fn run(target: &Target, count: usize, gate: &Gate) -> Outcome<()> {
    let mut sampler = Sampler::connect(target)?;
    let idle = sampler.sample()?;
    let idle = sampler.settle(PATIENCE, &idle)?;
    println!("mass leave: idle: {idle}");
    for wave in 1..=WAVES {
        let mut client = target.client()?;
        for (index, transport) in TRANSPORTS.into_iter().enumerate() {
            let one = Subscription::to_one_channel(transport, count / TRANSPORTS.len());
            client.subscribe(Subscription { channel: index as u32, ..one })?;
        }
        client.connect_publishers(1)?;
        let mut channels = (0..TRANSPORTS.len() as u32).cycle();
        let messages = MESSAGES * TRANSPORTS.len();
        publish(&mut client, gate, messages, Face::Api, 200, || channels.next().unwrap_or(0))?;
        audit(&mut client, gate);
        let present = sampler.sample()?;
        drop(client);
        let left = sampler.settle(PATIENCE, &idle)?;
        let ratio = left.resident as f64 / idle.resident as f64;
        println!("wave {wave}: present: {present}");
        println!("wave {wave}: left: {left}; {ratio:.2} of idle");
        let when = format!("after wave {wave} of {count} subscribers");
        left.compare(&idle, &when).into_iter().for_each(|fault| gate.fault(fault));
        if ratio > GROWTH_MAX {
            let (now, before) = (left.resident, idle.resident);
            gate.fault(format!("resident memory {when}: {now} bytes, idle {before}"));
        }
    }
    Ok(())
}
