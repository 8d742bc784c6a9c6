//! The module's oddities (section 27): what is copied and what is not.

use super::receiving::*;

#[test]
fn the_body_of_a_refused_post_is_not_taken_for_the_next_request() {
    let daemon = daemon("streaming", "");
    let client = daemon.connect();
    let refused_post =
        bare("POST", "/pub?id=ALL", "Content-Length: 24\r\n") + "GET /sub/a HTTP/1.1\r\n\r\n ";
    client.send(refused_post + &get("/sub/b", ""));
    let forbidden = refused("403 Forbidden", "Channel id not authorized for this method.");
    assert_eq!(client.text(), forbidden + &stream_head());
    assert_eq!(subscriptions(&daemon, "a"), None);
}

#[test]
fn the_leading_slash_of_the_javascript_client_names_the_empty_channel_too() {
    let daemon = daemon("streaming", "");
    let reader = subscriber(&daemon, "ch1");
    reader.read();
    publish(&daemon, "/ch1", "x");
    assert_eq!(reader.text(), chunk("x"));
    assert_eq!(stored(&daemon, "ch1"), Some(1));
}

#[test]
fn a_blank_header_template_does_not_hold_the_head_back() {
    let daemon = daemon("streaming", "");
    assert_eq!(subscriber(&daemon, "a").text(), stream_head());
}

#[test]
fn a_broken_expression_in_a_padding_pattern_is_an_error_and_not_a_crash() {
    let directives = "padding_by_user_agent = \"[,10,10\"";
    let error = try_config("", &location("/sub", "streaming", directives)).expect_err("broken");
    assert!(error.contains("broken regular expression [ in padding pattern"), "{error}");
}

#[test]
fn expiring_events_leave_the_summary_s_stored_messages_alone() {
    let http = "events_channel_id = \"ev\"\nmessage_ttl = \"12s\"";
    let daemon = daemon_with(http, &location("/sub", "streaming", ""));
    let _reader = subscriber(&daemon, "a");
    daemon.advance(10_000);
    publish(&daemon, "a", "x");
    daemon.advance(8_000);
    assert_eq!(stored(&daemon, "ev"), Some(0));
    let summary = ask(&daemon, get("/stats", ""));
    assert!(summary.contains("\"stored_messages\": 1,"), "{summary}");
}

#[test]
fn tags_count_for_the_whole_server_and_start_over_each_second() {
    let daemon = daemon("streaming", SHOWN);
    let reader = subscriber(&daemon, "a/b");
    reader.read();
    publish(&daemon, "a", "x");
    publish(&daemon, "unseen", "x");
    publish(&daemon, "b", "x");
    daemon.advance(1_000);
    publish(&daemon, "b", "x");
    assert_eq!(reader.text(), chunks(["[1|a|x|1]", "[1|b|x|3]", "[2|b|x|1]"]));
}

#[test]
fn timeout_with_body_stands_at_the_http_level() {
    let directives = "longpolling_connection_ttl = \"1s\"";
    let daemon =
        daemon_with("timeout_with_body = true", &location("/sub", "long-polling", directives));
    let reader = daemon.connect();
    reader.send(get("/sub/a", ""));
    daemon.advance(1_000 + TICK);
    assert_eq!(reader.text(), answer(1, (1, 0), &["Timed out"]));
}

#[test]
fn an_events_channel_s_ids_are_escaped_where_they_would_break_the_format() {
    let directives = "allow_connections_to_events_channel = true";
    let daemon =
        daemon_with("events_channel_id = \"ev\"", &location("/sub", "streaming", directives));
    let reader = subscriber(&daemon, "ev");
    reader.read();
    publish(&daemon, "a%22b", "x");
    assert_eq!(reader.text(), chunk(r#"{"type": "channel_created", "channel": "a\"b"}"#));
}
