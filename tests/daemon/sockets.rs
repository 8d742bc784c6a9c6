//! Unix listeners and sockets that are passed at start.

use crate::support::{
    Daemon, Folder, Next, Publisher, SECRETS, Stream, configure, eventually, has, isolate, run,
};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
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
    let reason = format!("rpushd: cannot listen on {listen}: address in use\n");
    assert!(second.stderr.ends_with(&reason), "{}", second.stderr);
    assert!(socket.exists());
}

#[test]
fn a_socket_that_only_seems_dead_is_not_replaced() {
    let folder = Folder::new();
    let socket = folder.path("rpushd.sock");
    let listen = format!("unix:{}", socket.display());
    let refused = |command: &mut Command, reason: &str| {
        let output = run(command);
        assert_eq!(output.code, Some(71), "{}", output.stderr);
        let expected = format!("rpushd: cannot listen on {listen}: {reason}\n");
        assert!(output.stderr.ends_with(&expected), "{}", output.stderr);
        assert!(socket.exists());
    };
    // Somebody else's socket of another type, which is alive.
    let datagrams = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    let reason = "Protocol wrong type for socket (os error 91)";
    refused(&mut configure(&["--listen", &listen, "--log-level", "off"], &SECRETS), reason);
    drop(datagrams);
    fs::remove_file(&socket).unwrap();
    // One that this user may not connect to, in a folder where it may remove files.
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(folder.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    if !has("setpriv") {
        return;
    }
    // Root may connect to anything; other users are who they are.
    let binary = folder.path("rpushd");
    fs::copy(env!("CARGO_BIN_EXE_rpushd"), &binary).unwrap();
    let is_root = fs::metadata(&socket).is_ok_and(|file| file.uid() == 0);
    let mut command = match is_root {
        true => Command::new("setpriv"),
        false => Command::new("env"),
    };
    if is_root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    isolate(&mut command);
    command.arg(&binary).args(["--listen", &listen, "--log-level", "off"]).envs(SECRETS);
    refused(&mut command, "Permission denied (os error 13)");
}

/// Starts the daemon as systemd would: the socket is descriptor 3.
fn activate(socket: impl Into<OwnedFd>, listen: &str) -> Command {
    let mut command = Command::new("sh");
    let line = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" --listen \"$1\" 3<&0 </dev/null";
    isolate(&mut command);
    command.args(["-c", line, env!("CARGO_BIN_EXE_rpushd"), listen]).envs(SECRETS);
    command.stdin(Stdio::from(socket.into()));
    command
}

#[test]
fn a_socket_passed_at_start_is_listened_at_even_for_who_came_before() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let early = std::net::TcpStream::connect(&address).unwrap();
    let daemon = Daemon::spawn_with_input(&mut activate(socket, "systemd"));
    assert_eq!(daemon.address(), address);
    let mut stream = Stream::open(&address, "demo");
    Publisher::connect(&address).publish("demo", "1");
    assert_eq!(stream.next(), Next::Message("1".into()));
    let mut publisher = Publisher::over(early);
    eventually("all are counted", || publisher.statistic("connections_total") >= 3);
}

#[test]
fn a_socket_passed_at_start_is_that_of_the_listener_with_its_address() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let early = std::net::TcpStream::connect(&address).unwrap();
    let daemon = Daemon::spawn_with_input(&mut activate(socket, &address));
    assert_eq!(daemon.address(), address);
    assert_eq!(Publisher::over(early).try_publish("demo", "1"), 204);
}

#[test]
fn a_socket_passed_at_start_that_no_listener_takes_is_warned_about() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let daemon = Daemon::spawn_with_input(&mut activate(socket, "127.0.0.1:0"));
    daemon.wait_for(&format!(
        "socket {address} passed by systemd is not used, its clients get no response: listen at \
         \"systemd\", or disable rpushd.socket"
    ));
    assert_ne!(daemon.address(), address.to_string());
}

#[test]
fn systemd_socket_activate_starts_it_at_the_first_connection() {
    if !has("systemd-socket-activate") {
        return;
    }
    // The port is free again when the launcher takes it; nobody else is likely to want it
    // meanwhile.
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
    let reason = "rpushd: cannot listen on systemd: no socket was passed (LISTEN_FDS)\n";
    assert_eq!(output.stderr, reason);
}

#[test]
fn a_passed_socket_that_does_not_listen_is_refused_at_start() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut daemon = Daemon::spawn_with_input(&mut activate(socket, "systemd"));
    daemon.wait_for("systemd: descriptor 3: not a listening stream socket");
    assert_eq!(daemon.wait().code(), Some(71));
}

const LONG_POLL: &str = r#"
    [[location]]
    path = "/lp"
    subscriber = "long-polling"
    channels_path = "$arg_id"
"#;

#[test]
fn who_asked_and_hung_up_in_one_breath_does_not_stay_subscribed() {
    let folder = Folder::new();
    let file = folder.write("rpushd.toml", LONG_POLL);
    let arguments = ["--listen", "127.0.0.1:0", "--config", &file];
    let daemon = Daemon::listening(&mut configure(&arguments, &SECRETS));
    let mut publisher = Publisher::connect(&daemon.address());
    publisher.publish("demo", "1");
    daemon.signal("STOP");
    for _ in 0..20 {
        let mut client = std::net::TcpStream::connect(daemon.address()).unwrap();
        client.write_all(b"GET /lp?id=demo HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    }
    daemon.signal("CONT");
    let mut statistic = |name| publisher.statistic(name);
    eventually("all have subscribed", || statistic("stream_connections_total") == 20);
    eventually("all are gone", || statistic("active_connections") == 1);
}
