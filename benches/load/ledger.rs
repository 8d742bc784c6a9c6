//! Compares deliveries with publications: every subscriber must receive each message of its channel
//! exactly once, complete, in the same order as all other subscribers of the channel. Also finds
//! the messages in received bytes.

use super::wire::TEXT_BYTES_MIN;

/// A published message and the times of its arrival, in nanoseconds of CLOCK_MONOTONIC.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Just before it was written, or when it was due (open loop).
    pub published_ns: u64,
    /// Arrival at the first subscriber.
    pub first_ns: u64,
    /// Arrival at the last subscriber.
    pub last_ns: u64,
    channel: u32,
    size: usize,
    delivered_count: u32,
}

impl Publication {
    /// Microseconds until it arrived at the first subscriber.
    pub fn first_latency_us(&self) -> f64 {
        self.first_ns.saturating_sub(self.published_ns) as f64 / 1000.0
    }

    /// Microseconds until it arrived at the last subscriber.
    pub fn last_latency_us(&self) -> f64 {
        self.last_ns.saturating_sub(self.published_ns) as f64 / 1000.0
    }
}

/// Publications and deliveries of one client.
#[derive(Default)]
pub struct Ledger {
    publications: Vec<Publication>,
    channels: Vec<Channel>,
    outstanding_count: u64,
    delivery_count: u64,
    faults: Vec<String>,
    fault_count: u64,
    latencies_ns: Option<Vec<u64>>,
}

#[derive(Clone, Default)]
struct Channel {
    subscriber_count: u32,
    /// The order of its messages, defined by the first subscriber that receives each.
    order: Vec<u32>,
}

impl Ledger {
    /// Counts a new subscriber of a channel.
    pub fn joined(&mut self, channel: u32) {
        self.channel(channel).subscriber_count += 1;
    }

    /// Records a publication; returns its sequence number.
    pub fn published(&mut self, channel: u32, size: usize, published_ns: u64) -> u32 {
        let sequence = self.publications.len() as u32;
        self.outstanding_count += u64::from(self.channel(channel).subscriber_count);
        self.publications.push(Publication {
            published_ns,
            first_ns: 0,
            last_ns: 0,
            channel,
            size,
            delivered_count: 0,
        });
        sequence
    }

    /// Records and checks a delivery to a subscriber of `channel` that has received `position`
    /// messages before.
    pub fn delivered(&mut self, channel: u32, position: &mut u32, found: Found, now_ns: u64) {
        let sequence = found.sequence;
        let Some(publication) = self.publications.get_mut(sequence as usize) else {
            return self.fault(format!("message {sequence} was never published"));
        };
        if publication.channel != channel || publication.size != found.size {
            let size = found.size;
            return self.fault(format!("message {sequence} came to c{channel} with {size} bytes"));
        }
        if publication.delivered_count == 0 {
            publication.first_ns = now_ns;
        }
        publication.last_ns = now_ns;
        publication.delivered_count += 1;
        if let Some(latencies) = &mut self.latencies_ns {
            latencies.push(now_ns.saturating_sub(publication.published_ns));
        }
        self.outstanding_count = self.outstanding_count.saturating_sub(1);
        self.delivery_count += 1;
        let order = &mut self.channels[channel as usize].order;
        let at = *position as usize;
        *position += 1;
        match order.get(at) {
            None => order.push(sequence),
            Some(&expected) if expected == sequence => {}
            Some(&expected) => {
                self.fault(format!("message {sequence} came to c{channel} in place of {expected}"));
            }
        }
    }

    /// Number of missing deliveries.
    pub fn outstanding_count(&self) -> u64 {
        self.outstanding_count
    }

    /// Number of deliveries so far.
    pub fn delivery_count(&self) -> u64 {
        self.delivery_count
    }

    /// Counts a fault; the first five are kept as text.
    pub fn fault(&mut self, what: String) {
        self.fault_count += 1;
        if self.faults.len() < 5 {
            self.faults.push(what);
        }
    }

    /// The faults since the last call: their number, and the first few as text. `is_sequential`:
    /// there was one publisher, so messages must arrive in the order of publication.
    pub fn audit(&mut self, is_sequential: bool) -> (u64, Vec<String>) {
        for (channel, record) in self.channels.clone().into_iter().enumerate() {
            let mut sorted = record.order.clone();
            sorted.sort_unstable();
            sorted.dedup();
            let is_in_order = !is_sequential || sorted == record.order;
            if sorted.len() != record.order.len() || !is_in_order {
                self.fault(format!("c{channel}: messages doubled or out of order"));
            }
        }
        (std::mem::take(&mut self.fault_count), std::mem::take(&mut self.faults))
    }

    /// The publications since `start`, in order of publication.
    pub fn publications_since(&self, start: usize) -> &[Publication] {
        &self.publications[start..]
    }

    /// Number of publications so far.
    pub fn publication_count(&self) -> usize {
        self.publications.len()
    }

    /// Keeps the latency of each delivery from now on.
    pub fn keep_latencies(&mut self) {
        self.latencies_ns = Some(Vec::new());
    }

    /// Returns the kept latencies and stops keeping them.
    pub fn latencies_ns(&mut self) -> Vec<u64> {
        self.latencies_ns.take().unwrap_or_default()
    }

    fn channel(&mut self, channel: u32) -> &mut Channel {
        let length = self.channels.len().max(channel as usize + 1);
        self.channels.resize(length, Channel::default());
        &mut self.channels[channel as usize]
    }
}

/// A message found in received bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Sequence number.
    pub sequence: u32,
    /// Size of the text in bytes.
    pub size: usize,
}

/// Finds message texts (see [`super::wire::text`]) in the bytes that a subscriber receives,
/// independent of frames and of how the bytes are split.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scanner {
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Outside,
    Number {
        digit_count: u8,
        value: u32,
    },
    Filler {
        sequence: u32,
        count: u32,
    },
}

impl Scanner {
    /// Scans the next bytes; calls `found` for each text that ends in them.
    pub fn scan(&mut self, mut bytes: &[u8], mut found: impl FnMut(Found)) {
        while let Some(&first) = bytes.first() {
            match self.state {
                State::Outside => {
                    let Some(at) = bytes.iter().position(|&byte| byte == b'@') else { return };
                    self.state = State::Number { digit_count: 0, value: 0 };
                    bytes = &bytes[at + 1..];
                }
                State::Number { digit_count: 8, value } => {
                    self.state = State::Filler { sequence: value, count: 0 };
                }
                State::Number { digit_count, value } if first.is_ascii_digit() => {
                    let value = value * 10 + u32::from(first - b'0');
                    self.state = State::Number { digit_count: digit_count + 1, value };
                    bytes = &bytes[1..];
                }
                State::Number { .. } => self.state = State::Outside,
                State::Filler { sequence, count } => {
                    let end = bytes.iter().position(|&byte| byte == b'~');
                    let (filler, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
                    // Other bytes are not counted: a server may start a chunk within a text.
                    let here = filler.iter().filter(|&&byte| byte == b'x').count();
                    let count = count + here as u32;
                    if end.is_none() {
                        self.state = State::Filler { sequence, count };
                        return;
                    }
                    found(Found { sequence, size: count as usize + TEXT_BYTES_MIN });
                    self.state = State::Outside;
                    bytes = &rest[1..];
                }
            }
        }
    }
}
