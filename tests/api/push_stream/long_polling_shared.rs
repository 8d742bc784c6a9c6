//! One message for many waiting requests: equal requests share one answer, and answered connections
//! are read again after all have been answered. The tests drive the server themselves, between two
//! turns of the loop.

use super::receiving::*;
use crate::support::reactor::later;
use crate::support::{Client, Daemon};
use rpushd::config::ListenerId;
use rpushd::server::{ConnectionId, Server};
use rpushd::time::{Millis, Now};
use std::collections::BTreeSet;
use std::io::IoSlice;

const PUBLICATION: &[u8] =
    b"POST /pub?id=a HTTP/1.1\r\nHost: push.test\r\nContent-Length: 1\r\n\r\nx";
const PUBLICATION_TO_B: &[u8] =
    b"POST /pub?id=b HTTP/1.1\r\nHost: push.test\r\nContent-Length: 1\r\n\r\nx";

/// Clients that have sent these requests; the connection of the first has the number 0.
fn all_waiting(daemon: &Daemon, requests: &[String]) -> Vec<Client> {
    let wait = |request: &String| {
        let client = daemon.connect();
        client.send(request);
        client
    };
    requests.iter().map(wait).collect()
}

/// The connection that is written to next, the address of the bytes, and their text.
fn next_queued(server: &mut Server, now: Now) -> Option<(u32, *const u8, String)> {
    let id = loop {
        match server.next_to_write() {
            Some(id) => break id,
            None if server.fan_out(now) => {}
            None => return None,
        }
    };
    let mut slices = [IoSlice::new(&[]); 2];
    assert_eq!(server.unsent(id, &mut slices), 1, "an answer is one frame");
    let text = String::from_utf8(slices[0].to_vec()).expect("answers are text here");
    Some((id.0, slices[0].as_ptr(), text))
}

/// The same, and the kernel accepts all of it.
fn write_next(server: &mut Server, now: Now) -> Option<(u32, String)> {
    let (id, _, text) = next_queued(server, now)?;
    server.sent(ConnectionId(id), text.len(), now);
    Some((id, text))
}

/// Answers the publisher, which comes first; then its message is about to be delivered.
fn publish_by(publisher: ConnectionId, publication: &[u8], server: &mut Server, now: Now) {
    server.received(publisher, publication, now);
    let (id, _) = write_next(server, now).expect("the publisher is answered");
    assert_eq!(id, publisher.0);
}

/// Publishes to these waiting requests; the answers and their addresses, in the order of the
/// requests.
fn answers_to(daemon: &Daemon, requests: &[String]) -> Vec<(*const u8, String)> {
    let _clients = all_waiting(daemon, requests);
    let publisher = ConnectionId(requests.len() as u32);
    let _publisher = daemon.connect();
    let mut answers = daemon.with_server(|server, now| {
        server.received(publisher, PUBLICATION, now);
        // All are queued before the first is written, so no two can use the same address in
        // succession.
        let queued: Vec<_> = std::iter::from_fn(|| next_queued(server, now)).collect();
        for (id, _, text) in &queued {
            server.sent(ConnectionId(*id), text.len(), now);
        }
        queued
    });
    answers.retain(|(id, ..)| *id != publisher.0);
    answers.sort_by_key(|(id, ..)| *id);
    answers.into_iter().map(|(_, place, text)| (place, text)).collect()
}

fn two_locations() -> Daemon {
    let other = "default_type = \"text/html\"\ngzip = true\ngzip_types = [\"text/html\"]";
    let origin = "allowed_origins = \"$http_origin\"";
    let locations =
        location("/sub", "long-polling", "") + &location("/html", "long-polling", other);
    daemon_with("", &(locations + &location("/cors", "long-polling", origin)))
}

/// Answers the first of 50 waiting requests; connection 50 has published.
fn when_one_of_fifty_is_answered(then: impl FnOnce(&mut Server, Now, u32)) {
    let daemon = two_locations();
    let _clients = all_waiting(&daemon, &vec![get("/sub/a", ""); 50]);
    let _publisher = daemon.connect();
    daemon.with_server(|server, now| {
        publish_by(ConnectionId(50), PUBLICATION, server, now);
        let (first, _) = write_next(server, now).expect("somebody waits");
        then(server, now, first);
    });
}

/// A daemon with few writes per turn.
fn with_writes_per_turn(writes_per_turn: usize) -> Daemon {
    let mut config = try_config("", &location("/sub", "long-polling", "")).unwrap();
    config.limits.writes_per_turn = writes_per_turn;
    Daemon::new(config)
}

