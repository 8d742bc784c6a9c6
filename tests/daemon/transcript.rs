//! `transcript.txt`: the sample configuration of the push stream module, used with curl.
//! `api_transcript.txt`: the same for the API. What is printed there is compared line by line with
//! what a running daemon answers.

use crate::http::Connection;
use crate::programs::{self, repository};
use crate::support::{Daemon, Publisher, SECRETS, configure, eventually, run};
use regex_lite::Regex;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What differs from run to run, and what stands for it.
const VARYING: [(&str, &str); 10] = [
    (r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} 2\d{3} \d\d:\d\d:\d\d GMT", "DATE"),
    (r#""time": "\d{4}-[^"]*""#, r#""time": "TIME""#),
    (r"(time: |<time>)\d{4}-[-T:0-9]*", "${1}TIME"),
    (r#""hostname": "[^"]*""#, r#""hostname": "HOST""#),
    (r"(hostname: |<hostname>)[^\r<,]*", "${1}HOST"),
    (r#"("pid": "|pid: |<pid>)\d+"#, "${1}PID"),
    (r#"("uptime": |uptime: |<uptime>)\d+"#, "${1}SECONDS"),
    (r#"(Etag: W/|"tag":"|')[1-9]\d*(\r|"|'\))"#, "${1}TAG${2}"),
    (r"(X-Nginx-PushStream-Tag: )[^\r]*", "${1}VERSION"),
    (r"(X-Nginx-PushStream-Commit: )[0-9a-f]{40}", "${1}COMMIT"),
];

/// The same for the API: cursors, ids of connections, delays.
const VARYING_IN_API: [(&str, &str); 5] = [
    (r"[0-9a-f]{16}\.(\d+)", "EPOCH.${1}"),
    (r#""connection":"[0-9a-f]{16}""#, r#""connection":"CONNECTION""#),
    (r#"(retry: |"retry":)\d+"#, "${1}MILLISECONDS"),
    (r#"("expires":)[1-3]\d+"#, "${1}UNIX"),
    (r"(?i)(retry-after: )\d+", "${1}SECONDS"),
];

/// Fields with which curl opens a WebSocket.
const WEBSOCKET: &str = "-H Upgrade:websocket -H Connection:Upgrade -H Sec-WebSocket-Version:13 \
     -H Sec-WebSocket-Key:dGhlIHNhbXBsZSBub25jZQ==";

/// A shell session as it is in the file: `$ command`, then what it printed. A command that ends in
/// `&` goes on while the next ones run, and what it printed comes where `$ wait` stands.
struct Session {
    daemon: Daemon,
    shell: PathBuf,
    /// Variables of the shell, besides the daemon's URL.
    variables: Vec<(&'static str, String)>,
    /// Whether the daemon has this number of subscribers.
    has_subscribers: fn(&Daemon, usize) -> bool,
    varying: Vec<(&'static str, &'static str)>,
}

#[test]
fn the_sample_configuration_answers_curl_as_the_transcript_says() {
    let Some([shell, _curl]) = programs::find(["sh", "curl"]) else {
        return;
    };
    let config = repository("packaging/push-stream.toml").display().to_string();
    let daemon = Daemon::start(&[("RPUSHD_CONFIG", &config)]);
    let epoch = ("EPOCH", "Thu, 01 Jan 1970 00:00:00 GMT".to_owned());
    let has_subscribers = |daemon: &Daemon, count: usize| {
        let mut client = Connection::open(&daemon.address());
        let wanted = format!(r#""channels_in_trash": 0, "subscribers": {count}, "#);
        client.ask("GET /channels-stats", &[], "").rest().contains(&wanted)
    };
    let variables = vec![epoch];
    let varying = VARYING.to_vec();
    Session { daemon, shell, variables, has_subscribers, varying }.compare("transcript.txt");
}

#[test]
fn the_api_answers_curl_as_the_transcript_says() {
    let Some([shell, _curl]) = programs::find(["sh", "curl"]) else {
        return;
    };
    let config = repository("tests/daemon/api_transcript.toml").display().to_string();
    let daemon = Daemon::start(&[("RPUSHD_CONFIG", &config)]);
    let token = |options: &[&str]| {
        let arguments = [&["token"], options].concat();
        run(&mut configure(&arguments, &SECRETS)).stdout.trim_end().to_owned()
    };
    let identity = ["--sub", "7", "--jti", "t-1", "--expires", "4000000000"];
    let variables = vec![
        ("PUBLISHER", format!("Authorization: Bearer {}", SECRETS[1].1)),
        ("JSON", "Content-Type: application/json".to_owned()),
        ("TOKEN", token(&[&["--channels", "news,chat,a,b,c,d"][..], &identity].concat())),
        ("OTHER", token(&["chat"])),
        ("EXPIRED", token(&["news", "--expires", "1000000000"])),
        ("RPUSHD", env!("CARGO_BIN_EXE_rpushd").to_owned()),
        (SECRETS[0].0, SECRETS[0].1.to_owned()),
        ("WEBSOCKET", WEBSOCKET.to_owned()),
    ];
    let has_subscribers = |daemon: &Daemon, count: usize| {
        let mut publisher = Publisher::connect(&daemon.address());
        publisher.statistic("active_stream_connections") == count as u64
    };
    let varying = [&VARYING[..], &VARYING_IN_API].concat();
    Session { daemon, shell, variables, has_subscribers, varying }.compare("api_transcript.txt");
}

impl Session {
    /// Runs the commands of a file, and compares what they print with what is there.
    fn compare(&self, name: &str) {
        let file = repository(&format!("tests/daemon/{name}"));
        let expected = std::fs::read_to_string(file).expect("it is in the repository");
        let seen = self.replay(&expected);
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&copy, &seen).expect("cargo made the folder");
        assert!(seen == expected, "see {}, where this was seen:\n{seen}", copy.display());
    }

    /// Runs the commands of a transcript and puts what they print below each.
    fn replay(&self, transcript: &str) -> String {
        let mut seen = String::new();
        let mut background = None;
        for line in transcript.lines() {
            let Some(command) = line.strip_prefix("$ ") else {
                if line.starts_with('#') {
                    seen += &format!("\n{line}\n");
                }
                continue;
            };
            seen += &format!("{line}\n");
            if let Some(command) = command.strip_suffix(" &") {
                background = Some(self.start(command));
                self.await_subscriber(1);
            } else if command == "wait" {
                let child: std::process::Child = background.take().expect("something waits");
                seen += &self.shown(&child.wait_with_output().expect("it is our child").stdout);
                self.await_subscriber(0);
            } else {
                let child = self.start(command);
                seen += &self.shown(&child.wait_with_output().expect("it is our child").stdout);
            }
        }
        seen.trim_start().to_owned()
    }

    fn start(&self, command: &str) -> std::process::Child {
        if command.ends_with("tee events.txt") {
            _ = std::fs::remove_file(events());
        }
        let connection = if command.contains("$CONNECTION") { connection() } else { String::new() };
        Command::new(&self.shell)
            .args(["-c", command])
            .env("H", self.daemon.url())
            .envs(self.variables.iter().cloned())
            .env("CONNECTION", connection)
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the shell was found")
    }

    /// Asks until the daemon has so many subscribers.
    fn await_subscriber(&self, count: usize) {
        while !(self.has_subscribers)(&self.daemon, count) {}
    }

    /// Output with what varies replaced, one line end at its end.
    fn shown(&self, output: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(output).into_owned();
        for (pattern, replacement) in &self.varying {
            text = Regex::new(pattern)
                .expect("it is written above")
                .replace_all(&text, *replacement)
                .into_owned();
        }
        let text = text.replace('\r', "");
        let text = text.trim_end_matches('\n');
        match text {
            "" => String::new(),
            _ => format!("{text}\n"),
        }
    }
}

/// Where a command has put what it receives.
fn events() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("events.txt")
}

/// The id of the connection in `events.txt`, as soon as it is there.
fn connection() -> String {
    let id = Regex::new(r#""connection":"([0-9a-f]+)""#).expect("it is good");
    let mut found = None;
    eventually("there is a hello", || {
        let text = std::fs::read_to_string(events()).unwrap_or_default();
        found = id.captures(&text).map(|found| found[1].to_owned());
        found.is_some()
    });
    found.unwrap_or_default()
}
