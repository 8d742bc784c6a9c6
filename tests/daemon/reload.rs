//! `rpushd reload`, environment files and secret files: how `systemctl reload` rotates secrets.

use crate::support::{
    Daemon, Folder, Next, Output, Publisher, SECRETS, Stream, configure, has, isolate, run, say,
};
use rpushd::auth::{NewToken, TokenKey};
use rpushd::config::Secret;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

const SLEEP: &str = "/bin/sleep";
const NEW: &str = "fedcba9876543210-publish";

fn reload(daemon: &Daemon) -> Output {
    run(&mut configure(&["reload", &daemon.id().to_string()], &[]))
}

fn taken() -> Output {
    Output { code: Some(0), stdout: String::new(), stderr: String::new() }
}

fn refused(daemon: &Daemon) -> Output {
    let reason = format!(
        "rpushd: process {} keeps its old configuration; its log has the reason\n",
        daemon.id()
    );
    Output { code: Some(78), stdout: String::new(), stderr: reason }
}

/// The statuses of a publication with the old secret and with the new one.
fn statuses(daemon: &Daemon) -> (u16, u16) {
    let publish = |secret: &str| {
        Publisher::connect(&daemon.address()).with_secret(secret).try_publish("demo", "1")
    };
    (publish(SECRETS[1].1), publish(NEW))
}

fn variables(publish: &str, more: &str) -> String {
    format!(
        "# as systemd has it\nRPUSHD_LISTEN=127.0.0.1:0\nRPUSHD_SECRET=\"{}\"\n\
         RPUSHD_PUBLISH_SECRET={publish}\n{more}",
        SECRETS[0].1
    )
}

#[test]
fn a_reload_reads_the_environment_file_again_and_none_of_its_variables_outlives_it() {
    let folder = Folder::new();
    let previous = ("RPUSHD_PUBLISH_SECRET_PREVIOUS", "an-older-secret-of-publishers");
    let old = variables(SECRETS[1].1, &format!("{}={}\n", previous.0, previous.1));
    let file = folder.write("rpushd.env", &old);
    // systemd has read the file, too (EnvironmentFile=).
    let inherited = [SECRETS[0], SECRETS[1], previous];
    let daemon = Daemon::listening(&mut configure(&["--env-file", &file], &inherited));
    let accepts_previous = || {
        let mut publisher = Publisher::connect(&daemon.address()).with_secret(previous.1);
        publisher.try_publish("demo", "1") == 204
    };
    assert_eq!((statuses(&daemon), accepts_previous()), ((204, 401), true));

    let old_is_previous = format!("RPUSHD_PUBLISH_SECRET_PREVIOUS='{}'\n", SECRETS[1].1);
    folder.write("rpushd.env", &variables(NEW, &old_is_previous));
    assert_eq!(reload(&daemon), taken());
    assert_eq!((statuses(&daemon), accepts_previous()), ((204, 204), false));

    folder.write("rpushd.env", &variables(NEW, ""));
    assert_eq!(reload(&daemon), taken());
    assert_eq!((statuses(&daemon), accepts_previous()), ((401, 204), false));
}

#[test]
fn a_reload_follows_secret_files_whose_previous_one_comes_and_goes() {
    let folder = Folder::new();
    folder.write("secret", SECRETS[0].1);
    folder.write("publish-secret", SECRETS[1].1);
    let path = |name: &str| folder.path(name).display().to_string();
    let text = format!(
        "listen = '127.0.0.1:0'\nsecret_file = '{}'\npublish_secret_file = '{}'\n\
         publish_secret_previous_file = '{}'\n",
        path("secret"),
        path("publish-secret"),
        path("publish-secret-previous")
    );
    let file = folder.write("rpushd.toml", &text);
    let optional = [format!("-{file}"), format!("-{}", path("rpushd.env"))];
    let arguments = ["serve", "--config", &optional[0], "--env-file", &optional[1]];
    let daemon = Daemon::listening(&mut configure(&arguments, &[]));
    assert_eq!(statuses(&daemon), (204, 401));

    fs::rename(path("publish-secret"), path("publish-secret-previous")).unwrap();
    folder.write("publish-secret", NEW);
    assert_eq!(reload(&daemon), taken());
    assert_eq!(statuses(&daemon), (204, 204));

    fs::remove_file(path("publish-secret-previous")).unwrap();
    assert_eq!(reload(&daemon), taken());
    assert_eq!(statuses(&daemon), (401, 204));
}

