//! SIGHUP and SIGTERM with a thousand streams open.

use crate::programs::free_port;
use crate::support::{
    Daemon, Folder, Next, Publisher, SECRETS, Stream, configure, eventually, open_streams, token,
    wait_for_turn,
};
use std::fs;
use std::net::TcpStream;
use std::process::{Command, Stdio};

const STREAMS: usize = 1000;
const NEW: [&str; 2] = ["fedcba9876543210-subscribe", "fedcba9876543210-publish"];

/// Whether a token signed with this secret is accepted.
fn accepts(address: &str, secret: &str) -> bool {
    match Stream::request(address, &token(secret, "crowd"), "crowd").status() {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

fn everybody_reads(streams: &mut [Stream], message: &str) {
    for stream in streams {
        assert_eq!(stream.next(), Next::Message(message.to_owned()));
    }
}

#[test]
fn a_reload_rotates_both_secrets_and_closes_no_stream() {
    let _turn = wait_for_turn();
    let folder = Folder::new();
    let config =
        |lines: &str| folder.write("rpushd.toml", &format!("listen = \"127.0.0.1:0\"\n{lines}"));
    let file = config(&format!("secret = '{}'\npublish_secret = '{}'", SECRETS[0].1, SECRETS[1].1));
    let daemon = Daemon::listening(&mut configure(&["--config", &file], &[]));
    let address = daemon.address();
    let mut streams = open_streams(&address, "crowd", STREAMS);
    let mut publisher = Publisher::connect(&address);

    config(&format!(
        "secret = '{}'\nsecret_previous = '{}'\npublish_secret = '{}'\n\
         publish_secret_previous = '{}'",
        NEW[0], SECRETS[0].1, NEW[1], SECRETS[1].1
    ));
    daemon.signal("HUP");
    daemon.wait_for("the new configuration is in force");
    assert!(accepts(&address, SECRETS[0].1) && accepts(&address, NEW[0]));
    publisher.publish("crowd", "1");
    let mut renewed = Publisher::connect(&address).with_secret(NEW[1]);
    renewed.publish("crowd", "2");

    config(&format!("secret = '{}'\npublish_secret = '{}'", NEW[0], NEW[1]));
    daemon.signal("HUP");
    daemon.wait_for_times("the new configuration is in force", 2);
    assert!(!accepts(&address, SECRETS[0].1) && accepts(&address, NEW[0]));
    assert_eq!(publisher.try_publish("crowd", "0"), 401);
    renewed.publish("crowd", "3");

    config("secret = ''");
    daemon.signal("HUP");
    let line = daemon.wait_for("reload failed, old configuration kept: ");
    assert!(line.ends_with(&format!("{file}:2: secret: must not be empty")), "{line}");
    assert!(accepts(&address, NEW[0]));
    renewed.publish("crowd", "4");

    for message in ["1", "2", "3", "4"] {
        everybody_reads(&mut streams, message);
    }
}

#[test]
fn a_reload_keeps_the_listeners_and_says_so() {
    let folder = Folder::new();
    let log = folder.path("log");
    let lines = format!("listen = \"127.0.0.1:0\"\n[log]\nfile = \"{}\"\n", log.display());
    let file = folder.write("rpushd.toml", &lines);
    let daemon = Daemon::spawn(&mut configure(&["--config", &file], &SECRETS));
    let logged = || fs::read_to_string(&log).unwrap_or_default();
    crate::support::eventually("the daemon listens", || logged().contains("listening on "));

    // As logrotate does.
    fs::rename(&log, folder.path("log.1")).unwrap();
    folder.write("rpushd.toml", &lines.replace("127.0.0.1:0", "127.0.0.1:9"));
    daemon.signal("HUP");
    crate::support::eventually("it was read again", || logged().contains("reloaded: "));
    let warnings: Vec<String> = logged()
        .lines()
        .filter(|line| line.contains(" WARN  "))
        .filter_map(|line| line.split_once("] "))
        .map(|(_, warning)| warning.to_owned())
        .collect();
    assert_eq!(
        warnings,
        [
            "listener 127.0.0.1:0 is no longer configured: it stays open without locations until \
             the next restart",
            "listener 127.0.0.1:9 is new: restart to open it"
        ]
    );
    assert_eq!(daemon.log(), Vec::<String>::new());
}

const INTERNAL_LOCATIONS: &str = r#"
    internal_listen = "127.0.0.1:9"
    [push_stream]
    channels_path = "$arg_id"
    [[location]]
    path = "/pub"
    publisher = "admin"
    internal = true
    [[location]]
    path = "/stats"
    channels_statistics = true
    internal = true
"#;

#[test]
fn a_reload_exposes_no_internal_location_on_a_public_listener() {
    let folder = Folder::new();
    let listen = format!("listen = \"127.0.0.1:{}\"\n", free_port());
    let file = folder.write("rpushd.toml", &listen);
    let daemon = Daemon::listening(&mut configure(&["--config", &file], &SECRETS));
    let address = daemon.address();
    let mut publisher = Publisher::connect(&address);
    publisher.publish("a", "1");
    folder.write("rpushd.toml", &(listen + INTERNAL_LOCATIONS));
    daemon.signal("HUP");
    daemon.wait_for("no internal listener is open");
    daemon.wait_for("the new configuration is in force");
    let mut visitor = crate::http::Connection::open(&address);
    for (request, body) in [("POST /pub?id=a", "x"), ("GET /stats", ""), ("DELETE /pub?id=a", "")] {
        let answer = visitor.ask(request, &[], body);
        assert!(answer.head.starts_with("HTTP/1.1 404 "), "{request}: {}", answer.head);
    }
    assert_eq!(publisher.try_publish("a", "1"), 404);
}

#[test]
fn a_stop_ends_every_stream_with_its_last_chunk() {
    let _turn = wait_for_turn();
    let folder = Folder::new();
    let pid_file = folder.path("pid");
    let arguments = ["--listen", "127.0.0.1:0", "--pid-file", &pid_file.display().to_string()];
    let mut daemon = Daemon::listening(&mut configure(&arguments, &SECRETS));
    let address = daemon.address();
    let mut streams = open_streams(&address, "crowd", STREAMS);
    assert_eq!(fs::read_to_string(&pid_file).unwrap(), format!("{}\n", daemon.id()));
    Publisher::connect(&address).publish("crowd", "\"last\"");
    daemon.signal("TERM");
    for mut stream in streams.drain(..) {
        assert_eq!(stream.next(), Next::Message("\"last\"".into()));
        assert_eq!(stream.next(), Next::End);
    }
    assert_eq!(daemon.wait().code(), Some(0));
    let line = daemon.wait_for("stopped after ");
    let took: u64 = line.rsplit(' ').nth(1).unwrap().parse().unwrap();
    assert!(took < 5000, "within stop_timeout: {line}");
    crate::support::say(&format!("SIGTERM with {STREAMS} streams: stopped after {took} ms"));
    assert!(!pid_file.exists());
}

#[test]
fn a_stop_does_not_wait_longer_than_its_limit_for_who_stays() {
    let mut daemon =
        Daemon::start(&[("RPUSHD_STOP_TIMEOUT", "200ms"), ("RPUSHD_LINGER_TIMEOUT", "60s")]);
    let _stays = open_streams(&daemon.address(), "crowd", 1);
    assert_eq!(daemon.stop(), Some(0));
    let line = daemon.wait_for("stopped after ");
    let took: u64 = line.rsplit(' ').nth(1).unwrap().parse().unwrap();
    assert!(took >= 200, "{line}");
}

#[test]
fn the_daemon_outlives_the_reader_of_its_log() {
    let mut daemon = Daemon::start(&[]);
    let mut publisher = Publisher::connect(&daemon.address());
    daemon.forget_log();
    for _ in 0..3 {
        daemon.signal("HUP");
        publisher.publish("demo", "1");
    }
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn the_daemon_outlives_a_full_disk_below_its_log() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let folder = Folder::new();
    let port = free_port();
    let file = folder.write("rpushd.toml", &format!("listen = '127.0.0.1:{port}'"));
    let mut daemon = configure(&["--config", &file, "--log-level", "debug"], &SECRETS)
        .stdin(Stdio::null())
        .stderr(full)
        .spawn()
        .unwrap();
    let address = format!("127.0.0.1:{port}");
    eventually("the daemon listens", || TcpStream::connect(&address).is_ok());
    assert!(accepts(&address, SECRETS[0].1));
    let stop = format!("kill -TERM {}", daemon.id());
    assert!(Command::new("sh").args(["-c", &stop]).status().unwrap().success());
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
}
