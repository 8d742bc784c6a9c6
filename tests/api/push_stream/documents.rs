//! Forever iframe, JSON for the JavaScript client, M-JPEG (section 16): streaming with templates.

use super::receiving::*;

const IFRAME: &str = r#"
    default_type = "text/html; charset=utf-8"
    header_template = """<html><head><script>parent.PushStream.register(this);</script></head>\r\n\
        <body>"""
    message_template = """<script>p(~id~,'~channel~','~text~','~event-id~', \
        '~time~', '~tag~');</script>"""
    footer_template = "</body></html>"
"#;

#[test]
fn a_forever_iframe_is_a_page_that_grows() {
    let locations =
        location("/sub", "streaming", &format!("{IFRAME}ping_message_interval = \"10s\""));
    let daemon = daemon_with("ping_message_text = \"\"", &locations);
    let reader = daemon.connect();
    reader.send(get("/sub/a?streamid=1&_=1795315656000&tag=&time=&eventid=", ""));
    let page = "<html><head><script>parent.PushStream.register(this);</script></head>\r\n<body>";
    assert_eq!(reader.text(), typed_stream_head("text/html; charset=utf-8") + &chunk(page));
    publish_event(&daemon, "a", "hello%20you", "Event-Id: e1\r\n");
    let script = format!("<script>p(1,'a','hello%20you','e1', '{}', '1');</script>", date(0));
    assert_eq!(reader.text(), chunk(&script));
    daemon.advance(10_000 + TICK);
    assert_eq!(reader.text(), chunk(&format!("<script>p(-1,'','','', '{EPOCH}', '0');</script>")));
    delete(&daemon, "a", "");
    let script = format!("<script>p(-2,'a','Channel deleted','', '{EPOCH}', '0');</script>");
    assert_eq!(reader.text(), chunks([script.as_str(), "</body></html>"]) + LAST_CHUNK);
}

#[test]
fn the_javascript_client_gets_json() {
    let template = concat!(
        r#"message_template = '{"id":~id~,"channel":"~channel~","text":"~text~", "#,
        r#""tag":"~tag~", "time":"~time~", "eventid":"~event-id~"}'"#
    );
    let daemon = daemon("streaming", template);
    let reader = subscriber(&daemon, "ch1");
    reader.read();
    publish_event(&daemon, "ch1", "%22x%22", "Event-Id: e1\r\n");
    let json = format!(
        r#"{{"id":1,"channel":"ch1","text":"%22x%22", "tag":"1", "time":"{}", "eventid":"e1"}}"#,
        date(0)
    );
    assert_eq!(reader.text(), chunk(&json));
}

#[test]
fn m_jpeg_pictures_are_parts_with_their_size() {
    let directives = r#"
        default_type = "multipart/x-mixed-replace; boundary=endofsection"
        message_template = """--endofsection\nX-Timestamp: ~time~\nContent-Type: image/jpg\n\
            Content-Length: ~size~\n\n~text~"""
    "#;
    let daemon = daemon("streaming", directives);
    let reader = subscriber(&daemon, "camera");
    let content_type = "multipart/x-mixed-replace; boundary=endofsection";
    assert_eq!(reader.text(), typed_stream_head(content_type));
    let picture = [0xff, 0xd8, 0x00, 0x0d, 0x0a, 0xff, 0xd9];
    publish(&daemon, "camera", picture);
    let mut part = format!(
        "--endofsection\nX-Timestamp: {}\nContent-Type: image/jpg\nContent-Length: 7\n\n",
        date(0)
    )
    .into_bytes();
    part.extend_from_slice(&picture);
    let expected = [format!("{:x}\r\n", part.len()).as_bytes(), &part, b"\r\n"].concat();
    assert_eq!(reader.read(), expected);
}

#[test]
fn templates_escape_nothing() {
    let daemon = daemon("streaming", "message_template = \"'~channel~' '~text~'\"");
    let reader = subscriber(&daemon, "a'b");
    reader.read();
    publish(&daemon, "a'b", "</script>\"'\\");
    assert_eq!(reader.text(), chunk("'a'b' '</script>\"'\\'"));
}
