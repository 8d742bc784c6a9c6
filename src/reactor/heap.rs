//! Counts the heap in use, and tunes glibc's heap: large blocks are mapped outside it, and freed
//! memory is returned to the system. By default, malloc(3) keeps all free memory below a block in
//! use.

#[cfg(target_env = "gnu")]
mod malloc_cache;

use super::holes::{self, Holes, resident_bytes};
use crate::server::Server;
use crate::time::{Millis, Moment};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Blocks of at least this size are mapped separately and returned to the system when freed: input
/// and queues of a client, which would leave holes between stored messages. glibc's own default is
/// 128 KiB, and unless it is set, glibc raises it up to 32 MiB when such blocks are freed.
const MAPPED_BYTES_MIN: usize = 32 * 1024;
/// Free memory kept at the end of the heap for the next blocks.
const TOP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The heap is trimmed only after at least this much was freed, and an eighth of what is in use,
/// because trimming visits all of it. A twentieth of what an idle daemon takes.
const FREED_BYTES_MIN: usize = 256 * 1024;
/// What a connection takes in tables: its place, timer, socket and subscription.
const CONNECTION_BYTES: usize = 200;
/// Delay of a trim after much was freed, so that connections closing together are covered by one.
const SETTLE_TIME: Millis = Millis(1_000);
/// Shortest time between two trims: one takes some ms, plus about 0.1 s per GiB returned.
const TRIM_INTERVAL: Millis = Millis(10_000);

/// Bytes in use in blocks that are not mapped separately.
static SMALL: AtomicUsize = AtomicUsize::new(0);
/// Bytes in use in blocks that are mapped separately.
static MAPPED: AtomicUsize = AtomicUsize::new(0);

/// What malloc adds to a block: its size is stored before it, and rounded up to this.
const BLOCK_ALIGNMENT: usize = 16;
/// The smallest block of malloc.
const BLOCK_BYTES_MIN: usize = 32;
const PAGE_BYTES: usize = 4096;

/// The system's allocator with a count of the bytes in use, the allocator's own overhead included.
/// The memory budget needs it, and it is the cheapest way to notice that much was freed.
#[derive(Debug)]
pub struct CountedHeap;

impl CountedHeap {
    /// Load and store are not one atomic operation: one thread allocates nearly everything, and a
    /// lost update does no harm. A count below 0 wraps and is read as 0, see [`read`].
    fn taken(size: usize) {
        let (count, bytes) = counted(size);
        count.store(count.load(Ordering::Relaxed).wrapping_add(bytes), Ordering::Relaxed);
    }

    fn freed(size: usize) {
        let (count, bytes) = counted(size);
        count.store(count.load(Ordering::Relaxed).wrapping_sub(bytes), Ordering::Relaxed);
    }
}

/// Where a block of this size is counted, and how much memory it takes in glibc.
fn counted(size: usize) -> (&'static AtomicUsize, usize) {
    if size < MAPPED_BYTES_MIN {
        let bytes = round_up::<BLOCK_ALIGNMENT>(size + size_of::<usize>());
        (&SMALL, bytes.max(BLOCK_BYTES_MIN))
    } else {
        (&MAPPED, round_up::<PAGE_BYTES>(size + BLOCK_ALIGNMENT))
    }
}

/// Rounds up to a multiple of a power of two, with half the instructions of `next_multiple_of`.
fn round_up<const MULTIPLE: usize>(size: usize) -> usize {
    (size + MULTIPLE - 1) & !(MULTIPLE - 1)
}

/// Bytes of the heap in use, with the holes between them; 0 unless [`CountedHeap`] is the global
/// allocator.
pub fn heap_bytes() -> u64 {
    bytes_in_use() + holes::counted_bytes()
}

fn bytes_in_use() -> u64 {
    (read(&SMALL) + read(&MAPPED)) as u64
}

fn read(count: &AtomicUsize) -> usize {
    count.load(Ordering::Relaxed).cast_signed().max(0).cast_unsigned()
}

// Not inlined: there are some thousand calls, and the program would be a tenth larger.
// SAFETY: every call is passed to the system's allocator unchanged.
unsafe impl GlobalAlloc for CountedHeap {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CountedHeap::taken(layout.size());
        // SAFETY: the caller upholds the contract of GlobalAlloc.
        unsafe { System.alloc(layout) }
    }

    #[inline(never)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        CountedHeap::taken(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        CountedHeap::freed(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CountedHeap::freed(layout.size());
        CountedHeap::taken(size);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Sets malloc's thresholds. Call it before much is allocated.
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

