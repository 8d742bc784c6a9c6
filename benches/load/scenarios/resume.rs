//! A storm of clients that resume: all come back at once, each with a cursor that is 20 messages
//! old on each of three channels, while others publish.

use crate::load::Outcome;
use crate::load::bench::Bench;
use crate::load::client::{Client, Subscription};
use crate::load::report::{Figure, Goal};
use crate::load::server_under_test::{Side, Subject, Target};
use crate::load::sys;
use crate::load::wire::{Dialect, Face, PUBLISH_SECRET, Transport};
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const COST: Figure =
    Figure { name: "CPU against a connect without resume", unit: "times", goal: Goal::AtMost(3.0) };
const WORST: Figure =
    Figure { name: "others' latency, longest", unit: "ms", goal: Goal::AtMost(250.0) };
const MEMORY: Figure =
    Figure { name: "memory afterwards, above before", unit: "MB", goal: Goal::None };
const CHANNELS: u32 = 3;
const MESSAGES_EACH: usize = 20;
const MESSAGE_BYTES: usize = 100;
/// A channel of others, beside those of the storm.
const OTHER_CHANNEL: u32 = 9;
const OTHERS_INTERVAL: Duration = Duration::from_millis(20);

/// Measures one round.
pub fn run(bench: &mut Bench) -> Outcome<()> {
    if !matches!(bench.options.subject, Subject::Rpushd(_)) {
        return Ok(());
    }
    for transport in [Transport::SignedEvents, Transport::SignedWebSocket] {
        if bench.options.wants(transport) {
            measure(bench, transport)?;
        }
    }
    Ok(())
}

fn measure(bench: &mut Bench, transport: Transport) -> Outcome<()> {
    let count = bench.scaled(10_000, 200);
    let case = format!("{} {count} on {CHANNELS} channels", transport.name());
    let mut costs = [None; 2];
    for (cost, resumes) in costs.iter_mut().zip([false, true]) {
        let variables = [("RPUSHD_HISTORY_MESSAGES", "100")];
        let target = bench.start_with(Side::Server, transport, &variables)?;
        store_messages(&target)?;
        let before = target.memory_bytes()?;
        let mut client = target.client()?;
        let (is_over, mut others) = (AtomicBool::new(false), target.client()?);
        let latency_ms = thread::scope(|scope| {
            let probe = scope.spawn(|| {
                let latency_ms = publish_to_others(&mut others, transport, &is_over);
                latency_ms.map_err(|error| error.to_string())
            });
            *cost = storm(&target, &mut client, transport, count, resumes)?;
            is_over.store(true, Ordering::SeqCst);
            let ended = probe.join().map_err(|_| "the publisher of others has failed")?;
            Outcome::Ok(ended?)
        })?;
        bench.audit(&case, Side::Server, &mut client, true);
        bench.audit(&case, Side::Server, &mut others, true);
        drop((client, others));
        if resumes {
            bench.record(&case, WORST, Side::Server, Some(latency_ms));
            thread::sleep(Duration::from_secs(bench.scaled(6, 1) as u64));
            let grown = target.memory_bytes()?.zip(before).map(|(now, then)| (now - then) / 1e6);
            bench.record(&case, MEMORY, Side::Server, grown);
        }
    }
    if let [Some(connect), Some(resume)] = costs {
        bench.record(&case, COST, Side::Server, Some(resume / connect));
    }
    Ok(())
}

/// CPU time of the server until all clients are connected and have received everything.
fn storm(
    target: &Target,
    client: &mut Client,
    transport: Transport,
    count: usize,
    resumes: bool,
) -> Outcome<Option<f64>> {
    let wanted =
        Subscription { channels_each: CHANNELS, ..Subscription::to_one_channel(transport, count) };
    let cursor = first_cursor(target)?;
    let mut requests = client.subscribe_requests(wanted);
    if resumes {
        let field = format!("\r\nLast-Event-ID: {cursor}\r\n");
        for request in &mut requests {
            let at = request.windows(2).position(|two| two == b"\r\n").unwrap_or(0);
            request.splice(at..at + 2, field.bytes());
        }
    }
    client.connect_publishers(1)?;
    let cost = target.cpu_us_during(|| {
        client.subscribe_with(wanted, &requests)?;
        // It arrives behind all stored messages.
        client.publish(0, Face::Api, 0, 100)?;
        client.settle()
    })?;
    let replayed_bytes = count * MESSAGES_EACH * CHANNELS as usize * MESSAGE_BYTES;
    if resumes && client.received_bytes < replayed_bytes as u64 {
        return Err("stored messages are missing".into());
    }
    Ok(cost)
}

/// Publishes to a channel with one subscriber until the storm is over. Returns the longest latency
/// in milliseconds.
fn publish_to_others(
    client: &mut Client,
    transport: Transport,
    is_over: &AtomicBool,
) -> Outcome<f64> {
    let one = Subscription::to_one_channel(transport, 1);
    client.subscribe(Subscription { channel: OTHER_CHANNEL, ..one })?;
    client.connect_publishers(1)?;
    while !is_over.load(Ordering::SeqCst) {
        client.publish_many(1, Face::Api, 100, || OTHER_CHANNEL)?;
        thread::sleep(OTHERS_INTERVAL);
    }
    let latencies = client.ledger.publications_since(0).iter().map(|one| one.last_latency_us());
    Ok(latencies.fold(0.0, f64::max) / 1000.0)
}

/// Publishes the messages that are replayed. The ledger does not know them.
fn store_messages(target: &Target) -> Outcome<()> {
    let mut publisher = sys::connect_from(Ipv4Addr::LOCALHOST, target.address())?;
    publisher.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut answer = [0; 1024];
    for number in 0..MESSAGES_EACH * CHANNELS as usize {
        let channel = number % CHANNELS as usize;
        let body =
            format!("{{\"channel\":\"c{channel}\",\"message\":\"{}\"}}", "o".repeat(MESSAGE_BYTES));
        let length = body.len();
        let request = format!(
            "POST /api/publish HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\n\
             Authorization: Bearer {PUBLISH_SECRET}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        publisher.write_all(request.as_bytes())?;
        let count = publisher.read(&mut answer)?;
        if !answer[..count].starts_with(b"HTTP/1.1 204") {
            return Err("a message was not stored".into());
        }
    }
    Ok(())
}

/// The cursor before the first message: that of `hello`, with position 0.
fn first_cursor(target: &Target) -> Outcome<String> {
    let mut stream = sys::connect_from(Ipv4Addr::LOCALHOST, target.address())?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(&Dialect::Rpushd.subscribe(Transport::SignedEvents, 0, 1, 0))?;
    let mut answer = String::new();
    while !answer.contains("\nid: ") || !answer.ends_with("\n\r\n") {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes)?;
        if count == 0 {
            return Err("no hello".into());
        }
        answer.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    let (_, id) = answer.split_once("\nid: ").ok_or("no id in hello")?;
    let (epoch, _) = id.split_once('.').ok_or("no cursor in hello")?;
    Ok(format!("{epoch}.0"))
}
