//! What the threads of the soak share: when to act and when to wait, counts, faults.

use crate::load::Outcome;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// An action takes no longer than this.
const ACTION_MAX: Duration = Duration::from_secs(90);

/// Threads pass it before each action. While it is closed, they wait.
#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    is_over: AtomicBool,
    counts: Counts,
    faults: Mutex<Vec<String>>,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    thread_count: usize,
    waiting_count: usize,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Counts {
    pub publications: AtomicU64,
    pub deliveries: AtomicU64,
    pub subscribers: AtomicU64,
    pub reloads: AtomicU64,
    pub stops: AtomicU64,
    pub resets: AtomicU64,
    pub half_requests: AtomicU64,
    pub slow_readers: AtomicU64,
    pub attacks: AtomicU64,
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, what) in [
            (&self.publications, "publications"),
            (&self.deliveries, "deliveries checked"),
            (&self.subscribers, "subscribers"),
            (&self.reloads, "reloads"),
            (&self.stops, "SIGSTOPs"),
            (&self.resets, "clients reset before their answer"),
            (&self.half_requests, "unfinished requests"),
            (&self.slow_readers, "slow readers"),
        ] {
            write!(out, "{} {what}, ", count.load(Ordering::Relaxed))?;
        }
        write!(out, "{} attacks", self.attacks.load(Ordering::Relaxed))
    }
}

impl Gate {
    /// Runs a thread's work; an error is a fault.
    pub fn run(&self, work: impl FnOnce() -> Outcome<()>) {
        self.lock().thread_count += 1;
        if let Err(error) = work() {
            self.fault(error.to_string());
        }
        self.lock().thread_count -= 1;
        self.changed.notify_all();
    }

    /// Waits while it is closed. Returns false when the soak is over.
    pub fn pass(&self) -> bool {
        let mut state = self.lock();
        state.waiting_count += 1;
        self.changed.notify_all();
        let goes_on = |state: &mut State| state.is_closed && !self.is_over();
        let mut state =
            self.changed.wait_while(state, goes_on).unwrap_or_else(PoisonError::into_inner);
        state.waiting_count -= 1;
        !self.is_over()
    }

    /// Closes it and waits until all threads wait for it.
    ///
    /// # Errors
    /// A thread still acts after a long time.
    pub fn close(&self) -> Outcome<()> {
        let mut state = self.lock();
        state.is_closed = true;
        let is_active = |state: &mut State| state.waiting_count < state.thread_count;
        let (_state, wait) = self
            .changed
            .wait_timeout_while(state, ACTION_MAX, is_active)
            .unwrap_or_else(PoisonError::into_inner);
        if wait.timed_out() { Err("an action did not end".into()) } else { Ok(()) }
    }

    /// Lets the threads act.
    pub fn open(&self) {
        self.lock().is_closed = false;
        self.changed.notify_all();
    }

    /// Ends the soak.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        // A thread that checks at this moment holds the lock, and waits only after releasing it.
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Whether the soak is over, or a fault ends it.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// The counts.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Records a violation.
    pub fn fault(&self, what: String) {
        println!("soak: {what}");
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// Whether there was a violation.
    pub fn has_fault(&self) -> bool {
        !self.faults.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// All violations.
    pub fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
