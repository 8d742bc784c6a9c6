//! What one turn of the loop may cost. Reading, requests, replays, long lists and fan-out all draw on the
//! same allowance, so no client can hold up the others by asking for much: work beyond it goes on in the
//! next turn. There is no clock here: what is done is counted, and weighed as measured.

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
}

impl Work {
    /// Adds encodings.
    pub(super) fn add_made(&mut self, made: Made) {
        self.encoded += made.messages;
        self.bytes += made.bytes;
        self.compressed += made.compressed.messages;
        self.compressed_bytes += made.compressed.bytes;
    }

    /// Adds a piece of a list of channels.
    pub(super) fn add_walked(&mut self, walked: Walked) {
        self.channels += walked.listed;
        self.scanned += walked.searched;
    }

    /// About how long it takes on a small server, in nanoseconds (2-core VM; `benches/core.rs` measures most
    /// of it).
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
            (self.compressed, 8_000),
            (self.compressed_bytes, 20),
        ];
        let sum: u64 = weighed.iter().map(|(count, each)| count * each).sum();
        sum + self.bytes / 2
    }
}

/// The allowance of the half of a turn that is going on: reading and requests, or handing out and writing.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) work: Work,
    /// The work of the half before, with that of the call that ended it.
    pub(super) ended: Work,
    allowance: u64,
}

impl Turn {
    /// Begins a half with its share of a whole turn's budget.
    pub(super) fn begin_half(&mut self, budget_microseconds: u32) {
        self.ended = std::mem::take(&mut self.work);
        self.allowance = u64::from(budget_microseconds) * 1000 / 2;
    }

    /// Nothing more is to be begun in this half. What was begun is finished: it is one request, one piece of
    /// a replay or one round of a fan-out.
    pub(super) fn is_spent(&self) -> bool {
        self.work.nanoseconds() >= self.allowance
    }

    /// So many thirds of it are spent.
    pub(super) fn has_spent_thirds(&self, count: u64) -> bool {
        self.work.nanoseconds() * 3 >= self.allowance * count
    }
}
