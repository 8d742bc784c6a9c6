//! Clients that come, receive everything, and leave all at once by a reset.

use super::gate::Gate;
use super::steady::{audit, message_bytes, publish};
use crate::load::Outcome;
use crate::load::client::Subscription;
use crate::load::server_under_test::Target;
use crate::load::wire::{Face, Transport};
use crate::random::Random;
use std::sync::atomic::Ordering;

const SUBSCRIBERS_MAX: usize = 400;
/// Channels of one thread, so that no other thread publishes to them.
const CHANNELS_PER_THREAD: u32 = 1_000;

/// One generation of clients after the other, until the soak is over.
pub fn run(target: &Target, gate: &Gate, mut random: Random, thread: u32) -> Outcome<()> {
    while gate.pass() {
        let transport = *random.pick(&Transport::ALL);
        let channel_count = random.magnitude(64) as u32;
        let count = random.magnitude(SUBSCRIBERS_MAX) as u32;
        let channel = (thread + 1) * CHANNELS_PER_THREAD + random.below(900) as u32;
        let mut client = target.client()?;
        client.follow_cursors();
        // Some have a channel of their own, others share one.
        for index in 0..channel_count {
            let each = count.div_ceil(channel_count) as usize;
            let one = Subscription::to_one_channel(transport, each);
            client.subscribe(Subscription { channel: channel + index, ..one })?;
            gate.counts().subscribers.fetch_add(each as u64, Ordering::Relaxed);
        }
        client.connect_publishers(random.between(1, 4))?;
        let face = match transport {
            Transport::LongPolling => Face::Store,
            _ => *random.pick(&[Face::Api, Face::Location, Face::Store]),
        };
        for _ in 0..random.between(0, 4) {
            let (messages, size) = (random.between(1, 30), message_bytes(&mut random));
            publish(&mut client, gate, messages, face, size, || {
                channel + random.below(channel_count as usize) as u32
            })?;
        }
        audit(&mut client, gate);
    }
    Ok(())
}
