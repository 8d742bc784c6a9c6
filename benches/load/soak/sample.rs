//! Readings of the daemon: its statistics, descriptors and resident memory.

use crate::load::Outcome;
use crate::load::client::content_length;
use crate::load::measure;
use crate::load::server_under_test::Target;
use crate::load::sys;
use crate::load::wire::PUBLISH_SECRET;
use std::fmt;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Gauges of `/api/stats` that must be what they were before the load, exactly.
const FLAT: [&str; 8] = [
    "active_connections",
    "active_stream_connections",
    "active_subscribers",
    "active_channels",
    "remembered_channels",
    "stored_messages",
    "stored_bytes",
    "queued_bytes",
];
/// The parts of the memory budget, which may be higher than before the load by [`SLACK_BYTES`].
const PARTS: [&str; 6] = [
    "memory_connections_bytes",
    "memory_requests_bytes",
    "memory_queues_bytes",
    "memory_encodings_bytes",
    "memory_history_bytes",
    "memory_channels_bytes",
];
/// The daemon returns memory to the system, and makes its tables smaller, when this much is free.
pub const SLACK_BYTES: u64 = 1024 * 1024;
/// Resident memory is read until it has not fallen for this long, longer than the interval between
/// two trims of the heap.
const STEADY: Duration = Duration::from_secs(12);
const INTERVAL: Duration = Duration::from_millis(500);
/// For an answer, even from a daemon that is stopped for a moment.
const PATIENCE: Duration = Duration::from_secs(30);

/// A reading.
#[derive(Clone, Debug)]
pub struct Sample {
    pub gauges: [u64; FLAT.len()],
    pub parts: [u64; PARTS.len()],
    pub descriptors: u64,
    /// Bytes.
    pub resident: u64,
}

impl Sample {
    /// The differences from an earlier reading that must not be. Resident memory is not compared.
    pub fn compare(&self, before: &Sample, when: &str) -> Vec<String> {
        let names = FLAT.into_iter().chain(["descriptors"]);
        let values = |sample: &Sample| sample.gauges.into_iter().chain([sample.descriptors]);
        let pairs = names.zip(values(before).zip(values(self)));
        let differs = pairs.filter(|(_, (before, now))| before != now);
        let parts = PARTS.into_iter().zip(before.parts.into_iter().zip(self.parts));
        let grown = parts.filter(|(_, (before, now))| *now > before + SLACK_BYTES);
        let describe = |(name, (before, now))| format!("{name} {when}: {now}, not {before}");
        differs.chain(grown).map(describe).collect()
    }

    /// Raises each value to that of another reading.
    pub fn raise_to(&mut self, other: &Sample) {
        for (gauge, other) in self.gauges.iter_mut().zip(other.gauges) {
            *gauge = other.max(*gauge);
        }
        for (part, other) in self.parts.iter_mut().zip(other.parts) {
            *part = other.max(*part);
        }
        self.descriptors = self.descriptors.max(other.descriptors);
        self.resident = self.resident.max(other.resident);
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} kB, {} descriptors", self.resident / 1024, self.descriptors)?;
        let rows = FLAT.iter().zip(self.gauges).chain(PARTS.iter().zip(self.parts));
        rows.into_iter().try_for_each(|(name, value)| write!(out, ", {name} {value}"))
    }
}

/// Reads samples over a connection of its own.
pub struct Sampler {
    stream: TcpStream,
    process: u32,
}

impl Sampler {
    /// Connects to a daemon without other connections; waits until those are closed that are just
    /// ending.
    pub fn connect(target: &Target) -> Outcome<Sampler> {
        let stream = sys::connect_from(Ipv4Addr::LOCALHOST, target.address())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut sampler = Sampler { stream, process: target.process()? };
        let began = Instant::now();
        while sampler.sample()?.gauges[0] > 1 && began.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
        }
        Ok(sampler)
    }

    /// Takes a reading.
    pub fn sample(&mut self) -> Outcome<Sample> {
        let request = format!(
            "GET /api/stats?mode=json&verbose=0 HTTP/1.1\r\nHost: soak\r\n\
             Authorization: Bearer {PUBLISH_SECRET}\r\n\r\n"
        );
        self.stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        let body = loop {
            let mut bytes = [0; 16 * 1024];
            let count = self.stream.read(&mut bytes)?;
            if count == 0 {
                return Err("the connection for statistics was closed".into());
            }
            answer.extend_from_slice(&bytes[..count]);
            let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end
                && answer.len() == end + 4 + content_length(&answer[..end])
            {
                break answer.split_off(end + 4);
            }
        };
        let statistics: serde_json::Value = serde_json::from_slice(&body)?;
        let (mut gauges, mut parts) = ([0; FLAT.len()], [0; PARTS.len()]);
        let all = gauges.iter_mut().zip(FLAT).chain(parts.iter_mut().zip(PARTS));
        for (value, name) in all {
            *value = statistics[name].as_u64().ok_or_else(|| format!("no {name} in statistics"))?;
        }
        let descriptors = measure::descriptor_count(self.process)?;
        let resident = measure::resident_bytes(self.process)?;
        Ok(Sample { gauges, parts, descriptors, resident })
    }

    /// Waits until the daemon is as it was `before` and resident memory falls no more; at most for
    /// `patience`. Returns the last reading.
    pub fn settle(&mut self, patience: Duration, before: &Sample) -> Outcome<Sample> {
        let began = Instant::now();
        let (mut last, mut fallen_at) = (self.sample()?, began);
        loop {
            let is_equal = last.compare(before, "").is_empty();
            if began.elapsed() > patience || is_equal && fallen_at.elapsed() > STEADY {
                return Ok(last);
            }
            thread::sleep(INTERVAL);
            let sample = self.sample()?;
            if sample.resident + 16 * 1024 < last.resident {
                fallen_at = Instant::now();
            }
            last = sample;
        }
    }
}

/// The median of resident memory.
pub fn median_resident(samples: &[Sample]) -> Option<u64> {
    let values: Vec<f64> = samples.iter().map(|sample| sample.resident as f64).collect();
    measure::median(&values).map(|median| median as u64)
}
