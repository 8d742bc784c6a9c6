//! Which location answers a path, on which server and listener (section 25).

use super::locations::*;
use crate::fixtures::{ask, bare, get};
use crate::support::Daemon;

/// A daemon whose locations put their names in front of the channel that they publish to.
fn daemon_with(locations: &[(&str, &str)]) -> Daemon {
    let text: String = locations
        .iter()
        .map(|(path, channels_path)| {
            format!(
                "[[location]]\npath = '{path}'\npublisher = true\n\
                 channels_path = '{channels_path}'\n"
            )
        })
        .collect();
    daemon_of(&text)
}

/// The channel that a publication to this target was published to; `None`: no location answers.
fn published_to(daemon: &Daemon, target: &str) -> Option<String> {
    let given = post(daemon, target, "x");
    let (_, after) = given.split_once("{\"channel\": \"")?;
    after.split_once('"').map(|(id, _)| id.to_owned())
}

fn assert_goes(daemon: &Daemon, rows: &[(&str, &str)]) {
    for (target, id) in rows {
        assert_eq!(published_to(daemon, target).as_deref(), Some(*id), "{target}");
    }
}

#[test]
fn the_longest_prefix_answers() {
    let daemon = daemon_with(&[("/p", "short"), ("/pub", "long"), ("/pub2", "longest")]);
    let rows = [
        ("/p", "short"),
        ("/pu", "short"),
        ("/pub", "long"),
        ("/pub/x", "long"),
        ("/pub2", "longest"),
        ("/public", "long"),
    ];
    assert_goes(&daemon, &rows);
    assert_eq!(published_to(&daemon, "/other"), None);
}

#[test]
fn the_first_expression_that_matches_anywhere_wins_over_prefixes() {
    let daemon = daemon_with(&[
        ("/sub/long/prefix", "prefix"),
        ("~ /sub/(.*)", "first-$1"),
        ("~ /sub/a", "second"),
    ]);
    let rows = [("/sub/a", "first-a"), ("/sub/long/prefix", "first-long"), ("/x/sub/b", "first-b")];
    assert_goes(&daemon, &rows[..1]);
    assert_goes(&daemon, &rows[2..]);
    // Its value is a path with two channels.
    let given = post(&daemon, "/sub/long/prefix", "x");
    assert!(given.contains("{\"channel\": \"first-long\""), "{given}");
    assert!(given.contains("{\"channel\": \"prefix\""), "{given}");
}

#[test]
fn an_exact_path_wins_over_all_and_a_final_prefix_over_expressions() {
    let daemon = daemon_with(&[
        ("~ ^/", "expression"),
        ("= /a", "exact"),
        ("^~ /final", "final"),
        ("/final/long", "prefix"),
    ]);
    let rows = [
        ("/a", "exact"),
        ("/a/", "expression"),
        ("/final/x", "final"),
        ("/final/long", "expression"),
    ];
    assert_goes(&daemon, &rows);
}

#[test]
fn letter_case_matters_unless_the_expression_says_otherwise() {
    let daemon = daemon_with(&[("~ ^/Pub/(.*)", "exact-$1"), ("~* ^/any/(.*)", "any-$1")]);
    assert_goes(&daemon, &[("/Pub/A", "exact-A"), ("/ANY/b", "any-b")]);
    assert_eq!(published_to(&daemon, "/pub/a"), None);
}

#[test]
fn text_and_variables_are_joined() {
    let daemon = daemon_with(&[
        ("~ ^/one/(.*)", "test_$1"),
        ("/two", "test_$arg_id"),
        ("/three", "${arg_id}1"),
        ("/four", "$http_x_channel"),
    ]);
    let rows = [
        ("/one/a", "test_a"),
        ("/two?id=b", "test_b"),
        ("/two?ID=c&id=d", "test_c"),
        ("/two?xid=1&id=e", "test_e"),
        ("/three?id=f", "f1"),
    ];
    assert_goes(&daemon, &rows);
    let given = ask(&daemon, send("POST", "/four", "X-Channel: g\r\n", "x"));
    assert_eq!(given, told(&row("g", 1, 0, 0)));
}

#[test]
fn the_host_chooses_between_servers_of_one_listener() {
    let server = |names: &str, id: &str| {
        format!(
            "[[server]]\nnames = [{names}]\n[[server.location]]\npath = '/'\npublisher = true\n\
             channels_path = '{id}'\n"
        )
    };
    let text = server("'a.test'", "first")
        + &server("'b.test', '*.b.test'", "second")
        + &server("'www.*'", "third");
    let daemon = daemon_of(&text);
    for (host, id) in [
        ("a.test", "first"),
        ("b.test", "second"),
        ("B.TEST:8080", "second"),
        ("x.y.b.test", "second"),
        ("www.c", "third"),
        ("unknown", "first"),
        ("xb.test", "first"),
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\n\r\nx");
        let given = ask(&daemon, request);
        assert!(given.contains(&format!("{{\"channel\": \"{id}\"")), "{host}: {given}");
    }
}

#[test]
fn an_internal_location_answers_on_internal_listeners_only() {
    let daemon = daemon_of(
        "internal_listen = '127.0.0.1:2'\n\
         [[location]]\npath = '/channels-stats'\nchannels_statistics = true\n\
         channels_path = '$arg_id'\ninternal = true\n",
    );
    let open = daemon.connect_to(0).expect("the public listener");
    let given = open.ask(get("/channels-stats?id=a", ""));
    assert!(given.starts_with("HTTP/1.1 404 Not Found\r\n"), "{given}");
    assert_ne!(given, answer("404 Not Found", &identity(), ""));
    let internal = daemon.connect_to(1).expect("the internal listener");
    let given = internal.ask(get("/channels-stats?id=a", ""));
    assert_eq!(given, answer("404 Not Found", &identity(), ""));
}

#[test]
fn without_secrets_the_api_is_off_and_locations_answer() {
    let daemon = daemon("");
    for request in [bare("POST", "/api/publish", ""), get("/api/stats", "")] {
        let given = ask(&daemon, request);
        assert!(given.starts_with("HTTP/1.1 404 Not Found\r\n"), "{given}");
    }
    assert_eq!(post(&daemon, "/pub?id=a", "x"), told(&row("a", 1, 1, 0)));
}

#[test]
fn a_host_is_not_needed_by_clients_of_1_0() {
    let given = ask(&daemon(""), "GET /pub?id=a HTTP/1.0\r\n\r\n");
    assert_eq!(given, answer("404 Not Found", "", "").replace("keep-alive", "close"));
}
