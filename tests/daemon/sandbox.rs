//! What the daemon gives up at its start: root, core dumps, most system calls.

use crate::support::{
    Daemon, Folder, Publisher, SECRETS, Stream, configure, eventually, has, isolate, run, say,
    token,
};
use rpushd::reactor::sandbox::is_root;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

/// A user that every system has, with its id. Its group has the same one.
const NOBODY: (&str, u32) = ("nobody", 65534);

/// Whether the tests run as root. Without, the test reports that it is skipped.
fn can_change_user(test: &str) -> bool {
    if !is_root() {
        say(&format!("SKIPPED {test}: only root can start the daemon as another user"));
    }
    is_root()
}

/// The words of a row of the process's status (proc(5)).
fn status(process: u32, row: &str) -> Vec<String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let found = status.lines().find_map(|line| line.strip_prefix(row)?.strip_prefix(':'));
    found.unwrap().split_whitespace().map(str::to_owned).collect()
}

/// Makes a file or folder one of root and NOBODY's group.
fn give_to_group(path: &Path, mode: u32) {
    chown(path, Some(0), Some(NOBODY.1)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A port that only root may listen on, which nobody listens on.
fn privileged_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (600..1024).rev().find(is_free).expect("one of them is free")
}

#[test]
fn started_by_root_it_becomes_another_user_for_good_and_can_still_reload() {
    if !can_change_user("started_by_root_it_becomes_another_user_for_good_and_can_still_reload") {
        return;
    }
    let folder = Folder::new();
    // As /etc/rpushd: root may write, the group may read.
    let secret = folder.write("secret", "0123456789abcdef-old\n");
    give_to_group(Path::new(&secret), 0o640);
    // As /run/rpushd and /var/log/rpushd: the user's.
    let own = folder.path("own");
    fs::create_dir(&own).unwrap();
    chown(&own, Some(NOBODY.1), Some(NOBODY.1)).unwrap();
    let port = privileged_port();
    let lines = format!(
        "listen = ['127.0.0.1:{port}', 'unix:{own}/socket']\nsecret_file = '{secret}'\n\
         pid_file = '{own}/pid'\nlog.file = '{own}/log'\nsandbox.user = '{}'\n",
        NOBODY.0,
        own = own.display()
    );
    let file = folder.write("rpushd.toml", &lines);
    let mut command = configure(&["--config", &file], &SECRETS[1..]);
    let mut daemon = Daemon::spawn(command.env_remove("RPUSHD_USER"));
    let logged = || fs::read_to_string(own.join("log")).unwrap_or_default();
    eventually("it listens", || logged().contains("listening on 127.0.0.1"));
    assert!(logged().contains(" INFO  [rpushd::cli::user] running as user nobody\n"));

    let id = NOBODY.1.to_string();
    let ids = vec![id.clone(); 4];
    assert_eq!(status(daemon.id(), "Uid"), ids);
    assert_eq!(status(daemon.id(), "Gid"), ids);
    assert_eq!(status(daemon.id(), "Groups"), [id]);
    for row in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(status(daemon.id(), row), ["0000000000000000"], "{row}");
    }
    assert_eq!(status(daemon.id(), "NoNewPrivs"), ["1"]);
    assert_eq!(fs::metadata(own.join("log")).unwrap().uid(), NOBODY.1);
    assert_eq!(fs::metadata(own.join("pid")).unwrap().uid(), NOBODY.1);

    // A new secret and a new log file.
    let address = format!("127.0.0.1:{port}");
    let fresh = folder.write("secret.new", "0123456789abcdef-new\n");
    give_to_group(Path::new(&fresh), 0o640);
    fs::rename(&fresh, &secret).unwrap();
    fs::rename(own.join("log"), own.join("log.1")).unwrap();
    let output = run(&mut configure(&["reload", &daemon.id().to_string()], &[]));
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    eventually("the log is reopened", || logged().contains("the new configuration is in force"));
    for (secret, expected) in [("0123456789abcdef-old", 401), ("0123456789abcdef-new", 200)] {
        let mut stream = Stream::request(&address, &token(secret, "demo"), "demo");
        assert_eq!(stream.status(), expected, "{secret}");
    }

    assert_eq!(daemon.stop(), Some(0));
    assert!(!own.join("pid").exists() && !own.join("socket").exists());
    assert_eq!(daemon.log(), Vec::<String>::new());
}

#[test]
fn a_user_that_does_not_exist_is_refused_at_start() {
    if !can_change_user("a_user_that_does_not_exist_is_refused_at_start") {
        return;
    }
    let mut command = configure(&["--listen", "127.0.0.1:0"], &SECRETS);
    let output = run(command.env("RPUSHD_USER", "no-such-user"));
    assert_eq!(output.code, Some(78));
    assert_eq!(output.stderr, "rpushd: sandbox.user: there is no user \"no-such-user\"\n");
}

