//! `--dev`: the lines that it prints work when they are pasted.

use crate::support::{Daemon, configure, eventually, has, run};
use std::io::{BufRead, Read};
use std::path::Path;
use std::process::Command;

/// The lines to paste, without comments.
fn lines(daemon: &mut Daemon) -> Vec<String> {
    let mut output = daemon.stdout();
    let mut lines = Vec::new();
    while lines.len() < 3 {
        let mut line = String::new();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "three lines, not {lines:?}");
        let program = env!("CARGO_BIN_EXE_rpushd");
        if line.starts_with("curl ") || line.contains(program) {
            lines.push(line.trim_end().to_owned());
        }
    }
    lines
}

fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", line]);
    command
}

/// Pastes the three lines; the daemon is stopped at the end.
fn paste(mut daemon: Daemon) {
    let lines = lines(&mut daemon);
    let [subscribe, publish, statistics] = lines.as_slice() else { panic!("{lines:?}") };
    let mut subscriber = Daemon::spawn(&mut shell(subscribe));
    subscriber.wait_for("subscribed to demo");
    let published = run(&mut shell(&format!("{publish} --silent --show-error --fail")));
    assert_eq!((published.code, published.stderr.as_str()), (Some(0), ""));
    let mut shown = subscriber.stdout();
    let mut message = String::new();
    shown.read_line(&mut message).unwrap();
    assert_eq!(message, "\"Hello\"\n");
    let statistics = run(&mut shell(&format!("{statistics} --silent --show-error --fail")));
    assert!(statistics.stdout.contains("active_subscribers: 1\n"), "{}", statistics.stdout);

    let secret = subscribe.split("--secret-file ").nth(1).unwrap();
    let folder = Path::new(secret).parent().unwrap().to_owned();
    for file in ["secret", "authorization"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let secret = text.trim().trim_start_matches("Authorization: Bearer ");
        assert!(!secret.is_empty() && !lines.concat().contains(secret), "no secret on a line");
    }
    assert_eq!(daemon.stop(), Some(0));
    let mut rest = String::new();
    shown.read_to_string(&mut rest).unwrap();
    assert_eq!((subscriber.wait().code(), rest.as_str()), (Some(0), ""));
    eventually("the private files are removed", || !folder.exists());
}

#[test]
fn the_three_lines_show_a_message_arriving() {
    if has("curl") {
        let command = &mut configure(&["--dev", "--listen", "127.0.0.1:0"], &[]);
        let daemon = Daemon::listening(command);
        daemon.wait_for("DEVELOPMENT MODE");
        paste(daemon);
    }
}

#[test]
fn the_three_lines_work_over_a_unix_socket_with_configured_secrets() {
    if has("curl") {
        let folder = crate::support::Folder::new();
        let listen = format!("unix:{}", folder.path("a b.sock").display());
        let secrets = crate::support::SECRETS;
        let command = &mut configure(&["--dev", "--listen", &listen], &secrets);
        paste(Daemon::listening(command));
    }
}

#[test]
fn development_mode_is_for_loopback_only() {
    let output = run(&mut configure(&["--dev", "--listen", "0.0.0.0:0"], &[]));
    assert_eq!(output.code, Some(78));
    assert_eq!(output.stderr, "rpushd: --dev: listens on loopback only, not on 0.0.0.0:0\n");
}
