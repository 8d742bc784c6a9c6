//! Measures the cost of each call of the server: members visited, messages formatted, bytes
//! encoded, heap allocations. `bounds` has the upper bounds. A half of a turn may cost its share of
//! the budget, two more units (the last one of the connections that were paused, and the last one
//! of the others), and the writes of one batch.

use crate::allocations;
use crate::bounds::{
    AROUND_BYTES, Before, Cost, PUBLICATION_COST, Scale, Units, VISITS_PER_ROUND, Weights,
    allowance, bound, visit,
};
use crate::coverage::Coverage;
use crate::reactor::{Call, WRITES_AT_ONCE};
use rpushd::broker::Work;
use rpushd::config::Limits;
use rpushd::server::Server;
use rpushd::time::Now;

/// Answers that are written before a fan-out is continued.
const ANSWERS_IN_ROW: u64 = 16;

/// Measures the calls in one world.
pub struct Costs {
    scale: Scale,
    /// Length of the longest text that is published.
    text_bytes: u64,
    /// Total length of all texts.
    text_count: u64,
    texts_bytes: u64,
    /// Cost of the current half of a turn.
    half: u64,
    /// The most expensive unit, and the most expensive write, that could be begun in it.
    unit: u64,
    write: u64,
    turns_max: u64,
    /// Pending work before the current call, and the allocations until then.
    pending: Option<Before>,
    allocations: u64,
    pub coverage: Coverage,
}

fn minus(after: Work, before: Work) -> Work {
    Work {
        requests: after.requests - before.requests,
        frames: after.frames - before.frames,
        publications: after.publications - before.publications,
        channels: after.channels - before.channels,
        scanned: after.scanned - before.scanned,
        visits: after.visits - before.visits,
        deliveries: after.deliveries - before.deliveries,
        encoded: after.encoded - before.encoded,
        bytes: after.bytes - before.bytes,
        compressed: after.compressed - before.compressed,
        compressed_bytes: after.compressed_bytes - before.compressed_bytes,
        writes: after.writes - before.writes,
        matched: after.matched - before.matched,
        expired: after.expired - before.expired,
    }
}

impl Costs {
    pub fn new(scale: Scale) -> Costs {
        Costs {
            scale,
            text_bytes: 0,
            text_count: 0,
            texts_bytes: 0,
            half: 0,
            unit: 0,
            write: 0,
            turns_max: 0,
            pending: None,
            allocations: 0,
            coverage: Coverage::default(),
        }
    }

    /// A client is going to publish a text of this length.
    pub fn expect_text(&mut self, length: usize) {
        self.text_bytes = self.text_bytes.max(length as u64);
        self.text_count += 1;
        self.texts_bytes += length as u64;
    }

    /// A half of a turn begins.
    pub fn begin_half(&mut self) {
        (self.half, self.unit, self.write) = (0, 0, 0);
    }

    /// The server is about to be called.
    pub fn before(&mut self, server: &Server, now: Now, call: Call) {
        self.pending = Some(self.state(server, call, now));
        self.allocations = allocations::count();
    }

    /// The server has been called. Panics if the call has cost too much.
    pub fn after(&mut self, server: &Server, now: Now, call: Call) {
        let allocations = allocations::count() - self.allocations;
        let before = self.pending.take().expect("each call has a beginning");
        let after = if call == Call::Tick { server.previous_work() } else { server.work() };
        let work = minus(after, before.work);
        let events = self.events(server, now).saturating_sub(before.events);
        self.judge(server, call, &before, &work, events);
        judge_allocations(call, &work, allocations, before.connections);
        self.judge_backlog(server, &before, &work, events);
        if call == Call::Tick {
            self.begin_half();
        }
    }

    fn events(&self, server: &Server, now: Now) -> u64 {
        let events = server.last_message_id(self.scale.events_channel.as_bytes(), now);
        events.unwrap_or(0) + server.announced_count()
    }

    fn units<'a>(&'a self, limits: &'a Limits, backlog_bytes: u64) -> Units<'a> {
        let channels = self.scale.channels;
        Units {
            scale: &self.scale,
            limits,
            weights: Weights::new(),
            text_bytes: self.text_bytes,
            old_count: channels * channels * self.text_count,
            old_bytes: channels * channels * (self.texts_bytes + self.text_count * AROUND_BYTES),
            pending_count: backlog_bytes / PUBLICATION_COST,
            backlog_bytes,
        }
    }

    /// The number of turns within which a message reaches a subscriber that is free, independent of
    /// what other clients request. Earlier work counts, too: the message may have waited for it.
    pub fn turns_max(&mut self, server: &Server, subscriptions: u64) -> u64 {
        let rounds_per_cycle = subscriptions.div_ceil(VISITS_PER_ROUND);
        // A pass that began before the publication, and its own. Members that leave may make it go
        // back.
        let cycles = 3 * rounds_per_cycle + 1;
        let turns_per_round = self.turns_per_round(server, subscriptions);
        // The message is published and written in turns that have already begun.
        let turns = (cycles * rounds_per_cycle + 1) * turns_per_round + 2;
        self.turns_max = self.turns_max.max(turns);
        self.turns_max
    }