#[test]
fn a_file_that_the_user_cannot_create_ends_the_start_and_names_the_user() {
    if !can_change_user("a_file_that_the_user_cannot_create_ends_the_start_and_names_the_user") {
        return;
    }
    let folder = Folder::new();
    for (flag, name) in [("--log-file", "log file"), ("--pid-file", "pid file")] {
        let path = folder.path("file").display().to_string();
        let arguments = ["--listen", "127.0.0.1:0", "--log-level", "off", flag, &path];
        let output = run(configure(&arguments, &SECRETS).env("RPUSHD_USER", NOBODY.0));
        assert_eq!(output.code, Some(73));
        let reason = format!("{name} {path}: Permission denied (os error 13) (as user nobody)");
        assert_eq!(output.stderr, format!("rpushd: {reason}\n"));
    }
}

#[test]
fn root_without_another_user_to_become_is_warned_about_once() {
    if !can_change_user("root_without_another_user_to_become_is_warned_about_once") {
        return;
    }
    let mut command = configure(&["--listen", "127.0.0.1:0"], &SECRETS);
    let daemon = Daemon::listening(command.env_remove("RPUSHD_USER"));
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let has_user = users.lines().any(|line| line.starts_with("rpushd:"));
    let count = |text: &str| daemon.log().iter().filter(|line| line.contains(text)).count();
    let expected = if has_user { (0, 1) } else { (1, 0) };
    assert_eq!((count("running as root: "), count("running as user rpushd")), expected);
}

#[test]
fn a_process_that_is_not_root_stays_who_it_is_and_warns_about_another_user() {
    let mut command = configure(&["--listen", "127.0.0.1:0"], &SECRETS);
    let folder = Folder::new();
    if is_root() {
        if !has("setpriv") {
            return;
        }
        let binary = folder.path("rpushd");
        fs::copy(env!("CARGO_BIN_EXE_rpushd"), &binary).unwrap();
        command = Command::new("setpriv");
        isolate(&mut command);
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(binary).args(["--listen", "127.0.0.1:0"]).envs(SECRETS);
    }
    let daemon = Daemon::listening(command.env("RPUSHD_USER", "root"));
    daemon.wait_for(
        "sandbox.user \"root\" has no effect: only root can start the daemon as another user",
    );
}

#[test]
fn core_dumps_are_forbidden_unless_the_configuration_allows_them() {
    if !can_change_user("core_dumps_are_forbidden_unless_the_configuration_allows_them") {
        return;
    }
    for (core_dumps, owner) in [("off", 0), ("on", NOBODY.1)] {
        let variables = [SECRETS[0], SECRETS[1], ("RPUSHD_CORE_DUMPS", core_dumps)];
        let mut command = configure(&["--listen", "127.0.0.1:0"], &variables);
        let daemon = Daemon::listening(command.env("RPUSHD_USER", NOBODY.0));
        // The files of a process without core dumps belong to root (proc(5)).
        let files = format!("/proc/{}/environ", daemon.id());
        assert_eq!(fs::metadata(files).unwrap().uid(), owner, "{core_dumps}");
    }
}

#[test]
fn system_calls_are_filtered_unless_the_configuration_forbids_it() {
    // The test itself may run under filters.
    let own: u32 = status(std::process::id(), "Seccomp_filters")[0].parse().unwrap();
    for (seccomp, count) in [("on", 2), ("off", 0)] {
        let daemon = Daemon::start(&[("RPUSHD_SECCOMP", seccomp)]);
        let filters = || status(daemon.id(), "Seccomp_filters")[0].parse::<u32>().unwrap() - own;
        eventually("the start is over", || filters() == count);
        let mode = if filters() + own > 0 { "2" } else { "0" };
        assert_eq!(status(daemon.id(), "Seccomp"), [mode], "{seccomp}");
        assert_eq!(Publisher::connect(&daemon.address()).try_publish("demo", "1"), 204);
    }
}

#[test]
fn no_secret_and_no_token_is_in_the_log_or_the_command_line() {
    let mut daemon = Daemon::start(&[("RPUSHD_LOG_LEVEL", "trace"), ("RPUSHD_LOG_ACCESS", "on")]);
    let address = daemon.address();
    let signed = token(SECRETS[0].1, "demo");
    let forged = token("0123456789abcdef-forged", "demo");
    assert_eq!(Stream::request(&address, &signed, "demo").status(), 200);
    assert_eq!(Stream::request(&address, &forged, "demo").status(), 401);
    assert_eq!(Publisher::connect(&address).try_publish("demo", "1"), 204);
    let wrong = "0123456789abcdef-wrong";
    assert_eq!(Publisher::connect(&address).with_secret(wrong).try_publish("demo", "1"), 401);
    daemon.signal("HUP");
    daemon.wait_for("the new configuration is in force");
    let command_line = fs::read_to_string(format!("/proc/{}/cmdline", daemon.id())).unwrap();
    assert_eq!(daemon.stop(), Some(0));
    let log = daemon.log().join("\n");
    daemon.wait_for("401");
    for secret in [SECRETS[0].1, SECRETS[1].1, &signed, &forged, wrong] {
        assert!(!log.contains(secret) && !command_line.contains(secret), "{log}");
    }
}
