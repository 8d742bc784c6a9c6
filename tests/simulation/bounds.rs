//! Upper bounds of the cost of a call of the server, from the limits in force. The server begins
//! nothing when a half of a turn is spent, but finishes what it has begun. So a call may cost the
//! remainder of the half and one more unit: one request, one piece of a replay or one round of a
//! fan-out.

use crate::reactor::Call;
use rpushd::broker::Work;
use rpushd::config::Limits;

/// Messages and channels that are removed in one turn because they have expired.
const SWEPT_PER_TURN: u64 = 1024;
/// Connections that share a half of a turn.
const VISITS_PER_HALF: u64 = 32;
/// Members that a fan-out visits before anything is written.
pub const VISITS_PER_ROUND: u64 = 16;
/// Overhead per publication in the backlog, besides its text.
pub const PUBLICATION_COST: u64 = 256;
/// The most bytes (approximately) and messages of a piece of a replay.
const PIECE_BYTES_MAX: u64 = 64 * 1024;
const PIECE_MESSAGES_MAX: u64 = 64;
/// Time for which pieces are made in a row.
const FEED_NANOSECONDS: u64 = 500_000;
/// Old messages of an answer are compressed together up to this size, which includes this overhead
/// per message.
const COMPRESSED_BYTES_MAX: u64 = 256 * 1024;
const MESSAGE_OVERHEAD: u64 = 64;
/// Size of the shortest message.
const MESSAGE_BYTES_MIN: u64 = 12;
/// Upper bound of the head, header and footer of an answer, and of what a format puts around a
/// text.
pub const AROUND_BYTES: u64 = 256;
/// Upper bound of the statistics of a world, which has few channels.
const STATISTICS_BYTES: u64 = 2048;

/// Upper bounds of what the clients of a world request.
#[derive(Clone, Debug)]
pub struct Scale {
    /// The most channels named in one request, and the most of them that are published to.
    pub names: u64,
    pub channels: u64,
    /// The most publications in one body; 0: there is always one.
    pub batch: u64,
    /// The most wire formats of its messages.
    pub formats: u64,
    pub is_gzipped: bool,
    /// Whether channels are deleted, which visits all members at once.
    pub deletes: bool,
    pub events_channel: &'static str,
}

/// The members of a publication besides its message.
const MEMBERS_BYTES: u64 = 64;

/// The cost of a call: an upper bound or a measurement.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub requests: u64,
    pub frames: u64,
    /// Does not include events.
    pub publications: u64,
    pub visits: u64,
    pub writes: u64,
    pub encoded: u64,
    pub bytes: u64,
    pub nanoseconds: u64,
}

/// The pending work before a call, and what was left of the half.
pub struct Before {
    pub work: Work,
    pub left: u64,
    pub is_congested: bool,
    pub backlog_bytes: u64,
    pub pending_bytes: u64,
    pub connections: u64,
    pub events: u64,
}

/// Cost per item in nanoseconds, as estimated by the server.
pub struct Weights {
    request: u64,
    frame: u64,
    publication: u64,
    channel: u64,
    visit: u64,
    delivery: u64,
    encoded: u64,
    pub write: u64,
    compressed: u64,
    compressed_byte: u64,
    expired: u64,
}

impl Weights {
    pub fn new() -> Weights {
        let none = Work::default();
        Weights {
            request: Work { requests: 1, ..none }.nanoseconds(),
            frame: Work { frames: 1, ..none }.nanoseconds(),
            publication: Work { publications: 1, ..none }.nanoseconds(),
            channel: Work { channels: 1, ..none }.nanoseconds(),
            visit: Work { visits: 1, ..none }.nanoseconds(),
            delivery: Work { deliveries: 1, ..none }.nanoseconds(),
            encoded: Work { encoded: 1, ..none }.nanoseconds(),
            write: Work { writes: 1, ..none }.nanoseconds(),
            compressed: Work { compressed: 1, ..none }.nanoseconds(),
            compressed_byte: Work { compressed_bytes: 1, ..none }.nanoseconds(),
            expired: Work { expired: 1, ..none }.nanoseconds(),
        }
    }
}

/// Upper bounds of the cost of each unit of work, in one state of the server.
pub struct Units<'a> {
    pub scale: &'a Scale,
    pub limits: &'a Limits,
    pub weights: Weights,
    pub text_bytes: u64,
    /// The most messages that may be stored in the channels of a request, and their bytes.
    pub old_count: u64,
    pub old_bytes: u64,
    /// The most publications that may be pending in this call, and the size of them and their
    /// encodings.
    pub pending_count: u64,
    pub backlog_bytes: u64,
}

