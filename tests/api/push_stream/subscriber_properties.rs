//! Subscriber requests that are allowed or refused (section 8), as in the module's own tests.

use super::receiving::*;

const NOT_AUTHORIZED: &str = "Channel id not authorized for this method.";
const CANNOT_CREATE: &str = "Subscriber could not create channels.";
const TOO_MUCH_WILDCARD: &str = "Subscribed too much wildcard channels.";

fn forbidden(explain: &str) -> String {
    refused("403 Forbidden", explain)
}

#[test]
fn a_path_without_a_channel_is_refused() {
    let daemon = daemon("streaming", "");
    let answer = ask(&daemon, get("/sub/", ""));
    assert_eq!(answer, refused("400 Bad Request", "No channel id provided."));
}

#[test]
fn only_get_and_options_are_answered() {
    let daemon = daemon("streaming", "");
    let length = "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n";
    let options = format!("HTTP/1.1 200 OK\r\nDate: {}\r\n{length}", date(0));
    assert_eq!(ask(&daemon, bare("OPTIONS", "/sub/", "")), options);
    let not_allowed = format!(
        "HTTP/1.1 405 Not Allowed\r\n{UNCACHED}Allow: GET\r\nDate: {}\r\n{length}",
        date(0)
    );
    for method in ["HEAD", "PUT", "POST", "DELETE"] {
        assert_eq!(ask(&daemon, bare(method, "/sub/a", "")), not_allowed, "{method}");
    }
}

#[test]
fn reserved_ids_are_refused() {
    let daemon = daemon("streaming", "");
    for channels in ["ALL", "a/ALL", "a*", "*", "a/b*c"] {
        let answer = ask(&daemon, get(&format!("/sub/{channels}"), ""));
        assert_eq!(answer, forbidden(NOT_AUTHORIZED), "{channels}");
    }
    assert_eq!(subscriptions(&daemon, "a"), None);
    assert_eq!(subscriber(&daemon, "all/ALLx").text(), stream_head());
}

#[test]
fn a_long_id_is_refused() {
    let daemon = daemon_with("max_channel_id_length = 5", &location("/sub", "streaming", ""));
    assert_eq!(subscriber(&daemon, "12345").text(), stream_head());
    let answer = ask(&daemon, get("/sub/a/123456", ""));
    assert_eq!(answer, refused("400 Bad Request", "Channel id is too large."));
    assert_eq!(subscriptions(&daemon, "a"), None);
}

#[test]
fn all_forms_of_paths_are_understood() {
    let daemon = daemon("streaming", "");
    for (channels, names) in [
        ("a1", ["a1"].as_slice()),
        ("b1/b2.b5/b3", &["b1", "b2", "b3"]),
        ("room.b18.beautiful", &["room.b18.beautiful"]),
        ("room.b18.fine.b3", &["room.b18.fine"]),
        ("c.b/d.bb2/", &["c.b", "d.bb2"]),
    ] {
        let _reader = subscriber(&daemon, channels);
        for name in names {
            assert_eq!(subscriptions(&daemon, name), Some(1), "{channels}: {name}");
        }
    }
}

#[test]
fn channels_are_made_on_demand() {
    let daemon = daemon("streaming", "");
    let reader = subscriber(&daemon, "new");
    assert_eq!(reader.text(), stream_head());
    publish(&daemon, "new", "x");
    assert_eq!(reader.text(), chunk("x"));
}

#[test]
fn with_authorized_channels_only_a_channel_must_hold_a_message() {
    let directives = "authorized_channels_only = true";
    let daemon = daemon_with("message_ttl = \"12s\"", &location("/sub", "streaming", directives));
    assert_eq!(ask(&daemon, get("/sub/a", "")), forbidden(CANNOT_CREATE));
    assert_eq!(subscriptions(&daemon, "a"), None);
    publish(&daemon, "a", "x");
    assert_eq!(ask(&daemon, get("/sub/a", "")), stream_head());
    assert_eq!(ask(&daemon, get("/sub/a/unknown", "")), forbidden(CANNOT_CREATE));
    daemon.advance(17_000);
    assert_eq!(stored(&daemon, "a"), Some(0));
    let refused = ask(&daemon, get("/sub/a", ""));
    assert!(refused.contains(CANNOT_CREATE), "{refused}");
}

