//! The only place that reads the clocks of the system.

use crate::time::{Moment, Now, UnixMillis};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time without a reading, beyond what was expected, from which on the process did not run: it was
/// stopped, its machine was suspended, or it got no processor.
const PAUSE_MIN: Duration = Duration::from_secs(2);
/// How long the clock is stopped after a pause: deadlines are checked only when what arrived
/// during the pause has been read.
const GRACE: Duration = Duration::from_secs(1);
/// Moments have this resolution.
const TICK: Duration = Duration::from_millis(1);

/// Reads the monotonic and the Unix clock. The monotonic one counts from [`Clock::start`], without
/// the time in which the process did not run: clients that have kept all time-outs would exceed
/// them, as their input was not read.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    /// Reading of the system's monotonic clock to which `counted` belongs.
    read: Duration,
    counted: Duration,
    /// Time for which it is still stopped.
    grace: Duration,
    pause_count: u64,
    paused: Duration,
}

impl Clock {
    /// Returns a clock whose monotonic time is 0 now.
    pub fn start() -> Clock {
        let zero = Duration::ZERO;
        let started = Instant::now();
        Clock { started, read: zero, counted: zero, grace: zero, pause_count: 0, paused: zero }
    }

    /// Reads both clocks.
    pub fn now(&mut self) -> Now {
        self.now_after(Some(Duration::ZERO))
    }

    /// Reads both clocks after a wait that should have ended within `timeout`. Logs a pause of the
    /// process since the last reading.
    pub(super) fn now_after(&mut self, timeout: Option<Duration>) -> Now {
        if let Some(pause) = self.advance(self.started.elapsed(), timeout) {
            log::warn!(
                "the daemon did not run for {} s: it was stopped, its machine was suspended or \
                 overloaded; time-outs are extended by as much",
                pause.as_secs()
            );
        }
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { monotonic: self.moment(), unix: UnixMillis(unix.as_millis() as u64) }
    }

    /// Time until `at`; zero if that has passed.
    pub(super) fn until(&self, at: Moment) -> Duration {
        match at.since(self.moment()).0 {
            0 => Duration::ZERO,
            left => Duration::from_millis(left).saturating_add(self.grace),
        }
    }

    /// Number of pauses, and their total length in seconds.
    pub(super) fn pauses(&self) -> (u64, u64) {
        (self.pause_count, self.paused.as_secs())
    }

    fn moment(&self) -> Moment {
        Moment(self.counted.as_millis() as u64)
    }

    /// Takes over a reading. One that is earlier than the last counts as the same time.
    fn advance(&mut self, read: Duration, timeout: Option<Duration>) -> Option<Duration> {
        let passed = read.saturating_sub(self.read);
        self.read = read;
        let Some(expected) = timeout.filter(|timeout| passed >= *timeout + PAUSE_MIN) else {
            let held = passed.min(self.grace);
            self.grace -= held;
            self.counted += passed - held;
            return None;
        };
        // What is due at the end of the wait is not due before the end of the grace.
        let counted = expected.saturating_sub(self.grace + TICK);
        self.counted += counted;
        self.grace = GRACE;
        self.pause_count += 1;
        self.paused += passed - counted;
        Some(passed - counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn clock_at(milliseconds: u64) -> Clock {
        let mut clock = Clock::start();
        assert_eq!(clock.advance(ms(milliseconds), None), None);
        clock
    }

    #[test]
    fn a_pause_counts_no_longer_than_the_wait_and_the_clock_then_stands_for_a_second() {
        let mut clock = clock_at(1_000);
        assert_eq!(clock.advance(ms(61_000), Some(ms(500))), Some(ms(59_501)));
        assert_eq!(clock.moment(), Moment(1_499), "the deadline at 1,500 is not reached");
        assert_eq!(clock.until(Moment(1_500)), ms(1_001));
        assert_eq!(clock.until(Moment(1_499)), ms(0));
        assert_eq!(clock.advance(ms(61_700), Some(ms(0))), None);
        assert_eq!(clock.moment(), Moment(1_499));
        assert_eq!(clock.advance(ms(62_010), Some(ms(1_001))), None);
        assert_eq!((clock.moment(), clock.pauses()), (Moment(1_509), (1, 59)));
    }

    #[test]
    fn a_long_wait_and_a_busy_turn_are_no_pauses() {
        let mut clock = clock_at(1_000);
        assert_eq!(clock.advance(ms(16_999), Some(ms(15_000))), None);
        assert_eq!(clock.advance(ms(18_998), Some(ms(0))), None);
        assert_eq!(clock.advance(ms(3_617_998), None), None, "without a deadline");
        assert_eq!((clock.moment(), clock.pauses()), (Moment(3_617_998), (0, 0)));
    }

    #[test]
    fn a_clock_that_goes_back_goes_on_from_the_same_time() {
        let mut clock = clock_at(10_000);
        assert_eq!(clock.advance(ms(2_000), Some(ms(5_000))), None);
        assert_eq!(clock.advance(ms(2_100), Some(ms(5_000))), None);
        assert_eq!(clock.moment(), Moment(10_100));
    }
}