impl Units<'_> {
    /// Formatting this many messages with this many bytes.
    fn formatted(&self, encoded: u64, bytes: u64) -> Cost {
        let weights = &self.weights;
        let compressed = if self.scale.is_gzipped {
            // Each separately, and perhaps all together.
            2 * (encoded * weights.compressed + bytes * weights.compressed_byte)
        } else {
            0
        };
        // Both the text and its encoding count.
        let nanoseconds = encoded * weights.encoded + bytes + compressed;
        Cost { encoded, bytes: 2 * bytes, nanoseconds, ..Cost::default() }
    }

    /// Formatting everything that is pending, once in each format.
    fn encodings(&self) -> Cost {
        let formats = self.scale.formats;
        self.formatted(formats * self.pending_count, formats * self.backlog_bytes)
    }

    /// Delivering everything that is pending to this many members. Encodings are shared, but an
    /// answer to a waiting request may be its own. A member that leaves may make another one
    /// receive what is pending before its turn, once for each of its channels.
    fn visits(&self, count: u64) -> Cost {
        let (weights, channels) = (&self.weights, self.scale.channels);
        let taken = self.pending_count * channels * weights.delivery;
        let names = self.scale.names;
        let left = names * (weights.channel + 2 * weights.publication + AROUND_BYTES);
        let own = self.formatted(1, self.text_bytes + AROUND_BYTES);
        let each = weights.visit + (1 + channels) * taken + left + own.nanoseconds;
        let visits = Cost {
            visits: count,
            encoded: count,
            bytes: count * (own.bytes + 2 * names * AROUND_BYTES),
            nanoseconds: count * each,
            ..Cost::default()
        };
        visits.and(self.encodings())
    }

    /// Encoding headers, footers and pings of all locations, after a reload.
    fn made_anew(&self) -> Cost {
        self.formatted(100, 100 * AROUND_BYTES)
    }

    pub fn round(&self) -> Cost {
        self.visits(VISITS_PER_ROUND)
    }

    /// Making pieces of a replay until there are enough, or until they have taken long enough and
    /// the last one is finished.
    pub fn feed(&self) -> Cost {
        let piece = PIECE_BYTES_MAX.min(self.limits.outbox_bytes_max as u64);
        let message = self.text_bytes + AROUND_BYTES;
        // Compressed pieces are measured by their compressed size, and bounded by the time they
        // take.
        let bytes = if self.scale.is_gzipped {
            FEED_NANOSECONDS / self.weights.compressed_byte + PIECE_BYTES_MAX + message
        } else {
            2 * piece + message
        };
        let bytes = bytes.min(self.old_bytes);
        let count = (bytes / MESSAGE_BYTES_MIN).min(self.old_count);
        // Each piece counts as well, and contains at least one message; so does the end.
        let whole = self.formatted(2 * count + 1, bytes);
        let last = self.formatted(PIECE_MESSAGES_MAX + 1, PIECE_BYTES_MAX + message);
        Cost { nanoseconds: whole.nanoseconds.min(FEED_NANOSECONDS + last.nanoseconds), ..whole }
    }

    /// Handling a request's head, its channels, and its answer.
    fn head(&self) -> Cost {
        let (weights, names) = (&self.weights, self.scale.names);
        // Each channel is looked up, created, joined and left; each of the last three may be an
        // event.
        let own = weights.request
            + names * (4 * weights.channel + 3 * weights.publication + 2 * AROUND_BYTES);
        let own = Cost {
            bytes: STATISTICS_BYTES + AROUND_BYTES * (1 + 3 * names),
            nanoseconds: own + AROUND_BYTES + STATISTICS_BYTES,
            ..Cost::default()
        };
        let answer = if self.scale.is_gzipped {
            let bytes = COMPRESSED_BYTES_MAX.min(self.limits.outbox_bytes_max as u64);
            self.formatted(bytes / MESSAGE_OVERHEAD + 1, bytes + AROUND_BYTES)
        } else {
            Cost::default()
        };
        own.and(self.feed()).and(answer)
    }

    /// Carrying out a request's body or a frame: it is published once before there must be room
    /// again, or a channel is deleted, which visits its members.
    ///
    /// If a body may have several publications, all are parsed first, and each again when it is
    /// published.
    fn carried_out(&self, visits: u64) -> Cost {
        let parsed = match self.scale.batch {
            0 => 0,
            batch => (batch + 1) * (self.text_bytes + MEMBERS_BYTES),
        };
        let nanoseconds = self.weights.publication + 2 * self.text_bytes + parsed / 2;
        let own = Cost { bytes: 4 * self.text_bytes + parsed, nanoseconds, ..Cost::default() };
        own.and(self.visits(visits))
    }
}

