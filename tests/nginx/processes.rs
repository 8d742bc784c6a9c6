//! The daemon from an nginx configuration, from the file written for it, and behind a real nginx
//! with the changed configuration: three ways to the same answers.

use crate::support::*;
use crate::transcript::{connect, status, transcript};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Ends when the test does.
struct Process(Child);

impl Process {
    fn start(program: &Path, arguments: &[&str], folder: &Path) -> Process {
        let log = std::fs::File::create(folder.join("stderr")).unwrap();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).stdin(Stdio::null()).stderr(log);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RPUSHD_") {
                command.env_remove(name);
            }
        }
        Process(command.spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder for one test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("rpushd-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The sample with files and port of its own. One process, so that it ends when it is killed.
fn sample(folder: &Path, port: u16) -> MemoryFiles {
    let mut files = MemoryFiles::fixture("sample");
    let main = files.0.get_mut(Path::new("/etc/nginx/nginx.conf")).unwrap();
    let text = String::from_utf8(main.clone())
        .unwrap()
        .replace("/tmp/rpushd-sample", &folder.display().to_string())
        .replace("127.0.0.1:9080", &format!("127.0.0.1:{port}"))
        .replace("worker_processes  2;", "master_process off;");
    *main = text.into_bytes();
    files
}

fn write(files: &MemoryFiles, folder: &Path) -> String {
    for (path, text) in &files.0 {
        std::fs::write(folder.join(path.file_name().unwrap()), text).unwrap();
    }
    folder.join("nginx.conf").display().to_string()
}

fn rpushd() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_rpushd"))
}

/// The answers of a daemon in nginx's place.
fn served_from_nginx_file(name: &str) -> Vec<String> {
    let folder = Folder::new(name);
    let port = free_port();
    let main = write(&sample(&folder.0, port), &folder.0);
    let _daemon = Process::start(rpushd(), &["serve", "--nginx-config", &main], &folder.0);
    transcript(port)
}

/// Imports the sample into a folder, with the daemon at `upstream`, and starts the daemon.
fn import_and_serve(folder: &Path, main: &str, upstream: u16) -> Process {
    let address = format!("127.0.0.1:{upstream}");
    let outcome = Command::new(rpushd())
        .args(["import-nginx", main, "--strict", "--output"])
        .arg(folder)
        .args(["--upstream", &address])
        .status()
        .unwrap();
    assert!(outcome.success());
    Process::start(rpushd(), &["serve", "--config", "rpushd.toml"], folder)
}

#[test]
fn the_written_file_and_the_nginx_file_give_the_same_answers() {
    let folder = Folder::new("written");
    let port = free_port();
    let main = write(&sample(&folder.0, free_port()), &folder.0);
    let _daemon = import_and_serve(&folder.0, &main, port);
    assert_eq!(transcript(port), served_from_nginx_file("direct"));
}

#[test]
fn nginx_in_front_of_the_daemon_changes_no_answer() {
    let paths = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
    let Some(nginx) = paths.into_iter().map(Path::new).find(|path| path.exists()) else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "nginx is not installed");
        let _ = writeln!(std::io::stderr(), "SKIPPED: nginx is not installed");
        return;
    };
    let folder = Folder::new("behind");
    let (port, upstream) = (free_port(), free_port());
    let files = sample(&folder.0, port);
    let main = write(&files, &folder.0);
    let _daemon = import_and_serve(&folder.0, &main, upstream);
    let diff = std::fs::read_to_string(folder.0.join("nginx.diff")).unwrap();
    let mut changed = files.patched(&diff);
    // What was kept is enforced as before.
    let text = changed.0.get_mut(Path::new("/etc/nginx/nginx.conf")).unwrap();
    let open = String::from_utf8(text.clone()).unwrap();
    *text = open
        .replace(
            "location ~ /sub_to_events",
            "location /closed { deny all; }\nlocation ~ /sub_to_events",
        )
        .replace("events {", "events { accept_mutex off;")
        .into_bytes();
    let main = write(&changed, &folder.0);
    drop(connect(upstream));
    let prefix = folder.0.display().to_string();
    let _nginx = Process::start(nginx, &["-p", &prefix, "-c", &main], &folder.0);
    assert_eq!(transcript(port), served_from_nginx_file("compared"));
    assert_eq!(status(port, "/closed"), "HTTP/1.1 403 Forbidden");
}

#[test]
fn a_wrong_file_ends_with_78_and_writes_nothing() {
    let folder = Folder::new("wrong");
    let main = folder.0.join("nginx.conf");
    std::fs::write(&main, "http { server {\nlocation /a { push_stream_nope; } } }").unwrap();
    let out = folder.0.join("out");
    let main = main.display().to_string();
    let expected = format!("rpushd: unknown directive \"push_stream_nope\" in {main}:2\n");
    for arguments in [
        vec!["check", "--nginx-config", &main],
        vec!["serve", "--nginx-config", &main],
        vec!["import-nginx", &main, "--output", out.to_str().unwrap()],
    ] {
        let outcome = Command::new(rpushd()).args(&arguments).output().unwrap();
        assert_eq!(outcome.status.code(), Some(78), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&outcome.stderr), expected);
        assert_eq!(outcome.stdout, b"");
    }
    assert!(!out.exists());
}

#[test]
fn a_file_without_http_block_gets_the_notice_of_the_module() {
    let folder = Folder::new("notice");
    let main = folder.0.join("nginx.conf");
    std::fs::write(&main, "events { }").unwrap();
    let outcome =
        Command::new(rpushd()).args(["check", "--nginx-config"]).arg(main).output().unwrap();
    assert_eq!(outcome.status.code(), Some(0));
    assert_eq!(
        String::from_utf8_lossy(&outcome.stderr),
        "rpushd: ngx_http_push_stream_module will not be used with this configuration.\n"
    );
}

#[test]
fn a_reload_reads_the_nginx_file_again_and_keeps_the_memory_size() {
    let folder = Folder::new("reload");
    let port = free_port();
    let files = sample(&folder.0, port);
    let main = write(&files, &folder.0);
    let mut daemon = Process::start(rpushd(), &["serve", "--nginx-config", &main], &folder.0);
    assert_eq!(status(port, "/poll/a"), "HTTP/1.1 304 Not Modified");
    let text = String::from_utf8(files.0[Path::new("/etc/nginx/nginx.conf")].clone()).unwrap();
    let changed = text
        .replace("size                100m;", "size                200m;")
        .replace("location ~ /poll/(.*)", "location ~ /asked/(.*)");
    std::fs::write(&main, changed).unwrap();
    signal(&daemon, "-HUP");
    let started = std::time::Instant::now();
    while status(port, "/asked/a") != "HTTP/1.1 304 Not Modified" {
        assert!(started.elapsed() < std::time::Duration::from_secs(20));
    }
    let pid = std::fs::read_to_string(folder.0.join("nginx.pid")).unwrap();
    assert_eq!(pid.trim(), daemon.0.id().to_string());
    signal(&daemon, "-QUIT");
    assert!(daemon.0.wait().unwrap().success());
    assert!(!folder.0.join("nginx.pid").exists());
    let log = std::fs::read_to_string(folder.0.join("error.log")).unwrap();
    let warning = "Cannot change memory area size without restart, ignoring change on zone: \
                   push_stream_module";
    assert!(log.contains(warning), "{log}");
}

fn signal(process: &Process, signal: &str) {
    let id = process.0.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
}
