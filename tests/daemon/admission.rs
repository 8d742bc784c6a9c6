//! What happens at the limits of connections, descriptors and epoll: who is accepted, and what is
//! logged.

use crate::http::Connection;
use crate::programs::free_port;
use crate::support::{
    Daemon, Folder, Next, Publisher, SECRETS, Stream, eventually, has, isolate, open_streams,
};
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;

/// Descriptors of the daemon where a test lets it have few.
const DESCRIPTORS: usize = 64;

/// The daemon behind another program's arguments.
fn behind(program: &str, arguments: &[&str], own: &[&str]) -> Command {
    let mut command = Command::new(program);
    isolate(&mut command);
    command.args(arguments).arg(env!("CARGO_BIN_EXE_rpushd")).args(own).envs(SECRETS);
    command
}

fn with_few_descriptors(own: &[&str]) -> Command {
    let line = format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\"");
    behind("sh", &["-c", &line], own)
}

/// Clients that connect and say nothing; those beyond the limit wait in the backlog.
fn crowd(address: &str, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(address).unwrap()).collect()
}

fn count(lines: &[String], text: &str) -> usize {
    lines.iter().filter(|line| line.contains(text)).count()
}

#[test]
fn the_internal_listener_serves_while_public_clients_wait_for_connections() {
    let internal = format!("127.0.0.1:{}", free_port());
    let daemon = Daemon::start(&[
        ("RPUSHD_INTERNAL_LISTEN", &internal),
        ("RPUSHD_CONNECTIONS_MAX", "40"),
        ("RPUSHD_CONNECTIONS_RESERVED", "4"),
    ]);
    let address = daemon.address();
    let mut streams = open_streams(&address, "demo", 36);
    let _waiting = crowd(&address, 100);
    daemon.wait_for("accept paused: of 40 connections only those reserved for internal listeners");
    let mut publishers: Vec<Publisher> = (0..4).map(|_| Publisher::connect(&internal)).collect();
    for publisher in &mut publishers {
        publisher.publish("demo", "1");
        assert_eq!(streams[0].next(), Next::Message("1".into()));
    }
    assert_eq!(publishers[0].statistic("active_connections"), 40);
}

#[test]
fn the_internal_listener_serves_while_public_clients_wait_for_descriptors() {
    let internal = format!("127.0.0.1:{}", free_port());
    let own = ["--listen", "127.0.0.1:0"];
    let mut command = with_few_descriptors(&own);
    command.envs([("RPUSHD_INTERNAL_LISTEN", internal.as_str())]);
    let daemon = Daemon::listening(command.env("RPUSHD_CONNECTIONS_RESERVED", "4"));
    let address = daemon.address();
    let mut stream = Stream::open(&address, "demo");
    let _waiting = crowd(&address, 2 * DESCRIPTORS);
    daemon.wait_for("accept paused: ");
    let mut publishers: Vec<Publisher> = (0..4).map(|_| Publisher::connect(&internal)).collect();
    for publisher in &mut publishers {
        publisher.publish("demo", "1");
        assert_eq!(stream.next(), Next::Message("1".into()));
        let memory = publisher.statistic("memory_rss_bytes");
        assert!(memory > 0, "a descriptor is left to read it");
    }
}