#[test]
fn who_waited_alike_shares_one_answer_and_nobody_else_does() {
    let origin = |name: &str| get("/cors/a", &format!("Origin: {name}\r\n"));
    let kinds = [
        get("/sub/a", ""),
        get("/sub/a", "Connection: close\r\n"),
        get("/sub/a", "").replace("HTTP/1.1", "HTTP/1.0"),
        get("/html/a", ""),
        origin("http://one.test"),
        origin("http://two.test"),
    ];
    let requests: Vec<String> = kinds.iter().chain(&kinds).cloned().collect();
    let answers = answers_to(&two_locations(), &requests);
    let (first, second) = answers.split_at(kinds.len());
    assert_eq!(first, second, "the same place, not only the same bytes");
    for (index, (place, text)) in first.iter().enumerate() {
        let others = &first[index + 1..];
        assert!(others.iter().all(|other| other.0 != *place && other.1 != *text), "{text}");
    }
    assert_eq!(first[0].1, answer(0, (0, 1), &["x"]));
    assert_eq!(first[1].1, answer(0, (0, 1), &["x"]).replace("keep-alive", "close"));
    assert_eq!(first[3].1, typed_answer("text/html", 0, (0, 1), &["x"]));
    assert!(first[4].1.contains("Access-Control-Allow-Origin: http://one.test\r\n"));
}

#[test]
fn the_names_of_jsonp_functions_do_not_crowd_out_the_usual_answer() {
    let named = |number: usize| get(&format!("/sub/a?callback=f{number}"), "");
    let mut requests: Vec<String> = (0..20).map(named).collect();
    requests.extend([get("/sub/a", ""), named(3), get("/sub/a", "")]);
    let answers = answers_to(&two_locations(), &requests);
    for (number, (_, text)) in answers[..20].iter().enumerate() {
        let call = format!("f{number}");
        let items = [call.as_str(), "([", "x", "]);"];
        assert_eq!(*text, typed_answer("application/javascript", 0, (0, 1), &items));
    }
    assert_eq!(answers[20], answers[22]);
    assert_eq!(answers[21].1, answers[3].1);
}

#[test]
fn whoever_waits_in_an_unusual_way_gets_its_own_answer_beyond_the_bound() {
    let origin = |number: usize| get("/cors/a", &format!("Origin: http://{number}.test\r\n"));
    let requests: Vec<String> = (0..20).chain(0..20).map(origin).collect();
    let answers = answers_to(&two_locations(), &requests);
    for number in 0..20 {
        let name = format!("Access-Control-Allow-Origin: http://{number}.test\r\n");
        assert!(answers[number].1.contains(&name));
        assert_eq!(answers[number].1, answers[number + 20].1);
    }
    let places: BTreeSet<_> = answers.iter().map(|(place, _)| place).collect();
    assert_eq!(places.len(), 8 + 2 * 12, "eight kinds are kept");
}

#[test]
fn an_answer_carries_the_second_in_which_it_is_given() {
    let daemon = two_locations();
    // Sixteen are visited together.
    let _clients = all_waiting(&daemon, &vec![get("/sub/a", ""); 18]);
    let _publisher = daemon.connect();
    daemon.with_server(|server, now| {
        publish_by(ConnectionId(18), PUBLICATION, server, now);
        for (seconds, count) in [(0, 16), (1, 2)] {
            let now = later(now, Millis::from_seconds(seconds));
            server.tick(now);
            for _ in 0..count {
                let (_, text) = write_next(server, now).expect("somebody waits still");
                assert_eq!(text, answer(seconds, (0, 1), &["x"]));
            }
        }
    });
}

#[test]
fn who_was_answered_is_read_again_when_all_have_been() {
    let daemon = two_locations();
    let _clients = all_waiting(&daemon, &vec![get("/sub/a", ""); 50]);
    let _others = [daemon.connect(), daemon.connect()];
    let (publisher, other) = (ConnectionId(50), ConnectionId(51));
    daemon.with_server(|server, now| {
        publish_by(publisher, PUBLICATION, server, now);
        let (first, _) = write_next(server, now).expect("somebody waits");
        while server.next_to_read(now).is_some() {}
        assert!(!server.wants_input(ConnectionId(first)), "it rests");
        assert!(server.wants_input(publisher) && server.wants_input(other), "nobody else rests");
        let mut answered = vec![first];
        answered.extend(std::iter::from_fn(|| Some(write_next(server, now)?.0)));
        assert_eq!(answered.len(), 50);
        assert_eq!(server.next_wake(now), Some(now.monotonic), "there is something to read");
        let read: Vec<u32> =
            std::iter::from_fn(|| server.next_to_read(now)).map(|id| id.0).collect();
        assert_eq!(read, answered);
        assert!(read.iter().all(|id| server.wants_input(ConnectionId(*id))));
    });
}

#[test]
fn a_deletion_in_the_middle_lets_those_who_were_answered_go_on() {
    when_one_of_fifty_is_answered(|server, now, first| {
        server.received(ConnectionId(50), bare("DELETE", "/pub?id=a", "").as_bytes(), now);
        let read: Vec<ConnectionId> = std::iter::from_fn(|| server.next_to_read(now)).collect();
        assert!(read.contains(&ConnectionId(first)) && server.wants_input(ConnectionId(first)));
        while write_next(server, now).is_some() {}
    });
}