#[test]
fn wildcard_channels_need_no_authorization_but_the_others_do() {
    let http = "wildcard_channel_prefix = \"bd_\"";
    let directives = "authorized_channels_only = true\nwildcard_channel_max_qtd = 1";
    let daemon = daemon_with(http, &location("/sub", "streaming", directives));
    assert_eq!(ask(&daemon, get("/sub/a/bd_x", "")), forbidden(CANNOT_CREATE));
    publish(&daemon, "a", "x");
    assert_eq!(ask(&daemon, get("/sub/a/bd_x", "")), stream_head());
}

#[test]
fn wildcard_channels_come_with_a_normal_one_and_not_too_many() {
    let http = "wildcard_channel_prefix = \"bd_\"";
    let daemon = daemon_with(http, &location("/sub", "streaming", "wildcard_channel_max_qtd = 2"));
    for refused in ["bd_", "bd_1", "bd_1/bd_2", "bd_1/bd_2/bd_3/a"] {
        let answer = ask(&daemon, get(&format!("/sub/{refused}"), ""));
        assert_eq!(answer, forbidden(TOO_MUCH_WILDCARD), "{refused}");
    }
    for accepted in ["bd", "bd1", "bd_1/a", "a/bd_1/bd_2/b"] {
        assert_eq!(subscriber(&daemon, accepted).text(), stream_head(), "{accepted}");
    }
}

#[test]
fn the_numbers_of_channels_of_both_kinds_are_limited() {
    let http = "max_number_of_channels = 1\nmax_number_of_wildcard_channels = 1\n\
                wildcard_channel_prefix = \"bd_\"";
    let daemon = daemon_with(http, &location("/sub", "streaming", ""));
    assert_eq!(subscriber(&daemon, "a/bd_1").text(), stream_head());
    let exceeded = forbidden("Number of channels were exceeded.");
    assert_eq!(ask(&daemon, get("/sub/b", "")), exceeded);
    assert_eq!(ask(&daemon, get("/sub/a/bd_2", "")), exceeded);
    assert_eq!(subscriber(&daemon, "a").text(), stream_head());
}

#[test]
fn the_subscribers_of_a_channel_are_limited() {
    let http = "max_subscribers_per_channel = 3";
    let daemon = daemon_with(http, &location("/sub", "streaming", ""));
    let mut readers: Vec<_> = (0..3).map(|_| subscriber(&daemon, "a")).collect();
    let exceeded = forbidden("Subscribers limit per channel has been exceeded.");
    assert_eq!(ask(&daemon, get("/sub/a", "")), exceeded);
    assert_eq!(subscriber(&daemon, "b").text(), stream_head());
    readers.pop().expect("there are three").abort();
    assert_eq!(subscriber(&daemon, "a").text(), stream_head());
}

#[test]
fn the_channels_path_may_depend_on_an_argument() {
    let directives = "[[location.if]]\nvariable = \"$arg_test\"\nchannels_path = \"test_$1\"";
    let daemon = daemon("streaming", directives);
    let reader = daemon.connect();
    reader.send(get("/sub/a?test=1", ""));
    assert_eq!((subscriptions(&daemon, "test_a"), subscriptions(&daemon, "a")), (Some(1), None));
}

#[test]
fn expired_messages_are_not_given_to_new_subscribers() {
    let daemon = daemon_with("message_ttl = \"12s\"", &location("/sub", "streaming", ""));
    publish(&daemon, "a", "x");
    for seconds in [2, 4] {
        daemon.advance(seconds * 1_000);
        let answer = subscriber(&daemon, "a.b1").text();
        assert_eq!(body(&answer), chunk("x"));
    }
    daemon.advance(11_000);
    assert_eq!(body(&subscriber(&daemon, "a.b1").text()), "");
}
