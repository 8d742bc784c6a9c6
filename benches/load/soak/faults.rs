//! Random faults, one after the other: what clients, operators and the machine do to a daemon.

use super::gate::Gate;
use super::setting::Setting;
use crate::hostile::attacks;
use crate::hostile::swarm::Swarm;
use crate::load::Outcome;
use crate::load::client::Client;
use crate::load::server_under_test::Target;
use crate::load::sys;
use crate::load::wire::{Dialect, Face, Transport};
use crate::random::Random;
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The channel of slow readers.
const SLOW_CHANNEL: u32 = 900;
/// Messages for one slow reader: more than its queue and both kernels hold.
const SLOW_MESSAGES: usize = 300;
const SLOW_MESSAGE_BYTES: usize = 16 * 1024;
/// A channel with subscribers that leave before they are answered.
const STORM_CHANNEL: u32 = 901;
const ATTACK: Duration = Duration::from_secs(2);
/// Clients of another address than the healthy ones, which have the first of each block.
const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 99);

type Fault = fn(&Scene<'_>, &mut Random) -> Outcome<()>;

struct Scene<'a> {
    target: &'a Target,
    setting: &'a Setting,
    gate: &'a Gate,
}

/// Causes random faults until the soak is over.
pub fn run(target: &Target, setting: &Setting, gate: &Gate, mut random: Random) -> Outcome<()> {
    let scene = Scene { target, setting, gate };
    let faults: [Fault; 6] = [reload, stop, reset, leave_unfinished, read_nothing, attack];
    while gate.pass() {
        random.pick(&faults)(&scene, &mut random)?;
        thread::sleep(Duration::from_millis(random.below(300) as u64));
    }
    // The last configuration is a good one.
    setting.write(0)
}

fn count(counter: &AtomicU64, number: usize) {
    counter.fetch_add(number as u64, Ordering::Relaxed);
}

fn connect(scene: &Scene<'_>, count: usize) -> Outcome<Vec<TcpStream>> {
    let address = scene.target.address();
    Ok((0..count).map(|_| sys::connect_from(SOURCE, address)).collect::<Result<_, _>>()?)
}

/// SIGHUP, with another configuration or with one that is refused.
fn reload(scene: &Scene<'_>, random: &mut Random) -> Outcome<()> {
    match random.one_in(4) {
        true => scene.setting.write_broken()?,
        false => scene.setting.write(random.below(6))?,
    }
    count(&scene.gate.counts().reloads, 1);
    Ok(sys::signal(scene.target.process()?, libc::SIGHUP)?)
}

/// SIGSTOP for a moment, sometimes so long that the daemon notices.
fn stop(scene: &Scene<'_>, random: &mut Random) -> Outcome<()> {
    let process = scene.target.process()?;
    let longest = if random.one_in(4) { 3_000 } else { 300 };
    sys::signal(process, libc::SIGSTOP)?;
    thread::sleep(Duration::from_millis(random.below(longest) as u64));
    sys::signal(process, libc::SIGCONT)?;
    count(&scene.gate.counts().stops, 1);
    Ok(())
}

/// Hundreds of subscribers reset their connections at once, before they have read an answer.
fn reset(scene: &Scene<'_>, random: &mut Random) -> Outcome<()> {
    let mut clients = connect(scene, random.between(50, 500))?;
    let transport = *random.pick(&Transport::ALL);
    let request = Dialect::Rpushd.subscribe(transport, STORM_CHANNEL, 1, 0);
    for client in &mut clients {
        client.write_all(&request)?;
    }
    thread::sleep(Duration::from_millis(random.below(20) as u64));
    count(&scene.gate.counts().resets, clients.len());
    Ok(())
}

/// Requests that end in the middle, and connections on which nothing comes.
fn leave_unfinished(scene: &Scene<'_>, random: &mut Random) -> Outcome<()> {
    let mut clients = connect(scene, random.between(10, 100))?;
    for client in &mut clients {
        let face = *random.pick(&[Face::Api, Face::Location, Face::Store]);
        let request = match random.one_in(2) {
            true => Dialect::Rpushd.publish(face, STORM_CHANNEL, &[b'u'; 2_000]),
            false => Dialect::Rpushd.subscribe(*random.pick(&Transport::ALL), STORM_CHANNEL, 1, 0),
        };
        client.write_all(&request[..random.below(request.len())])?;
    }
    // Some are closed by their time-out.
    thread::sleep(Duration::from_millis(random.below(5_000) as u64));
    count(&scene.gate.counts().half_requests, clients.len());
    Ok(())
}

/// Subscribers that read nothing while much is published to them.
fn read_nothing(scene: &Scene<'_>, random: &mut Random) -> Outcome<()> {
    let mut client: Client = scene.target.client()?;
    let transports = [Transport::Framed, Transport::Stream, Transport::WebSocket];
    let slow = (0..random.between(1, 10))
        .map(|_| client.subscribe_without_reading(*random.pick(&transports), SLOW_CHANNEL))
        .collect::<Outcome<Vec<TcpStream>>>()?;
    client.connect_publishers(1)?;
    client.publish_many(SLOW_MESSAGES, Face::Location, SLOW_MESSAGE_BYTES, || SLOW_CHANNEL)?;
    count(&scene.gate.counts().slow_readers, slow.len());
    Ok(())
}

/// A swarm of hostile visitors.
fn attack(scene: &Scene<'_>, random: &mut Random) -> Outcome<()> {
    let mut attacks = attacks::all();
    let attack = attacks.swap_remove(random.below(attacks.len()));
    store_history(scene)?;
    let address = scene.target.address().to_string();
    Swarm::start(attack, &address, Instant::now() + ATTACK).join();
    count(&scene.gate.counts().attacks, 1);
    Ok(())
}

/// Old messages that attackers request. They expire a few seconds later.
fn store_history(scene: &Scene<'_>) -> Outcome<()> {
    let mut publisher = connect(scene, 1)?;
    let channel = attacks::HISTORY;
    let request =
        format!("POST /store/{channel} HTTP/1.1\r\nHost: soak\r\nContent-Length: 1\r\n\r\nx");
    for publisher in &mut publisher {
        publisher.write_all(request.repeat(100).as_bytes())?;
        publisher.shutdown(std::net::Shutdown::Write)?;
        publisher.set_read_timeout(Some(Duration::from_secs(10)))?;
        std::io::copy(publisher, &mut std::io::sink())?;
    }
    Ok(())
}
