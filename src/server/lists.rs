//! Lists of connections that have work to do. Each entry is an id; a flag of the connection shows
//! whether it is in a list, so that it is in each at most once.

use super::connection::ConnectionId;
use super::resumable::Resumable;
use super::session::Session;
use std::collections::VecDeque;

/// The connections with work to do, by its kind.
#[derive(Default)]
pub(super) struct Lists {
    /// To write to: they have answers queued. The flag `is_pending` of a connection shows that it
    /// is in this list, in `delivered` or in `to_feed`.
    pub(super) answered: VecDeque<ConnectionId>,
    /// To write to: the fan-out has queued messages for them.
    pub(super) delivered: VecDeque<ConnectionId>,
    /// Number of connections taken from `answered` since `delivered` or the fan-out had its turn.
    pub(super) answers_in_row: usize,
    /// Their replay or list is unfinished, and everything made so far is written.
    pub(super) to_feed: VecDeque<ConnectionId>,
    /// To unsubscribe from all channels at the end of the step, each with the flag
    /// `is_unsubscribing`.
    pub(super) to_unsubscribe: Vec<ConnectionId>,
    /// To be ended, because the application has disconnected them; each with its session.
    pub(super) to_revoke: Vec<(ConnectionId, Session)>,
    /// Paused, and can continue when the backlog has room and the turn has time.
    pub(super) resumable: Resumable,
    /// How many entries of `resumable` may still continue in this turn: at first those that were in
    /// it when the turn began, so that each continues once per turn.
    pub(super) resumes_left: usize,
    /// May want input again.
    pub(super) to_read: VecDeque<ConnectionId>,
    /// Their sending side is to be shut down.
    pub(super) to_shut: VecDeque<ConnectionId>,
    /// To be closed.
    pub(super) to_close: VecDeque<ConnectionId>,
}

impl Lists {
    /// Whether a connection has work to do that waits neither for an event nor for a deadline.
    /// Paused connections are not looked at.
    pub(super) fn has_work(&self) -> bool {
        !self.answered.is_empty()
            || !self.delivered.is_empty()
            || !self.to_feed.is_empty()
            || !self.to_read.is_empty()
            || !self.to_shut.is_empty()
            || !self.to_close.is_empty()
            || !self.to_revoke.is_empty()
    }
}
