//! What a bad configuration or command line ends with, and what `rpushd check` shows.

use crate::support::{Folder, Output, SECRETS, configure, run};

fn outcome(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    run(&mut configure(arguments, variables))
}

fn refusal(code: i32, stderr: &str) -> Output {
    Output { code: Some(code), stdout: String::new(), stderr: format!("rpushd: {stderr}\n") }
}

#[test]
fn a_bad_configuration_names_the_variable_and_ends_with_78() {
    let with = |name: &'static str, value: &'static str| {
        let mut variables = SECRETS.to_vec();
        variables.retain(|(other, _)| *other != name);
        variables.push((name, value));
        variables
    };
    for (variables, reason) in [
        (
            Vec::new(),
            "RPUSHD_SECRET and RPUSHD_PUBLISH_SECRET: required; make two different ones with \
             \"openssl rand -hex 32\" and set both or RPUSHD_SECRET_FILE and \
             RPUSHD_PUBLISH_SECRET_FILE, or secret_file and publish_secret_file in the \
             configuration file; \"rpushd --dev\" runs without them",
        ),
        (with("RPUSHD_SECRET", " "), "RPUSHD_SECRET: must not be empty"),
        (
            with("RPUSHD_HEARTBEAT_SECS", "0"),
            "RPUSHD_HEARTBEAT_SECS: must not be 0: streams would have no heartbeat at all",
        ),
        (
            with("RPUSHD_LISTEN", "localhost"),
            "RPUSHD_LISTEN: \"localhost\" is not an address; write 127.0.0.1:45831, [::1]:45831, \
             unix:/path, systemd or systemd:NAME",
        ),
    ] {
        assert_eq!(outcome(&[], &variables), refusal(78, reason));
        assert_eq!(outcome(&["check"], &variables), refusal(78, reason));
    }
}

#[test]
fn a_bad_file_is_named_with_line_and_key() {
    let folder = Folder::new();
    let file = folder.write("rpushd.toml", "heartbeat = \"15s\"\nlisen = \"127.0.0.1:0\"\n");
    let expected = format!("{file}:2: lisen: unknown key, did you mean \"listen\"?");
    assert_eq!(outcome(&["--config", &file], &SECRETS), refusal(78, &expected));
    let mut variables = SECRETS.to_vec();
    variables.push(("RPUSHD_CONFIG", &file));
    assert_eq!(outcome(&[], &variables), refusal(78, &expected));
}

#[test]
fn a_command_line_that_is_not_understood_ends_with_64() {
    for (arguments, reason) in [
        (&["servee"][..], "there is no subcommand \"servee\", did you mean \"serve\"?"),
        (&["frobnicate"], "there is no subcommand \"frobnicate\", see \"rpushd help\""),
        (&["--lisen"], "there is no option --lisen (see \"rpushd help serve\")"),
        (&["serve", "x"], "\"x\" is one argument too many (see \"rpushd help serve\")"),
        (&["publish"], "CHANNEL is missing (see \"rpushd help publish\")"),
        (
            &["token", "a", "--ttl", "soon"],
            "--ttl: \"soon\" is not a time; write 30s, 500ms, 1h30m or a number of seconds (see \
             \"rpushd help token\")",
        ),
        (&["token", "a", "--ttl", "0"], "--ttl: must be at least 1s (see \"rpushd help token\")"),
        (&["token", "--channels", ""], "CHANNEL is missing (see \"rpushd help token\")"),
        (
            &["token", "a", "--kid", "k", "--secret-file", "/nonexistent"],
            "--kid and --secret-file exclude each other (see \"rpushd help token\")",
        ),
        (
            &["token", "a", "--ttl", "999ms"],
            "--ttl: must be at least 1s (see \"rpushd help token\")",
        ),
    ] {
        assert_eq!(outcome(arguments, &SECRETS), refusal(64, reason));
    }
}

#[test]
fn a_named_file_that_cannot_be_read_ends_with_66() {
    let missing = "cannot be read: No such file or directory (os error 2)";
    let from_nginx = "open() \"/none\" failed (2: No such file or directory) in /none";
    for (arguments, reason) in [
        (&["--config", "/none"][..], format!("/none: {missing}")),
        (&["check", "--config", "/none"], format!("/none: {missing}")),
        (&["publish", "a", "1", "--config", "/none"], format!("/none: {missing}")),
        (&["--nginx-config", "/none"], from_nginx.to_owned()),
        (&["check", "--nginx-config", "/none"], from_nginx.to_owned()),
        (&["import-nginx", "/none"], from_nginx.to_owned()),
        (
            &["stats", "--secret-file", "/none"],
            "--secret-file /none: No such file or directory (os error 2)".to_owned(),
        ),
        (
            &["subscribe", "a", "--token-file", "/none"],
            "--token-file /none: No such file or directory (os error 2)".to_owned(),
        ),
    ] {
        assert_eq!(outcome(arguments, &[]), refusal(66, &reason), "{arguments:?}");
    }
    let variables = [("RPUSHD_CONFIG", "/none")];
    assert_eq!(outcome(&[], &variables), refusal(66, &format!("/none: {missing}")));
}

#[test]
fn an_address_that_is_taken_ends_with_71() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = outcome(&["--listen", &address, "--log-level", "off"], &SECRETS);
    let reason = format!("cannot listen on {address}: Address already in use (os error 98)");
    assert_eq!(output, refusal(71, &reason));
}

#[test]
fn a_log_or_pid_file_that_cannot_be_made_ends_with_73() {
    let reason = "log file /nonexistent/log: No such file or directory (os error 2)";
    assert_eq!(outcome(&["--log-file", "/nonexistent/log"], &SECRETS), refusal(73, reason));
    let arguments =
        ["--listen", "127.0.0.1:0", "--log-level", "off", "--pid-file", "/nonexistent/pid"];
    let reason = "pid file /nonexistent/pid: No such file or directory (os error 2)";
    assert_eq!(outcome(&arguments, &SECRETS), refusal(73, reason));
}

#[test]
fn check_shows_what_reads_back_and_hides_secrets() {
    let folder = Folder::new();
    let file = folder.write("a.toml", "heartbeat = \"20s\"\nlisten = [\"127.0.0.1:1\"]\n");
    let first = outcome(&["check", "--config", &file], &SECRETS);
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""));
    assert!(first.stdout.contains("\nheartbeat = \"20s\"\n"), "{}", first.stdout);
    assert!(first.stdout.ends_with("# listens on 127.0.0.1:1: rpushd API\n"), "{}", first.stdout);
    for (_, secret) in SECRETS {
        assert!(!first.stdout.contains(secret));
    }
    let shown = folder.write("b.toml", &first.stdout);
    assert_eq!(outcome(&["check", "--config", &shown], &SECRETS), first);
}

#[test]
fn every_command_has_help() {
    let help = outcome(&["help"], &[]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for command in ["serve", "check", "token", "subscribe", "publish", "stats"] {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}");
        let topic = outcome(&["help", command], &[]);
        assert!(topic.stdout.starts_with("Usage: rpushd "), "{command}");
        assert_eq!(outcome(&[command, "--help"], &[]), topic);
    }
    assert_eq!(outcome(&["--help"], &[]), help);
    let version = format!("rpushd {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(outcome(&["--version"], &[]).stdout, version);
}
