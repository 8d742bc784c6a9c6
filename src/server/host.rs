//! Facts about the process and its machine that the core cannot find out by itself.

use crate::message::Epoch;

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
    /// Random bytes, drawn at the start: the epoch of cursors and the key of connection ids.
    pub random: [u8; 16],
}

impl Host {
    /// The epoch of cursors: the first of the random bytes.
    pub(super) fn epoch(&self) -> Epoch {
        Epoch(self.random_number(0))
    }

    /// The key of connection ids.
    pub(super) fn session_key(&self) -> u64 {
        self.random_number(1)
    }

    fn random_number(&self, index: usize) -> u64 {
        let bytes = self.random[8 * index..][..8].try_into().expect("8 bytes are taken");
        u64::from_be_bytes(bytes)
    }
}
