//! Facts about the process and its machine that the core cannot find out by itself.

/// Facts about the process and its machine, which the core cannot find out by itself.
#[derive(Clone, Debug)]
pub struct Host {
    /// The machine's name.
    pub name: String,
    /// The process id.
    pub process_id: u32,
    /// Returns the resident set size of the process in bytes; called for statistics.
    pub resident_bytes: fn() -> u64,
    /// Returns the bytes of the heap in use, with the allocator's own; called often.
    pub heap_bytes: fn() -> u64,
    /// Resident bytes besides the heap.
    pub fixed_bytes: u64,
    /// Memory that the process may use at most, in bytes, by its control group or machine.
    pub memory_bytes: u64,
}