/// Decides when freed memory is returned to the system.
#[derive(Debug, Default)]
pub(super) struct Trimming {
    holes: Holes,
    /// Most bytes in use since the last trim.
    most: usize,
    /// Earliest time of the next trim.
    next_at: Moment,
    /// Time of the planned trim.
    due: Option<Moment>,
}

impl Trimming {
    /// Whether to trim the heap now. Call it in each turn. Tables keep the places of closed
    /// connections until they are shrunk, so these count as freed when the connections close.
    ///
    /// What is freed while memory is short is used again at once, mostly. But holes that blocks of
    /// other sizes leave count towards the resident size, and may exceed the budget.
    pub(super) fn is_due_for(&mut self, server: &Server, now: Moment) -> bool {
        let places = server.connection_count() * CONNECTION_BYTES;
        let is_due = self.is_due(read(&SMALL) + places, now);
        if !self.holes.is_comparison_due(now) {
            return is_due;
        }
        let (resident, files) = resident_bytes();
        let ((budget, _), in_use) = (server.memory_budget(), bytes_in_use());
        if !self.holes.compare(resident - files, in_use, budget, now) {
            return is_due;
        }
        if resident > budget / 4 * 3 || self.next_at <= now {
            return true;
        }
        self.due.get_or_insert(self.next_at);
        is_due
    }

    /// Returns free memory to the system.
    pub(super) fn trim(&mut self, now: Moment) {
        let anonymous_bytes = || {
            let (resident, files) = resident_bytes();
            resident - files
        };
        let before = anonymous_bytes();
        #[cfg(target_env = "gnu")]
        {
            malloc_cache::empty();
            // SAFETY: malloc_trim takes a number and touches free memory only.
            unsafe { libc::malloc_trim(0) };
        }
        self.next_at = now + TRIM_INTERVAL;
        self.holes.trimmed(before, anonymous_bytes(), bytes_in_use(), now);
    }

    /// When the loop has to wake up for a trim.
    pub(super) fn due(&self) -> Option<Moment> {
        self.due
    }

    fn is_due(&mut self, in_use: usize, now: Moment) -> bool {
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
    fn a_block_counts_as_what_malloc_takes_for_it() {
        let bytes = |size| counted(size).1;
        assert_eq!([0, 24, 25, 40, 41].map(bytes), [32, 32, 48, 48, 64]);
        assert_eq!([32_767, 32_768].map(bytes), [32_784, 36_864]);
        assert_eq!([36_848, 36_849].map(bytes), [36_864, 40_960]);
    }

    #[test]
    fn what_was_freed_is_given_back_after_a_second_and_at_most_once_in_ten() {
        let mut trimming = Trimming::default();
        assert!(!trimming.is_due(100 * MIB, Moment(0)));
        assert!(!trimming.is_due(90 * MIB, Moment(10)), "less than an eighth of it is not much");
        assert_eq!(trimming.due(), None);
        assert!(!trimming.is_due(50 * MIB, Moment(20)));
        assert_eq!(trimming.due(), Some(Moment(1_020)));
        assert!(!trimming.is_due(20 * MIB, Moment(1_019)));
        assert!(trimming.is_due(10 * MIB, Moment(1_020)));
        assert!(!trimming.is_due(10 * MIB, Moment(2_000)), "there is nothing more to give back");
        assert_eq!(trimming.due(), None);
        assert!(!trimming.is_due(100 * MIB, Moment(3_000)));
        assert!(!trimming.is_due(10 * MIB, Moment(3_010)));
        assert_eq!(trimming.due(), Some(Moment(11_020)));
        assert!(trimming.is_due(10 * MIB, Moment(11_020)));
    }

    #[test]
    fn what_is_used_again_is_not_searched_for() {
        let mut trimming = Trimming::default();
        assert!(!trimming.is_due(100 * MIB, Moment(0)));
        assert!(!trimming.is_due(50 * MIB, Moment(0)));
        assert!(!trimming.is_due(90 * MIB, Moment(1_000)));
        assert_eq!(trimming.due(), None);
        let mut small = Trimming::default();
        assert!(!small.is_due(MIB, Moment(0)));
        assert!(!small.is_due(MIB - MIB / 4 + 1, Moment(0)), "less than 256 KiB");
        assert_eq!(small.due(), None);
        let mut large = Trimming::default();
        assert!(!large.is_due(1_000 * MIB, Moment(0)));
        assert!(!large.is_due(900 * MIB, Moment(0)), "less than an eighth");
        assert_eq!(large.due(), None);
    }
}
