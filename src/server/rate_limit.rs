//! Limits how often a log line repeats: an attack or a bad network must not fill the log.

use crate::time::{Millis, Moment};

/// Default interval between two lines of a kind.
const INTERVAL: Millis = Millis(1000);

/// Allows one line of a kind per interval, and counts those it suppresses.
#[derive(Debug)]
pub(super) struct RateLimit {
    interval: Millis,
    next_at: Moment,
    suppressed: u64,
}

impl Default for RateLimit {
    fn default() -> RateLimit {
        RateLimit::every(INTERVAL)
    }
}

impl RateLimit {
    /// Allows one line per interval.
    pub(super) fn every(interval: Millis) -> RateLimit {
        RateLimit { interval, next_at: Moment::START, suppressed: 0 }
    }

    /// If a line may be written now, the number of those suppressed since the last one; otherwise
    /// `None`, and this one counts as suppressed.
    pub(super) fn take(&mut self, now: Moment) -> Option<u64> {
        if now < self.next_at {
            self.suppressed += 1;
            return None;
        }
        self.next_at = now + self.interval;
        Some(std::mem::take(&mut self.suppressed))
    }

    /// The number of suppressed lines, once another line is allowed. `None`: it is not yet, or none
    /// were suppressed.
    pub(super) fn take_suppressed(&mut self, now: Moment) -> Option<u64> {
        if self.suppressed == 0 || now < self.next_at {
            return None;
        }
        self.take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_is_allowed_and_the_others_are_counted() {
        let mut rate_limit = RateLimit::default();
        assert_eq!(rate_limit.take(Moment(5)), Some(0));
        assert_eq!(rate_limit.take(Moment(5)), None);
        assert_eq!(rate_limit.take(Moment(1004)), None);
        assert_eq!(rate_limit.take_suppressed(Moment(1004)), None);
        assert_eq!(rate_limit.take(Moment(1005)), Some(2));
        assert_eq!(rate_limit.take_suppressed(Moment(9000)), None);
        assert_eq!(rate_limit.take(Moment(9000)), Some(0));
        assert_eq!(rate_limit.take(Moment(9001)), None);
        assert_eq!(rate_limit.take_suppressed(Moment(10_000)), Some(1));
    }
}
