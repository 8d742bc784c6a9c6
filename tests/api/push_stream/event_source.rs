//! EventSource (section 14): comments, data, and their chunks.

use super::receiving::*;
use super::websocket_client;
use crate::support::Daemon;

const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// What a subscriber of `a` receives after the head, with these directives, when these messages are
/// published.
fn received(directives: &str, text: &str, fields: &str) -> String {
    let daemon = daemon("eventsource", directives);
    let reader = subscriber(&daemon, "a");
    let head = reader.text();
    assert_eq!(body(&head), chunk(": \n"));
    publish_event(&daemon, "a", text, fields);
    reader.text()
}

/// The header chunk of a stream with this header template in the configuration file's syntax.
fn header(template: &str) -> String {
    let daemon = daemon("eventsource", &format!("header_template = {template}"));
    let answer = subscriber(&daemon, "a").text();
    assert!(answer.starts_with(&typed_stream_head(EVENT_STREAM)));
    body(&answer).to_owned()
}

/// The bytes after the deletion message, with this footer template.
fn footer(template: &str) -> String {
    let daemon = daemon("eventsource", &format!("footer_template = {template}"));
    let reader = subscriber(&daemon, "a");
    reader.read();
    delete(&daemon, "a", "");
    let all = reader.text();
    all.strip_prefix(&chunk("data: Channel deleted\n\n")).expect("the message is first").to_owned()
}

#[test]
fn the_content_type_is_always_that_of_event_streams() {
    for directives in ["", "default_type = \"text/html\""] {
        let daemon = daemon("eventsource", directives);
        let expected = typed_stream_head(EVENT_STREAM) + &chunk(": \n");
        assert_eq!(subscriber(&daemon, "a.html").text(), expected);
    }
}

#[test]
fn header_lines_become_comments() {
    let lines = r#""header line 1\nheader line 2\rheader line 3\r\nheader line 4""#;
    let comments = ": header line 1\n: header line 2\n: header line 3\n: header line 4\n";
    assert_eq!(header(lines), chunk(comments));
}

#[test]
fn escaped_line_ends_in_a_header_are_kept() {
    assert_eq!(header(r"'line 1\nline 2'"), chunk(": line 1\\nline 2\n"));
}

