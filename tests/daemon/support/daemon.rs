//! A daemon with its log, and commands that run to their end.

use super::{PATIENCE, eventually, say};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// The secrets of daemons in tests, as variables.
pub const SECRETS: [(&str, &str); 2] = [
    ("RPUSHD_SECRET", "0123456789abcdef-subscribe"),
    ("RPUSHD_PUBLISH_SECRET", "0123456789abcdef-publish"),
];

/// The binary with these arguments and variables and none that the test inherits.
pub fn configure(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpushd"));
    command.args(arguments);
    isolate(&mut command);
    command.envs(variables.iter().copied());
    command
}

/// Takes from a command what would tell a daemon how to run.
pub fn isolate(command: &mut Command) {
    let others = ["JOURNAL_STREAM", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];
    let own = std::env::vars_os().map(|(name, _)| name);
    for name in own.filter(|name| name.to_string_lossy().starts_with("RPUSHD_")) {
        command.env_remove(name);
    }
    for name in others {
        command.env_remove(name);
    }
    // Root stays root, without a warning: the folders of tests are its own. Other users may count
    // the descriptors only of processes that may dump core.
    match rpushd::reactor::sandbox::is_root() {
        true => command.env("RPUSHD_USER", "root"),
        false => command.env("RPUSHD_CORE_DUMPS", "on"),
    };
}

/// What a command did.
#[derive(Debug, PartialEq, Eq)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end, with nothing on its standard input.
pub fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Output {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A process whose standard error is read line by line. It is killed when dropped.
pub struct Daemon {
    child: Child,
    log: Arc<Log>,
    reader: JoinHandle<()>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
    is_forgotten: AtomicBool,
}

impl Daemon {
    /// Starts a daemon at a port of the system's choice and waits until it listens.
    pub fn start(variables: &[(&str, &str)]) -> Daemon {
        let mut all = SECRETS.to_vec();
        all.extend_from_slice(variables);
        Daemon::listening(&mut configure(&["--listen", "127.0.0.1:0"], &all))
    }

    /// Starts a command that will say where it listens.
    pub fn listening(command: &mut Command) -> Daemon {
        let daemon = Daemon::spawn(command);
        daemon.wait_for("listening on ");
        daemon
    }

    /// Starts any command, with nothing on its standard input.
    pub fn spawn(command: &mut Command) -> Daemon {
        Daemon::spawn_with_input(command.stdin(Stdio::null()))
    }

    /// Starts any command with the standard input that it has already.
    pub fn spawn_with_input(command: &mut Command) -> Daemon {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Log::default());
        let sink = Arc::clone(&log);
        let reader = thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                sink.lines.lock().unwrap().push(line);
                sink.grown.notify_all();
                if sink.is_forgotten.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        Daemon { child, log, reader }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output; can be taken once.
    pub fn stdout(&mut self) -> BufReader<ChildStdout> {
        BufReader::new(self.child.stdout.take().unwrap())
    }

    /// The first line of the log that contains this, when it has come.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_for_times(text, 1)
    }

    /// The line that is the `count`th with this text in it.
    pub fn wait_for_times(&self, text: &str, count: usize) -> String {
        let begin = Instant::now();
        let mut lines = self.log.lines.lock().unwrap();
        loop {
            if let Some(line) = lines.iter().filter(|line| line.contains(text)).nth(count - 1) {
                return line.clone();
            }
            let left = PATIENCE.checked_sub(begin.elapsed());
            let left = left.unwrap_or_else(|| panic!("no \"{text}\" in {lines:#?}"));
            lines = self.log.grown.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Every line so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lines.lock().unwrap().clone()
    }

    /// Closes the reading end of its standard error, as a reader that crashes would. It takes a
    /// line or two, so reloads are asked for until then.
    pub fn forget_log(&self) {
        self.log.is_forgotten.store(true, Ordering::SeqCst);
        eventually("the log is closed", || {
            self.signal("HUP");
            self.reader.is_finished()
        });
    }

    /// The address of the first TCP listener.
    pub fn address(&self) -> String {
        let line = self.wait_for("listening on 127.0.0.1:");
        let (_, address) = line.split_once("listening on ").unwrap();
        address.split(' ').next().unwrap().to_owned()
    }

    /// The address of the first internal TCP listener.
    pub fn internal_address(&self) -> String {
        let line = self.wait_for(" (internal)");
        let (_, address) = line.split_once("listening on ").unwrap();
        address.split(' ').next().unwrap().to_owned()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Sends a signal by its name without SIG.
    pub fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.id());
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the process ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Stops it by SIGTERM; returns its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.wait().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.log();
            let last = &log[log.len().saturating_sub(10)..];
            let ended = self.child.try_wait();
            say(&format!("the daemon ({ended:?}) has a log that ends with {last:#?}"));
        }
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