impl Cost {
    fn and(self, other: Cost) -> Cost {
        Cost {
            requests: self.requests + other.requests,
            frames: self.frames + other.frames,
            publications: self.publications + other.publications,
            visits: self.visits + other.visits,
            writes: self.writes + other.writes,
            encoded: self.encoded + other.encoded,
            bytes: self.bytes + other.bytes,
            nanoseconds: self.nanoseconds + other.nanoseconds,
        }
    }

    fn times(self, count: u64) -> Cost {
        Cost {
            requests: self.requests * count,
            frames: self.frames * count,
            publications: self.publications * count,
            visits: self.visits * count,
            writes: self.writes * count,
            encoded: self.encoded * count,
            bytes: self.bytes * count,
            nanoseconds: self.nanoseconds * count,
        }
    }
}

/// The share of each connection in a half of a turn.
pub fn allowance(limits: &Limits) -> u64 {
    u64::from(limits.microseconds_per_turn) * 1000 / 2
}

/// The most that one connection may use at a time, twice: for a publication that has waited, and
/// for what it has sent after that.
pub fn visit(limits: &Limits) -> u64 {
    2 * (allowance(limits) / VISITS_PER_HALF + 1)
}

/// How many units may be begun before the remainder of a half is spent.
fn begun(left: u64, each: u64) -> u64 {
    left.div_ceil(each)
}

/// How much a call may cost beyond the remainder of the half, and in total.
pub fn bound(units: &Units<'_>, call: Call, before: &Before, cost: &Cost) -> (u64, Cost) {
    let weights = &units.weights;
    let left = before.left;
    match call {
        Call::Received(_) | Call::NextToRead => {
            let length = if let Call::Received(length) = call { length as u64 } else { 0 };
            let visits_max =
                if units.scale.deletes { before.connections * units.scale.channels } else { 0 };
            let carried_out = units.carried_out(cost.visits.min(visits_max));
            let unit = units.head().and(carried_out);
            let is_paused = left == 0 || before.is_congested;
            let may_begin = |each| if is_paused { 0 } else { begun(left, each) };
            let frames = match (left, call) {
                (0, Call::NextToRead) => 0,
                // An incomplete frame counts as one.
                _ => begun(left, weights.frame) + 1,
            };
            // A publication that has waited goes first, with a share of its own. What was sent
            // after it has the other share.
            let publications = match call {
                Call::NextToRead if !is_paused => 2 * begun(left.div_ceil(2), weights.publication),
                _ => may_begin(weights.publication),
            };
            // A body may belong to a request that was counted before, and a message may have
            // several frames.
            let published = units.carried_out(0).times(cost.publications + cost.frames);
            let all = units.head().times(cost.requests).and(published).and(carried_out);
            let bound = Cost {
                requests: may_begin(weights.request),
                frames,
                publications,
                bytes: all.bytes + length,
                nanoseconds: left + unit.nanoseconds + length,
                ..all
            };
            (unit.nanoseconds + length, bound)
        }
        Call::FanOut if left == 0 => (0, Cost::default()),
        Call::FanOut => {
            let unit = units.round().and(units.feed());
            let bound = Cost {
                visits: begun(left, weights.visit) + VISITS_PER_ROUND - 1,
                encoded: begun(left, weights.encoded) + unit.encoded,
                bytes: 2 * left + unit.bytes,
                nanoseconds: left + unit.nanoseconds,
                ..unit
            };
            (unit.nanoseconds, bound)
        }
        Call::Sent => {
            let own = Cost { writes: 1, nanoseconds: weights.write, ..Cost::default() };
            let bound = own.and(units.feed()).and(Cost { visits: 0, ..units.visits(1) });
            (bound.nanoseconds, bound)
        }
        Call::Left => {
            let bound = Cost { visits: 0, ..units.visits(1) };
            (bound.nanoseconds, bound)
        }
        Call::Whole => {
            let all = units.visits(before.connections).and(units.made_anew());
            let bound = Cost { visits: 0, ..all };
            (bound.nanoseconds, bound)
        }
        Call::Tick => {
            let ended = Cost {
                nanoseconds: before.connections * weights.expired
                    + SWEPT_PER_TURN * weights.channel,
                ..Cost::default()
            };
            let bound = Cost { visits: 0, ..units.visits(before.connections).and(ended) };
            (bound.nanoseconds, bound)
        }
    }
}
