//! The only place that reads the clocks of the system.

use crate::time::{Moment, Now, UnixMillis};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Reads the monotonic and the Unix clock. The monotonic one counts from [`Clock::start`].
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// Returns a clock whose monotonic time is 0 now.
    pub fn start() -> Clock {
        Clock { started: Instant::now() }
    }

    /// Reads both clocks.
    pub fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            monotonic: Moment(self.started.elapsed().as_millis() as u64),
            unix: UnixMillis(unix.as_millis() as u64),
        }
    }
}
