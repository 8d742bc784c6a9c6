//! WebSocket handshakes (section 15.1): the order of checks, and checks that fail after the 101
//! (15.4).

use super::receiving::*;
use super::websocket_client::*;
use crate::support::Client;

const MISSING: &str = "Don't have at least one of the mandatory headers: Connection, Upgrade, \
                       Sec-WebSocket-Key and Sec-WebSocket-Version";

fn client_after(directives: &str, request: impl AsRef<[u8]>) -> Client {
    let client = websocket_daemon(directives).connect();
    client.send(request);
    client
}

/// A refusal, after which the connection is closed.
fn refused_handshake(own: &str, explain: &str) -> String {
    refused("400 Bad Request", explain)
        .replace("keep-alive", "close")
        .replace("X-Nginx", &format!("{own}X-Nginx"))
}

#[test]
fn other_methods_are_refused_before_anything_is_looked_at() {
    for method in ["HEAD", "PUT", "POST", "DELETE", "OPTIONS"] {
        let client = client_after("", bare(method, "/ws/", "Content-Length: 0\r\n"));
        let expected = format!(
            "HTTP/1.1 405 Not Allowed\r\nAllow: GET\r\nDate: {}\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n",
            date(0)
        );
        assert_eq!(client.text(), expected, "{method}");
        assert!(client.is_ended());
    }
}

#[test]
fn each_mandatory_header_is_missed() {
    for name in ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"] {
        let fields: String = UPGRADE
            .split_inclusive("\r\n")
            .filter(|field| !field.starts_with(&format!("{name}: ")))
            .collect();
        let client = client_after("", get("/ws/a", &fields));
        assert_eq!(client.text(), refused_handshake("", MISSING), "{name}");
        assert!(client.is_ended());
    }
}

#[test]
fn versions_8_and_13_are_taken_and_no_other() {
    for version in ["8", "13"] {
        let fields = UPGRADE.replace("Version: 13", &format!("Version: {version}"));
        assert_eq!(client_after("", get("/ws/a", &fields)).text(), SWITCHED);
    }
    for version in ["7", "14", "x"] {
        let fields = UPGRADE.replace("Version: 13", &format!("Version: {version}"));
        let client = client_after("", get("/ws/a", &fields));
        let explain = "Version not supported. Supported versions: 8, 13";
        assert_eq!(client.text(), refused_handshake("Sec-WebSocket-Version: 8, 13\r\n", explain));
        assert!(client.is_ended());
    }
}

#[test]
fn a_broken_key_is_refused_as_the_rfc_wants() {
    let client = client_after("", get("/ws/a", &UPGRADE.replace(KEY, "short")));
    let explain = "Header Sec-WebSocket-Key is not 16 bytes in base64";
    assert_eq!(client.text(), refused_handshake("", explain));
}

#[test]
fn the_answer_has_these_headers_only_and_no_body() {
    assert_eq!(client_after("", get("/ws/a", UPGRADE)).text(), SWITCHED);
}

#[test]
fn a_http_1_0_request_gets_the_same_answer() {
    let request = get("/ws/a", UPGRADE).replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(client_after("", request).text(), SWITCHED);
}

#[test]
fn neither_subprotocol_nor_cross_origin_headers_are_answered() {
    let fields = format!("{UPGRADE}Origin: http://x\r\nSec-WebSocket-Protocol: chat\r\n");
    let client = client_after("allowed_origins = \"*\"", get("/ws/a", &fields));
    assert_eq!(client.text(), SWITCHED);
}

#[test]
fn compression_is_agreed_only_when_it_is_offered() {
    let fields = format!("{UPGRADE}Sec-WebSocket-Extensions: permessage-deflate\r\n");
    let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let expected =
        SWITCHED.replace("\r\n\r\n", &format!("\r\nSec-WebSocket-Extensions: {agreed}\r\n\r\n"));
    assert_eq!(client_after("", get("/ws/a", &fields)).text(), expected);
    let fields = format!("{UPGRADE}Sec-WebSocket-Extensions: x-unknown\r\n");
    assert_eq!(client_after("", get("/ws/a", &fields)).text(), SWITCHED);
}

#[test]
fn failed_checks_are_told_in_a_close_frame() {
    let reason = |status: u16, explain: &str| {
        format!("{{\"http_status\": {status}, \"explain\":\"{explain}\"}}")
    };
    let rows = [
        ("", "/ws/", 400, "No channel id provided."),
        ("", "/ws/ALL", 403, "Channel id not authorized for this method."),
        ("", "/ws/a*", 403, "Channel id not authorized for this method."),
        ("authorized_channels_only = true", "/ws/a", 403, "Subscriber could not create channels."),
    ];
    for (directives, target, status, explain) in rows {
        let client = client_after(directives, get(target, UPGRADE));
        let expected = [SWITCHED.as_bytes(), &close(1008, &reason(status, explain))].concat();
        assert_eq!(client.read(), expected, "{target}");
        assert!(client.is_ended());
    }
}

#[test]
fn the_close_frame_of_a_failed_check_is_the_module_s() {
    let client = client_after("authorized_channels_only = true", get("/ws/a", UPGRADE));
    let frame = b"\x88\x4D\x03\xF0{\"http_status\": 403, \
        \"explain\":\"Subscriber could not create channels.\"}";
    let mut expected = SWITCHED.as_bytes().to_vec();
    expected.extend_from_slice(&frame[..1]);
    expected.push(frame.len() as u8 - 2);
    expected.extend_from_slice(&frame[2..]);
    assert_eq!(client.read(), expected);
}

#[test]
fn the_http_level_limits_hold_for_websockets() {
    let rows = [
        ("max_channel_id_length = 3", "/ws/abcd", 400, "Channel id is too large."),
        ("max_number_of_channels = 1", "/ws/a/b", 403, "Number of channels were exceeded."),
        (
            "events_channel_id = \"ev\"",
            "/ws/ev",
            403,
            "Subscription to events channel is not allowed.",
        ),
        (
            "wildcard_channel_prefix = \"w_\"\nwildcard_channel_max_qtd = 1",
            "/ws/w_a",
            403,
            "Subscribed too much wildcard channels.",
        ),
    ];
    for (http, target, status, explain) in rows {
        let daemon = daemon_with(http, &location("/ws", "websocket", ""));
        let client = daemon.connect();
        client.send(get(target, UPGRADE));
        let reason = format!("{{\"http_status\": {status}, \"explain\":\"{explain}\"}}");
        assert_eq!(client.read(), [SWITCHED.as_bytes(), &close(1008, &reason)].concat(), "{http}");
    }
}

#[test]
fn the_mode_header_is_ignored() {
    let fields = format!("{UPGRADE}X-Nginx-PushStream-Mode: polling\r\n");
    assert_eq!(client_after("", get("/ws/a", &fields)).text(), SWITCHED);
}

#[test]
fn frames_behind_the_handshake_in_one_segment_are_read() {
    let daemon = publishing_daemon("");
    let client = daemon.connect();
    client.send([get("/ws/a", UPGRADE).as_bytes(), &masked(TEXT, "early")].concat());
    assert_eq!(client.read(), [SWITCHED.as_bytes(), &text("early")].concat());
}
