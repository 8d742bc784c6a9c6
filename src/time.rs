//! Points in time as values. No clock: time comes in as an argument, so that tests can run the core
//! at any speed.

pub mod http_date;
pub mod iso_date;

use std::ops::{Add, Sub};

/// Milliseconds: a duration, or a point in time counted from the origin of one of the clocks in
/// [`Now`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// A duration or point in time that is never reached.
    pub const NEVER: Millis = Millis(u64::MAX);

    /// A duration of whole seconds.
    pub const fn from_seconds(seconds: u64) -> Millis {
        Millis(seconds.saturating_mul(1000))
    }

    /// The number of whole seconds, rounded down.
    pub const fn whole_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The duration since an earlier point; zero if that point is later.
    pub const fn since(self, earlier: Millis) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Millis {
    type Output = Millis;
    fn add(self, span: Millis) -> Millis {
        Millis(self.0.saturating_add(span.0))
    }
}

impl Sub for Millis {
    type Output = Millis;
    fn sub(self, other: Millis) -> Millis {
        self.since(other)
    }
}

/// Both clocks, read once per turn of the loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic clock, from an arbitrary origin. All deadlines are on this clock.
    pub monotonic: Millis,
    /// Since 1 January 1970 UTC. Only for what people and other machines read: message times, token
    /// expiry, `Date`.
    pub unix: Millis,
}

impl Now {
    /// Whole seconds since 1 January 1970 UTC.
    pub const fn unix_seconds(self) -> u64 {
        self.unix.whole_seconds()
    }
}
