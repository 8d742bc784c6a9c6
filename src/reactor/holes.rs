//! Free memory between blocks in use, which the allocator cannot return to the system: holes. They
//! are found by comparing the resident size with what is in use.

use crate::time::{Millis, Moment};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

/// Holes, as far as they count as used.
static COUNTED: AtomicU64 = AtomicU64::new(0);
/// They count up to this share of the budget. If all counted, much would be removed for little: it
/// makes room only in pages that become free as a whole.
const COUNTED_SHARE: u64 = 8;
/// More than this share of what is in use is worth a trim, and more than this many bytes: stack and
/// data of the program and its libraries count as holes, too.
const WORTH_SHARE: u64 = 8;
const WORTH_BYTES_MIN: u64 = 512 * 1024;
/// A trim has helped if it returned more than this share.
const HELPED_SHARE: u64 = 32;
/// Time between two comparisons, and between two trims; after a trim that did not help twice as
/// long as before it, up to the longest, unless there are more holes again.
const INTERVAL: Millis = Millis(250);
const INTERVAL_MAX: Millis = Millis(64_000);

/// Bytes of holes, as far as they count as used.
pub(super) fn counted_bytes() -> u64 {
    COUNTED.load(Ordering::Relaxed)
}

/// When the next comparison is due, and when a trim may help.
#[derive(Debug)]
pub(super) struct Holes {
    compares_at: Moment,
    trims_at: Moment,
    trim_interval: Millis,
    /// The fewest bytes of holes since the last trim: what it could not return.
    fewest: u64,
}

impl Default for Holes {
    fn default() -> Holes {
        Holes {
            compares_at: Moment::START,
            trims_at: Moment::START,
            trim_interval: INTERVAL,
            fewest: 0,
        }
    }
}

impl Holes {
    pub(super) fn is_comparison_due(&self, now: Moment) -> bool {
        self.compares_at <= now
    }

    /// Compares the resident bytes of the heap with those in use, and counts the difference.
    /// Returns whether it is worth a trim.
    pub(super) fn compare(&mut self, resident: u64, in_use: u64, budget: u64, now: Moment) -> bool {
        self.compares_at = now + INTERVAL;
        let bytes = resident.saturating_sub(in_use);
        COUNTED.store(bytes.min(budget / COUNTED_SHARE), Ordering::Relaxed);
        self.fewest = self.fewest.min(bytes);
        let worth = WORTH_BYTES_MIN.max(in_use / WORTH_SHARE);
        let since = if self.trims_at <= now { 0 } else { self.fewest };
        bytes - since > worth
    }

    /// A trim has changed the resident bytes of the heap: the next one is later if it has not
    /// helped.
    pub(super) fn trimmed(&mut self, before: u64, after: u64, in_use: u64, now: Moment) {
        let has_helped = before.saturating_sub(after) > before / HELPED_SHARE;
        self.trim_interval = match has_helped {
            true => INTERVAL,
            false => Millis((2 * self.trim_interval.0).min(INTERVAL_MAX.0)),
        };
        self.trims_at = now + self.trim_interval;
        self.compares_at = now;
        self.fewest = after.saturating_sub(in_use);
    }
}

/// Resident memory of this process in bytes, and the part of it that is of files (proc(5), statm);
/// 0 if unknown. The other part is mostly the heap, free memory in it included.
pub(super) fn resident_bytes() -> (u64, u64) {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = |index| statm.split(' ').nth(index).and_then(|word| word.parse::<u64>().ok());
    // SAFETY: sysconf only reads.
    let page_bytes = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(0);
    let (all, files) = (pages(1).unwrap_or(0), pages(2).unwrap_or(0));
    (all * page_bytes, files.min(all) * page_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1024;

    #[test]
    fn holes_count_up_to_an_eighth_of_the_budget() {
        let mut holes = Holes::default();
        assert!(holes.is_comparison_due(Moment(0)));
        holes.compare(112, 100, 800, Moment(0));
        assert_eq!(counted_bytes(), 12);
        assert!(!holes.is_comparison_due(Moment(249)) && holes.is_comparison_due(Moment(250)));
        holes.compare(300, 100, 800, Moment(250));
        assert_eq!(counted_bytes(), 100);
        holes.compare(99, 100, 800, Moment(500));
        assert_eq!(counted_bytes(), 0);
    }

    #[test]
    fn holes_of_512_kib_and_an_eighth_of_what_is_in_use_are_worth_a_trim() {
        let mut holes = Holes::default();
        let mut compare =
            |resident, in_use| holes.compare(resident * KIB, in_use * KIB, u64::MAX, Moment(0));
        assert!(!compare(612, 100) && compare(613, 100));
        assert!(!compare(9_000, 8_000) && compare(9_001, 8_000));
    }

    #[test]
    fn trims_that_do_not_help_become_rare() {
        let mut holes = Holes::default();
        for (now, next) in [(0, 500), (500, 1_500), (1_500, 3_500)] {
            holes.trimmed(130, 129, 100, Moment(now));
            assert_eq!(holes.trims_at, Moment(next));
        }
        holes.trimmed(130, 120, 100, Moment(3_500));
        assert_eq!(holes.trims_at, Moment(3_750));
        for _ in 0..20 {
            holes.trimmed(130, 130, 100, Moment(0));
        }
        assert_eq!(holes.trims_at, Moment(64_000));
    }

    #[test]
    fn new_holes_are_worth_a_trim_even_if_the_last_one_did_not_help() {
        let mut holes = Holes::default();
        let resident = |holes: u64| (1_000 + holes) * KIB;
        holes.trimmed(resident(2_000), resident(2_000), 1_000 * KIB, Moment(0));
        let mut compare = |bytes| holes.compare(resident(bytes), 1_000 * KIB, u64::MAX, Moment(1));
        assert!(!compare(2_000) && !compare(2_512) && compare(2_513));
        assert!(!compare(900), "some are in use");
        assert!(!compare(1_412) && compare(1_413), "and free again");
    }
}
