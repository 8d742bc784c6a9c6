//! Programs of other people: found, started, ended; and what to do where one is missing.

use crate::support::{Folder, eventually, say};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Looks programs up on the path and where Debian keeps servers. None: one is missing, and the test
/// is skipped.
///
/// # Panics
/// One is missing, and `CI` is `true`.
pub fn find<const N: usize>(names: [&str; N]) -> Option<[PathBuf; N]> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = names.map(|name| {
        let file = folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file());
        if file.is_none() {
            missing(name);
        }
        file
    });
    found.iter().all(Option::is_some).then(|| found.map(Option::unwrap_or_default))
}

/// A file of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A port that nobody listened at a moment ago, for programs that cannot say which they got.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Says that the running test is skipped.
///
/// # Panics
/// `CI` is `true`.
pub fn missing(what: &str) {
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!is_ci, "{what} is missing, which the tests in CI need");
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    say(&format!("SKIPPED {test}: {what} is missing"));
}

/// A server; it is killed with all its workers when the value goes.
pub struct Server {
    child: Child,
    /// Goes after the process.
    _folder: Folder,
}

impl Server {
    /// Starts it, with its files in a folder of its own, and waits until it listens at the port.
    ///
    /// # Panics
    /// It ends, or does not listen in time; what it said is in the message.
    pub fn start(program: &Path, arguments: &[&str], folder: Folder, port: u16) -> Server {
        let log = folder.path("output.log");
        let output = || {
            Stdio::from(
                std::fs::File::options().create(true).append(true).open(&log).expect("a log"),
            )
        };
        let child = Command::new(program)
            .args(arguments)
            .current_dir(folder.path(""))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output())
            .stderr(output())
            .spawn()
            .expect("the program was found");
        let mut server = Server { child, _folder: folder };
        eventually(&format!("{} listens at {port}", program.display()), || {
            let ended = server.child.try_wait().expect("it is our child");
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(ended.is_none(), "{} ended: {ended:?}\n{}", program.display(), said());
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        server
    }
}

impl Drop for Server {
    /// Workers would outlive their master, so the whole process group is killed. The child leads
    /// it, and its id is not free for others before it is waited for.
    fn drop(&mut self) {
        let line = format!("kill -s KILL -- -{}", self.child.id());
        _ = Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status();
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Runs a script to its end and shows what it printed.
///
/// # Panics
/// It failed.
pub fn run_script(interpreter: &Path, script: &str, arguments: &[&str]) {
    let output = Command::new(interpreter)
        .arg(repository(script))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .expect("the interpreter was found");
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{}: {}\n{told}", script, output.status);
    println!("{told}");
}
