//! The memory account: what fits, what is refused when it is full, and when memory is released
//! (section 22.4). A message costs 168 bytes and its text, and 32 and their length for each of
//! event id and event type; a channel 270 and its id, a waiting subscriber 400.

use super::locations::*;
use crate::fixtures::{after, ask, get};
use crate::support::{DATE, Daemon};

const SMALL: &str = "shared_memory_size = '132k'\nmessage_ttl = 10";

/// nginx's error page, after which the connection is closed.
fn no_memory() -> String {
    let page = "<html>\r\n<head><title>500 Internal Server Error</title></head>\r\n<body>\r\n\
                <center><h1>500 Internal Server Error</h1></center>\r\n</body>\r\n</html>\r\n";
    answer("500 Internal Server Error", "Content-Type: text/html\r\n", page)
        .replace("keep-alive", "close")
}

fn is_accepted(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200 OK\r\n")
}

/// Publishes to these channels, one after the other, until a publication is refused. Returns the
/// number of accepted ones.
fn fill(daemon: &Daemon, target: impl Fn(usize) -> String) -> usize {
    (0..100_000)
        .find(|number| !is_accepted(&post(daemon, &target(*number), "x")))
        .expect("the memory is full at some time")
}

/// Fills the memory, waits until the trash must be empty, and fills it again.
fn assert_fills_twice(settings: &str, millis: u64, target: &dyn Fn(usize) -> String) -> usize {
    let daemon = daemon(&format!("{SMALL}\n{settings}"));
    let first = fill(&daemon, target);
    assert!(first > 100, "{first}");
    daemon.advance(millis);
    let now = summary(&daemon);
    assert_eq!((now.messages_in_trash, now.channels_in_trash, now.stored_messages), (0, 0, 0));
    assert_eq!(fill(&daemon, target), first);
    first
}

#[test]
fn messages_of_one_channel_fill_the_memory_and_give_it_back() {
    let count = assert_fills_twice("", 25_000, &|_| "/pub?id=a".to_owned());
    assert_eq!(count, (132 * 1024 - 271) / 169);
}

#[test]
fn event_ids_and_event_types_fill_the_memory_like_texts() {
    let daemon = daemon(SMALL);
    let field = "x".repeat(500);
    let fields = format!("Event-Id: {field}\r\nEvent-Type: {field}\r\n");
    let is_refused =
        |_: &usize| !is_accepted(&ask(&daemon, send("POST", "/pub?id=a", &fields, "x")));
    let count = (0..100_000).find(is_refused).expect("the memory is full at some time");
    assert_eq!(count, (132 * 1024 - 271) / (169 + 2 * 532));
}

#[test]
fn messages_beyond_the_stored_maximum_fill_it_by_way_of_the_trash() {
    let daemon = daemon(&format!("{SMALL}\nmax_messages_stored_per_channel = 100"));
    let first = fill(&daemon, |_| "/pub?id=a".to_owned());
    let now = summary(&daemon);
    assert_eq!(now.stored_messages, 100);
    assert_eq!(now.published_messages, now.stored_messages + now.messages_in_trash);
    daemon.advance(25_000);
    assert_eq!(summary(&daemon).messages_in_trash, 0);
    assert_eq!(fill(&daemon, |_| "/pub?id=a".to_owned()), first);
}

#[test]
fn channels_fill_the_memory_and_give_it_back() {
    let settings = "channel_inactivity_time = 10";
    assert_fills_twice(settings, 45_000, &|number| format!("/pub?id=channel{number:06}"));
}

#[test]
fn messages_that_are_not_stored_fill_the_memory_with_and_without_a_subscriber() {
    let daemon = daemon(SMALL);
    let client = stream(&daemon, "/sub/a");
    let first = fill(&daemon, |_| "/unstored?id=a".to_owned());
    assert!(first > 100, "{first}");
    assert_eq!(client.text(), chunk("x").repeat(first));
    daemon.advance(15_000);
    assert_eq!(summary(&daemon).messages_in_trash, 0);
    assert_eq!(fill(&daemon, |_| "/unstored?id=a".to_owned()), first);
    let settings = "channel_inactivity_time = 10";
    assert_fills_twice(settings, 45_000, &|number| format!("/unstored?id=channel{number:06}"));
}

