//! `POST /api/stream/{channels}` with options.

use super::*;

fn stream(channels: &str, body: &str) -> String {
    let token = token_for(&["*"], "");
    post(&format!("/api/stream/{channels}"), "", &format!("{{\"token\":\"{token}\"{body}}}"))
}

/// The payloads of frames.
fn payloads(bytes: &[u8]) -> Vec<String> {
    let mut bytes = bytes.to_vec();
    let frames = std::iter::from_fn(|| wire::take_framed(&mut bytes));
    frames.map(|frame| String::from_utf8(frame).unwrap()).collect()
}

#[test]
fn frames_hold_control_objects_and_envelopes() {
    let daemon = Daemon::new(with_history());
    ask(&daemon, publish("ha", "1"));
    let client = daemon.connect();
    let options = format!(",\"channels\":[\"hb\"],\"envelope\":true,\"since\":\"{}\"", cursor(0));
    let answer = client.ask(stream("ha", &options));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: application/octet-stream\r\n"));
    let frames = payloads(&wire::data_of_chunks(body.as_bytes()));
    assert!(frames[0].starts_with("{\"control\":\"hello\",\"connection\":\""), "{frames:?}");
    let heartbeat =
        |position| format!("{{\"control\":\"heartbeat\",\"cursor\":\"{}\"}}", cursor(position));
    assert_eq!(frames[1..], [envelope(1, "ha", "1"), heartbeat(1)]);
    ask(&daemon, publish("hb", "2"));
    let frames = payloads(&wire::data_of_chunks(&client.read()));
    assert_eq!(frames, [envelope(2, "hb", "2")]);
    daemon.advance(15_000);
    let frames = payloads(&wire::data_of_chunks(&client.read()));
    assert_eq!(frames, [heartbeat(2)]);
}

#[test]
fn options_without_an_envelope_are_refused() {
    let daemon = daemon();
    let text = "several channels, \"since\" and \"last\" need \"envelope\": true\n";
    for (channels, options) in [
        ("a,b", ""),
        ("a", ",\"channels\":[\"b\"]"),
        ("a", ",\"since\":\"x\""),
        ("a", ",\"last\":1"),
    ] {
        let answer = ask(&daemon, stream(channels, options));
        assert_eq!(answer, explained("422 Unprocessable Content", text), "{channels}{options}");
    }
    assert_eq!(ask(&daemon, stream("a", ",\"channels\":[\"a\"]")), STREAM);
}

#[test]
fn a_message_that_no_frame_holds_is_a_reset() {
    let daemon = daemon();
    let client = daemon.connect();
    client.ask(stream("a", ",\"envelope\":true"));
    ask(&daemon, publish("a", &format!("\"{}\"", "x".repeat(65_500))));
    let frames = payloads(&wire::data_of_chunks(&client.read()));
    let reset = format!(
        "{{\"control\":\"reset\",\"channels\":[\"a\"],\"reason\":\"unknown\",\"cursor\":\"{}\"}}",
        cursor(1)
    );
    assert_eq!(frames, [reset]);
}
