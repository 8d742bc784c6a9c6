//! The only place that asks what time it is.

use crate::time::{Millis, Now};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Both clocks. The monotonic one counts from the start of the process.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Clock {
        Clock { started: Instant::now() }
    }

    /// Reads both clocks.
    pub fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            monotonic: Millis(self.started.elapsed().as_millis() as u64),
            unix: Millis(unix.as_millis() as u64),
        }
    }
}
