//! What was done, counted by kind: there is no clock in the core, so time is estimated from this.

use crate::hub::Walked;
use crate::transports::Made;

/// Work that was done, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Requests whose head was parsed.
    pub requests: u64,
    /// Frames of WebSocket clients.
    pub frames: u64,
    /// Messages given to the hub.
    pub publications: u64,
    /// Channels of requests: looked up, created, joined, left or listed.
    pub channels: u64,
    /// Stored messages looked at to find where a replay begins, and channels looked at to find
    /// where a list goes on.
    pub scanned: u64,
    /// Members visited by a fan-out.
    pub visits: u64,
    /// Frames queued for subscribers.
    pub deliveries: u64,
    /// Messages encoded in a wire format.
    pub encoded: u64,
    /// Bytes copied or encoded.
    pub bytes: u64,
    /// Messages compressed.
    pub compressed: u64,
    /// Bytes compressed.
    pub compressed_bytes: u64,
    /// Writes to sockets.
    pub writes: u64,
    /// Bytes of paths and user agents that regular expressions may look at.
    pub matched: u64,
    /// Connections whose deadline has come.
    pub expired: u64,
}

impl Work {
    /// Adds encodings.
    pub fn add_made(&mut self, made: Made) {
        self.encoded += made.messages;
        self.bytes += made.bytes;
        self.compressed += made.compressed.messages;
        self.compressed_bytes += made.compressed.bytes;
    }

    /// Adds a piece of a list of channels.
    pub fn add_walked(&mut self, walked: Walked) {
        self.channels += walked.listed;
        self.scanned += walked.searched;
    }

    /// About how long it takes on a small server, in nanoseconds (2-core VM; `benches/core.rs`
    /// measures most of it).
    pub fn nanoseconds(&self) -> u64 {
        let weighed = [
            (self.requests, 2_000),
            (self.frames, 150),
            (self.publications, 400),
            (self.channels, 300),
            (self.scanned, 10),
            (self.visits, 60),
            (self.deliveries, 40),
            (self.encoded, 150),
            (self.writes, 4_000),
            (self.matched, 150),
            (self.expired, 300),
            (self.compressed, 8_000),
            (self.compressed_bytes, 20),
        ];
        let sum: u64 = weighed.iter().map(|(count, each)| count * each).sum();
        sum + self.bytes / 2
    }
}