    /// The turns needed to visit a round of members, write to them, and write the answers in
    /// between.
    fn turns_per_round(&self, server: &Server, subscriptions: u64) -> u64 {
        let limits = server.limits();
        let units = self.units(limits, server.backlog_bytes() as u64);
        let writes = ANSWERS_IN_ROW + VISITS_PER_ROUND.min(subscriptions);
        let write = units.weights.write + units.feed().nanoseconds;
        let cost = units.round().nanoseconds + writes * write;
        // Each turn makes at least one step, however small the budget is.
        let spent = (cost / allowance(limits)).min(writes);
        spent + writes.div_ceil(limits.writes_per_turn as u64)
    }

    fn state(&self, server: &Server, call: Call, now: Now) -> Before {
        let work = server.work();
        let left = match call {
            Call::Received(_) | Call::NextToRead if server.is_turn_spent() => 0,
            Call::Received(_) | Call::NextToRead => visit(server.limits()),
            Call::Left | Call::Tick | Call::FanOut | Call::Sent | Call::Whole => {
                allowance(server.limits()).saturating_sub(work.nanoseconds())
            }
        };
        Before {
            work,
            left,
            is_congested: server.is_congested(),
            backlog_bytes: server.backlog_bytes() as u64,
            pending_bytes: server.pending_bytes() as u64,
            connections: server.connection_count() as u64,
            events: self.events(server, now),
        }
    }

    /// The call cost at most the remainder of the half and one more unit.
    fn judge(&mut self, server: &Server, call: Call, before: &Before, work: &Work, events: u64) {
        let limits = server.limits();
        let cost = Cost {
            requests: work.requests,
            frames: work.frames,
            publications: work.publications - events,
            visits: work.visits,
            writes: work.writes,
            encoded: work.encoded,
            bytes: work.bytes,
            nanoseconds: work.nanoseconds(),
        };
        let published = PUBLICATION_COST + self.text_bytes;
        let backlog_bytes = before.backlog_bytes + work.publications * published;
        let units = self.units(limits, backlog_bytes);
        let (unit, bound) = bound(&units, call, before, &cost);
        let is_within = cost.requests <= bound.requests
            && cost.frames <= bound.frames
            && cost.publications <= bound.publications
            && cost.visits <= bound.visits
            && cost.writes <= bound.writes
            && cost.encoded <= bound.encoded
            && cost.bytes <= bound.bytes
            && cost.nanoseconds <= bound.nanoseconds;
        assert!(is_within, "{call:?} costs {cost:?} and may cost {bound:?}");
        match call {
            Call::Tick | Call::Whole => return,
            Call::Sent => self.write = self.write.max(unit),
            Call::Received(_) | Call::NextToRead | Call::Left | Call::FanOut => {
                self.unit = self.unit.max(unit);
            }
        }
        self.half += cost.nanoseconds;
        let overdrawn_max = 2 * self.unit + WRITES_AT_ONCE as u64 * self.write;
        let half_max = allowance(limits) + overdrawn_max;
        assert!(self.half <= half_max, "{} ns of at most {half_max} in half a turn", self.half);
        let is_overdrawn = self.half > allowance(limits);
        self.coverage.count("halves of turns overdrawn by a call", u64::from(is_overdrawn));
    }

    /// Nothing is published while more than the limit is pending, so texts exceed it by one message
    /// at most. Their encodings are added, as their size is only known at delivery: each message
    /// once in each format, together in one batch of each format, and as answers of at most eight
    /// kinds.
    fn judge_backlog(&mut self, server: &Server, before: &Before, work: &Work, events: u64) {
        let pending = server.pending_bytes() as u64;
        let limit = server.limits().backlog_bytes_max as u64;
        // The text of an event is shorter than what a format puts around a text.
        let pending_max = limit + PUBLICATION_COST + self.text_bytes.max(AROUND_BYTES);
        assert!(pending <= pending_max, "{pending} bytes are pending, of at most {pending_max}");
        let backlog = server.backlog_bytes() as u64;
        if self.scale.events_channel.is_empty() {
            let answers = 8 * (pending + pending / PUBLICATION_COST * 2 * AROUND_BYTES);
            let backlog_max = pending * (1 + 2 * self.scale.formats) + answers;
            assert!(backlog <= backlog_max, "a backlog of {backlog} bytes, at most {backlog_max}");
        }
        let is_refusing = before.pending_bytes <= limit && pending > limit;
        self.coverage.count("backlogs filled by a publication", u64::from(is_refusing));
        let is_full = work.publications == events && before.is_congested;
        self.coverage.count("calls while the backlog was full", u64::from(is_full));
    }
}

/// Work that the server does not count is visible as allocations.
fn judge_allocations(call: Call, work: &Work, allocations: u64, connections: u64) {
    let base = match call {
        // A body completes a request that was counted earlier.
        Call::Received(_) | Call::NextToRead => 24,
        Call::Left | Call::FanOut | Call::Sent => 4,
        Call::Tick => 4 + 16 * connections,
        // Those of every location.
        Call::Whole => 1200 + 16 * connections,
    };
    let most = base
        + 24 * work.requests
        + 4 * work.frames
        + 8 * work.publications
        + 10 * work.channels
        + 4 * work.visits
        + 2 * work.deliveries
        + 5 * work.encoded
        + work.writes;
    assert!(allocations <= most, "{call:?} allocates {allocations} times for {work:?}, not {most}");
}
