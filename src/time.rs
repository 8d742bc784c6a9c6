//! Spans, points on the monotonic clock and Unix times, as three types that do not mix. No clock:
//! time comes in as an argument, so that tests can run the core at any speed.

pub mod http_date;
pub mod iso_date;

use std::ops::{Add, Sub};

/// A span of time in milliseconds, as in the configuration: a timeout, an interval, a lifetime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// A span that does not end: any moment plus this is [`Moment::NEVER`].
    pub const FOREVER: Millis = Millis(u64::MAX);

    /// A span of whole seconds.
    pub const fn from_seconds(seconds: u64) -> Millis {
        Millis(seconds.saturating_mul(1000))
    }

    /// The number of whole seconds, rounded down.
    pub const fn whole_seconds(self) -> u64 {
        self.0 / 1000
    }
}

/// Two spans, one after the other.
impl Add for Millis {
    type Output = Millis;
    fn add(self, other: Millis) -> Millis {
        Millis(self.0.saturating_add(other.0))
    }
}

/// What is left of a span after another one; zero if the other one is longer.
impl Sub for Millis {
    type Output = Millis;
    fn sub(self, other: Millis) -> Millis {
        Millis(self.0.saturating_sub(other.0))
    }
}

/// A point on the monotonic clock, in milliseconds since its arbitrary origin. All deadlines are
/// moments.
///
/// It is not called `Instant`, because the standard library's `Instant` can only be read from a
/// clock, and the core has none. A moment comes in with [`Now`], or is a moment plus a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// The origin of the clock. As a deadline: it has passed.
    pub const START: Moment = Moment(0);
    /// As a deadline: it never passes.
    pub const NEVER: Moment = Moment(u64::MAX);

    /// The span since an earlier moment; zero if that moment is later.
    pub const fn since(self, earlier: Moment) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

/// The moment at the end of a span; [`Moment::NEVER`] if that is beyond the clock's range.
impl Add<Millis> for Moment {
    type Output = Moment;
    fn add(self, span: Millis) -> Moment {
        Moment(self.0.saturating_add(span.0))
    }
}

/// The moment that is a span earlier; [`Moment::START`] if that is before the clock's range.
/// [`Moment::NEVER`] minus anything is never.
impl Sub<Millis> for Moment {
    type Output = Moment;
    fn sub(self, span: Millis) -> Moment {
        match self {
            Moment::NEVER => Moment::NEVER,
            Moment(moment) => Moment(moment.saturating_sub(span.0)),
        }
    }
}

/// Milliseconds since 1 January 1970 UTC. Only for what people and other machines read: message
/// times, token expiry, `Date`. This clock can be set back, so nothing is measured with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// The number of whole seconds since 1 January 1970 UTC.
    pub const fn whole_seconds(self) -> u64 {
        self.0 / 1000
    }
}

/// Both clocks, read once per turn of the loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock.
    pub monotonic: Moment,
    /// The clock that people and other machines read.
    pub unix: UnixMillis,
}

impl Now {
    /// Whole seconds since 1 January 1970 UTC.
    pub const fn unix_seconds(self) -> u64 {
        self.unix.whole_seconds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stops_at_the_ends_of_the_clock() {
        assert_eq!(Moment(5) + Millis::FOREVER, Moment::NEVER);
        assert_eq!(Moment(5).since(Moment(6)), Millis(0));
        assert_eq!(Millis(5) - Millis(6), Millis(0));
        assert_eq!(Moment(5) - Millis(6), Moment::START);
        assert_eq!(Moment::NEVER - Millis(6), Moment::NEVER);
    }
}
