//! `rpushd token`, `subscribe`, `publish` and `stats` against a daemon.

use crate::support::{Daemon, Folder, Output, SECRETS, Stream, configure, run};
use std::io::{BufRead, Write};
use std::process::Stdio;

fn outcome(arguments: &[&str]) -> Output {
    run(&mut configure(arguments, &SECRETS))
}

fn done(stdout: &str) -> Output {
    Output { code: Some(0), stdout: stdout.to_owned(), stderr: String::new() }
}

#[test]
fn what_is_published_is_shown_by_a_subscriber_with_a_token() {
    let daemon = Daemon::start(&[]);
    let url = daemon.url();
    let folder = Folder::new();
    let token = outcome(&["token", "a:b", "--ttl", "1h"]).stdout;
    let file = folder.write("token", &token);
    let arguments = ["subscribe", "a:b", "--url", &url, "--token-file", &file, "--count", "4"];
    let mut subscriber = Daemon::spawn(&mut configure(&arguments, &[]));
    subscriber.wait_for("subscribed to a:b at http://127.0.0.1:");

    assert_eq!(outcome(&["publish", "a:b", "{\"n\": 1e2}", "--url", &url]), done(""));
    assert_eq!(outcome(&["publish", "a:b", "plain text", "--url", &url]), done(""));
    assert_eq!(outcome(&["publish", "a:b", "3", "--text", "--url", &url]), done(""));
    let mut piped = configure(&["publish", "a:b", "-", "--json", "--url", &url], &SECRETS)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    piped.stdin.take().unwrap().write_all(b"from a pipe\n").unwrap();
    let result = String::from_utf8(piped.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(
        result,
        "{\"channel\":\"a:b\",\"payload_bytes\":13,\"published\":true,\"status\":204}\n"
    );

    let shown: Vec<String> = subscriber.stdout().lines().map(Result::unwrap).collect();
    assert_eq!(shown, ["{\"n\":1e2}", "\"plain text\"", "\"3\"", "\"from a pipe\""]);
    assert_eq!(subscriber.wait().code(), Some(0));
}

#[test]
fn a_token_for_several_channels_is_signed_with_a_key_of_the_file() {
    let folder = Folder::new();
    let keys = r#"{"keys":[{"kid":"k","k":"MDEyMzQ1Njc4OWFiY2RlZg"}]}"#;
    let file = folder.write("keys.json", keys);
    let variables = [SECRETS[0], SECRETS[1], ("RPUSHD_TOKENS_KEYS_FILE", &file)];
    let daemon = Daemon::start(&variables[2..]);
    let more = ["--kid", "k", "--sub", "7", "--jti", "t-1", "--json"];
    let arguments = [&["token", "--channels", "a,b:*"][..], &more].concat();
    let made = run(&mut configure(&arguments, &variables));
    let made: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!((&made["channel"], &made["channels"]), (&().into(), &["a", "b:*"][..].into()));
    let token = made["token"].as_str().unwrap();
    for (channel, status) in [("a", 200), ("b:1", 200), ("b", 401)] {
        let answer = Stream::request(&daemon.address(), token, channel).status();
        assert_eq!(answer, status, "{channel}");
    }
}

#[test]
fn statistics_come_in_every_form() {
    let daemon = Daemon::start(&[]);
    let url = daemon.url();
    assert_eq!(outcome(&["publish", "c", "1", "--url", &url]), done(""));
    let text = outcome(&["stats", "--url", &url]);
    assert!(text.stdout.contains("\npublish_requests_total: 1\n"), "{text:?}");
    let json = outcome(&["stats", "--json", "--brief", "--url", &url]);
    let object: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(object["publish_requests_total"], 1);
    assert_eq!(object.get("channels"), None);
    let xml = outcome(&["stats", "--mode", "xml", "--url", &url]);
    assert!(xml.stdout.contains("<publish_requests_total>1<"), "{xml:?}");
}

#[test]
fn clients_tell_by_their_exit_code_what_went_wrong() {
    let daemon = Daemon::start(&[]);
    let url = daemon.url();
    let folder = Folder::new();
    let wrong = folder.write("wrong", "not-the-secret-of-this-daemon\n");
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for (arguments, code, reason) in [
        (
            &["publish", "a", "1", "--url", &url, "--secret-file", &wrong][..],
            77,
            format!("{url} answers 401: wrong secret"),
        ),
        (
            &["stats", "--url", &url, "--secret-file", &wrong],
            77,
            format!("{url} answers 401: wrong secret"),
        ),
        (
            &["subscribe", "a", "--reconnect", "--url", &url, "--secret-file", &wrong],
            77,
            format!("{url} answers 401: bad signature"),
        ),
        (
            &["publish", "a", "1", "--url", &nobody],
            69,
            format!("cannot connect to {nobody}: Connection refused (os error 111)"),
        ),
        (
            &["publish", "a b", "1", "--url", &url],
            65,
            "\"a b\" is not a channel: 1 to 191 of A-Z a-z 0-9 : - _ .".to_owned(),
        ),
        (
            &["publish", "a", "{", "--raw", "--url", &url],
            65,
            "the message is not JSON: EOF while parsing an object at line 1 column 1".to_owned(),
        ),
        (
            &["subscribe", "a", "--quiet", "--count", "1", "--timeout", "50ms", "--url", &url],
            75,
            "timed out".to_owned(),
        ),
        (
            &["token", "--channels", "a,b*c"],
            65,
            "\"b*c\" is not a channel: 1 to 191 of A-Z a-z 0-9 : - _ .".to_owned(),
        ),
        (
            &["token", "a", "--sub", ""],
            65,
            "--sub: must be 1 to 255 bytes without control characters".to_owned(),
        ),
        (
            &["token", "a", "--kid", "k"],
            78,
            "--kid k: no such key in the file of tokens.keys_file".to_owned(),
        ),
        (
            &["token", "a", "--secret-file", "/nonexistent"],
            66,
            "--secret-file /nonexistent: No such file or directory (os error 2)".to_owned(),
        ),
    ] {
        let stderr = format!("rpushd: {reason}\n");
        assert_eq!(outcome(arguments), Output { code: Some(code), stdout: String::new(), stderr });
    }
    let missing = run(&mut configure(&["publish", "a", "1", "--url", &url], &SECRETS[..1]));
    assert_eq!(
        (missing.code, missing.stderr.as_str()),
        (
            Some(78),
            "rpushd: RPUSHD_PUBLISH_SECRET: required; set it or RPUSHD_PUBLISH_SECRET_FILE, or \
             give --secret-file\n"
        )
    );
    let too_large = format!("\"{}\"", "x".repeat(65_536));
    let refused = outcome(&["publish", "a", &too_large, "--json", "--url", &url]);
    let result: serde_json::Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!((refused.code, &result["status"]), (Some(65), &413.into()));
}

#[test]
fn nothing_on_standard_input_is_not_published() {
    for input in ["", "\n"] {
        let mut client = configure(&["publish", "a"], &SECRETS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        client.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = client.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
            (
                Some(65),
                "rpushd: standard input is empty; to publish an empty message, give \"\" as \
                 MESSAGE\n"
            )
        );
    }
    let daemon = Daemon::start(&[]);
    assert_eq!(outcome(&["publish", "a", "", "--url", &daemon.url()]), done(""));
}

#[test]
fn failures_are_json_too() {
    let daemon = Daemon::start(&[]);
    let url = daemon.url();
    let folder = Folder::new();
    let wrong = folder.write("wrong", "not-the-secret-of-this-daemon\n");
    let unreachable = "unix:/nonexistent/socket";
    for (arguments, code, status) in [
        (
            &["publish", "a", "1", "--json", "--url", &url, "--secret-file", &wrong][..],
            77,
            Some(401),
        ),
        (&["stats", "--json", "--url", &url, "--secret-file", &wrong], 77, Some(401)),
        (&["subscribe", "a", "--json", "--url", &url, "--secret-file", &wrong], 77, Some(401)),
        (&["publish", "a", "1", "--json", "--url", unreachable], 69, None),
        (&["subscribe", "a", "--json", "--url", unreachable], 69, None),
        (&["stats", "--json", "--url", unreachable], 69, None),
        (&["publish", "a b", "1", "--json"], 65, None),
        (&["publish", "a", "{", "--raw", "--json"], 65, None),
        (&["token", "a b", "--json"], 65, None),
        (&["token", "a", "--json", "--secret-file", "/nonexistent"], 66, None),
        (&["token", "a", "--json", "--ttl", "0"], 64, None),
        (&["subscribe", "--json"], 64, None),
    ] {
        let output = outcome(arguments);
        let object: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!((output.code, &object["exit_code"]), (Some(code), &code.into()));
        assert_eq!(object.get("status").cloned(), status.map(serde_json::Value::from));
        let reason = object["reason"].as_str().unwrap();
        assert_eq!(output.stderr, format!("rpushd: {reason}\n"), "{arguments:?}");
    }
}

#[test]
fn a_client_finds_the_internal_listener_in_the_configuration() {
    let folder = Folder::new();
    let socket = folder.path("internal.sock");
    let file = folder.write(
        "rpushd.toml",
        &format!(
            "listen = \"127.0.0.1:0\"\ninternal_listen = \"unix:{}\"\n\
             publish_secret = \"0123456789abcdef-publish\"\n",
            socket.display()
        ),
    );
    let variables = [SECRETS[0], ("RPUSHD_CONFIG", file.as_str())];
    let daemon = Daemon::listening(&mut configure(&[], &variables));
    daemon.wait_for(&format!("listening on unix:{} (internal)", socket.display()));
    let published = run(&mut configure(&["publish", "a", "1", "--config", &file], &[]));
    assert_eq!(published, done(""));
    let url = daemon.url();
    let public = run(&mut configure(&["publish", "a", "1", "--url", &url], &variables));
    assert_eq!((public.code, public.stderr), (Some(76), format!("rpushd: {url} answers 404\n")));
}

#[test]
fn a_subscriber_that_reconnects_goes_on_after_a_restart() {
    let folder = Folder::new();
    let socket = format!("unix:{}", folder.path("s").display());
    let daemon = || Daemon::listening(&mut configure(&["--listen", &socket], &SECRETS));
    let mut first = daemon();
    let arguments = ["subscribe", "a", "--json", "--reconnect", "--count", "2", "--url", &socket];
    let mut subscriber = Daemon::spawn(&mut configure(&arguments, &SECRETS));
    subscriber.wait_for("subscribed to a");
    assert_eq!(outcome(&["publish", "a", "1", "--url", &socket]), done(""));
    assert_eq!(first.stop(), Some(0));
    subscriber.wait_for("the daemon ended the stream; connecting again");
    let _second = daemon();
    subscriber.wait_for_times("subscribed to a", 2);
    assert_eq!(outcome(&["publish", "a", "2", "--url", &socket]), done(""));
    let shown: Vec<String> = subscriber.stdout().lines().map(Result::unwrap).collect();
    let expected = ["{\"channel\":\"a\",\"message\":1}", "{\"channel\":\"a\",\"message\":2}"];
    assert_eq!(shown, expected);
    assert_eq!(subscriber.wait().code(), Some(0));
}
