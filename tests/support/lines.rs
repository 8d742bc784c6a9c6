//! The lines that a simulated daemon logs: one logger for the whole program, one list for each
//! test.

use log::{LevelFilter, Log, Metadata, Record};
use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    /// Tests run on threads of their own, and so do their daemons.
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
        // At the end of a thread its list is gone before its daemon.
        let _ = LINES.try_with(|lines| lines.borrow_mut().push(line));
    }

    fn flush(&self) {}
}

/// From now on lines are recorded; returns those of this test so far and begins anew.
pub fn log_lines() -> Vec<String> {
    static START: Once = Once::new();
    START.call_once(|| {
        log::set_logger(&Recorder).expect("no other logger is set");
        log::set_max_level(LevelFilter::Debug);
    });
    LINES.with(RefCell::take)
}