#[test]
fn a_reload_of_what_is_broken_fails_and_changes_nothing() {
    let folder = Folder::new();
    let file = folder.write("rpushd.env", &variables(SECRETS[1].1, ""));
    let config = folder.write("rpushd.toml", "");
    let arguments = ["--env-file", &file, "--config", &config];
    let daemon = Daemon::listening(&mut configure(&arguments, &[]));

    folder.write("rpushd.env", &variables(NEW, "RPUSHD_HEARTBEAT_SECS\n"));
    assert_eq!(reload(&daemon), refused(&daemon));
    daemon.wait_for(&format!("old configuration kept: {file}:5: not a line NAME=VALUE"));

    folder.write("rpushd.env", &variables(NEW, ""));
    folder.write("rpushd.toml", "heartbeet = 1\n");
    assert_eq!(reload(&daemon), refused(&daemon));
    daemon.wait_for(&format!("old configuration kept: {config}:1: heartbeet: unknown key"));
    assert_eq!(statuses(&daemon), (204, 401));

    folder.write("rpushd.toml", "");
    assert_eq!(reload(&daemon), taken());
    assert_eq!(statuses(&daemon), (401, 204));
}

/// Locations make the rpushd API optional, so that its secrets can be missing.
const LOCATION: &str =
    "[[location]]\npath = '/sub'\nsubscriber = 'polling'\nchannels_path = '$arg_id'\n";

#[test]
fn a_reload_of_a_half_written_environment_file_keeps_the_secrets() {
    let folder = Folder::new();
    let whole = variables(SECRETS[1].1, "");
    let file = folder.write("rpushd.env", &whole);
    let config = folder.write("rpushd.toml", LOCATION);
    let arguments = ["--env-file", &file, "--config", &config];
    let daemon = Daemon::listening(&mut configure(&arguments, &[]));

    // Truncated before it is written, and written in parts.
    folder.write("rpushd.env", "");
    assert_eq!(reload(&daemon), refused(&daemon));
    daemon.wait_for("old configuration kept: RPUSHD_SECRET and RPUSHD_PUBLISH_SECRET are missing");
    folder.write("rpushd.env", &whole[..whole.len() - 10]);
    assert_eq!(reload(&daemon), refused(&daemon));
    daemon.wait_for(&format!("old configuration kept: {file}:4: the file ends within this line"));
    folder.write("rpushd.env", &variables("short", ""));
    assert_eq!(reload(&daemon), refused(&daemon));
    daemon.wait_for("old configuration kept: RPUSHD_PUBLISH_SECRET is only 5 bytes long");
    let publish = |secret: &str| {
        Publisher::connect(&daemon.address()).with_secret(secret).try_publish("demo", "1")
    };
    assert_eq!((publish(SECRETS[1].1), publish("short")), (204, 401));

    let old_is_previous = format!("RPUSHD_PUBLISH_SECRET_PREVIOUS='{}'\n", SECRETS[1].1);
    fs::rename(folder.write("rpushd.env.new", &variables(NEW, &old_is_previous)), &file).unwrap();
    assert_eq!(reload(&daemon), taken());
    assert_eq!(statuses(&daemon), (204, 204));
}

