//! `GET /api/events/{channels}`.

use super::*;

#[test]
fn a_stream_begins_with_its_head_and_hello() {
    let daemon = daemon();
    let client = daemon.connect();
    let answer = client.ask(get_signed("/api/events/a,b", ""));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        head,
        "HTTP/1.1 200 OK\r\n\
         content-type: text/event-stream\r\n\
         cache-control: no-cache, no-store, must-revalidate, no-transform\r\n\
         pragma: no-cache\r\n\
         expires: 0\r\n\
         x-content-type-options: nosniff\r\n\
         x-accel-buffering: no\r\n\
         date: Tue, 14 Apr 2026 15:40:00 GMT\r\n\
         transfer-encoding: chunked"
    );
    let hello = unchunked(body.as_bytes());
    let connection = connection_of(&hello);
    let (_, retry) = hello.split_once("retry: ").unwrap();
    let (retry, _) = retry.split_once('\n').unwrap();
    assert!((1_000..5_000).contains(&retry.parse().unwrap()), "{retry}");
    assert_eq!(
        hello,
        format!(
            "id: {EPOCH}.0\nevent: rpushd.hello\nretry: {retry}\ndata: \
             {{\"connection\":\"{connection}\",\"cursor\":\"{EPOCH}.0\",\"heartbeat\":15,\
             \"expires\":{}}}\n\n",
            STARTED_AT + 3600
        )
    );
}

#[test]
fn messages_of_all_channels_arrive_in_the_order_of_publication() {
    let daemon = daemon();
    let (client, _) = events(&daemon, "a,b", "");
    let publisher = daemon.connect();
    publisher.post([publish("b", "1"), publish("c", "2"), publish("a", "{ \"x\": 3 }")].concat());
    daemon.run();
    assert_eq!(more(&client), event(1, "b", "1") + &event(3, "a", "{\"x\":3}"));
}

#[test]
fn raw_sends_the_payload_alone_and_needs_one_channel() {
    let daemon = daemon();
    let (client, _) = events(&daemon, "a?raw=1", "");
    ask(&daemon, publish("a", "\"x\""));
    assert_eq!(more(&client), format!("id: {}\ndata: \"x\"\n\n", cursor(1)));
    assert_eq!(
        ask(&daemon, get_signed("/api/events/a,b?raw=1", "")),
        explained("400 Bad Request", "raw=1 allows one channel only\n")
    );
}

#[test]
fn a_heartbeat_is_an_id_line_with_what_was_published_elsewhere() {
    let daemon = daemon();
    let (client, _) = events(&daemon, "a", "");
    ask(&daemon, publish("elsewhere", "1"));
    daemon.advance(15_000);
    assert_eq!(more(&client), format!("id: {}\n\n", cursor(1)));
    daemon.advance(15_000);
    assert_eq!(more(&client), format!("id: {}\n\n", cursor(1)));
}

#[test]
fn bad_requests_are_refused_with_a_reason() {
    let daemon = daemon();
    let many: Vec<String> = (0..65).map(|number| format!("c{number}")).collect();
    for (target, text) in [
        ("/api/events/a%2Fb".to_owned(), BAD_CHANNEL),
        ("/api/events/a,,b".to_owned(), BAD_CHANNEL),
        (
            format!("/api/events/{}", many.join(",")),
            "there are more channels than channels_per_subscriber_max\n",
        ),
        ("/api/events/a?cursor=1&cursor=2".to_owned(), "an argument is repeated\n"),
        ("/api/events/a?last=x".to_owned(), "\"last\" is a number\n"),
    ] {
        let answer = ask(&daemon, get_signed(&target, ""));
        assert_eq!(answer, explained("400 Bad Request", text), "{target}");
    }
    let methods = ask(&daemon, bare("POST", "/api/events/a", "Content-Length: 0\r\n"));
    assert!(methods.starts_with("HTTP/1.1 405") && methods.contains("allow: GET\r\n"), "{methods}");
}

#[test]
fn the_token_comes_in_the_field_the_query_or_a_cookie() {
    let mut config = config();
    config.tokens.cookie = Some("push".to_owned());
    let daemon = Daemon::new(config);
    let token = token_for(&["a"], "");
    for (target, fields) in [
        ("/api/events/a", format!("Authorization: Bearer {token}\r\n")),
        (&*format!("/api/events/a?token={token}"), String::new()),
        ("/api/events/a", format!("Cookie: x=1; push={token}\r\n")),
    ] {
        let answer = ask(&daemon, get(target, &fields));
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{target} {fields}");
    }
    assert_eq!(ask(&daemon, get("/api/events/a", "")), denied(""));
    let other = format!("/api/events/b?token={token}");
    assert_eq!(ask(&daemon, get(&other, "")), denied("for another channel"));
}

#[test]
fn a_text_that_a_location_published_is_a_json_string() {
    let mut config = config();
    config.servers = Vec::new();
    let daemon = Daemon::new(config);
    let (client, _) = events(&daemon, "a", "");
    ask(&daemon, publish("a", "null"));
    assert_eq!(more(&client), event(1, "a", "null"));
}

#[test]
fn a_stop_says_goodbye() {
    let daemon = daemon();
    let (client, _) = events(&daemon, "a", "");
    daemon.stop();
    let goodbye = more(&client);
    assert!(goodbye.starts_with("event: rpushd.goodbye\nretry: "), "{goodbye}");
    assert!(goodbye.contains("data: {\"reason\":\"shutdown\",\"retry\":"), "{goodbye}");
    assert!(client.is_ended());
}
