//! Transfers that the kernel refuses for lack of memory (ENOBUFS, ENOMEM) are repeated a moment
//! later: the connections are not broken. epoll does not report when there is memory again.

use crate::time::{Millis, Moment};
use std::io;

/// Delay before refused transfers are repeated.
const RETRY: Millis = Millis(50);
/// Shortest time between two warnings.
const WARNING_INTERVAL: Millis = Millis::from_seconds(60);

/// Connections whose last transfer was refused.
#[derive(Debug, Default)]
pub(super) struct Shortage {
    waiting: Vec<u32>,
    due: Option<Moment>,
    warned_at: Option<Moment>,
}

impl Shortage {
    /// Adds a connection that is not in the list.
    pub(super) fn add(&mut self, id: u32, error: &io::Error, now: Moment) {
        self.waiting.push(id);
        self.due.get_or_insert(now + RETRY);
        if self.is_warning_due(now) {
            log::warn!("transfers postponed: the kernel has no memory for them: {error}");
        }
    }

    fn is_warning_due(&mut self, now: Moment) -> bool {
        let is_due = self.warned_at.is_none_or(|at| at + WARNING_INTERVAL <= now);
        if is_due {
            self.warned_at = Some(now);
        }
        is_due
    }

    /// When to call [`Shortage::take_due`].
    pub(super) fn due(&self) -> Option<Moment> {
        self.due
    }

    /// Removes and returns the connections whose transfers are to be repeated now.
    pub(super) fn take_due(&mut self, now: Moment) -> Vec<u32> {
        match self.due.take_if(|at| *at <= now) {
            Some(_) => std::mem::take(&mut self.waiting),
            None => Vec::new(),
        }
    }
}

/// Whether the kernel refused a transfer for lack of memory.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::ENOMEM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_transfers_are_repeated_together() {
        let mut shortage = Shortage::default();
        let error = io::Error::from_raw_os_error(libc::ENOBUFS);
        assert!(is_shortage(&error));
        shortage.add(3, &error, Moment(1_000));
        shortage.add(4, &error, Moment(1_020));
        assert_eq!(shortage.due(), Some(Moment(1_050)));
        assert!(shortage.take_due(Moment(1_049)).is_empty());
        assert_eq!(shortage.take_due(Moment(1_050)), [3, 4]);
        assert!(shortage.due().is_none() && shortage.take_due(Moment(9_000)).is_empty());
    }

    #[test]
    fn a_shortage_is_warned_about_once_a_minute() {
        let mut shortage = Shortage::default();
        let warned = [0, 50, 59_999, 60_000, 60_050].map(|at| shortage.is_warning_due(Moment(at)));
        assert_eq!(warned, [true, false, false, true, false]);
    }
}
