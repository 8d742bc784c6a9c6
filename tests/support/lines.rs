//! Records the log lines of simulated daemons: one logger for the whole program, one list per test.

use log::{LevelFilter, Log, Metadata, Record};
use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    /// Each test runs, with its daemons, in its own thread.
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Recorder;

impl Log for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let level = record.level().as_str().to_ascii_lowercase();
        let line = format!("{level} {}: {}", record.target(), record.args());
        // When a thread ends, its list is dropped before its daemon.
        let _ = LINES.try_with(|lines| lines.borrow_mut().push(line));
    }

    fn flush(&self) {}
}

/// Returns the lines that this test has logged since the last call; the first call starts
/// recording.
pub fn log_lines() -> Vec<String> {
    static START: Once = Once::new();
    START.call_once(|| {
        log::set_logger(&Recorder).expect("no other logger is set");
        log::set_max_level(LevelFilter::Debug);
    });
    LINES.with(RefCell::take)
}
