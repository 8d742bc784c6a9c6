//! The harness: daemons that end with their test, streams that are read frame by frame, and waiting
//! without sleeping longer than needed.

mod daemon;
mod publisher;
mod stream;

pub use daemon::{Daemon, Output, SECRETS, configure, isolate, run};
pub use publisher::Publisher;
pub use stream::{Next, Stream, open_streams};

use rpushd::auth::{TokenKey, sign};
use rpushd::config::Secret;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Whatever is waited for should come much sooner; the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Tests with thousands of sockets take turns.
pub fn wait_for_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    rpushd::reactor::raise_descriptor_limit();
    turn
}

/// Looks again and again until it is so.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Says something that the test runner does not swallow.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "daemon tests: {line}");
}

/// Whether a program is installed. Where it is not, the test says that it is skipped; on CI it
/// fails.
pub fn has(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\"", program])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!is_ci, "{program} is not installed");
        let name = thread::current().name().unwrap_or("a test").to_owned();
        say(&format!("SKIPPED {name}: {program} is not installed"));
    }
    found
}

/// A token for the channel, valid for an hour and more.
pub fn token(secret: &str, channel: &str) -> String {
    let secret = Secret::new(secret).expect("the test's secrets are not empty");
    sign(&TokenKey::new(&secret), channel, 4_000_000_000)
}

/// A directory of its own for a test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rpushd-test-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file; returns its path as text.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Bytes of a process in RAM (`VmRSS`) or the most that it ever had (`VmHWM`), from proc(5).
pub fn memory(process: u32, row: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(row)).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}

/// Open descriptors of a process.
pub fn descriptors(process: u32) -> usize {
    fs::read_dir(Path::new("/proc").join(process.to_string()).join("fd")).unwrap().count()
}
