//! `GET /api/poll/{channels}`.

use super::*;

/// The JSON body of an answer.
fn body(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"), "{head}");
    if head.contains("transfer-encoding") { unchunked(body.as_bytes()) } else { body.to_owned() }
}

fn poll(target: &str) -> String {
    get_signed(&format!("/api/poll/{target}"), "")
}

#[test]
fn without_a_cursor_it_waits_for_the_next_message() {
    let daemon = daemon();
    let client = daemon.connect();
    assert_eq!(client.ask(poll("a,b")), "");
    ask(&daemon, publish("b", "1"));
    let expected =
        format!("{{\"cursor\":\"{}\",\"messages\":[{}]}}", cursor(1), envelope(1, "b", "1"));
    assert_eq!(body(&client.text()), expected);
}

#[test]
fn an_answer_has_everything_that_is_pending() {
    let daemon = daemon();
    let client = daemon.connect();
    client.ask(poll("a,b"));
    let publisher = daemon.connect();
    publisher.post([publish("b", "1"), publish("c", "2"), publish("a", "3")].concat());
    daemon.run();
    let (first, second) = (envelope(1, "b", "1"), envelope(3, "a", "3"));
    let expected = format!("{{\"cursor\":\"{}\",\"messages\":[{first},{second}]}}", cursor(3));
    assert_eq!(body(&client.text()), expected);
    // The next request on the same connection continues there.
    assert_eq!(client.ask(poll(&format!("a,b?cursor={}", cursor(3)))), "");
    ask(&daemon, publish("a", "4"));
    assert!(body(&client.text()).contains(&envelope(4, "a", "4")));
}

#[test]
fn a_list_is_empty_after_the_timeout_and_its_cursor_is_fresh() {
    let daemon = daemon();
    let client = daemon.connect();
    client.ask(poll("a?timeout=2"));
    ask(&daemon, publish("elsewhere", "1"));
    daemon.advance(1_900);
    assert_eq!(client.text(), "");
    daemon.advance(200);
    let empty = format!("{{\"cursor\":\"{}\",\"messages\":[]}}", cursor(1));
    assert_eq!(body(&client.text()), empty);
    let other = daemon.connect();
    other.ask(poll("a"));
    daemon.advance(24_900);
    assert_eq!(other.text(), "");
    daemon.advance(200);
    assert_eq!(body(&other.text()), empty);
    let at_once = ask(&daemon, poll(&format!("a?timeout=0&cursor={}", cursor(1))));
    assert_eq!(body(&at_once), empty);
}

#[test]
fn what_is_stored_after_the_cursor_is_answered_at_once() {
    let daemon = Daemon::new(with_history());
    for (channel, message) in [("ha", "1"), ("hb", "2"), ("ha", "3")] {
        ask(&daemon, publish(channel, message));
    }
    let answer = ask(&daemon, poll(&format!("ha,hb?cursor={}", cursor(1))));
    let (first, second) = (envelope(2, "hb", "2"), envelope(3, "ha", "3"));
    let expected = format!("{{\"cursor\":\"{}\",\"messages\":[{first},{second}]}}", cursor(3));
    assert_eq!(body(&answer), expected);
    let raw = ask(&daemon, poll(&format!("ha?raw=1&cursor={}", cursor(0))));
    assert_eq!(body(&raw), format!("{{\"cursor\":\"{}\",\"messages\":[1,3]}}", cursor(3)));
}

#[test]
fn a_gap_is_answered_at_once_with_a_reset_first() {
    let daemon = daemon();
    ask(&daemon, publish("a", "1"));
    let answer = ask(&daemon, poll(&format!("a,b?cursor={}", cursor(0))));
    let expected = format!(
        "{{\"reset\":{{\"channels\":[\"a\"],\"reason\":\"evicted\",\"cursor\":\"{}\"}},\
         \"cursor\":\"{}\",\"messages\":[]}}",
        cursor(1),
        cursor(1)
    );
    assert_eq!(body(&answer), expected);
}

#[test]
fn a_timeout_has_a_limit() {
    let daemon = daemon();
    for timeout in ["301", "x", "-1", "1.5", ""] {
        let answer = ask(&daemon, poll(&format!("a?timeout={timeout}")));
        let text = "\"timeout\" is a number of seconds up to 300\n";
        assert_eq!(answer, explained("400 Bad Request", text), "{timeout}");
    }
}
