//! The memory budget, as data: how much the daemon may use, and what gives way when little is left.
//! `relief` makes it give way.

use super::host::Host;
use super::rate_limit::RateLimit;
use crate::config::Limits;
use crate::time::{Millis, Moment};

/// The budget is divided into this many parts for [`Pressure`].
const PARTS: u64 = 32;
/// The share of the budget for what a single publication or encoding may take, so that one of them
/// cannot use up what the steps of [`Pressure`] leave.
const SINGLE_SHARE: u64 = 8;
/// The smallest budget: below it there is no room for any of this.
const BUDGET_MIN: u64 = 8 * 1024 * 1024;
/// Interval of searches for incomplete requests and unread queues beyond their share.
const SEARCH_INTERVAL: Millis = Millis(100);
/// Interval of log lines about what gives way.
const LOG_INTERVAL: Millis = Millis(60_000);

/// How scarce memory is. At each step, what the steps before it name gives way, too.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pressure {
    /// Encodings that nothing uses, then stored messages.
    History,
    /// Requests and messages of clients that are incomplete, the largest first.
    Requests,
    /// Connections that do not read what is queued for them, those with most first.
    Consumers,
    /// New subscribers are refused, and incomplete requests as soon as they arrive.
    Subscribers,
    /// No public client is accepted.
    Connections,
}

impl Pressure {
    /// At how many parts of the budget this step begins.
    const fn parts(self) -> u64 {
        match self {
            Pressure::History => 26,
            Pressure::Requests => 28,
            Pressure::Consumers => 29,
            Pressure::Subscribers => 30,
            Pressure::Connections => 31,
        }
    }
}

/// The budget, and the lines of the log about it.
#[derive(Debug)]
pub(super) struct Memory {
    /// Bytes that the daemon may use.
    budget: u64,
    heap_bytes: fn() -> u64,
    fixed_bytes: u64,
    pub(super) history_lines: RateLimit,
    pub(super) requests_lines: RateLimit,
    pub(super) consumers_lines: RateLimit,
    pub(super) subscribers_lines: RateLimit,
    pub(super) visitors_lines: RateLimit,
    /// Where the next search for large requests begins.
    pub(super) next_request_index: usize,
    /// Where the next search for large queues begins.
    pub(super) next_consumer_index: usize,
    /// When both are searched next, as long as only history has to give way.
    search_at: Moment,
}

impl Memory {
    pub(super) fn new(limits: &Limits, host: &Host) -> Memory {
        let lines = || RateLimit::every(LOG_INTERVAL);
        let mut memory = Memory {
            budget: 0,
            heap_bytes: host.heap_bytes,
            fixed_bytes: host.fixed_bytes,
            history_lines: lines(),
            requests_lines: lines(),
            consumers_lines: lines(),
            subscribers_lines: lines(),
            visitors_lines: lines(),
            next_request_index: 0,
            next_consumer_index: 0,
            search_at: Moment::START,
        };
        memory.set_budget(limits, host);
        memory
    }

    /// Takes the budget from the configuration. `auto`: half of what the process may use.
    pub(super) fn set_budget(&mut self, limits: &Limits, host: &Host) {
        self.budget = match limits.memory {
            0 => (host.memory_bytes / 2).max(BUDGET_MIN),
            bytes => bytes as u64,
        };
    }

    /// Bytes that the daemon may use.
    pub(super) fn budget(&self) -> u64 {
        self.budget
    }

    /// Bytes that it uses: the heap, and what the process needs besides.
    pub(super) fn used(&self) -> u64 {
        self.fixed_bytes + (self.heap_bytes)()
    }

    /// Whether memory is at least this scarce.
    pub(super) fn is_at_least(&self, step: Pressure) -> bool {
        self.used() >= self.step_bytes(step)
    }

    /// Whether to search for incomplete requests and unread queues beyond their share. A search
    /// examines all connections, so there is one in this interval.
    pub(super) fn is_search_due(&mut self, now: Moment) -> bool {
        let is_due = self.search_at <= now;
        if is_due {
            self.search_at = now + SEARCH_INTERVAL;
        }
        is_due
    }

    fn step_bytes(&self, step: Pressure) -> u64 {
        self.budget / PARTS * step.parts()
    }

    /// Maximum size of the account of stored messages, channels and subscriptions.
    pub(super) fn account_bytes_max(&self) -> usize {
        usize::try_from(self.budget / 2).unwrap_or(usize::MAX)
    }

    /// Maximum size of the publish backlog, and of a single encoding.
    pub(super) fn single_bytes_max(&self) -> usize {
        usize::try_from(self.budget / SINGLE_SHARE).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(limits: &Limits, memory_bytes: u64, heap_bytes: fn() -> u64) -> Memory {
        let host = Host {
            name: String::new(),
            process_id: 1,
            resident_bytes: || 0,
            heap_bytes,
            fixed_bytes: 2_000_000,
            memory_bytes,
            random: [7; 16],
        };
        Memory::new(limits, &host)
    }

    #[test]
    fn auto_is_half_of_what_there_is_and_a_size_is_taken_as_it_is() {
        let auto = Limits::default();
        assert_eq!(memory(&auto, 64 << 20, || 0).budget(), 32 << 20);
        assert_eq!(memory(&auto, 1 << 20, || 0).budget(), BUDGET_MIN);
        let given = Limits { memory: 48 << 20, ..auto };
        assert_eq!(memory(&given, 64 << 20, || 0).budget(), 48 << 20);
    }

    #[test]
    fn the_steps_begin_in_their_order() {
        let limits = Limits { memory: 32_000_000, ..Limits::default() };
        let at = |heap_bytes| memory(&limits, u64::MAX, heap_bytes);
        let just_before = at(|| 23_999_999);
        assert!(!just_before.is_at_least(Pressure::History));
        for (memory, begun, next) in [
            (at(|| 24_000_000), Pressure::History, Pressure::Requests),
            (at(|| 26_000_000), Pressure::Requests, Pressure::Consumers),
            (at(|| 27_000_000), Pressure::Consumers, Pressure::Subscribers),
            (at(|| 28_000_000), Pressure::Subscribers, Pressure::Connections),
        ] {
            assert!(memory.is_at_least(begun) && !memory.is_at_least(next), "{begun:?}");
        }
        assert!(at(|| 29_000_000).is_at_least(Pressure::Connections));
    }
}
