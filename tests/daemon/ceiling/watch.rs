//! Samples of the daemon's memory while the load lasts: what the kernel counts, and what the
//! daemon reports.

use crate::support::{Publisher, memory};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const RESIDENT_INTERVAL: Duration = Duration::from_millis(100);
/// Samples of the resident size for each of the statistics.
const STATISTICS_EVERY: usize = 10;
/// What the budget is used for.
pub const PARTS: [&str; 6] = [
    "memory_connections_bytes",
    "memory_requests_bytes",
    "memory_queues_bytes",
    "memory_encodings_bytes",
    "memory_history_bytes",
    "memory_channels_bytes",
];

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Largest resident size.
    pub resident_max: u64,
    pub samples: usize,
    pub reports: Vec<Report>,
}

/// One report of the daemon.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub resident: u64,
    pub used: u64,
    pub parts: [u64; PARTS.len()],
}

/// A thread that takes samples.
pub struct Watch {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Watch {
    pub fn start(process: u32, internal: &str) -> Watch {
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, mut publisher) = (Arc::clone(&is_over), Publisher::connect(internal));
        let thread = thread::spawn(move || {
            let mut seen = Seen::default();
            while !over.load(Ordering::SeqCst) {
                seen.resident_max = seen.resident_max.max(memory(process, "VmRSS:"));
                if seen.samples.is_multiple_of(STATISTICS_EVERY) {
                    seen.reports.push(Report::ask(&mut publisher));
                }
                seen.samples += 1;
                thread::sleep(RESIDENT_INTERVAL);
            }
            seen
        });
        Watch { is_over, thread }
    }

    pub fn stop(self) -> Seen {
        self.is_over.store(true, Ordering::SeqCst);
        self.thread.join().expect("the daemon answers")
    }
}

impl Report {
    pub fn ask(publisher: &mut Publisher) -> Report {
        let statistics = publisher.statistics();
        let number = |name: &str| statistics[name].as_u64().expect("a number");
        Report {
            resident: number("memory_rss_bytes"),
            used: number("memory_used_bytes"),
            parts: PARTS.map(number),
        }
    }

    pub fn parts_sum(&self) -> u64 {
        self.parts.iter().sum()
    }
}
