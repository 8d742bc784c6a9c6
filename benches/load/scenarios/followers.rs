//! One publication for 200 channels, compared with publications to one channel: CPU time per
//! delivery.

use crate::load::Outcome;
use crate::load::bench::Bench;
use crate::load::client::{Client, Subscription};
use crate::load::report::{Figure, Goal};
use crate::load::server_under_test::{Side, Subject, Target};
use crate::load::sys;
use crate::load::wire::{PUBLISH_SECRET, Transport};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

const COST: Figure = Figure {
    name: "CPU per delivery, against one channel",
    unit: "times",
    goal: Goal::AtMost(1.10),
};
const CHANNELS: u32 = 200;
const TRANSPORT: Transport = Transport::Framed;
const TEXT: &str =
    "oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo";
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures one round.
pub fn run(bench: &mut Bench) -> Outcome<()> {
    if !matches!(bench.options.subject, Subject::Rpushd(_)) || !bench.options.wants(TRANSPORT) {
        return Ok(());
    }
    let count = bench.scaled(5_000, 400);
    let rounds = bench.scaled(100, 3);
    let mut costs = [None; 2];
    for (cost, channel_count) in costs.iter_mut().zip([1, CHANNELS]) {
        let target = bench.start(Side::Server, TRANSPORT)?;
        let mut client = target.client()?;
        for channel in 0..channel_count {
            let one = Subscription::to_one_channel(TRANSPORT, count / channel_count as usize);
            client.subscribe(Subscription { channel, ..one })?;
        }
        let mut publisher = connect(&target)?;
        let names: Vec<String> =
            (0..channel_count).map(|number| format!("\"c{number}\"")).collect();
        let body = format!("{{\"channels\":[{}],\"message\":\"{TEXT}\"}}", names.join(","));
        // A chunk with a frame: the text in quotes, its length, the chunk's length and line ends.
        let frame_bytes = TEXT.len() + 2 + 2 + "54\r\n\r\n".len();
        *cost = target.cpu_us_during(|| {
            (0..rounds).try_for_each(|_| {
                let expected = client.received_bytes + (count * frame_bytes) as u64;
                publish(&mut publisher, &body)?;
                receive(&mut client, expected)
            })
        })?;
    }
    if let [Some(one), Some(many)] = costs {
        let case = format!("{} {count} on {CHANNELS} channels", TRANSPORT.name());
        bench.record(&case, COST, Side::Server, Some(many / one));
    }
    Ok(())
}

fn connect(target: &Target) -> Outcome<TcpStream> {
    let stream = sys::connect_from(Ipv4Addr::LOCALHOST, target.address())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn publish(publisher: &mut TcpStream, body: &str) -> Outcome<()> {
    let length = body.len();
    let request = format!(
        "POST /api/publish HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {PUBLISH_SECRET}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    publisher.write_all(request.as_bytes())?;
    let mut answer = [0; 1024];
    let count = publisher.read(&mut answer)?;
    match answer[..count].starts_with(b"HTTP/1.1 204") {
        true => Ok(()),
        false => Err("a publication was refused".into()),
    }
}

fn receive(client: &mut Client, expected: u64) -> Outcome<()> {
    let began = Instant::now();
    while client.received_bytes < expected {
        client.poll(Duration::from_millis(100))?;
        if began.elapsed() > PATIENCE {
            let missing = expected - client.received_bytes;
            return Err(format!("{missing} bytes of deliveries are missing").into());
        }
    }
    Ok(())
}
