//! The heap of the process (glibc): large blocks are kept out of it, and memory that was freed goes back to the
//! system. Left alone, malloc(3) keeps whatever lies below a block that is still in use.

use crate::time::Millis;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Blocks of this size and more are mapped on their own and go back to the system when they are freed. This is
/// glibc's own default, but without being set it grows with the blocks that are freed, up to 32 MiB.
const MAPPED_BYTES_MIN: usize = 128 * 1024;
/// Free memory kept at the end of the heap for the next blocks.
const TOP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Less than this is not worth a search of the whole heap.
const FREED_BYTES_MIN: usize = 16 * 1024 * 1024;
/// The search begins so long after much was freed: connections that close together are then freed
/// as well.
const SETTLE_TIME: Millis = Millis(1_000);
/// Between two searches: one takes some ms, and about 0.1 s for each GiB that it gives back.
const TRIM_INTERVAL: Millis = Millis(10_000);

/// Bytes in use in blocks that are not mapped on their own.
static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, with a count of the bytes in use: the cheapest way to know that much was freed.
#[derive(Debug)]
pub struct CountedHeap;

impl CountedHeap {
    /// Not one atomic step, as one thread allocates nearly everything: a lost step does no harm.
    fn count(taken: usize, freed: usize) {
        let small = |size| if size < MAPPED_BYTES_MIN { size } else { 0 };
        let before = IN_USE.load(Ordering::Relaxed);
        let after = before.saturating_add(small(taken)).saturating_sub(small(freed));
        IN_USE.store(after, Ordering::Relaxed);
    }
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for CountedHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CountedHeap::count(layout.size(), 0);
        // SAFETY: the caller keeps what GlobalAlloc asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        CountedHeap::count(layout.size(), 0);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        CountedHeap::count(0, layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CountedHeap::count(size, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Sets malloc's thresholds; to be called before much is allocated.
pub fn set_heap_thresholds() {
    #[cfg(target_env = "gnu")]
    for (parameter, bytes) in
        [(libc::M_MMAP_THRESHOLD, MAPPED_BYTES_MIN), (libc::M_TRIM_THRESHOLD, TOP_BYTES_MAX)]
    {
        let bytes = libc::c_int::try_from(bytes).expect("a few MiB");
        // SAFETY: mallopt takes two numbers.
        unsafe { libc::mallopt(parameter, bytes) };
    }
}

/// Decides when freed memory is given back.
#[derive(Debug, Default)]
pub(super) struct Trimming {
    /// The most bytes in use since memory was last given back.
    most: usize,
    /// When it may be given back again.
    next_at: Millis,
    /// When it is to be given back.
    due: Option<Millis>,
}

impl Trimming {
    /// To be called in each turn: gives memory back if it is time.
    pub(super) fn turn(&mut self, now: Millis) {
        if self.is_due(IN_USE.load(Ordering::Relaxed), now) {
            #[cfg(target_env = "gnu")]
            // SAFETY: malloc_trim takes a number and touches free memory only.
            unsafe {
                libc::malloc_trim(0);
            }
        }
    }

    /// When the next turn is wanted.
    pub(super) fn due(&self) -> Option<Millis> {
        self.due
    }

    fn is_due(&mut self, in_use: usize, now: Millis) -> bool {
        self.most = self.most.max(in_use);
        let is_much = self.most - in_use >= FREED_BYTES_MIN.max(in_use / 8);
        match self.due {
            None if is_much => self.due = Some((now + SETTLE_TIME).max(self.next_at)),
            Some(at) if at <= now => {
                self.due = None;
                if is_much {
                    (self.most, self.next_at) = (in_use, now + TRIM_INTERVAL);
                    return true;
                }
            }
            None | Some(_) => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn what_was_freed_is_given_back_after_a_second_and_at_most_once_in_ten() {
        let mut trimming = Trimming::default();
        assert!(!trimming.is_due(100 * MIB, Millis(0)));
        assert!(!trimming.is_due(85 * MIB, Millis(10)), "15 MiB are not much");
        assert_eq!(trimming.due(), None);
        assert!(!trimming.is_due(50 * MIB, Millis(20)));
        assert_eq!(trimming.due(), Some(Millis(1_020)));
        assert!(!trimming.is_due(20 * MIB, Millis(1_019)));
        assert!(trimming.is_due(10 * MIB, Millis(1_020)));
        assert!(!trimming.is_due(10 * MIB, Millis(2_000)), "there is nothing more to give back");
        assert_eq!(trimming.due(), None);
        assert!(!trimming.is_due(100 * MIB, Millis(3_000)));
        assert!(!trimming.is_due(10 * MIB, Millis(3_010)));
        assert_eq!(trimming.due(), Some(Millis(11_020)));
        assert!(trimming.is_due(10 * MIB, Millis(11_020)));
    }

    #[test]
    fn what_is_used_again_is_not_searched_for() {
        let mut trimming = Trimming::default();
        assert!(!trimming.is_due(100 * MIB, Millis(0)));
        assert!(!trimming.is_due(50 * MIB, Millis(0)));
        assert!(!trimming.is_due(90 * MIB, Millis(1_000)));
        assert_eq!(trimming.due(), None);
        let mut large = Trimming::default();
        assert!(!large.is_due(1_000 * MIB, Millis(0)));
        assert!(!large.is_due(900 * MIB, Millis(0)), "less than an eighth");
        assert_eq!(large.due(), None);
    }
}
