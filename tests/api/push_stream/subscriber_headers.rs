//! Heads of subscriber answers (section 5): content type, CORS, caching; header templates.

use super::receiving::*;

const CORS: &str = "Access-Control-Allow-Origin: http://a.test, http://b.test\r\n\
    Access-Control-Allow-Methods: GET\r\n\
    Access-Control-Allow-Headers: \
    If-Modified-Since,If-None-Match,Etag,Event-Id,Event-Type,Last-Event-Id\r\n";

/// The same answer with the CORS headers of subscribers.
fn with_cors(answer: &str) -> String {
    answer.replacen(UNCACHED, &format!("{CORS}{UNCACHED}"), 1)
}

#[test]
fn any_text_may_be_the_content_type() {
    for content_type in ["text/html; charset=utf-8", "custom content type"] {
        let daemon = daemon("streaming", &format!("default_type = \"{content_type}\""));
        assert_eq!(subscriber(&daemon, "a").text(), typed_stream_head(content_type));
        let daemon =
            super::receiving::daemon("long-polling", &format!("default_type = \"{content_type}\""));
        let reader = daemon.connect();
        reader.send(get("/sub/a", ""));
        publish(&daemon, "a", "x");
        assert_eq!(reader.text(), typed_answer(content_type, 0, (0, 1), &["x"]));
    }
}

#[test]
fn the_extension_of_the_path_decides_over_the_default_type() {
    let daemon = daemon("streaming", "");
    assert_eq!(subscriber(&daemon, "room.html").text(), typed_stream_head("text/html"));
}

#[test]
fn every_answer_has_cors_headers_where_origins_are_allowed() {
    let directives = "allowed_origins = \"http://a.test, http://b.test\"";
    let streaming = daemon("streaming", directives);
    assert_eq!(ask(&streaming, get("/sub/a", "")), with_cors(&stream_head()));
    let refusal = refused("403 Forbidden", "Channel id not authorized for this method.");
    assert_eq!(ask(&streaming, get("/sub/ALL", "")), with_cors(&refusal));
    let options = format!(
        "HTTP/1.1 200 OK\r\n{CORS}Date: {}\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
        date(0)
    );
    assert_eq!(ask(&streaming, bare("OPTIONS", "/sub/a", "")), options);
    let polling = daemon("polling", directives);
    let nothing = not_modified("text/plain", 0, "", "");
    assert_eq!(ask(&polling, get("/sub/a", "")), with_cors(&nothing));
    let waiting = daemon("long-polling", directives);
    let reader = waiting.connect();
    reader.send(get("/sub/a", ""));
    publish(&waiting, "a", "x");
    let expected = with_cors(&answer(0, (0, 1), &["x"]));
    assert_eq!(reader.text(), expected);
}

#[test]
fn the_allowed_origin_may_come_from_the_request() {
    for mode in ["streaming", "long-polling"] {
        let daemon = daemon(mode, "allowed_origins = \"$arg_domain\"");
        let reader = daemon.connect();
        reader.send(get("/sub/a?domain=http%3A%2F%2Fx.test", ""));
        publish(&daemon, "a", "x");
        let answer = reader.text();
        assert!(answer.contains("\r\nAccess-Control-Allow-Origin: http://x.test\r\n"), "{answer}");
        let reader = daemon.connect();
        reader.send(get("/sub/a", ""));
        publish(&daemon, "a", "x");
        assert!(!reader.text().contains("Access-Control"));
    }
}

#[test]
fn the_header_template_is_the_first_chunk() {
    let template = r#"header_template = "HEADER\r\nTEMPLATE\r\n1234\r\n""#;
    let daemon = daemon("streaming", template);
    let expected = stream_head() + &chunk("HEADER\r\nTEMPLATE\r\n1234\r\n");
    assert_eq!(subscriber(&daemon, "a").text(), expected);
}

#[test]
fn the_header_template_may_come_from_a_file() {
    let daemon = daemon("streaming", "header_template_file = \"/header.html\"");
    let expected = stream_head() + &chunk("HEADER FROM FILE\r\n");
    assert_eq!(subscriber(&daemon, "a").text(), expected);
}

#[test]
fn the_inner_of_header_template_and_file_wins() {
    for (outer, inner, header) in [
        (
            "header_template = \"OUTER\"",
            "header_template_file = \"/header.html\"",
            "HEADER FROM FILE\r\n",
        ),
        ("header_template_file = \"/header.html\"", "header_template = \"INNER\"", "INNER"),
    ] {
        let daemon = daemon_with(outer, &location("/sub", "streaming", inner));
        assert_eq!(subscriber(&daemon, "a").text(), stream_head() + &chunk(header));
    }
}

#[test]
fn header_template_and_file_on_one_level_are_refused() {
    let (text, file) = ("header_template = \"X\"\n", "header_template_file = \"/header.html\"\n");
    let second_is_the_file = "\"push_stream_header_template_file\" directive is duplicate or \
                              template set by 'push_stream_header_template'";
    for directives in [format!("{text}{file}"), format!("{file}{text}")] {
        let error = try_config("", &location("/sub", "streaming", &directives)).expect_err("two");
        let second_is_the_text = "\"push_stream_header_template\" directive is duplicate";
        assert!(
            error.contains(second_is_the_file) || error.contains(second_is_the_text),
            "{error}"
        );
    }
}

#[test]
fn a_header_template_file_that_cannot_be_opened_is_named() {
    let directives = "header_template_file = \"/missing.html\"";
    let error = try_config("", &location("/sub", "streaming", directives)).expect_err("no file");
    let text = "push stream module: unable to open file \"/missing.html\" for header template";
    assert!(error.contains(text), "{error}");
}

#[test]
fn the_ping_message_is_formatted_like_any_other() {
    let custom = "ping_message_text = \"pinging\"";
    for (http, template, expected) in [
        ("", "", " "),
        (custom, "", "pinging"),
        ("", "message_template = \"~id~:~text~\"\n", "-1: "),
        (custom, "message_template = \"~id~:~text~\"\n", "-1:pinging"),
    ] {
        let directives = format!("{template}ping_message_interval = \"1s\"");
        let daemon = daemon_with(http, &location("/sub", "streaming", &directives));
        let reader = subscriber(&daemon, "a");
        reader.read();
        daemon.advance(1_000 + TICK);
        assert_eq!(reader.text(), chunk(expected));
    }
}
