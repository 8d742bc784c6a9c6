//! Slow consumers: subscribers that never read, beside others that do. They may be disconnected.
//! They must not cost much memory, and the messages that they read in the end must have no gap.

use super::face_of;
use crate::load::Outcome;
use crate::load::bench::Bench;
use crate::load::client::Subscription;
use crate::load::ledger::Scanner;
use crate::load::report::{Figure, Goal};
use crate::load::server_under_test::{Side, Subject};
use crate::load::wire::Transport;
use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

const GROWTH: Figure = Figure { name: "memory growth, peak", unit: "MB", goal: Goal::None };
const TAKEN: Figure = Figure { name: "messages kept for one", unit: "", goal: Goal::None };
const MESSAGE_BYTES: usize = 4096;
const HEALTHY_COUNT: usize = 10;

/// Measures one round.
pub fn run(bench: &mut Bench) -> Outcome<()> {
    // Long-polling has no queue that could fill. The bare loop would block on a slow consumer.
    let is_bare_loop = matches!(bench.options.subject, Subject::Yardstick);
    if is_bare_loop || bench.main_transport() == Transport::LongPolling {
        return Ok(());
    }
    for slow_count in [1, bench.scaled(20, 2)] {
        measure(bench, slow_count)?;
    }
    Ok(())
}

fn measure(bench: &mut Bench, slow_count: usize) -> Outcome<()> {
    let transport = bench.main_transport();
    let message_count = bench.scaled(5_000, 500);
    let target = bench.start(Side::Server, transport)?;
    let mut client = target.client()?;
    client.subscribe(Subscription::to_one_channel(transport, HEALTHY_COUNT))?;
    let mut slow = Vec::new();
    for _ in 0..slow_count {
        let mut stream = client.subscribe_without_reading(transport, 0)?;
        // Read the response head, so that it is subscribed before the first message.
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.read_exact(&mut [0])?;
        slow.push(stream);
    }
    client.connect_publishers(1)?;
    let base = target.memory_bytes()?;
    let mut peak = base;
    for index in 0..message_count {
        client.publish(0, face_of(transport), 0, MESSAGE_BYTES)?;
        client.settle()?;
        if index % 100 == 99 {
            let now = target.memory_bytes()?;
            peak = peak.zip(now).map(|(peak, now)| peak.max(now));
        }
    }
    let case = format!("{} {slow_count} slow, {message_count} x 4 KiB", transport.name());
    let growth = peak.zip(base).map(|(peak, base)| (peak - base) / 1e6);
    bench.record(&case, GROWTH, Side::Server, growth);
    for stream in slow {
        let (taken_count, is_gapless) = read_to_end(stream)?;
        bench.record(&case, TAKEN, Side::Server, Some(f64::from(taken_count)));
        if !is_gapless {
            bench.fault(&format!("{case}: a slow reader lost messages in the middle"));
        }
    }
    bench.audit(&case, Side::Server, &mut client, true);
    Ok(())
}

/// Reads the remaining bytes. Returns the number of complete messages, and whether they are the
/// first ones published, without a gap.
fn read_to_end(mut stream: TcpStream) -> Outcome<(u32, bool)> {
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    let mut scanner = Scanner::default();
    let mut buffer = vec![0; 256 * 1024];
    let (mut count, mut is_gapless) = (0, true);
    // The end of the stream, a reset and a timeout all mean that nothing more arrives.
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        scanner.scan(&buffer[..length], |found| {
            is_gapless &= found.sequence == count && found.size == MESSAGE_BYTES;
            count += 1;
        });
    }
    Ok((count, is_gapless))
}
