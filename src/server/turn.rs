//! The budget of one turn of the loop. Reading, requests, replays, long lists and fan-out draw on
//! it, so no client can delay the others by causing much work: what exceeds the budget continues in
//! the next turn. There is no clock here: work is counted and weighed ([`Work`]).

use crate::broker::Work;

/// The share of one connection is the half divided by this. Its requests beyond that are carried
/// out in the next turn, so that pipelined requests do not delay those of others.
const SHARES_PER_HALF: u64 = 32;

/// The budget of the current half of a turn, in nanoseconds of estimated work. The first half is
/// for reading and requests, the second for fan-out and writing.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// The work done in this half.
    pub(super) work: Work,
    /// The work of the previous half, including that of the call that ended it.
    pub(super) previous: Work,
    half: u64,
    /// The half is spent when its work reaches this.
    allowance: u64,
    /// Whether the share of the paused connections is spent.
    pub(super) is_paused_share_spent: bool,
    connection_share_end: u64,
    quarter_end: u64,
}

impl Turn {
    /// Begins the first half of a turn, which gets half of the turn's budget. Half of that is the
    /// share of paused connections.
    pub(super) fn begin_reading(&mut self, budget_microseconds: u32) {
        self.begin_half(budget_microseconds);
        self.allowance = self.half / 2;
        self.is_paused_share_spent = false;
    }

    /// Ends the share of the paused connections. New input gets the remainder of the half, and at
    /// least half of it.
    pub(super) fn begin_new_input(&mut self) {
        self.is_paused_share_spent |= self.is_spent();
        self.allowance = self.half.max(self.work.nanoseconds() + self.half / 2);
    }

    /// Begins a half, which gets half of the turn's budget.
    pub(super) fn begin_half(&mut self, budget_microseconds: u32) {
        self.previous = std::mem::take(&mut self.work);
        self.half = u64::from(budget_microseconds) * 1000 / 2;
        self.allowance = self.half;
    }

    /// Begins the share of one connection.
    pub(super) fn begin_connection_share(&mut self) {
        self.connection_share_end = self.work.nanoseconds() + self.half / SHARES_PER_HALF;
    }

    /// Whether the connection's share or the half is spent. Unless the half is, it is false at the
    /// beginning of a share, so that at least one request or frame is handled.
    pub(super) fn is_connection_share_spent(&self) -> bool {
        self.work.nanoseconds() > self.connection_share_end || self.is_spent()
    }

    /// Begins a share of a quarter of the half, however much of the half is spent: for deadlines
    /// and for events.
    pub(super) fn begin_quarter(&mut self) {
        self.quarter_end = self.work.nanoseconds() + self.half / 4;
    }

    /// Whether the quarter of [`Turn::begin_quarter`] is spent.
    pub(super) fn is_quarter_spent(&self) -> bool {
        self.work.nanoseconds() > self.quarter_end
    }

    /// Whether the half is spent, so that no further work may begin in it. Work in progress is
    /// finished: one request, one piece of a replay or one round of the fan-out.
    pub(super) fn is_spent(&self) -> bool {
        self.work.nanoseconds() >= self.allowance
    }

    /// Whether the share of internal listeners is spent: the first third of the half.
    pub(super) fn is_internal_share_spent(&self) -> bool {
        self.work.nanoseconds() * 3 >= self.half
    }
}
