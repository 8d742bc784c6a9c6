//! Counts heap allocations per thread, because seeds are played in parallel.
// `GlobalAlloc` is an unsafe trait. Every call is passed on unchanged to the system's allocator.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

thread_local! {
    // It has no destructor and needs no allocation, so it can be used whenever a thread allocates.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Number of allocations of this thread so far; growing an allocation counts again.
pub fn count() -> u64 {
    COUNT.get()
}

fn add_one() {
    COUNT.set(COUNT.get() + 1);
}

// SAFETY: each method passes its arguments to the system's allocator and returns its result.
// Counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add_one();
        // SAFETY: the caller keeps the contract of this method, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add_one();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        add_one();
        // SAFETY: as above; `block` came from the same allocator.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; `block` came from the same allocator.
        unsafe { System.dealloc(block, layout) }
    }
}
