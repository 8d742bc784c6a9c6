//! Counts work by kind. The core has no clock, so its time is estimated from these counts.

use crate::hub::Walked;
use crate::transports::Made;

/// Amounts of work, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Request heads parsed.
    pub requests: u64,
    /// WebSocket frames received.
    pub frames: u64,
    /// Messages published.
    pub publications: u64,
    /// Channels looked up, created, joined, left or listed.
    pub channels: u64,
    /// Stored messages examined to find the beginning of a replay, and channels examined to find
    /// where a list continues.
    pub scanned: u64,
    /// Members visited by fan-out.
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
    /// Bytes of paths and user agents that regular expressions may examine.
    pub matched: u64,
    /// Connections whose deadline has passed.
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

    /// Adds the channels of a piece of a list.
    pub fn add_walked(&mut self, walked: Walked) {
        self.channels += walked.listed;
        self.scanned += walked.searched;
    }

    /// Estimated time on a small server (2-core VM) in nanoseconds; `benches/core.rs` measures most
    /// of the weights.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_a_list_counts_what_it_lists_and_what_it_searches() {
        let mut work = Work { channels: 10, scanned: 20, ..Work::default() };
        work.add_walked(Walked { is_complete: false, listed: 3, searched: 4 });
        assert_eq!(work, Work { channels: 13, scanned: 24, ..Work::default() });
    }
}