#[test]
fn a_header_in_comment_form_stays_as_it_is() {
    assert_eq!(header(r#"": ready\nretry: 3000\n\n""#), chunk(": ready\nretry: 3000\n\n"));
}

#[test]
fn footer_lines_become_comments() {
    let lines = r#""footer line 1\nfooter line 2\rfooter line 3\r\nfooter line 4""#;
    let comments = ": footer line 1\n: footer line 2\n: footer line 3\n: footer line 4\n";
    assert_eq!(footer(lines), chunk(comments) + LAST_CHUNK);
}

#[test]
fn escaped_line_ends_in_a_footer_are_kept() {
    assert_eq!(footer(r"'line 1\nline 2'"), chunk(": line 1\\nline 2\n") + LAST_CHUNK);
}

#[test]
fn a_blank_footer_is_nothing() {
    assert_eq!(footer("''"), LAST_CHUNK);
}

#[test]
fn a_message_is_one_data_chunk() {
    assert_eq!(received("", "hello", ""), chunk("data: hello\n\n"));
}

#[test]
fn event_id_and_type_are_chunks_before_the_data() {
    let both = "Event-Id: i1\r\nEvent-Type: ty\r\n";
    let expected = ["id: i1\n", "event: ty\n", "data: a\ndata: b\ndata: c\ndata: d\ndata: e\n\n"];
    assert_eq!(received("", "a\nb\r\nc\rd\n\ne", both), chunks(expected));
    assert_eq!(received("", "x", "Event-Id: i1\r\n"), chunks(["id: i1\n", "data: x\n\n"]));
    assert_eq!(received("", "x", "Event-Type: ty\r\n"), chunks(["event: ty\n", "data: x\n\n"]));
    assert_eq!(received("", "x", "Event-Id: \r\n"), chunks(["id: \n", "data: x\n\n"]));
}

#[test]
fn a_custom_template_stands_inside_the_data() {
    let template = r#"message_template = '{"id":"~id~", "message":"~text~"}'"#;
    let data = "data: {\"id\":\"1\", \"message\":\"x\"}\n\n";
    assert_eq!(received(template, "x", ""), chunk(data));
    assert_eq!(received(template, "x", "Event-Id: i1\r\n"), chunks(["id: i1\n", data]));
    assert_eq!(received(template, "x", "Event-Type: ty\r\n"), chunks(["event: ty\n", data]));
}

#[test]
fn the_template_is_applied_to_each_line() {
    let template = "message_template = \"<~id~ ~size~ ~text~>\"";
    let expected = chunk("data: <1 1 a>\ndata: <1 2 bc>\n\n");
    assert_eq!(received(template, "a\nbc", ""), expected);
}

#[test]
fn a_template_in_data_form_is_used_as_it_is() {
    let template = r#"message_template = "data: ~text~\n""#;
    assert_eq!(received(template, "a\nb", ""), chunk("data: a\ndata: b\n\n"));
}

#[test]
fn escaped_line_ends_in_a_message_are_kept() {
    assert_eq!(received("", r"a\nb\r\nc", ""), chunk("data: a\\nb\\r\\nc\n\n"));
}

#[test]
fn a_message_without_a_line_is_an_empty_line() {
    assert_eq!(received("", "\r\n\n\r", ""), chunk("\n"));
}

#[test]
fn lines_are_split_behind_a_nul_byte_too() {
    assert_eq!(received("", "a\nb\0c\nd", ""), chunk("data: a\ndata: b\0c\ndata: d\n\n"));
}

#[test]
fn old_messages_look_like_new_ones() {
    let daemon = daemon("eventsource", "");
    publish_event(&daemon, "a", "x\ny", "Event-Id: i1\r\nEvent-Type: ty\r\n");
    let answer = subscriber(&daemon, "a.b1").text();
    let items = [": \n", "id: i1\n", "event: ty\n", "data: x\ndata: y\n\n"];
    assert_eq!(body(&answer), chunks(items));
}

#[test]
fn a_deleted_channel_says_goodbye_in_lines() {
    let daemon = daemon("eventsource", r#"footer_template = "f1\nf2""#);
    let reader = subscriber(&daemon, "a");
    reader.read();
    delete(&daemon, "a", "l1\nl2");
    let expected = chunks(["data: l1\ndata: l2\n\n", ": f1\n: f2\n"]) + LAST_CHUNK;
    assert_eq!(reader.text(), expected);
}

#[test]
fn a_ping_is_a_comment_chunk_whatever_the_ping_text() {
    let locations = location("/sub", "eventsource", "ping_message_interval = \"1s\"");
    let daemon = daemon_with("ping_message_text = \"hello?\"", &locations);
    let reader = subscriber(&daemon, "a");
    reader.read();
    daemon.advance(2_000 + TICK);
    assert_eq!(reader.text(), chunk(": -1\n").repeat(2));
}

#[test]
fn formatting_is_applied_once_inside_an_if() {
    let directives = "header_template = \"H\"\nmessage_template = \"<~text~>\"\n\
                      footer_template = \"F\"\n\
                      [[location.if]]\nvariable = \"$arg_test\"\nchannels_path = \"test_$1\"";
    let daemon = daemon("eventsource", directives);
    for (target, channel) in [("/sub/a", "a"), ("/sub/a?test=1", "test_a")] {
        let reader = daemon.connect();
        reader.send(get(target, ""));
        publish(&daemon, channel, "x");
        delete(&daemon, channel, "bye");
        let items = [": H\n", "data: <x>\n\n", "data: <bye>\n\n", ": F\n"];
        assert_eq!(body(&reader.text()), chunks(items) + LAST_CHUNK);
    }
}

#[test]
fn a_browser_that_reconnects_goes_on_behind_its_last_event() {
    let daemon = daemon("eventsource", "");
    for (text, event) in [("m1", "e1"), ("m2", "e2"), ("m3", "e3")] {
        publish_event(&daemon, "a", text, &format!("Event-Id: {event}\r\n"));
    }
    let answer = ask(&daemon, get("/sub/a", "Last-Event-ID: e2\r\n"));
    assert_eq!(body(&answer), chunks([": \n", "id: e3\n", "data: m3\n\n"]));
}

/// A limit of 100 KB for encodings, and a template of 100 bytes per line.
fn daemon_with_long_template() -> Daemon {
    let long = format!("message_template = '{}~text~'", "t".repeat(100));
    let all = location("/sub", "eventsource", &long)
        + &location("/ws", "websocket", "websocket_allow_publish = true");
    let mut config = try_config("", &all).unwrap();
    config.limits.encoded_bytes_max = 100_000;
    Daemon::new(config)
}

#[test]
fn a_text_whose_lines_become_too_long_in_a_template_is_refused_by_every_publisher() {
    let daemon = daemon_with_long_template();
    let reader = subscriber(&daemon, "a/b");
    reader.read();
    let text = "x\n".repeat(1_000);
    let post = |method: &str, target: &str, text: &str| {
        let length = format!("Content-Length: {}\r\n", text.len());
        ask(&daemon, bare(method, target, &length) + text)
    };
    for method in ["POST", "DELETE"] {
        let answer = post(method, "/pub?id=a/b", &text);
        assert!(answer.starts_with("HTTP/1.1 413 Request Entity Too Large\r\n"), "{answer}");
        let explain =
            "X-Nginx-PushStream-Explain: Message is too large in the templates of its readers.";
        assert!(answer.contains(explain), "{answer}");
    }
    let (client, _) = websocket_client::open(&daemon, "a/b");
    client.send(websocket_client::masked(websocket_client::TEXT, &text));
    let reason = [b"\x03\xf1".as_slice(), b"Message is too large in the templates of its readers."];
    assert_eq!(client.read(), websocket_client::frame(websocket_client::CLOSING, reason.concat()));
    assert!(client.is_ended());
    assert_eq!(reader.text(), "", "nothing was published or deleted");
    assert_eq!((stored(&daemon, "a"), stored(&daemon, "b")), (Some(0), Some(0)));
    // The same length in one line is not expanded.
    publish(&daemon, "a", "y".repeat(2_000));
    assert!(reader.text().contains(&"y".repeat(2_000)));
}

#[test]
fn what_the_api_publishes_is_refused_too_where_a_template_makes_too_much_of_it() {
    let own = format!("message_template = '{}'", "~text~".repeat(60));
    let mut config = try_config("", &location("/sub", "streaming", &own)).unwrap();
    config.limits.encoded_bytes_max = 100_000;
    let daemon = Daemon::new(config);
    let publish = |text: &str| {
        let message = format!("{{\"channel\":\"a\",\"message\":\"{text}\"}}");
        ask(&daemon, crate::fixtures::publish_body(&message))
    };
    let answer = publish(&"x".repeat(2_000));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.ends_with("the message is too large in the templates of its readers\n"),
        "{answer}"
    );
    assert!(publish(&"x".repeat(1_000)).starts_with("HTTP/1.1 204 "));
}
