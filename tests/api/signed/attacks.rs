//! What a client of the signed API must not be able to do.

use super::websocket::{command, error, open, texts};
use super::*;

fn publisher_token(channels: &str, more: &str) -> String {
    let expires = STARTED_AT + 3600;
    let scope = "subscribe publish";
    signed(&format!(
        r#"{{"aud":"rpushd","scope":"{scope}","channels":[{channels}],"exp":{expires}{more}}}"#
    ))
}

fn disconnect(daemon: &Daemon, body: &str) -> String {
    let answer = ask(daemon, post("/api/disconnect", BEARER, body));
    answer.split_once("\r\n\r\n").expect("a head").1.to_owned()
}

#[test]
fn a_token_for_a_further_channel_gives_no_permission_to_publish_there() {
    let daemon = daemon();
    let (reader, _) = events(&daemon, "x", "");
    let (client, _) = open(&daemon, "a", &publisher_token("\"a\"", ""));
    let other = token_for(&["x"], "");
    command(
        &daemon,
        &client,
        &format!(r#"{{"do":"subscribe","channels":["x"],"token":"{other}"}}"#),
    );
    let publish = r#"{"do":"publish","channel":"x","data":666}"#;
    let refused = error("the token does not allow to publish there");
    assert_eq!(command(&daemon, &client, publish), refused);
    assert_eq!(more(&reader), "");
}

#[test]
fn an_id_of_a_visitor_suppresses_no_message_of_the_application_or_of_others() {
    let daemon = daemon();
    let (reader, _) = events(&daemon, "a", "");
    let publish = r#"{"do":"publish","channel":"a","data":null,"id":"order-1"}"#;
    let (first, _) = open(&daemon, "b", &publisher_token("\"a\",\"b\"", r#","sub":"alice""#));
    let (second, _) = open(&daemon, "b", &publisher_token("\"a\",\"b\"", r#","sub":"bob""#));
    command(&daemon, &first, publish);
    assert!(more(&reader).contains("\"data\":null"));
    command(&daemon, &first, publish);
    assert_eq!(more(&reader), "", "it is recognised if its sender repeats it");
    command(&daemon, &second, publish);
    assert!(more(&reader).contains("\"data\":null"));
    ask(&daemon, publish_body(r#"{"channel":"a","message":"paid","id":"order-1"}"#));
    assert!(more(&reader).contains("paid"));
}

#[test]
fn a_visitor_who_publishes_to_any_number_of_channels_leaves_room_for_the_application() {
    let mut config = with_history();
    config.limits.channels_max = 20;
    let daemon = Daemon::new(config);
    let (client, _) = open(&daemon, "p:a", &publisher_token("\"p:*\"", ""));
    for number in 0..30 {
        let publish = format!(r#"{{"do":"publish","channel":"p:{number}","data":1}}"#);
        command(&daemon, &client, &publish);
    }
    assert_eq!(ask(&daemon, publish("hist", "1")), ACCEPTED);
    let token = token_for(&["other"], "");
    let fields = format!("Authorization: Bearer {token}\r\n");
    assert!(ask(&daemon, get("/api/events/other", &fields)).starts_with("HTTP/1.1 200"));
}

#[test]
fn an_open_connection_cannot_use_its_token_for_a_channel_for_which_it_was_revoked() {
    let daemon = daemon();
    let (client, _) = open(&daemon, "a", &publisher_token("\"a\",\"s:*\"", ""));
    assert_eq!(disconnect(&daemon, r#"{"channel":"s:1","revoke":true}"#), r#"{"disconnected":0}"#);
    let subscribe = r#"{"do":"subscribe","channels":["s:1"]}"#;
    assert_eq!(command(&daemon, &client, subscribe), error("revoked"));
    let publish = r#"{"do":"publish","channel":"s:1","data":1}"#;
    let refused = error("the token does not allow to publish there");
    assert_eq!(command(&daemon, &client, publish), refused);
    ask(&daemon, publish_body(r#"{"channel":"s:1","message":"secret"}"#));
    assert_eq!(texts(&client), [""; 0]);
}

#[test]
fn no_command_in_the_same_turn_saves_a_connection_from_being_disconnected() {
    for is_first in [true, false] {
        let daemon = daemon();
        let (client, _) = open(&daemon, "a,b", &token_for(&["a", "b"], ""));
        let operator = daemon.connect();
        let revoke = post("/api/disconnect", BEARER, r#"{"channel":"a","revoke":true}"#);
        let text = r#"{"do":"unsubscribe","channels":["b"]}"#;
        let unsubscribe = wire::masked(0x81, text, [1, 2, 3, 4]);
        if is_first {
            operator.post(revoke);
            client.post(unsubscribe);
        } else {
            client.post(unsubscribe);
            operator.post(revoke);
        }
        daemon.run();
        assert!(client.is_ended(), "{is_first}");
    }
}

#[test]
fn a_connection_is_found_by_the_id_of_each_of_its_tokens() {
    let daemon = daemon();
    let (client, _) = open(&daemon, "a", &token_for(&["a"], r#","jti":"t1","sub":"u""#));
    let second = token_for(&["x"], r#","jti":"t2","sub":"u""#);
    let subscribe = format!(r#"{{"do":"subscribe","channels":["x"],"token":"{second}"}}"#);
    assert!(command(&daemon, &client, &subscribe)[0].contains("subscribed"));
    assert_eq!(disconnect(&daemon, r#"{"token_id":"t2"}"#), r#"{"disconnected":1}"#);
    assert!(client.is_ended());
}

#[test]
fn a_client_that_overflows_while_it_leaves_a_channel_leaves_nothing_behind() {
    let mut config = config();
    config.limits.outbox_bytes_max = 4096;
    let daemon = Daemon::new(config);
    let names = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"];
    let (client, _) = open(&daemon, &names.join(","), &token_for(&names, ""));
    client.take_only(0);
    let one = |name: &&str| format!(r#"{{"channel":"{name}","message":"{}"}}"#, "x".repeat(900));
    let all: Vec<String> = names.iter().map(one).collect();
    daemon.connect().post(publish_body(&format!("[{}]", all.join(","))));
    let unsubscribe = r#"{"do":"unsubscribe","channels":["c1"]}"#;
    client.post(wire::masked(0x81, unsubscribe, [1, 2, 3, 4]));
    daemon.run();
    daemon.with_server(|server, _| server.assert_consistent());
    client.abort();
    daemon.run();
    daemon.with_server(|server, _| server.assert_consistent());
}

#[test]
fn a_command_is_no_larger_than_a_payload_and_a_token() {
    let daemon = daemon();
    let (client, _) = open(&daemon, "a", &token_for(&["a"], ""));
    let long = format!(r#"{{"do":"ping","channels":["{}"]}}"#, "x".repeat(96 * 1024));
    client.post(wire::masked(0x81, long, [1, 2, 3, 4]));
    daemon.run();
    let close = [&1009_u16.to_be_bytes()[..]].concat();
    assert!(client.read().windows(2).any(|two| two == close));
    assert!(client.is_ended());
}

#[test]
fn a_visitor_forges_no_events() {
    let mut config = config();
    config.push_stream.events_channel_id = b"events".to_vec();
    let daemon = Daemon::new(config);
    let (reader, _) = events(&daemon, "events", "");
    more(&reader);
    let (client, _) = open(&daemon, "a", &publisher_token("\"*\"", ""));
    daemon.run();
    more(&reader);
    command(&daemon, &client, r#"{"do":"publish","channel":"events","data":"forged"}"#);
    assert!(!more(&reader).contains("forged"));
}

#[test]
fn a_disconnected_client_gets_no_more_of_its_replay() {
    let daemon = Daemon::new(with_history());
    for _ in 0..60 {
        ask(&daemon, publish("ha", &format!("\"{}\"", "y".repeat(60_000))));
    }
    let client = daemon.connect();
    client.take_only(1_000);
    client.post(get_signed("/api/events/ha", &format!("Last-Event-ID: {}\r\n", cursor(0))));
    daemon.run();
    assert_eq!(disconnect(&daemon, r#"{"channel":"ha"}"#), r#"{"disconnected":1}"#);
    client.take_more(100_000_000);
    daemon.run();
    let received = String::from_utf8(client.read()).unwrap();
    assert!(received.len() < 1_000_000 && received.contains("revoked"), "{}", received.len());
    assert!(client.is_ended());
}

#[test]
fn a_message_of_a_channel_for_which_there_is_no_room_is_a_gap_for_who_was_away() {
    let mut config = config();
    config.limits.channels_max = 1;
    config.channel_idle_ttl = rpushd::time::Millis(60_000);
    let daemon = Daemon::new(config);
    let (client, _) = events(&daemon, "a", "");
    ask(&daemon, publish("gone", "1"));
    client.end();
    daemon.advance(70_000);
    let (_, body) = events(&daemon, "gone", &format!("Last-Event-ID: {}\r\n", cursor(0)));
    assert!(body.contains("event: rpushd.reset"), "{body}");
}