#[test]
fn who_was_answered_is_read_again_though_others_come_and_publish_all_the_time() {
    let daemon = with_writes_per_turn(4);
    let staying = subscriber(&daemon, "a");
    let closing = get("/sub/a", "Connection: close\r\n");
    let mut coming = all_waiting(&daemon, &vec![closing.clone(); 20]);
    let publisher = daemon.connect();
    publisher.post(PUBLICATION);
    daemon.turn();
    assert_eq!(staying.text(), answer(0, (0, 1), &["x"]));
    staying.post(get("/sub/a", ""));
    let is_read = (0..100).any(|_| {
        publisher.post(PUBLICATION);
        for client in coming.iter_mut().filter(|client| client.is_ended()) {
            *client = daemon.dial();
            client.post(&closing);
        }
        daemon.turn();
        staying.is_read()
    });
    assert!(is_read, "it rests for ever");
}

#[test]
fn who_is_closed_behind_its_answer_does_not_rest() {
    let daemon = two_locations();
    let _clients = all_waiting(&daemon, &vec![get("/sub/a", "Connection: close\r\n"); 50]);
    let _publisher = daemon.connect();
    daemon.with_server(|server, now| {
        publish_by(ConnectionId(50), PUBLICATION, server, now);
        let (first, _, text) = next_queued(server, now).expect("somebody waits");
        let read: Vec<ConnectionId> = std::iter::from_fn(|| server.next_to_read(now)).collect();
        assert!(read.contains(&ConnectionId(first)), "what it still sends is dropped at once");
        server.sent(ConnectionId(first), text.len(), now);
    });
}

#[test]
fn who_comes_in_place_of_one_that_rested_does_not_rest() {
    when_one_of_fifty_is_answered(|server, now, first| {
        let id = ConnectionId(first);
        server.hung_up(id, now);
        assert_eq!(server.next_to_close(), Some(id));
        server.closed(id);
        assert_eq!(server.accepted(ListenerId(0), None, now), Ok(id));
        assert!(server.wants_input(id));
        server.received(id, get("/sub/b", "").as_bytes(), now);
        let answered: Vec<u32> = std::iter::from_fn(|| Some(write_next(server, now)?.0)).collect();
        assert!(answered.len() == 49 && !answered.contains(&first));
        while server.next_to_read(now).is_some() {}
        assert!(server.wants_input(id));
        server.assert_consistent();
        publish_by(ConnectionId(50), PUBLICATION_TO_B, server, now);
        assert_eq!(write_next(server, now), Some((first, answer(0, (0, 2), &["x"]))));
    });
}

#[test]
fn requests_that_were_sent_together_are_answered_in_the_middle_of_walks_too() {
    let daemon = with_writes_per_turn(2);
    let clients = all_waiting(&daemon, &vec![get("/sub/a", "").repeat(3); 40]);
    let publisher = daemon.connect();
    for _ in 0..3 {
        publisher.post(PUBLICATION);
        (0..10).for_each(|_| daemon.turn());
    }
    daemon.run();
    // A request without a cursor gets what is published after it.
    for (number, client) in clients.iter().enumerate() {
        let text = client.text();
        let tags: Vec<&str> = text.split("Etag: W/").skip(1).map(|rest| &rest[..1]).collect();
        assert!(tags.is_sorted() && !tags.is_empty(), "{number}: {tags:?}");
        let distinct: BTreeSet<_> = tags.iter().collect();
        assert_eq!(distinct.len(), tags.len(), "{number}: {tags:?}");
    }
}

#[test]
fn a_stop_in_the_middle_of_a_walk_ends_those_too_who_wait_for_a_message() {
    let daemon = with_writes_per_turn(2);
    let clients = all_waiting(&daemon, &vec![get("/sub/a", ""); 40]);
    let publisher = daemon.connect();
    publisher.post(PUBLICATION);
    daemon.turn();
    daemon.stop();
    for client in clients {
        let text = client.text();
        assert!(text.ends_with("x\r\n0\r\n\r\n"), "{text}");
        assert!(client.is_ended());
    }
}

#[test]
fn who_waited_before_a_reload_and_who_waits_since_get_different_answers() {
    let html = location("/sub", "long-polling", "default_type = \"text/html\"");
    let daemon = two_locations();
    let _clients = all_waiting(&daemon, &vec![get("/sub/a", ""); 20]);
    let _publisher = daemon.connect();
    let _newcomer = daemon.connect();
    daemon.with_server(|server, now| {
        server.reconfigure(try_config("", &html).unwrap(), now);
        server.received(ConnectionId(21), get("/sub/a", "").as_bytes(), now);
        publish_by(ConnectionId(20), PUBLICATION, server, now);
        let answers: Vec<_> = std::iter::from_fn(|| write_next(server, now)).collect();
        assert_eq!(answers.len(), 21);
        for (id, text) in answers {
            let content_type = if id == 21 { "text/html" } else { "text/plain" };
            assert_eq!(text, typed_answer(content_type, 0, (0, 1), &["x"]));
        }
    });
}

#[test]
fn a_rest_does_not_use_up_the_time_for_the_next_request() {
    when_one_of_fifty_is_answered(|server, now, first| {
        let now = later(now, Millis::from_seconds(100));
        server.tick(now);
        while write_next(server, now).is_some() {}
        let shut: Vec<ConnectionId> = std::iter::from_fn(|| server.next_to_shut()).collect();
        assert!(!shut.contains(&ConnectionId(first)), "it was not read in all that time");
    });
}
