//! `GET /api/websocket/{channels}` and the messages of its clients.

use super::*;

const FIELDS: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
const TEXT: u8 = 0x81;

/// A client with this token, and its frames behind the response head.
pub fn open(daemon: &Daemon, channels: &str, token: &str) -> (Client, Vec<(u8, String)>) {
    let client = daemon.connect();
    let fields = format!("{FIELDS}Authorization: Bearer {token}\r\n");
    client.post(get(&format!("/api/websocket/{channels}"), &fields));
    daemon.run();
    let bytes = client.read();
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    assert!(bytes.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
    (client, frames(bytes[at..].to_vec()))
}

/// The head of the answer to a handshake, and frames that may not be UTF-8.
fn answer_to(daemon: &Daemon, fields: &str) -> String {
    let client = daemon.connect();
    client.post(get_signed("/api/websocket/a", fields));
    daemon.run();
    String::from_utf8_lossy(&client.read()).into_owned()
}

fn frames(mut bytes: Vec<u8>) -> Vec<(u8, String)> {
    let all = std::iter::from_fn(|| wire::take_frame(&mut bytes));
    all.map(|(first, payload)| (first, String::from_utf8_lossy(&payload).into_owned())).collect()
}

/// The texts that a client has received since the last call.
pub fn texts(client: &Client) -> Vec<String> {
    frames(client.read())
        .into_iter()
        .map(|(first, text)| {
            assert_eq!(first, TEXT, "{text}");
            text
        })
        .collect()
}

/// What a client receives for a command.
pub fn command(daemon: &Daemon, client: &Client, text: &str) -> Vec<String> {
    client.post(wire::masked(TEXT, text, [1, 2, 3, 4]));
    daemon.run();
    texts(client)
}

pub fn error(reason: &str) -> Vec<String> {
    vec![format!("{{\"control\":\"error\",\"reason\":\"{reason}\"}}")]
}

#[test]
fn it_begins_with_hello_and_carries_envelopes() {
    let daemon = daemon();
    let (client, first) = open(&daemon, "a,b", &token_for(&["*"], ""));
    assert_eq!(first.len(), 1);
    assert!(first[0].1.starts_with("{\"control\":\"hello\",\"connection\":\""), "{first:?}");
    ask(&daemon, publish("b", "1"));
    assert_eq!(texts(&client), [envelope(1, "b", "1")]);
    daemon.advance(15_000);
    let heartbeat = format!("{{\"control\":\"heartbeat\",\"cursor\":\"{}\"}}", cursor(1));
    assert_eq!(frames(client.read()), [(TEXT, heartbeat), (0x89, String::new())]);
}

#[test]
fn the_subprotocol_is_agreed_on_if_the_client_asks_for_it() {
    let daemon = daemon();
    let fields = format!("{FIELDS}Sec-WebSocket-Protocol: other, rpushd.v1\r\n");
    let answer = answer_to(&daemon, &fields);
    assert!(answer.contains("\r\nsec-websocket-protocol: rpushd.v1\r\n"), "{answer}");
}

#[test]
fn channels_are_added_with_their_stored_messages_and_left() {
    let daemon = Daemon::new(with_history());
    let (client, _) = open(&daemon, "ha", &token_for(&["h*"], ""));
    ask(&daemon, publish("hb", "1"));
    let subscribe =
        format!(r#"{{"do":"subscribe","channels":["hb","ha"],"cursor":"{}","ref":7}}"#, cursor(0));
    assert_eq!(
        command(&daemon, &client, &subscribe),
        [
            envelope(1, "hb", "1"),
            format!(
                r#"{{"control":"subscribed","channels":["hb","ha"],"cursor":"{}","ref":7}}"#,
                cursor(1)
            )
        ]
    );
    ask(&daemon, publish("hb", "2"));
    assert_eq!(texts(&client), [envelope(2, "hb", "2")]);
    assert_eq!(
        command(&daemon, &client, r#"{"do":"unsubscribe","channels":["ha","hb"]}"#),
        [r#"{"control":"unsubscribed","channels":["ha","hb"]}"#]
    );
    ask(&daemon, publish("ha", "3"));
    assert_eq!(texts(&client), [""; 0]);
    let again = r#"{"do":"subscribe","channels":["ha"]}"#;
    assert_eq!(command(&daemon, &client, again).len(), 1);
    ask(&daemon, publish("ha", "4"));
    assert_eq!(texts(&client), [envelope(4, "ha", "4")]);
}

#[test]
fn a_gap_is_told_before_subscribed() {
    let daemon = daemon();
    let (client, _) = open(&daemon, "a", &token_for(&["*"], ""));
    ask(&daemon, publish("b", "1"));
    let subscribe = format!(r#"{{"do":"subscribe","channels":["b"],"cursor":"{}"}}"#, cursor(0));
    let told = command(&daemon, &client, &subscribe);
    assert!(told[0].starts_with(r#"{"control":"reset","channels":["b"],"reason":"evicted""#));
    assert!(told[1].starts_with(r#"{"control":"subscribed""#));
}

#[test]
fn a_client_that_is_too_slow_is_ended_before_its_command_is_carried_out() {
    for verb in ["subscribe", "unsubscribe"] {
        let mut config = config();
        config.limits.outbox_bytes_max = 4000;
        let daemon = Daemon::new(config);
        let (client, _) = open(&daemon, "a,b", &token_for(&["*"], ""));
        client.take_only(0);
        let long = format!("\"{}\"", "x".repeat(900));
        let publisher = daemon.connect();
        publisher.send(publish("a", &long).repeat(4));
        publisher.post(publish("a", &long).repeat(3));
        // Both arrive in one turn: the messages are pending when the command is read.
        let channel = if verb == "subscribe" { "c" } else { "a" };
        let text = format!(r#"{{"do":"{verb}","channels":["{channel}"]}}"#);
        client.post(wire::masked(TEXT, text, [1, 2, 3, 4]));
        daemon.run();
        client.take_more(100_000);
        daemon.run();
        let received = frames(client.read());
        let goodbye = &received[received.len() - 2].1;
        assert!(goodbye.starts_with(r#"{"control":"goodbye","reason":"slow""#), "{received:?}");
        assert!(client.is_ended());
        assert_eq!(daemon.counters().slow_subscribers_closed_total, 1);
    }
}

#[test]
fn a_deleted_channel_is_reset_and_left() {
    let daemon = daemon_that_deletes();
    let (client, _) = open(&daemon, "a,b", &token_for(&["*"], ""));
    ask(&daemon, bare("DELETE", "/pub?id=a", ""));
    let at = cursor(0);
    assert_eq!(
        texts(&client),
        [
            format!(r#"{{"control":"reset","channels":["a"],"reason":"evicted","cursor":"{at}"}}"#),
            r#"{"control":"unsubscribed","channels":["a"]}"#.to_owned(),
        ]
    );
    assert!(!client.is_ended());
}

#[test]
fn a_channel_needs_a_token_that_grants_it() {
    let daemon = daemon();
    let (client, _) = open(&daemon, "a", &token_for(&["a"], ""));
    let other = r#"{"do":"subscribe","channels":["b"]}"#;
    assert_eq!(command(&daemon, &client, other), error("for another channel"));
    let token = token_for(&["b"], "");
    let with_token = format!(r#"{{"do":"subscribe","channels":["b"],"token":"{token}"}}"#);
    assert!(command(&daemon, &client, &with_token)[0].contains("subscribed"));
    // A channel that was left may be asked for again.
    command(&daemon, &client, r#"{"do":"unsubscribe","channels":["a"]}"#);
    let again = r#"{"do":"subscribe","channels":["a"]}"#;
    assert!(command(&daemon, &client, again)[0].contains("subscribed"));
}

#[test]
fn a_client_publishes_where_its_token_allows_it() {
    let daemon = daemon();
    let (reader, _) = events(&daemon, "a", "");
    let (client, _) = open(&daemon, "b", &token_for(&["a", "b"], ""));
    let publish = r#"{"do":"publish","channel":"a","data":{ "x": 1 },"event":"e","ref":"r"}"#;
    let refused =
        r#"{"control":"error","reason":"the token does not allow to publish there","ref":"r"}"#;
    assert_eq!(command(&daemon, &client, publish), [refused]);
    let claims = format!(
        r#"{{"aud":"rpushd","scope":"subscribe publish","channels":["a","b"],"exp":{}}}"#,
        STARTED_AT + 60
    );
    let (client, _) = open(&daemon, "b", &signed(&claims));
    assert_eq!(command(&daemon, &client, publish), [r#"{"control":"published","ref":"r"}"#]);
    let sent = more(&reader);
    assert!(sent.contains("event: e\n") && sent.contains(r#""data":{"x":1}}"#), "{sent}");
    let other = r#"{"do":"publish","channel":"c","data":1}"#;
    assert_eq!(
        command(&daemon, &client, other),
        error("the token does not allow to publish there")
    );
}

#[test]
fn a_command_that_is_wrong_changes_nothing_and_says_why() {
    let daemon = daemon();
    let (client, _) = open(&daemon, "a", &token_for(&["*"], ""));
    for (text, reason) in [
        ("{", "not valid JSON"),
        ("[]", "a member is missing or of the wrong type"),
        ("{}", "a member is missing or of the wrong type"),
        (r#"{"do":"dance"}"#, "\\\"do\\\" is none of the known commands"),
        (r#"{"do":"subscribe"}"#, "\\\"channels\\\" is missing"),
        (r#"{"do":"subscribe","channels":["a/b"]}"#, BAD_CHANNEL.trim_end()),
        (r#"{"do":"refresh"}"#, "\\\"token\\\" is missing"),
        (r#"{"do":"publish","channel":"a"}"#, "\\\"channel\\\" or \\\"data\\\" is missing"),
    ] {
        assert_eq!(command(&daemon, &client, text), error(reason), "{text}");
    }
    assert_eq!(
        command(&daemon, &client, r#"{"do":"ping","ref":[1]}"#),
        [r#"{"control":"pong","ref":[1]}"#]
    );
    let long = format!(r#"{{"do":"ping","ref":"{}"}}"#, "x".repeat(128));
    assert_eq!(command(&daemon, &client, &long), error("\\\"ref\\\" is too long"));
}

#[test]
fn a_refused_token_closes_with_a_code_and_a_reason() {
    let daemon = daemon();
    let expired = signed(&format!(
        r#"{{"aud":"rpushd","scope":"subscribe","channel":"a","exp":{}}}"#,
        STARTED_AT - 1
    ));
    for (token, code, reason) in [(&*expired, 4001_u16, "expired"), ("x.y.z", 1008, "malformed")] {
        let (client, received) = open(&daemon, "a", token);
        let close = [&code.to_be_bytes()[..], reason.as_bytes()].concat();
        let text = format!("{{\"control\":\"error\",\"reason\":\"{reason}\"}}");
        let expected = [(TEXT, text), (0x88, String::from_utf8_lossy(&close).into_owned())];
        assert_eq!(received, expected);
        assert!(client.is_ended());
    }
}

#[test]
fn a_page_of_a_foreign_origin_is_refused() {
    let daemon = daemon();
    let fields = format!("{FIELDS}Origin: https://evil.test\r\n");
    let answer = ask(&daemon, get_signed("/api/websocket/a", &fields));
    assert_eq!(answer, explained("403 Forbidden", "the origin is not in allowed_origins\n"));
    let own = format!("{FIELDS}Origin: https://push.test\r\n");
    assert!(answer_to(&daemon, &own).starts_with("HTTP/1.1 101"));
}

#[test]
fn a_client_that_sends_commands_and_reads_nothing_is_not_read() {
    let daemon = daemon();
    let (client, _) = open(&daemon, "a", &token_for(&["*"], ""));
    client.take_only(0);
    let ping = wire::masked(TEXT, r#"{"do":"ping"}"#, [1, 2, 3, 4]);
    for _ in 0..400 {
        client.post(ping.repeat(200));
        daemon.run();
    }
    assert!(!client.is_read());
    assert!(
        daemon.buffered_bytes()
            < 2 * daemon.with_server(|server, _| server.limits().outbox_bytes_max)
    );
}

#[test]
fn an_id_of_a_client_does_not_suppress_a_message_of_the_application() {
    let daemon = daemon();
    let claims = format!(
        r#"{{"aud":"rpushd","scope":"subscribe publish","channel":"a","exp":{}}}"#,
        STARTED_AT + 60
    );
    let (client, _) = open(&daemon, "a", &signed(&claims));
    let (reader, _) = events(&daemon, "a", "");
    let publish = r#"{"do":"publish","channel":"a","data":1,"id":"order-7"}"#;
    command(&daemon, &client, publish);
    command(&daemon, &client, publish);
    assert_eq!(more(&reader), event(1, "a", "1"));
    ask(&daemon, publish_body(r#"{"channel":"a","message":2,"id":"order-7"}"#));
    assert_eq!(more(&reader), event(2, "a", "2"));
}
