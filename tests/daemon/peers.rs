//! Clients and tokens of independent libraries, of PyPI and npm (tests/peers).

#[path = "peers/resuming.rs"]
mod resuming;

use crate::http::Connection;
use crate::programs::{self, repository};
use crate::support::{Daemon, Folder, SECRETS, run};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Python, if it has this module. Otherwise the running test is skipped.
fn python_with(module: &str) -> Option<PathBuf> {
    let [python] = programs::find(["python3"])?;
    let imports = |python: &Path| {
        let mut command = Command::new(python);
        command.args(["-c", &format!("import {module}")]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !imports(&python) {
        programs::missing("a Python package of tests/peers/requirements.txt");
        return None;
    }
    Some(python)
}

/// Node.js, if it finds this library of npm. Otherwise the running test is skipped.
fn node_with(library: &str) -> Option<PathBuf> {
    let [node] = programs::find(["node"])?;
    let mut command = Command::new(&node);
    command.args(["-e", &format!("require('{library}')")]).stderr(Stdio::null());
    if !command.status().is_ok_and(|status| status.success()) {
        programs::missing("a library of tests/peers/package.json (NODE_PATH)");
        return None;
    }
    Some(node)
}

#[test]
fn pythons_websockets_and_the_daemon_understand_each_other() {
    let Some(python) = python_with("websockets.asyncio.client") else {
        return;
    };
    let config = repository("tests/daemon/peers.toml").display().to_string();
    let daemon = Daemon::start(&[("RPUSHD_CONFIG", &config)]);
    let arguments: [&str; 2] = [&daemon.address(), SECRETS[1].1];
    programs::run_script(&python, "tests/peers/websocket_peer.py", &arguments);
}

#[test]
fn the_daemon_accepts_what_pythons_pyjwt_signs_with_and_without_the_id_of_a_key() {
    let Some(python) = python_with("jwt") else {
        return;
    };
    let folder = Folder::new();
    let keys = r#"{"keys": [
        {"kty": "oct", "kid": "2026-12", "alg": "HS256", "use": "sig",
         "k": "gNRn0eZ8CyGzHn8q2DnqvLr4uT3vWJg9pXhZk1m5a_8"},
        {"kty": "oct", "kid": "2026-11", "alg": "HS256",
         "k": "-wBdZ3mQ0x4l7Yp_RrT2cVfKs8uEoNhJi6aGtUyXqMw"}]}"#;
    let file = folder.write("keys.json", keys);
    let daemon = Daemon::start(&[("RPUSHD_TOKENS_KEYS_FILE", &file)]);
    let arguments: [&str; 3] = [&daemon.address(), SECRETS[0].1, &file];
    programs::run_script(&python, "tests/peers/token_peer.py", &arguments);
}

#[test]
fn the_daemon_accepts_what_npms_jose_signs() {
    let Some(node) = node_with("jose") else {
        return;
    };
    let daemon = Daemon::start(&[]);
    let mut command = Command::new(node);
    command.arg(repository("tests/peers/mint.js")).args([SECRETS[0].1, "news"]);
    let minted = run(&mut command);
    assert_eq!((minted.code, &*minted.stderr), (Some(0), ""));
    let statuses: Vec<u16> = minted.stdout.lines().map(|token| status(&daemon, token)).collect();
    assert_eq!(statuses, [200, 200, 401, 401]);
}

/// The status of a subscription with this token.
fn status(daemon: &Daemon, token: &str) -> u16 {
    let mut client = Connection::open(&daemon.address());
    client.ask(&format!("GET /api/events/news?token={token}"), &[], "").status()
}
