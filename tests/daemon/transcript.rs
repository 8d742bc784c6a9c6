//! `transcript.txt`: the sample configuration of the push stream module, used with curl. What is
//! printed there is compared line by line with what a running daemon answers.

use crate::http::Connection;
use crate::programs::{self, repository};
use crate::support::Daemon;
use regex_lite::Regex;
use std::path::Path;
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

/// A shell session as it is in the file: `$ command`, then what it printed. A command that ends in
/// `&` goes on while the next ones run, and what it printed comes where `$ wait` stands.
struct Session {
    daemon: Daemon,
    shell: std::path::PathBuf,
}

#[test]
fn the_sample_configuration_answers_curl_as_the_transcript_says() {
    let Some([shell, _curl]) = programs::find(["sh", "curl"]) else {
        return;
    };
    let config = repository("packaging/push-stream.toml").display().to_string();
    let daemon = Daemon::start(&[("RPUSHD_CONFIG", &config)]);
    let file = repository("tests/daemon/transcript.txt");
    let expected = std::fs::read_to_string(file).expect("it is in the repository");
    let seen = Session { daemon, shell }.replay(&expected);
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("transcript.txt");
    std::fs::write(&copy, &seen).expect("cargo made the folder");
    assert!(seen == expected, "see {}, where this was seen:\n{seen}", copy.display());
}

impl Session {
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
                seen += &shown(&child.wait_with_output().expect("it is our child").stdout);
                self.await_subscriber(0);
            } else {
                let child = self.start(command);
                seen += &shown(&child.wait_with_output().expect("it is our child").stdout);
            }
        }
        seen.trim_start().to_owned()
    }

    fn start(&self, command: &str) -> std::process::Child {
        Command::new(&self.shell)
            .args(["-c", command])
            .env("H", self.daemon.url())
            .env("EPOCH", "Thu, 01 Jan 1970 00:00:00 GMT")
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the shell was found")
    }

    /// Asks until the daemon has so many subscribers.
    fn await_subscriber(&self, count: usize) {
        let mut client = Connection::open(&self.daemon.address());
        let wanted = format!(r#""channels_in_trash": 0, "subscribers": {count}, "#);
        while !client.ask("GET /channels-stats", &[], "").rest().contains(&wanted) {}
    }
}

/// Output with what varies replaced, one line end at its end.
fn shown(output: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(output).into_owned();
    for (pattern, replacement) in VARYING {
        text = Regex::new(pattern)
            .expect("it is written above")
            .replace_all(&text, replacement)
            .into_owned();
    }
    let text = text.replace('\r', "");
    let text = text.trim_end_matches('\n');
    match text {
        "" => String::new(),
        _ => format!("{text}\n"),
    }
}
