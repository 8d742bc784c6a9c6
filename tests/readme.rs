//! What the README tells people to paste works: its PHP, its JavaScript, its configuration, against the real
//! daemon.

use rpushd::config::{Config, DiskFiles, Overrides};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const README: &str = include_str!("../README.md");

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

const SECRETS: [(&str, &str); 2] = [
    ("RPUSHD_SECRET", "readme-signs-subscribe-tokens"),
    ("RPUSHD_PUBLISH_SECRET", "readme-authorises-publications"),
];

/// The code block of that language in which a text stands.
fn snippet(language: &str, text: &str) -> &'static str {
    let fence = format!("```{language}\n");
    let blocks = README.split(&fence).skip(1);
    let mut blocks = blocks.filter_map(|block| block.split("```").next());
    blocks.find(|block| block.contains(text)).unwrap_or_else(|| panic!("no {language}: {text}"))
}

/// Whether a program is there. In CI all of them must be; elsewhere a test without one is left out.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    let is_there = found.is_ok_and(|status| status.success());
    assert!(is_there || std::env::var_os("CI").is_none(), "{program} is missing");
    if !is_there {
        // Not eprintln, which nobody sees while tests pass.
        writeln!(std::io::stderr(), "SKIPPED: {program} is missing").ok();
    }
    is_there
}

/// The daemon, ended when dropped.
struct Daemon {
    address: SocketAddr,
    child: Child,
}

impl Daemon {
    fn start() -> Daemon {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("loopback has a free port");
        let child = Command::new(env!("CARGO_BIN_EXE_rpushd"))
            .env_clear()
            .envs(SECRETS)
            .env("RPUSHD_LISTEN", address.to_string())
            .spawn()
            .expect("the daemon starts");
        let mut daemon = Daemon { address, child };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(started.elapsed() < PATIENCE, "the daemon does not listen");
            assert_eq!(daemon.child.try_wait().expect("it is our child"), None);
            sleep(Duration::from_millis(5));
        }
        daemon
    }

    /// Runs PHP with the README's functions.
    fn php(&self, statement: &str) -> Output {
        let publish = snippet("php", "function rpushd_publish");
        assert!(publish.contains("127.0.0.1:45831"));
        let publish = publish.replace("127.0.0.1:45831", &self.address.to_string());
        let token = snippet("php", "function rpushd_token");
        let code = format!("error_reporting(E_ALL); {publish}{token}{statement}");
        let output = Command::new("php").args(["-n", "-r", &code]).envs(SECRETS).output();
        output.expect("php runs")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_page_receives_what_php_publishes_with_a_token_that_php_signed() {
    if !has("php") || !has("node") {
        return;
    }
    let daemon = Daemon::start();
    let token = daemon.php("echo rpushd_token('demo:1');");
    let token = String::from_utf8(token.stdout).expect("a token is text");
    assert_eq!(token.split('.').count(), 3, "{token}");

    let subscribe = snippet("js", "async function subscribe");
    assert!(subscribe.contains("/push-daemon/"));
    let script = format!(
        "{}\nsubscribe('demo:1', async () => '{token}', (message) => {{\n\
         console.log(JSON.stringify(message));\nprocess.exit(); }});",
        subscribe.replace("/push-daemon/", &format!("http://{}/", daemon.address))
    );
    let mut page = Command::new("node")
        .args(["-e", &script])
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let started = Instant::now();
    while page.try_wait().expect("it is our child").is_none() {
        if started.elapsed() > PATIENCE {
            page.kill().ok();
        }
        let published = daemon.php("rpushd_publish('demo:1', ['text' => 'Grüße', 'count' => 1]);");
        assert_eq!(String::from_utf8_lossy(&published.stderr), "");
        assert_eq!(String::from_utf8_lossy(&published.stdout), "");
    }
    let output = page.wait_with_output().expect("node has ended");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{\"text\":\"Grüße\",\"count\":1}\n");
}

#[test]
fn php_is_told_when_a_publication_is_refused() {
    if !has("php") {
        return;
    }
    let refused = Daemon::start().php("rpushd_publish('no such name', 1);");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("a message for no such name: HTTP/1.1 400"), "{said}");
}

#[test]
fn the_locations_of_the_readme_are_a_good_configuration() {
    let text = snippet("toml", "[[location]]");
    let read = Config::from_sources(
        Some(("README.md", text)),
        &BTreeMap::new(),
        &DiskFiles,
        &Overrides::default(),
    );
    let config = read.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.servers[0].locations.len(), 2);
}

#[test]
fn the_files_that_the_readme_points_to_exist() {
    let links = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for link in links.filter(|link| !link.starts_with("https://")) {
        let path = format!("{}/{link}", env!("CARGO_MANIFEST_DIR"));
        assert!(fs::exists(&path).is_ok_and(|exists| exists), "{link}");
    }
}