#[test]
fn a_reload_follows_the_file_of_keys_unless_it_is_half_written_or_gone() {
    let folder = Folder::new();
    // The keys "key of november" and "key of december", each twice.
    let november =
        r#"{"kty":"oct","kid":"november","k":"a2V5IG9mIG5vdmVtYmVya2V5IG9mIG5vdmVtYmVy"}"#;
    let december =
        r#"{"kty":"oct","kid":"december","k":"a2V5IG9mIGRlY2VtYmVya2V5IG9mIGRlY2VtYmVy"}"#;
    let set = |keys: &[&str]| format!("{{\"keys\":[{}]}}\n", keys.join(","));
    let file = folder.write("keys.json", &set(&[november]));
    let config = folder.write("rpushd.toml", &format!("[tokens]\nkeys_file = '{file}'\n"));
    let variables = folder.write("rpushd.env", &variables(SECRETS[1].1, ""));
    let arguments = ["--env-file", &variables, "--config", &config];
    let daemon = Daemon::listening(&mut configure(&arguments, &[]));
    let accepted = || {
        ["november", "december"].map(|id| {
            let key = Secret::new(&format!("key of {id}").repeat(2)).expect("it is not blank");
            let token = NewToken {
                channels: &["demo".to_owned()],
                key_id: Some(id),
                expires: 4_000_000_000,
                ..NewToken::default()
            };
            let token = token.sign(&TokenKey::new(&key));
            Stream::request(&daemon.address(), &token, "demo").status()
        })
    };
    let replace = |text: &str| fs::rename(folder.write("keys.json.new", text), &file).unwrap();
    let mut stream = Stream::open(&daemon.address(), "demo");
    assert_eq!(accepted(), [200, 401]);

    replace(&set(&[december, november]));
    assert_eq!(reload(&daemon), taken());
    assert_eq!(accepted(), [200, 200]);

    let whole = set(&[december]);
    for (text, reason) in [
        ("", "not JSON at line 1, column 0, or not completely written"),
        (&whole[..40], "not JSON at line 1, column 40, or not completely written"),
        ("{\"keys\":[]}", "has no key"),
        (&whole.replace("IGRlY2VtYmVya2V5IG9mIGRlY2VtYmVy", ""), "the key is only 6 bytes long"),
        (&whole.replace("{\"kty\"", "{\"alg\":\"RS256\",\"kty\""), "\"alg\" must be \"HS256\""),
    ] {
        replace(text);
        assert_eq!(reload(&daemon), refused(&daemon), "{reason}");
        daemon.wait_for(reason);
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(reload(&daemon), refused(&daemon));
    daemon.wait_for(&format!("cannot read \"{file}\""));
    folder.write("rpushd.toml", "");
    assert_eq!(reload(&daemon), refused(&daemon));
    daemon.wait_for("tokens.keys_file is missing now. A reload cannot remove secrets");
    assert_eq!(accepted(), [200, 200]);

    folder.write("rpushd.toml", &format!("[tokens]\nkeys_file = '{file}'\n"));
    replace(&whole);
    assert_eq!(reload(&daemon), taken());
    assert_eq!(accepted(), [401, 200]);
    Publisher::connect(&daemon.address()).publish("demo", "1");
    assert_eq!(stream.next(), Next::Message("1".into()));
    assert!(!daemon.log().concat().contains("a2V5"), "no key is logged");
}

/// A process that SIGHUP would end. Its name is that of the file that it is started by.
struct Stranger(Child);

impl Stranger {
    fn start(program: &str) -> Stranger {
        let mut command = Command::new(program);
        command.arg0("sleep").arg("1000").stdin(Stdio::null());
        Stranger(command.spawn().expect("sleep is there"))
    }

    fn executable(&self) -> String {
        let path = fs::read_link(format!("/proc/{}/exe", self.0.id())).expect("it runs");
        path.display().to_string()
    }

    fn end(&mut self) {
        assert_eq!(self.0.try_wait().unwrap(), None);
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn own_executable() -> String {
    fs::canonicalize(env!("CARGO_BIN_EXE_rpushd")).unwrap().display().to_string()
}

#[test]
fn a_process_that_is_no_daemon_is_not_signalled() {
    let folder = Folder::new();
    let named_alike = folder.path("rpushd");
    symlink(SLEEP, &named_alike).unwrap();
    for program in [SLEEP, named_alike.to_str().unwrap()] {
        let mut stranger = Stranger::start(program);
        let id = stranger.0.id().to_string();
        let pid_file = folder.write("pid", &format!("{id}\n"));
        let reason = format!(
            "rpushd: process {id} runs {}, not {}\n",
            stranger.executable(),
            own_executable()
        );
        for arguments in [["reload", &id].as_slice(), &["reload", "--pid-file", &pid_file]] {
            let output = run(&mut configure(arguments, &[]));
            assert_eq!((output.code, &output.stderr), (Some(69), &reason));
        }
        stranger.end();
        let output = run(&mut configure(&["reload", &id], &[]));
        let reason = format!("rpushd: process {id}: No such process (os error 3)\n");
        assert_eq!((output.code, output.stderr), (Some(69), reason));
    }
}

#[test]
fn a_daemon_whose_program_an_upgrade_has_replaced_is_reloaded() {
    let folder = Folder::new();
    let program = folder.path("rpushd").display().to_string();
    // Not fs::copy: a process that another test starts meanwhile would inherit the file, open for
    // writing, and an open file cannot be executed.
    let copied = Command::new("cp").args([env!("CARGO_BIN_EXE_rpushd"), &program]).status();
    assert!(copied.expect("cp is there").success());
    let mut command = Command::new(&program);
    isolate(&mut command);
    command.args(["--listen", "127.0.0.1:0"]).envs(SECRETS);
    let daemon = Daemon::listening(&mut command);
    let program = fs::canonicalize(&program).unwrap().display().to_string();
    let reason =
        format!("rpushd: process {} runs {program}, not {}\n", daemon.id(), own_executable());
    assert_eq!(reload(&daemon), Output { code: Some(69), stdout: String::new(), stderr: reason });
    fs::remove_file(&program).unwrap();
    assert_eq!(reload(&daemon), taken());
}

#[test]
fn a_process_of_another_user_is_taken_for_the_daemon_only_by_its_whole_name() {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !is_root || !has("setpriv") {
        say("SKIPPED a_process_of_another_user: needs root and setpriv");
        return;
    }
    let folder = Folder::new();
    for (name, code, reason) in [
        ("rpushd-old", 69, " is not rpushd but \"rpushd-old\""),
        ("rpushd", 77, ": Operation not permitted (os error 1)"),
    ] {
        let program = folder.path(name);
        symlink(SLEEP, &program).unwrap();
        let mut stranger = Stranger::start(program.to_str().unwrap());
        let id = stranger.0.id();
        let mut command = Command::new("setpriv");
        isolate(&mut command);
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        command.args([env!("CARGO_BIN_EXE_rpushd"), "reload", &id.to_string()]);
        let output = run(&mut command);
        let reason = format!("rpushd: process {id}{reason}\n");
        assert_eq!((output.code, output.stderr), (Some(code), reason));
        stranger.end();
    }
}

#[test]
fn an_environment_file_that_only_root_reads_starts_the_daemon_and_fails_a_reload() {
    // As root, systemd reads it and gives its variables to the daemon (EnvironmentFile=).
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !is_root || !has("setpriv") {
        say("SKIPPED an_environment_file_that_only_root_reads: needs root and setpriv");
        return;
    }
    let folder = Folder::new();
    let file = folder.write("rpushd.env", &variables(SECRETS[1].1, ""));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let start = |variables: &[(&str, &str)]| {
        let mut command = Command::new("setpriv");
        isolate(&mut command);
        command.env_remove("RPUSHD_USER").envs(variables.iter().copied());
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        command.arg(env!("CARGO_BIN_EXE_rpushd"));
        command.args(["--listen", "127.0.0.1:0", "--env-file", &format!("-{file}")]);
        command
    };
    let refused_at_start = run(&mut start(&[]));
    let reason = format!("rpushd: {file}: cannot be read: Permission denied (os error 13)\n");
    assert_eq!((refused_at_start.code, refused_at_start.stderr), (Some(66), reason));

    let daemon = Daemon::listening(&mut start(&SECRETS));
    let remedy = "stop the service, make the file root:rpushd, mode 640 (\"systemd-sysusers \
                  rpushd.conf\" creates the group, \"systemd-tmpfiles --create rpushd.conf\" sets \
                  both), and start it";
    let denied = "(Permission denied (os error 13))";
    daemon.wait_for(&format!("{file}: cannot be read again for a reload {denied}: {remedy}"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(reload(&daemon), refused(&daemon));
    daemon.wait_for(&format!("{file}: could not be read by this process at its start {denied}"));
}
