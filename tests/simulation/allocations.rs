//! Counts heap allocations per thread, because seeds are played in parallel, and the bytes in use
//! that a server has allocated.
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
    static IS_SERVER: Cell<bool> = const { Cell::new(false) };
    static SERVER_BYTES: Cell<u64> = const { Cell::new(0) };
}

/// Number of allocations of this thread so far; growing an allocation counts again.
pub fn count() -> u64 {
    COUNT.get()
}

/// Bytes in use that were allocated for the server of this thread.
pub fn server_bytes() -> u64 {
    SERVER_BYTES.get()
}

/// A new server is about to be made.
pub fn begin_server() {
    SERVER_BYTES.set(0);
    set_server(true);
}

/// Whether what follows is allocated and freed for the server.
pub fn set_server(is_server: bool) {
    IS_SERVER.set(is_server);
}

fn add_one(size: usize) {
    COUNT.set(COUNT.get() + 1);
    if IS_SERVER.get() {
        SERVER_BYTES.set(SERVER_BYTES.get() + size as u64);
    }
}

fn remove(size: usize) {
    if IS_SERVER.get() {
        SERVER_BYTES.set(SERVER_BYTES.get().saturating_sub(size as u64));
    }
}

// SAFETY: each method passes its arguments to the system's allocator and returns its result.
// Counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add_one(layout.size());
        // SAFETY: the caller keeps the contract of this method, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add_one(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        remove(layout.size());
        add_one(new_size);
        // SAFETY: as above; `block` came from the same allocator.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        remove(layout.size());
        // SAFETY: as above; `block` came from the same allocator.
        unsafe { System.dealloc(block, layout) }
    }
}
