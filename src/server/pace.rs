//! How often something may happen: evenly, with some more at once after a quiet time.

use crate::time::{Millis, Moment};

/// One millisecond, in nanoseconds: a pace may be of many in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// A rate, and how much may happen at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// Nanoseconds for one.
    interval: u64,
    /// Nanoseconds for all that may happen at once.
    burst: u64,
}

impl Rate {
    /// This many in each span, and as many at once.
    pub(super) const fn per(count: u32, span: Millis) -> Rate {
        let burst = span.0.saturating_mul(MILLISECOND);
        Rate { interval: burst / if count == 0 { 1 } else { count as u64 }, burst }
    }
}

/// When as much as has happened so far would have happened at an even rate. It is one number (GCRA,
/// a leaky bucket without a timer).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace(u64);

impl Pace {
    /// Takes part of the rate for one more.
    ///
    /// # Errors
    /// Too much has happened; there is room for one more after this time. Nothing has changed.
    pub(super) fn take(&mut self, rate: Rate, now: Moment) -> Result<(), Millis> {
        let now = nanoseconds(now);
        let next = self.0.max(now).saturating_add(rate.interval);
        let latest = now.saturating_add(rate.burst);
        if next > latest {
            return Err(Millis((next - latest).div_ceil(MILLISECOND)));
        }
        self.0 = next;
        Ok(())
    }

    /// Takes the next place in a queue that is served at this rate, and returns when its turn is.
    /// The queue is never longer than `longest`.
    pub(super) fn queue(&mut self, rate: Rate, longest: Millis, now: Moment) -> Millis {
        let now_at = nanoseconds(now);
        let end = nanoseconds(now + longest);
        self.0 = self.0.max(now_at).saturating_add(rate.interval).min(end);
        Millis((self.0 - now_at).div_ceil(MILLISECOND))
    }

    /// Whether nothing is left of what happened: the pace is as a new one.
    pub(super) fn is_over(self, now: Moment) -> bool {
        self.0 <= nanoseconds(now)
    }
}

fn nanoseconds(moment: Moment) -> u64 {
    moment.0.saturating_mul(MILLISECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pace: &mut Pace, rate: Rate, now: u64) -> usize {
        std::iter::repeat_with(|| pace.take(rate, Moment(now))).take_while(Result::is_ok).count()
    }

    #[test]
    fn as_many_as_the_rate_allows_happen_at_once_and_then_evenly() {
        let (mut pace, rate) = (Pace::default(), Rate::per(4, Millis(1000)));
        assert_eq!(taken(&mut pace, rate, 5000), 4);
        assert_eq!(pace.take(rate, Moment(5000)), Err(Millis(250)));
        assert_eq!(taken(&mut pace, rate, 5249), 0);
        assert_eq!(taken(&mut pace, rate, 5250), 1);
        assert_eq!(taken(&mut pace, rate, 6000), 3);
        assert!(!pace.is_over(Moment(6999)) && pace.is_over(Moment(7000)));
        assert_eq!(taken(&mut pace, rate, 99_000), 4, "a quiet time gives no more");
    }

    #[test]
    fn a_rate_of_many_in_a_millisecond_is_kept() {
        for rate in [100_000, u32::MAX] {
            let mut pace = Pace::default();
            let rate = Rate::per(rate, Millis(1000));
            (0..100_000).for_each(|_| pace.take(rate, Moment(5000)).unwrap());
        }
        let (mut pace, rate) = (Pace::default(), Rate::per(3000, Millis(1000)));
        assert_eq!(taken(&mut pace, rate, 5000), 3000);
        assert_eq!(taken(&mut pace, rate, 5001), 3);
    }

    #[test]
    fn places_in_a_queue_follow_at_the_rate_and_the_queue_has_an_end() {
        let (mut pace, rate) = (Pace::default(), Rate::per(2, Millis(1000)));
        let mut queue = |now| pace.queue(rate, Millis(1600), Moment(now)).0;
        assert_eq!([queue(5000), queue(5000), queue(5000)], [500, 1000, 1500]);
        assert_eq!([queue(5000), queue(5000)], [1600, 1600]);
        assert_eq!([queue(6600), queue(9000)], [500, 500]);
    }
}
