//! What one turn of the loop may cost. Reading, requests, replays, long lists and fan-out all draw
//! on the same allowance, so no client can hold up the others by asking for much: work beyond it
//! goes on in the next turn. There is no clock here: what is done is counted, and weighed as
//! measured.

use crate::broker::Work;

/// One connection's share of a half: what it has sent beyond that is carried out in its next turn,
/// so that pipelined requests do not hold up those of others.
const SHARES_PER_HALF: u64 = 32;

/// The allowance of the half of a turn that is going on: reading and requests, or handing out and
/// writing.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) work: Work,
    /// The work of the half before, with that of the call that ended it.
    pub(super) previous: Work,
    half: u64,
    allowance: u64,
    /// The connections that were paused have had their time.
    pub(super) is_paused_share_spent: bool,
    connection_share_end: u64,
    quarter_end: u64,
}

impl Turn {
    /// Begins the first half of a turn with its share of a whole turn's budget. Connections that
    /// were paused go on in half of it.
    pub(super) fn begin_reading(&mut self, budget_microseconds: u32) {
        self.begin_half(budget_microseconds);
        self.allowance = self.half / 2;
        self.is_paused_share_spent = false;
    }

    /// The paused connections have had their time. What is new gets the rest of the half, but no
    /// less than half of it, whatever waits in paused connections.
    pub(super) fn begin_new_input(&mut self) {
        self.is_paused_share_spent |= self.is_spent();
        self.allowance = self.half.max(self.work.nanoseconds() + self.half / 2);
    }

    /// Begins a half with its share of a whole turn's budget.
    pub(super) fn begin_half(&mut self, budget_microseconds: u32) {
        self.previous = std::mem::take(&mut self.work);
        self.half = u64::from(budget_microseconds) * 1000 / 2;
        self.allowance = self.half;
    }

    /// Begins with what one connection has sent.
    pub(super) fn begin_connection_share(&mut self) {
        self.connection_share_end = self.work.nanoseconds() + self.half / SHARES_PER_HALF;
    }

    /// The connection has had its share; its first request or frame is within it in any case.
    pub(super) fn is_connection_share_spent(&self) -> bool {
        self.work.nanoseconds() > self.connection_share_end || self.is_spent()
    }

    /// Begins with deadlines, which have a share of their own.
    pub(super) fn begin_quarter(&mut self) {
        self.quarter_end = self.work.nanoseconds() + self.half / 4;
    }

    pub(super) fn is_quarter_spent(&self) -> bool {
        self.work.nanoseconds() > self.quarter_end
    }

    /// Nothing more is to be begun in this half. What was begun is finished: it is one request, one
    /// piece of a replay or one round of a fan-out.
    pub(super) fn is_spent(&self) -> bool {
        self.work.nanoseconds() >= self.allowance
    }

    /// Internal listeners have had their share of the half, which comes first: a third of it.
    pub(super) fn is_internal_share_spent(&self) -> bool {
        self.work.nanoseconds() * 3 >= self.half
    }
}
