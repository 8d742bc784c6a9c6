//! The code blocks of the README work: its PHP, JavaScript and configuration, with the real daemon.

use rpushd::config::{Config, DiskFiles, Overrides};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const README: &str = include_str!("../README.md");

/// No step of these tests takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

const SECRETS: [(&str, &str); 2] = [
    ("RPUSHD_SECRET", "readme-signs-subscribe-tokens"),
    ("RPUSHD_PUBLISH_SECRET", "readme-authorises-publications"),
];

/// The code block of that language that contains a text.
fn snippet(language: &str, text: &str) -> &'static str {
    let fence = format!("```{language}\n");
    let blocks = README.split(&fence).skip(1);
    let mut blocks = blocks.filter_map(|block| block.split("```").next());
    blocks.find(|block| block.contains(text)).unwrap_or_else(|| panic!("no {language}: {text}"))
}

/// Whether a program is installed. In CI all must be; elsewhere tests that need a missing one are
/// skipped.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    let is_there = found.is_ok_and(|status| status.success());
    assert!(is_there || std::env::var_os("CI").is_none(), "{program} is missing");
    if !is_there {
        // Not eprintln: its output is captured while tests pass.
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
        Daemon::start_with(&[])
    }

    fn start_with(variables: &[(&str, &str)]) -> Daemon {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("loopback has a free port");
        let child = Command::new(env!("CARGO_BIN_EXE_rpushd"))
            .env_clear()
            .envs(SECRETS)
            .env("RPUSHD_LISTEN", address.to_string())
            .envs(variables.iter().copied())
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

    /// The status of a stream request.
    fn stream_status(&self, channel: &str, token: &str) -> u16 {
        let mut socket = TcpStream::connect(self.address).expect("the daemon listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
        let body = format!("{{\"token\":\"{token}\"}}");
        let length = body.len();
        write!(
            socket,
            "POST /api/stream/{channel} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .expect("the daemon reads");
        let mut start = [0; "HTTP/1.1 200".len()];
        socket.read_exact(&mut start).expect("the daemon answers");
        String::from_utf8_lossy(&start[9..]).parse().expect("a status")
    }

    /// Runs PHP with the README's functions.
    fn php(&self, statement: &str) -> Output {
        php(&self.address.to_string(), &SECRETS, statement)
    }

    /// The output of a client command of the program, run with this daemon's address.
    fn client(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_rpushd"))
            .args(arguments)
            .env_clear()
            .envs(SECRETS)
            .env("RPUSHD_URL", format!("http://{}", self.address))
            .output()
            .expect("the program runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("it prints text")
    }

    /// Runs a page until it ends, and publishes the numbers 1, 2, 3 and so on meanwhile.
    fn page(&self, script: &str) -> Output {
        let token = self.client(&["token", "demo:1"]);
        let script = script.replace("TOKEN", token.trim());
        let mut page = Page::open(&self.address.to_string(), &script);
        let mut published = 0;
        while page.is_open() {
            published += 1;
            self.client(&["publish", "demo:1", &published.to_string()]);
        }
        page.close()
    }
}

/// Runs PHP with the README's functions and these variables.
fn php(address: &str, variables: &[(&str, &str)], statement: &str) -> Output {
    let publish = snippet("php", "function rpushd_publish");
    assert!(publish.contains("127.0.0.1:45831"));
    let publish = publish.replace("127.0.0.1:45831", address);
    let token = snippet("php", "function rpushd_token");
    let code = format!("error_reporting(E_ALL); {publish}{token}{statement}");
    let mut command = Command::new("php");
    command.args(["-n", "-r", &code]).env_remove("RPUSHD_SECRET");
    command.env_remove("RPUSHD_PUBLISH_SECRET").envs(variables.iter().copied());
    command.output().expect("php runs")
}

/// Node.js with the README's function, instead of a browser; ended when dropped.
struct Page {
    child: Child,
    opened: Instant,
}

impl Page {
    fn open(address: &str, script: &str) -> Page {
        let subscribe = snippet("js", "async function subscribe");
        assert!(subscribe.contains("`/push-daemon/"));
        let origin = format!("`http://{address}/push-daemon/");
        let script = format!("{}\n{script}", subscribe.replace("`/push-daemon/", &origin));
        let child = Command::new("node")
            .args(["-e", &script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node runs");
        Page { child, opened: Instant::now() }
    }

    fn is_open(&mut self) -> bool {
        assert!(self.opened.elapsed() < PATIENCE, "the page does not end");
        self.child.try_wait().expect("it is our child").is_none()
    }

    /// The output of the page; waits for its end.
    fn close(mut self) -> Output {
        let mut output = Output { status: Default::default(), stdout: vec![], stderr: vec![] };
        output.status = self.child.wait().expect("it is our child");
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        stdout.expect("piped").read_to_end(&mut output.stdout).expect("it has ended");
        stderr.expect("piped").read_to_end(&mut output.stderr).expect("it has ended");
        output
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
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

    let script = format!(
        "subscribe('demo:1', async () => '{token}', (message) => {{\n\
         console.log(JSON.stringify(message));\nprocess.exit(); }});"
    );
    let mut page = Page::open(&daemon.address.to_string(), &script);
    while page.is_open() {
        let published = daemon.php("rpushd_publish('demo:1', ['text' => 'Grüße', 'count' => 1]);");
        assert_eq!(String::from_utf8_lossy(&published.stderr), "");
        assert_eq!(String::from_utf8_lossy(&published.stdout), "");
    }
    let output = page.close();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{\"text\":\"Grüße\",\"count\":1}\n");
}

#[test]
fn php_signs_further_claims_and_with_a_key_of_the_file() {
    if !has("php") {
        return;
    }
    let jwk = r#"{"kty":"oct","kid":"2026-11","k":"-wBdZ3mQ0x4l7Yp_RrT2cVfKs8uEoNhJi6aGtUyXqMw"}"#;
    let file = std::env::temp_dir().join(format!("rpushd-readme-{}.json", std::process::id()));
    fs::write(&file, format!("{{\"keys\":[{jwk}]}}")).expect("it is ours");
    let keys_file = file.display().to_string();
    let daemon = Daemon::start_with(&[("RPUSHD_TOKENS_KEYS_FILE", &keys_file)]);
    fs::remove_file(&file).expect("it is ours");
    let more = "['channels' => ['news', 'user:7:*'], 'sub' => '7']";
    for (statement, expected) in [
        ("rpushd_token('demo:1')".to_owned(), [200, 401, 401]),
        (format!("rpushd_token('demo:1', 60, {more})"), [200, 200, 200]),
        (format!("rpushd_token('demo:1', 60, [], json_decode('{jwk}', true))"), [200, 401, 401]),
        (format!("rpushd_token('demo:1', 60, {more}, json_decode('{jwk}', true))"), [200; 3]),
    ] {
        let token = daemon.php(&format!("echo {statement};"));
        assert_eq!(String::from_utf8_lossy(&token.stderr), "");
        let token = String::from_utf8(token.stdout).expect("a token is text");
        let statuses =
            ["demo:1", "news", "user:7:mail"].map(|channel| daemon.stream_status(channel, &token));
        assert_eq!(statuses, expected, "{statement}: {token}");
    }
}

#[test]
fn an_exception_in_on_message_does_not_end_the_stream() {
    if !has("node") {
        return;
    }
    let output = Daemon::start().page(
        "let tokens = 0, messages = 0;
         subscribe('demo:1', async () => { tokens += 1; return 'TOKEN'; }, () => {
           messages += 1;
           if (messages === 1) throw new Error('thrown');
           if (messages === 2) return Promise.reject(new Error('rejected'));
           if (messages === 3) console.log(messages, 'messages,', tokens, 'stream');
           setImmediate(process.exit);
         });",
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), "3 messages, 1 stream\n");
    let reported = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        reported.contains("Error: thrown") && reported.contains("Error: rejected"),
        "{reported}"
    );
}

#[test]
fn a_page_ends_its_subscription_by_a_signal() {
    if !has("node") {
        return;
    }
    // Node.js exits by itself only if no connection and no timer is left.
    let output = Daemon::start().page(
        "const end = new AbortController();
         const messages = [];
         subscribe('demo:1', async () => 'TOKEN', (message) => {
           messages.push(message);
           end.abort();
         }, { signal: end.signal }).then(() => console.log(messages.length));",
    );
    let printed =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((printed.0.as_ref(), printed.1.as_ref()), ("1\n", ""));
}

#[test]
fn a_page_gives_up_a_stream_without_heartbeats() {
    if !has("node") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.set_nonblocking(true).expect("it is a socket");
    let address = listener.local_addr().expect("it is bound").to_string();
    let script = "subscribe('demo:1', async () => 'x', () => {}, { silenceMs: 100 });";
    let mut page = Page::open(&address, script);
    let mut accept = || {
        while page.is_open() {
            if let Ok((stream, _)) = listener.accept() {
                return stream;
            }
            sleep(Duration::from_millis(5));
        }
        panic!("the page has ended");
    };
    let mut silent = accept();
    let beginning = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\0\0\r\n";
    silent.write_all(beginning).expect("the page is there");
    accept();
}

#[test]
fn a_page_copies_every_byte_of_a_stream_once() {
    if !has("node") {
        return;
    }
    // Frames of all sizes, cut into pieces of every length up to 11 bytes.
    let script = "
        const texts = ['', '1', JSON.stringify('ä'.repeat(30_000)), '',
          JSON.stringify('x'.repeat(65_533))];
        const frames = texts.map((text) => Buffer.from(text))
          .map((bytes) => [Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])
          .map((parts) => Buffer.concat(parts));
        const stream = new Uint8Array(Buffer.concat(frames));
        let at = 0, copied = 0;
        const arrays = Object.getPrototypeOf(Uint8Array.prototype), set = arrays.set;
        arrays.set = function (source, ...rest) {
          copied += source.length;
          return set.call(this, source, ...rest);
        };
        const read = async () => {
          const value = stream.subarray(at, at + at % 11 + 1);
          at += value.length;
          return { value, done: value.length === 0 };
        };
        fetch = async () => ({ ok: true, body: { getReader: () => ({ read }) } });
        const messages = [];
        subscribe('demo:1', async () => 'x', (message) => {
          messages.push(JSON.stringify(message));
          if (messages.length < 3) return;
          const expected = texts.filter((text) => text).join();
          console.log(messages.join() === expected, copied - stream.length);
          process.exit();
        });";
    let mut page = Page::open("unused", script);
    while page.is_open() {
        sleep(Duration::from_millis(5));
    }
    let output = page.close();
    let printed =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((printed.0.as_ref(), printed.1.as_ref()), ("true 0\n", ""));
}

#[test]
fn php_without_its_secrets_fails_loudly() {
    if !has("php") {
        return;
    }
    for (name, statement) in [
        ("RPUSHD_SECRET", "rpushd_token('demo');"),
        ("RPUSHD_PUBLISH_SECRET", "rpushd_publish('demo', 1);"),
    ] {
        for variables in [&[][..], &[(name, "")], &[(name, " ")]] {
            let failed = php("127.0.0.1:1", variables, statement);
            let output = [failed.stdout, failed.stderr].concat();
            let output = String::from_utf8_lossy(&output).into_owned();
            let reason = format!("RuntimeException: {name} is not in the environment of PHP");
            assert!(!failed.status.success() && output.contains(&reason), "{output}");
        }
    }
}

#[test]
fn php_is_told_when_a_publication_is_refused() {
    if !has("php") {
        return;
    }
    let refused = Daemon::start().php("rpushd_publish('no such name', 1);");
    let output = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(output.contains("a message for no such name: HTTP/1.1 400"), "{output}");
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