#[test]
fn deleted_channels_give_their_memory_back_after_the_trash() {
    let daemon = daemon(SMALL);
    let target = |number: usize| format!("/pub?id=channel{number:06}");
    let first = fill(&daemon, target);
    for number in 0..first {
        ask(&daemon, send("DELETE", &target(number), "", ""));
    }
    let now = summary(&daemon);
    let counts = (now.channels, now.channels_in_delete, now.channels_in_trash);
    assert_eq!(counts, (0, first as u64, 0));
    assert!(!is_accepted(&post(&daemon, "/pub?id=channel000000", "x")));
    daemon.advance(20_000);
    assert_eq!(fill(&daemon, target), first);
}

#[test]
fn one_id_made_and_deleted_again_and_again_fills_the_memory_too() {
    let daemon = daemon(SMALL);
    let round = |daemon: &Daemon| {
        (0..100_000).find(|_| {
            let is_made = is_accepted(&post(daemon, "/pub?id=a", "x"));
            ask(daemon, send("DELETE", "/pub?id=a", "", ""));
            !is_made
        })
    };
    let first = round(&daemon);
    assert!(first > Some(100), "{first:?}");
    daemon.advance(20_000);
    assert_eq!(round(&daemon), first);
}

#[test]
fn a_message_without_room_is_refused_with_the_servers_page_and_nothing_happened() {
    let daemon = daemon(SMALL);
    let client = daemon.connect();
    publish(&daemon, "a", "x");
    let text = "x".repeat(140_000);
    assert_eq!(client.ask(send("POST", "/pub?id=a", "", &text)), no_memory());
    assert!(client.is_ended());
    assert_eq!(channel(&daemon, "a"), Some(row("a", 1, 1, 0)));
}

#[test]
fn a_channel_without_room_is_refused_with_an_empty_500() {
    let daemon = daemon(SMALL);
    fill(&daemon, |_| "/pub?id=a".to_owned());
    let id = "n".repeat(190);
    let expected = answer("500 Internal Server Error", "", "");
    assert_eq!(post(&daemon, &format!("/pub?id={id}"), "x"), expected);
    let expected = refused("500 Internal Server Error", "");
    assert_eq!(ask(&daemon, get(&format!("/sub/{id}"), "")), expected);
    assert_eq!(names(&daemon), ["a"]);
}

#[test]
fn a_subscriber_without_room_is_refused_with_500_and_takes_no_place() {
    let daemon = daemon("shared_memory_size = '128k'");
    let clients: Vec<_> = (0..1_000)
        .map(|_| listen(&daemon, "/lp/a"))
        .take_while(|client| client.text().is_empty())
        .collect();
    assert_eq!(clients.len(), (128 * 1024 - 271) / 400);
    let expected = refused("500 Internal Server Error", "");
    assert_eq!(listen(&daemon, "/lp/a").text(), expected);
    assert_eq!(listen(&daemon, "/sub/a").text(), expected);
    assert_eq!(summary(&daemon).subscribers, clients.len() as u64);
    clients[0].abort();
    assert_eq!(listen(&daemon, "/lp/a").text(), "");
}

#[test]
fn a_delete_needs_no_memory() {
    let daemon = daemon(SMALL);
    fill(&daemon, |_| "/pub?id=a".to_owned());
    let given = ask(&daemon, send("DELETE", "/pub?id=a", "", "gone"));
    assert_eq!(given, refused("200 OK", "Channel deleted."));
}

#[test]
fn messages_of_2_megabytes_cost_what_the_module_says() {
    let daemon = daemon("shared_memory_size = '2m'");
    let count = fill(&daemon, |_| "/pub?id=a".to_owned());
    assert!(count.abs_diff((2 << 20) / 169) <= 80, "{count}");
}

#[test]
fn channels_cost_what_the_module_says() {
    let daemon = daemon("shared_memory_size = '2m'");
    let client = daemon.connect();
    let empty = |number: usize| send("POST", &format!("/pub?id={number:04}"), "", "");
    let count = (0..100_000)
        .find(|number| {
            let given = client.ask(empty(*number));
            given.starts_with("HTTP/1.1 500 Internal Server Error\r\n")
        })
        .expect("the memory is full at some time");
    assert!(count.abs_diff((2 << 20) / 274) <= 10, "{count}");
}