#[test]
fn at_the_limit_of_descriptors_a_reload_reads_the_configuration_and_opens_the_log_anew() {
    let folder = Folder::new();
    let log = folder.path("log");
    let lines = format!(
        "listen = \"127.0.0.1:{}\"\n[limits]\nhead_timeout = \"1h\"\n[log]\nfile = \"{}\"\n",
        free_port(),
        log.display()
    );
    let file = folder.write("rpushd.toml", &lines);
    let mut daemon = Daemon::spawn(&mut with_few_descriptors(&["--config", &file]));
    let logged = || fs::read_to_string(&log).unwrap_or_default();
    eventually("the daemon listens", || logged().contains("listening on "));
    let address = lines.split('"').nth(1).unwrap();
    let clients = crowd(address, 3 * DESCRIPTORS);
    eventually("its descriptors are used up", || logged().contains("accept paused: "));
    fs::rename(&log, folder.path("log.1")).unwrap();
    folder.write("rpushd.toml", &lines.replace("\"1h\"", "\"2h\""));
    daemon.signal("HUP");
    eventually("it was read again", || logged().contains("the new configuration is in force"));
    assert!(!logged().contains("ERROR"), "{}", logged());

    // All clients go, some of them from the backlog. The log has one shortage, not each
    // pause.
    drop(clients);
    eventually("there is room again", || logged().contains("accept resumed: "));
    let all = fs::read_to_string(folder.path("log.1")).unwrap() + &logged();
    let all: Vec<String> = all.lines().map(str::to_owned).collect();
    assert_eq!(count(&all, "accept paused: "), 1, "{all:#?}");
    assert_eq!(count(&all, "accept resumed: "), 1, "{all:#?}");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn idle_keep_alive_connections_give_way_to_new_clients() {
    let daemon = Daemon::start(&[
        ("RPUSHD_CONNECTIONS_MAX", "8"),
        ("RPUSHD_KEEPALIVE_TIMEOUT", "1h"),
        ("RPUSHD_LOG_LEVEL", "debug"),
    ]);
    let address = daemon.address();
    let _streams = open_streams(&address, "demo", 4);
    let mut idle: Vec<Publisher> = (0..4).map(|_| Publisher::connect(&address)).collect();
    idle.iter_mut().for_each(|one| one.publish("demo", "1"));
    let mut visitors: Vec<Connection> = (0..3).map(|_| Connection::open(&address)).collect();
    for visitor in &mut visitors {
        let answer = visitor.ask("GET /healthz", &[], "");
        assert!(answer.head.starts_with("HTTP/1.1 200 "), "{}", answer.head);
    }
    assert_eq!(count(&daemon.log(), "closed, idle, for a new one"), 3);
    // The one that was idle for the shortest time was left.
    idle[3].publish("demo", "1");
}

#[test]
fn a_kernel_that_watches_no_more_sockets_pauses_accepting_and_fills_no_log() {
    if !has("strace") {
        return;
    }
    // The first two are the signals and the listener. strace is not the daemon's parent (-D).
    let inject = "inject=epoll_ctl:error=ENOSPC:when=3..7";
    let arguments = ["-D", "-o", "/dev/null", "-e", "trace=epoll_ctl", "-e", inject];
    let own = ["--listen", "127.0.0.1:0"];
    let daemon = Daemon::listening(&mut behind("strace", &arguments, &own));
    let address = daemon.address();
    eventually("a client is watched again", || {
        let mut client = TcpStream::connect(&address).unwrap();
        client.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").is_ok()
            && std::io::Read::read(&mut client, &mut [0; 512]).is_ok_and(|count| count > 0)
    });
    daemon.wait_for("accept resumed: ");
    let log = daemon.log();
    let warnings: Vec<&String> = log.iter().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings[0].contains("accept paused: epoll refuses more sockets"), "{warnings:#?}");
}

#[test]
fn a_client_that_acknowledges_nothing_any_more_is_given_up_after_peer_timeout() {
    let daemon = Daemon::start(&[
        ("RPUSHD_PEER_TIMEOUT", "1s"),
        ("RPUSHD_OUTBOX_STALL_TIMEOUT", "1h"),
        ("RPUSHD_OUTBOX_BYTES_MAX", "64m"),
    ]);
    let address = daemon.address();
    // It does not read, so that its kernel closes the window.
    let _stuck = open_streams(&address, "demo", 1);
    let mut publisher = Publisher::connect(&address);
    let message = format!("\"{}\"", "x".repeat(60_000));
    let mut published = 0;
    eventually("it is given up", || {
        // More than both kernels hold, less than outbox_bytes_max.
        if published < 150 {
            publisher.publish("demo", &message);
            published += 1;
        }
        publisher.statistic("active_stream_connections") == 0
    });
    assert_eq!(publisher.statistic("slow_subscribers_closed_total"), 0);
    assert_eq!(publisher.statistic("stalled_connections_closed_total"), 0);
}
