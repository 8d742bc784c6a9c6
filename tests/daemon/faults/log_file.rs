//! A log that cannot be written: a full disk, closed standard streams.

use super::report;
use crate::hostile::healthy::Healthy;
use crate::http::Connection;
use crate::programs::free_port;
use crate::support::{Daemon, Folder, Publisher, SECRETS, eventually, isolate, say};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_log_file_without_room_stops_no_delivery_and_later_says_how_many_lines_are_missing() {
    let folder = Folder::new();
    let log = folder.path("log");
    let address = format!("127.0.0.1:{}", free_port());
    let lines =
        format!("listen = \"{address}\"\n[log]\nfile = \"{}\"\nlevel = \"debug\"\n", log.display());
    let file = folder.write("rpushd.toml", &lines);
    // No file may be longer than some blocks. Without the signal, a write fails as on a full disk.
    let line = "trap '' XFSZ; ulimit -f 8; exec \"$0\" --config \"$1\"";
    let mut command = Command::new("sh");
    isolate(&mut command);
    command.args(["-c", line, env!("CARGO_BIN_EXE_rpushd"), &file]).envs(SECRETS);
    let daemon = Daemon::spawn(&mut command);
    let logged = || fs::read_to_string(&log).unwrap_or_default();
    eventually("the daemon listens", || logged().contains("listening on "));
    let healthy = Healthy::start(&address, &address);
    let mut publisher = Publisher::connect(&address);
    eventually("the file is full", || {
        Connection::open(&address).ask("GET /nothing", &[], "").rest();
        publisher.statistic("log_lines_dropped_total") > 10
    });
    // As logrotate does.
    fs::rename(&log, folder.path("log.1")).expect("the log is there");
    let began = Instant::now();
    daemon.signal("HUP");
    eventually("the new file has the number", || logged().contains(" log lines were dropped"));
    say(&format!("fault: no room for the log: resumed {:?} after its rotation", began.elapsed()));
    report("no room for the log", Duration::ZERO, healthy);
}

#[test]
fn a_daemon_with_closed_standard_streams_writes_no_log_line_to_a_client() {
    let address = format!("127.0.0.1:{}", free_port());
    let line = "exec \"$0\" --listen \"$1\" --log-level debug <&- >&- 2>&-";
    let mut command = Command::new("sh");
    isolate(&mut command);
    command.args(["-c", line, env!("CARGO_BIN_EXE_rpushd"), &address]).envs(SECRETS);
    let mut child = command.stdin(Stdio::null()).spawn().expect("sh is there");
    eventually("the daemon listens", || std::net::TcpStream::connect(&address).is_ok());
    let healthy = Healthy::start(&address, &address);
    for _ in 0..50 {
        let mut connection = Connection::open(&address);
        let answer = connection.ask("GET /nothing", &[], "");
        assert!(answer.head.starts_with("HTTP/1.1 404 "), "{}", answer.head);
        answer.rest();
    }
    report("closed standard streams", Duration::ZERO, healthy);
    child.kill().expect("it runs");
    child.wait().expect("it was killed");
}
