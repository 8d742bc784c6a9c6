//! Clients with libraries of other people (tests/peers) come back after a cut and after restarts of
//! the daemon: each message arrives once, in order, or the client gets a reset.

use super::{node_with, python_with};
use crate::http::Connection;
use crate::programs::{free_port, repository};
use crate::support::{Daemon, PATIENCE, Publisher, SECRETS, configure, eventually, token};
use serde_json::Value;
use std::io::BufRead;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// A client that prints what it receives. It is killed when dropped.
struct Client {
    _process: Daemon,
    lines: Receiver<String>,
    name: String,
}

impl Client {
    fn start(interpreter: &Path, script: &str, library: &str, address: &str) -> Client {
        let mut command = Command::new(interpreter);
        let token = token(SECRETS[0].1, "news");
        command.arg(repository(script)).args([library, address, "news", &token]);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let mut process = Daemon::spawn(&mut command);
        let output = process.stdout();
        let (sender, lines) = channel();
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Client { _process: process, lines, name: format!("{script} {library}") }
    }

    /// Waits for the next object.
    fn next(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("{} prints nothing more", self.name));
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}: {line}", self.name))
    }

    /// The next object must have these members.
    fn expect(&self, expected: Value) -> Value {
        let next = self.next();
        let members = expected.as_object().expect("an object");
        let has_all = members.iter().all(|(name, value)| next.get(name) == Some(value));
        assert!(has_all, "{}: {next} instead of {expected}", self.name);
        next
    }

    fn expect_message(&self, data: u64) {
        self.expect(serde_json::json!({"channel": "news", "data": data}));
    }

    fn expect_reset(&self) {
        let (control, reason, channels) = ("reset", "restarted", ["news"]);
        self.expect(serde_json::json!({
            "control": control, "reason": reason, "channels": channels
        }));
    }
}

/// A daemon with a history, at this address.
fn daemon_at(address: &str) -> Daemon {
    let mut variables = SECRETS.to_vec();
    variables.push(("RPUSHD_HISTORY_MESSAGES", "100"));
    let daemon = Daemon::listening(&mut configure(&["--listen", address], &variables));
    eventually("it accepts", || TcpStream::connect(address).is_ok());
    daemon
}

fn publish(address: &str, data: u64) {
    Publisher::connect(address).publish("news", &data.to_string());
}

fn disconnect(address: &str, connection: &Value) {
    let mut client = Connection::open(address);
    let secret = format!("Authorization: Bearer {}", SECRETS[1].1);
    let body = serde_json::json!({"connection": connection}).to_string();
    let fields = [&*secret, "Content-Type: application/json"];
    let answer = client.ask("POST /api/disconnect", &fields, &body);
    assert_eq!(answer.rest(), r#"{"disconnected":1}"#);
}

/// What every client goes through.
fn comes_back(interpreter: &Path, script: &str, library: &str) {
    let address = format!("127.0.0.1:{}", free_port());
    let control = |name: &str| serde_json::json!({"control": name});
    let goodbye = |reason: &str| serde_json::json!({"control": "goodbye", "reason": reason});
    let mut daemon = daemon_at(&address);
    let client = Client::start(interpreter, script, library, &address);
    let hello = client.expect(control("hello"));
    publish(&address, 1);
    publish(&address, 2);
    client.expect_message(1);
    client.expect_message(2);

    // Cut off; the daemon stays, so nothing is missing.
    disconnect(&address, &hello["connection"]);
    client.expect(goodbye("revoked"));
    publish(&address, 3);
    client.expect(control("hello"));
    client.expect_message(3);

    daemon.stop();
    client.expect(goodbye("shutdown"));
    let mut daemon = daemon_at(&address);
    publish(&address, 4);
    client.expect(control("hello"));
    client.expect_reset();
    client.expect_message(4);

    daemon.signal("KILL");
    daemon.wait();
    let _daemon = daemon_at(&address);
    publish(&address, 5);
    client.expect(control("hello"));
    client.expect_reset();
    client.expect_message(5);
    publish(&address, 6);
    client.expect_message(6);
}

#[test]
fn pythons_httpx_sse_resumes_across_restarts() {
    let Some(python) = python_with("httpx_sse") else { return };
    comes_back(&python, "tests/peers/subscriber.py", "httpx_sse");
}

#[test]
fn pythons_websockets_resumes_across_restarts() {
    let Some(python) = python_with("websockets.sync.client") else { return };
    comes_back(&python, "tests/peers/subscriber.py", "websockets");
}

#[test]
fn npms_eventsource_resumes_across_restarts() {
    let Some(node) = node_with("eventsource") else { return };
    comes_back(&node, "tests/peers/subscriber.js", "eventsource");
}

#[test]
fn npms_eventsource_parser_resumes_across_restarts() {
    let Some(node) = node_with("eventsource-parser") else { return };
    comes_back(&node, "tests/peers/subscriber.js", "eventsource-parser");
}

#[test]
fn npms_ws_resumes_across_restarts() {
    let Some(node) = node_with("ws") else { return };
    comes_back(&node, "tests/peers/subscriber.js", "ws");
}
