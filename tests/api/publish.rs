//! `POST /api/publish` (section 4).

use super::fixtures::*;

const NOT_A_PUBLICATION: &str =
    "the body must be an object with a string \"channel\" and a \"message\", each once\n";

#[test]
fn a_publication_is_accepted_also_when_nobody_listens() {
    let daemon = daemon();
    assert_eq!(ask(&daemon, publish("a:b", r#"{"x":1}"#)), ACCEPTED);
}

#[test]
fn further_members_are_ignored() {
    let body = r#"{"id":7,"channel":"a","message":null,"more":{"channel":[]}}"#;
    assert_eq!(ask(&daemon(), publish_body(body)), ACCEPTED);
}

#[test]
fn any_json_content_type_is_taken_and_no_other() {
    let daemon = daemon();
    let body = r#"{"channel":"a","message":1}"#;
    let send = |fields: &str| {
        let own = format!("{BEARER}{fields}Content-Length: {}\r\n", body.len());
        ask(&daemon, bare("POST", "/api/publish", &own) + body)
    };
    for value in [
        "application/json",
        "APPLICATION/Json",
        "application/json; charset=utf-8",
        "application/x+json",
    ] {
        assert_eq!(send(&format!("Content-Type: {value}\r\n")), ACCEPTED, "{value}");
    }
    let refused = explained("415 Unsupported Media Type", NOT_JSON_TYPE);
    for value in ["text/plain", "text/json", "application/jsonp", "json", "application/x-json", ""]
    {
        assert_eq!(send(&format!("Content-Type: {value}\r\n")), refused, "{value}");
    }
    assert_eq!(send(""), refused);
}

#[test]
fn what_is_not_json_is_400() {
    let daemon = daemon();
    let refused = explained("400 Bad Request", BAD_JSON);
    for body in [
        "",
        "{",
        "no",
        "\u{feff}{\"channel\":\"a\",\"message\":1}",
        "{\"channel\":\"a\",\"message\":1}x",
        "{\"channel\":\"a\",\"message\":1,}",
        "{\"channel\":\"a\",\"message\":01}",
        "{\"channel\":\"a\",\"message\":\"\t\"}",
        "[1,",
    ] {
        assert_eq!(ask(&daemon, publish_body(body)), refused, "{body}");
    }
    let mut request = publish("a", "\"xx\"").into_bytes();
    let at = request.len() - 4;
    request[at] = 0xff;
    assert_eq!(ask(&daemon, request), refused, "invalid UTF-8");
}

#[test]
fn json_that_is_no_publication_is_422() {
    let daemon = daemon();
    let refused = explained("422 Unprocessable Content", NOT_A_PUBLICATION);
    for body in [
        "{}",
        "null",
        "[]",
        r#"["a",1]"#,
        r#"{"message":1}"#,
        r#"{"channel":"a"}"#,
        r#"{"channel":1,"message":1}"#,
        r#"{"channel":null,"message":1}"#,
        r#"{"channel":"a","message":1,"message":1}"#,
        r#"{"channel":"a","channel":"b","message":1}"#,
    ] {
        assert_eq!(ask(&daemon, publish_body(body)), refused, "{body}");
    }
}

#[test]
fn a_channel_has_an_alphabet_and_a_length() {
    let daemon = daemon();
    let longest = "a".repeat(191);
    for channel in ["a", "AZaz09:-_.", &longest] {
        assert_eq!(ask(&daemon, publish(channel, "1")), ACCEPTED, "{channel}");
    }
    let refused = explained("400 Bad Request", BAD_CHANNEL);
    let too_long = "a".repeat(192);
    for channel in ["", "a b", "a/b", "a%3A", "ä", &too_long, "a\\u0000"] {
        assert_eq!(ask(&daemon, publish(channel, "1")), refused, "{channel}");
    }
}

#[test]
fn a_message_nests_126_deep_and_no_deeper() {
    let daemon = daemon();
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(ask(&daemon, publish("a", &nested(126))), ACCEPTED);
    let refused = explained("400 Bad Request", "the message is nested too deeply\n");
    assert_eq!(ask(&daemon, publish("a", &nested(127))), refused);
    assert_eq!(ask(&daemon, publish("a", &nested(20_000))), refused);
}

#[test]
fn a_payload_has_at_most_65535_bytes() {
    let daemon = daemon();
    let text = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    assert_eq!(ask(&daemon, publish("a", &text(65_535))), ACCEPTED);
    let refused =
        explained("413 Request Entity Too Large", "the message is larger than 65535 bytes\n");
    assert_eq!(ask(&daemon, publish("a", &text(65_536))), refused);
    // Insignificant whitespace is not part of the payload.
    let spaced = format!("[{}1]", " ".repeat(66_000));
    assert_eq!(ask(&daemon, publish("a", &spaced)), ACCEPTED);
}

#[test]
fn the_payload_is_the_message_as_published_without_blanks() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a");
    let message = "{ \"b\" : 1e2,\r\n\t\"a\": [12345678901234567890123, -0.0, 1E999],\
                   \"b\": \" \\\" \\ud800 ä\" }";
    assert_eq!(ask(&daemon, publish("a", message)), ACCEPTED);
    let expected = r#"{"b":1e2,"a":[12345678901234567890123,-0.0,1E999],"b":" \" \ud800 ä"}"#;
    assert_eq!(reader.read(), frame(expected));
}

#[test]
fn a_channel_may_be_spelled_with_escapes() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a:b");
    assert_eq!(ask(&daemon, publish("\\u0061\\u003ab", "1")), ACCEPTED);
    assert_eq!(reader.read(), frame("1"));
}

#[test]
fn refused_publications_reach_nobody() {
    let daemon = daemon();
    let reader = subscriber(&daemon, "a");
    for body in [r#"{"channel":"a","message":1}x"#, r#"{"channel":"a","message":1,"message":2}"#] {
        ask(&daemon, publish_body(body));
    }
    ask(&daemon, post("/api/publish", "", r#"{"channel":"a","message":1}"#));
    assert_eq!(reader.text(), "");
    let counters = daemon.counters();
    assert_eq!((counters.publish_requests_total, counters.published_bytes_total), (0, 0));
}