#[test]
fn old_messages_are_discarded_one_after_the_other() {
    let daemon = daemon(SMALL);
    for _ in 0..10 {
        publish(&daemon, "a", "x");
        daemon.advance(1_000);
    }
    let before = summary(&daemon).stored_messages;
    daemon.advance(3_000);
    let left = summary(&daemon).stored_messages;
    assert!(left > 0 && left <= before, "{before}, then {left}");
    let newest = after(9, DATE);
    let given = ask(&daemon, get("/poll/a.b1", ""));
    assert_eq!(given, polled(&newest, 1, &["x"]).replacen(DATE, &after(13, DATE), 1));
}

/// A subscription to 50 channels that do not exist yet.
fn unknown(target: &str, number: usize) -> String {
    let names: Vec<String> = (0..50).map(|one| format!("v{number:03}-{one:02}")).collect();
    format!("/{target}/{}", names.join("/"))
}

/// Visitors use as much memory as they can; then all requests of an application must succeed.
fn assert_visitors_take_no_room(settings: &str, visit: impl Fn(&Daemon, usize)) {
    let daemon = daemon(&format!("{SMALL}\n{settings}"));
    publish(&daemon, "known", "x");
    for number in 0..200 {
        visit(&daemon, number);
        daemon.advance(1);
        daemon.with_server(|server, _| server.assert_consistent());
    }
    let now = summary(&daemon);
    assert!(now.channels + now.wildcard_channels < 600, "{now:?}");
    for number in 0..400 {
        let answer = post(&daemon, "/pub?id=known", "x");
        assert!(is_accepted(&answer), "publication {number}: {answer}");
    }
    publish(&daemon, "new", "x");
    stream(&daemon, "/sub/known");
    stream(&daemon, "/sub/known/v-new");
    assert_eq!(daemon.counters().store_refusals_total, 0);
}

#[test]
fn polls_of_unknown_channels_are_answered_and_take_no_room_from_publications() {
    assert_visitors_take_no_room("", |daemon, number| {
        assert_eq!(ask(daemon, get(&unknown("poll", number), "")), nothing("", ""));
    });
}

#[test]
fn visitors_that_come_and_go_take_no_room_from_publications() {
    let come_and_go = |daemon: &Daemon, number| {
        stream(daemon, &unknown("sub", number)).abort();
        listen(daemon, &unknown("lp", 1000 + number)).abort();
    };
    assert_visitors_take_no_room("", come_and_go);
    assert_visitors_take_no_room("events_channel_id = 'EV'", come_and_go);
    let wildcards = "authorized_channels_only = true\nwildcard_channel_prefix = 'v'";
    assert_visitors_take_no_room(wildcards, |daemon, number| {
        stream(daemon, &unknown("sub", number)).abort();
    });
}

#[test]
fn visitors_that_stay_have_half_of_the_memory_and_publications_all_of_it() {
    let daemon = daemon("shared_memory_size = '128k'");
    let ids = |number: usize| format!("/sub/{number:03}/x{number:03}");
    let mut readers = Vec::new();
    let refusal = loop {
        let client = listen(&daemon, &ids(readers.len()));
        match client.text() {
            answer if answer.starts_with("HTTP/1.1 200 OK\r\n") => readers.push(client),
            refusal => break refusal,
        }
    };
    assert_eq!(refusal, refused("500 Internal Server Error", ""));
    // 273 and 274 bytes for each pair of channels.
    assert_eq!(readers.len(), 64 * 1024 / 547);
    let count = fill(&daemon, |_| "/pub?id=a".to_owned());
    assert_eq!(count, (128 * 1024 - 271 - readers.len() * 400) / 169);
}

#[test]
fn a_channel_that_is_idle_or_waits_for_its_deletion_gives_way_without_harm() {
    let daemon = daemon(SMALL);
    let waiting = listen(&daemon, "/lp/a/b");
    for number in 0..20 {
        daemon.advance(1);
        stream(&daemon, &unknown("sub", number)).abort();
        ask(&daemon, send("DELETE", &format!("/pub?id=v{number:03}-00"), "", ""));
        daemon.with_server(|server, _| server.assert_consistent());
    }
    publish(&daemon, "b", "x");
    assert!(waiting.text().ends_with("\r\n1\r\nx\r\n0\r\n\r\n"));
}
