//! Clients that stay for the whole soak and lose nothing, whatever happens beside them.

use super::gate::Gate;
use crate::load::Outcome;
use crate::load::client::{Client, Subscription};
use crate::load::server_under_test::Target;
use crate::load::wire::{Face, TEXT_BYTES_MIN, Transport};
use crate::random::Random;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

/// Channels with subscribers of all transports except long-polling.
const CHANNELS: u32 = 4;
/// First channel with long-polling clients; only stored messages are published to these.
const STORED_CHANNEL: u32 = 10;
const STORED_CHANNELS: u32 = 3;
/// Subscribers per channel and transport.
const SUBSCRIBERS: usize = 5;
const PUBLISHERS: usize = 4;
/// Largest message: with a length of two bytes, in every transport.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Between two batches.
const PAUSE: Duration = Duration::from_millis(20);
/// The order of all messages so far is checked this often.
const BATCHES_PER_AUDIT: u64 = 500;

/// Connects, reports that it is ready, and publishes batches until the soak is over.
pub fn run(target: &Target, gate: &Gate, mut random: Random, ready: &Sender<()>) -> Outcome<()> {
    let mut client = target.client()?;
    client.follow_cursors();
    let stored = STORED_CHANNEL..STORED_CHANNEL + STORED_CHANNELS;
    for channel in (0..CHANNELS).chain(stored) {
        for transport in Transport::ALL {
            if transport != Transport::LongPolling || channel >= STORED_CHANNEL {
                let one = Subscription::to_one_channel(transport, SUBSCRIBERS);
                client.subscribe(Subscription { channel, ..one })?;
            }
        }
    }
    client.connect_publishers(PUBLISHERS)?;
    // Each publisher is used, so that from now on it is idle for as long as keepalive_timeout.
    publish(&mut client, gate, 5 * PUBLISHERS, Face::Api, TEXT_BYTES_MIN, || 0)?;
    ready.send(())?;
    for batch in 1.. {
        if !gate.pass() {
            break;
        }
        let face = *random.pick(&[Face::Api, Face::Location, Face::Store]);
        let (first, count) = match face {
            Face::Store => (STORED_CHANNEL, STORED_CHANNELS as usize),
            Face::Api | Face::Location => (0, CHANNELS as usize),
        };
        let (messages, size) = (random.between(1, 20), message_bytes(&mut random));
        publish(&mut client, gate, messages, face, size, || first + random.below(count) as u32)?;
        if batch % BATCHES_PER_AUDIT == 0 {
            audit(&mut client, gate);
        }
        thread::sleep(PAUSE);
    }
    audit(&mut client, gate);
    Ok(())
}

/// Small messages are as frequent as large ones.
pub fn message_bytes(random: &mut Random) -> usize {
    random.magnitude(MESSAGE_BYTES_MAX).max(TEXT_BYTES_MIN)
}

/// Reports the faults that the ledger has found since the last call.
pub fn audit(client: &mut Client, gate: &Gate) {
    for fault in client.ledger.audit(false).1 {
        gate.fault(fault);
    }
}

/// Publishes, and waits for all deliveries.
pub fn publish(
    client: &mut Client,
    gate: &Gate,
    count: usize,
    face: Face,
    size: usize,
    next_channel: impl FnMut() -> u32,
) -> Outcome<()> {
    let start = client.ledger.delivery_count();
    client.publish_many(count, face, size, next_channel)?;
    let delivered = client.ledger.delivery_count() - start;
    gate.counts().deliveries.fetch_add(delivered, Ordering::Relaxed);
    gate.counts().publications.fetch_add(count as u64, Ordering::Relaxed);
    Ok(())
}
