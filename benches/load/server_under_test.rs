//! The measured servers: rpushd as a child process with the configuration below, the bare loop as a
//! child process, or a peer that is already running.

use super::Outcome;
use super::client::Client;
use super::measure;
use super::sys;
use super::wire::{Dialect, PUBLISH_SECRET, SUBSCRIBE_SECRET, Transport};
use super::yardstick::Writes;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The daemon's configuration: a location per push-stream transport, one for publishing and one for
/// storing. Only the last stores messages, so other figures are about delivery alone.
pub const CONFIGURATION: &str = include_str!("rpushd.toml");

/// One side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The bare loop.
    Yardstick(Writes),
    /// The server under test.
    Server,
}

/// The server under test.
#[derive(Clone, Debug)]
pub enum Subject {
    /// The rpushd binary.
    Rpushd(PathBuf),
    /// The bare loop once more: any difference is noise.
    Yardstick,
    /// A server that is already running.
    Peer(Peer),
}

/// A server that is already running.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Name in tables and file names.
    pub name: String,
    /// Its address.
    pub address: SocketAddr,
    /// The form of requests to it.
    pub dialect: Dialect,
    /// The transport of its subscribers.
    pub transport: Transport,
    /// The processes whose CPU time and memory count.
    pub processes: Vec<u32>,
}

/// A running server. Dropping this ends a child process.
pub struct Target {
    address: SocketAddr,
    dialect: Dialect,
    processes: Vec<u32>,
    child: Option<Child>,
}

impl Target {
    /// Starts `subject` on `core`, with additional environment variables for rpushd.
    pub fn start(
        subject: &Subject,
        transport: Transport,
        core: Option<usize>,
        variables: &[(&str, &str)],
    ) -> Outcome<Target> {
        match subject {
            Subject::Rpushd(program) => start_rpushd(program, core, variables),
            Subject::Yardstick => Target::start_yardstick(transport, Writes::Each, core),
            Subject::Peer(peer) => Ok(Target {
                address: peer.address,
                dialect: peer.dialect.clone(),
                processes: peer.processes.clone(),
                child: None,
            }),
        }
    }

    /// Starts the bare loop on `core`.
    pub fn start_yardstick(
        transport: Transport,
        writes: Writes,
        core: Option<usize>,
    ) -> Outcome<Target> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--yardstick", transport.name(), writes.name()]).stdout(Stdio::piped());
        sys::tie_child(&mut command, core);
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or("the bare loop has no standard output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        Ok(Target::of_child((Ipv4Addr::LOCALHOST, line.trim().parse()?).into(), child))
    }

    /// The server's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server's process.
    pub fn process(&self) -> Outcome<u32> {
        self.processes.first().copied().ok_or_else(|| "the server's process is unknown".into())
    }

    /// A client of this server, without connections.
    pub fn client(&self) -> Outcome<Client> {
        Client::new(self.address, self.dialect.clone())
    }

    /// CPU time in microseconds that the server uses during `work`; `None` if unknown.
    pub fn cpu_us_during(&self, work: impl FnOnce() -> Outcome<()>) -> Outcome<Option<f64>> {
        let before = measure::cpu_time_ns(&self.processes)?;
        work()?;
        // The work that remains after the last answer (timers, the next wait) is included.
        std::thread::sleep(Duration::from_millis(2));
        let used = measure::cpu_time_ns(&self.processes)? - before;
        Ok((!self.processes.is_empty()).then_some(used as f64 / 1000.0))
    }

    /// Memory (PSS) in bytes; `None` if unknown.
    pub fn memory_bytes(&self) -> Outcome<Option<f64>> {
        if self.processes.is_empty() {
            return Ok(None);
        }
        let mut sum = 0.0;
        for &process in &self.processes {
            sum += measure::memory_bytes(process)?;
        }
        Ok(Some(sum))
    }

    /// Number of times that its processes went to sleep.
    pub fn sleep_count(&self) -> Outcome<u64> {
        let mut sum = 0;
        for &process in &self.processes {
            sum += measure::sleep_count(process)?;
        }
        Ok(sum)
    }

    fn of_child(address: SocketAddr, child: Child) -> Target {
        let processes = vec![child.id()];
        Target { address, dialect: Dialect::Rpushd, processes, child: Some(child) }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // If it has ended before, the client has already reported errors.
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn start_rpushd(
    program: &Path,
    core: Option<usize>,
    variables: &[(&str, &str)],
) -> Outcome<Target> {
    let configuration =
        std::env::temp_dir().join(format!("rpushd-load-{}.toml", std::process::id()));
    std::fs::write(&configuration, CONFIGURATION)?;
    let address = free_address()?;
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("RPUSHD_SECRET", SUBSCRIBE_SECRET)
        .env("RPUSHD_PUBLISH_SECRET", PUBLISH_SECRET)
        .env("RPUSHD_LISTEN", address.to_string())
        .env("RPUSHD_LOG_LEVEL", "warn")
        // Its memory is measured, which another process may not read otherwise.
        .env("RPUSHD_CORE_DUMPS", "on")
        .env("RPUSHD_CONFIG", &configuration)
        // The harness's WebSocket clients answer no pings.
        .env("RPUSHD_PONG_TIMEOUT", "1h")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    sys::tie_child(&mut command, core);
    let mut target = Target::of_child(address, command.spawn()?);
    let result = wait_until_it_listens(&mut target);
    std::fs::remove_file(&configuration)?;
    result.map_err(|problem| format!("{} {problem}", program.display()))?;
    Ok(target)
}

fn wait_until_it_listens(target: &mut Target) -> Result<(), String> {
    let started = Instant::now();
    // From another address than the server's: a connection to a free port of its own address could
    // be connected to itself.
    while sys::connect_from(Ipv4Addr::new(127, 0, 0, 2), target.address).is_err() {
        if let Some(Ok(Some(status))) = target.child.as_mut().map(Child::try_wait) {
            return Err(format!("ended at start: {status}"));
        }
        if started.elapsed() > Duration::from_secs(5) {
            return Err("does not listen".to_owned());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// An address without a listener at this moment.
fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
