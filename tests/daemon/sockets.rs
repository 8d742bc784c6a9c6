//! Unix listeners and sockets that are passed at start.

use crate::support::{
    Daemon, Folder, Next, PATIENCE, Publisher, SECRETS, Stream, configure, eventually, has,
    isolate, run, token,
};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

#[test]
fn a_unix_socket_has_its_mode_and_takes_a_publication_from_curl() {
    let folder = Folder::new();
    let socket = folder.path("rpushd.sock");
    let listen = format!("unix:{}", socket.display());
    let mut variables = SECRETS.to_vec();
    variables.push(("RPUSHD_UNIX_MODE", "0600"));
    let arguments = ["--listen", "127.0.0.1:0", "--listen", &listen];
    let mut daemon = Daemon::listening(&mut configure(&arguments, &variables));
    daemon.wait_for(&format!("listening on {listen}"));
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    if has("curl") {
        let mut stream = Stream::open(&daemon.address(), "demo");
        let header = format!("Authorization: Bearer {}\n", SECRETS[1].1);
        let header = folder.write("header", &header);
        let published = run(Command::new("curl")
            .args(["--silent", "--show-error", "--fail", "--unix-socket"])
            .arg(&socket)
            .args(["-H", &format!("@{header}"), "-H", "Content-Type: application/json"])
            .args(["-d", "{\"channel\": \"demo\", \"message\": [1, 2]}"])
            .arg("http://localhost/api/publish"));
        assert_eq!((published.code, published.stderr.as_str()), (Some(0), ""));
        assert_eq!(stream.next(), Next::Message("[1,2]".into()));
    }
    assert_eq!(daemon.stop(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn a_left_over_socket_is_replaced_and_a_live_one_is_not() {
    let folder = Folder::new();
    let socket = folder.path("rpushd.sock");
    let listen = format!("unix:{}", socket.display());
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let command = || configure(&["--listen", &listen, "--log-level", "info"], &SECRETS);
    let _daemon = Daemon::listening(&mut command());
    let second = run(&mut command());
    assert_eq!(second.code, Some(71));
    let reason = format!("rpushd: cannot listen at {listen}: address in use\n");
    assert!(second.stderr.ends_with(&reason), "{}", second.stderr);
    assert!(socket.exists());
}

/// Starts the daemon as systemd would: the socket is descriptor 3.
fn activate(socket: TcpListener) -> Command {
    let mut command = Command::new("sh");
    let line = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" --listen systemd 3<&0 </dev/null";
    isolate(&mut command);
    command.args(["-c", line, env!("CARGO_BIN_EXE_rpushd")]).envs(SECRETS);
    command.stdin(Stdio::from(OwnedFd::from(socket)));
    command
}

#[test]
fn a_socket_passed_at_start_is_listened_at_even_for_who_came_before() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let early = std::net::TcpStream::connect(&address).unwrap();
    let daemon = Daemon::spawn_with_input(&mut activate(socket));
    assert_eq!(daemon.address(), address);
    let mut stream = Stream::open(&address, "demo");
    Publisher::connect(&address).publish("demo", "1");
    assert_eq!(stream.next(), Next::Message("1".into()));
    let mut publisher = Publisher::over(early);
    eventually("all are counted", || publisher.statistic("connections_total") >= 3);
}

#[test]
fn systemd_socket_activate_starts_it_at_the_first_connection() {
    if !has("systemd-socket-activate") {
        return;
    }
    // The port is free again when the launcher takes it; nobody else is likely to want it meanwhile.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut command = Command::new("systemd-socket-activate");
    command.args(["--listen", &address]);
    for (name, value) in SECRETS {
        command.arg(format!("--setenv={name}={value}"));
    }
    command.args([env!("CARGO_BIN_EXE_rpushd"), "--listen", "systemd"]);
    let daemon = Daemon::spawn(&mut command);
    daemon.wait_for("Listening on ");
    let mut stream = Stream::open(&address, "demo");
    Publisher::connect(&address).publish("demo", "1");
    assert_eq!(stream.next(), Next::Message("1".into()));
    daemon.wait_for(&format!("listening on {address}"));
}

#[test]
fn without_a_passed_socket_the_reason_is_told() {
    let output = run(&mut configure(&["--listen", "systemd", "--log-level", "off"], &SECRETS));
    assert_eq!(output.code, Some(71));
    let reason = "rpushd: cannot listen at systemd: no socket was passed (LISTEN_FDS)\n";
    assert_eq!(output.stderr, reason);
}

#[test]
fn an_end_that_comes_together_with_the_request_is_noticed() {
    let mut variables = SECRETS.to_vec();
    variables.push(("RPUSHD_LISTEN", "127.0.0.1:0"));
    let daemon = Daemon::start(&variables);
    let token = token(SECRETS[0].1, "demo");
    let body = format!("{{\"token\":\"{token}\"}}");
    let mut socket = TcpStream::connect(daemon.address()).unwrap();
    let request = format!(
        "POST /api/stream/demo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    // A daemon that missed the end would go on with heartbeats until the test's patience ends.
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    let mut publisher = Publisher::connect(&daemon.address());
    eventually("the stream is gone", || publisher.statistic("active_stream_connections") == 0);
}
