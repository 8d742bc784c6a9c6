//! A burst of messages closes no subscriber that reads everything that is sent.

use super::receiving::*;
use super::websocket_client::*;
use crate::fixtures;
use crate::support::{Client, Daemon};
use rpushd::config::Config;

/// A daemon with an events channel that reads a burst in one turn.
fn config_with_events(more: &str) -> Config {
    let locations = location("/sub", "streaming", "")
        + &location("/events", "streaming", "allow_connections_to_events_channel = true");
    let mut config = try_config(&format!("events_channel_id = 'EV'\n{more}"), &locations).unwrap();
    config.limits.outbox_bytes_max = 64 * 1024;
    config.limits.microseconds_per_turn = 500_000;
    config
}

/// A path of 200 channels, different for each number.
fn many_channels(number: usize) -> String {
    let names: Vec<String> = (0..200).map(|other| format!("{number}-{other}")).collect();
    names.join("/")
}

/// Clients that each subscribe to [`many_channels`], all between two turns.
fn join_at_once(daemon: &Daemon, count: usize) -> Vec<Client> {
    let clients: Vec<Client> = (0..count).map(|_| daemon.dial()).collect();
    for (number, client) in clients.iter().enumerate() {
        client.post(get(&format!("/sub/{}", many_channels(number)), ""));
    }
    clients
}

#[test]
fn a_burst_larger_than_a_queue_closes_no_reader_that_keeps_up() {
    let own = "websocket_allow_publish = true";
    let locations = location("/ws", "websocket", own) + &location("/sub", "streaming", "");
    let mut config = try_config("", &locations).unwrap();
    config.limits.outbox_bytes_max = 64 * 1024;
    // All input is read in one turn.
    config.limits.microseconds_per_turn = 500_000;
    let daemon = crate::support::Daemon::new(config);
    let readers: Vec<Client> = (0..400).map(|_| subscriber(&daemon, "a")).collect();
    let publisher = connected(&daemon, "a");
    publisher.post(masked(TEXT, "x".repeat(100)).repeat(2000));
    daemon.run();
    let text = chunk(&"x".repeat(100));
    for reader in readers.iter() {
        assert_eq!(reader.text().matches(&text).count(), 2000);
    }
    assert_eq!(daemon.counters().slow_subscribers_closed_total, 0);
}

/// The texts of one kind of event for the channels of this many clients, as chunks.
fn told(kind: &str, count: usize) -> String {
    let paths = (0..count).map(many_channels);
    let texts = paths.flat_map(|path| {
        let names: Vec<String> = path.split('/').map(str::to_owned).collect();
        names.into_iter().map(|name| format!("{{\"type\": \"{kind}\", \"channel\": \"{name}\"}}"))
    });
    texts.map(|text| chunk(&text)).collect()
}

#[test]
fn a_burst_of_events_closes_no_reader_of_the_events_channel_that_keeps_up() {
    const COUNT: usize = 30;
    let daemon = Daemon::new(config_with_events(""));
    let readers: Vec<Client> = (0..20).map(|_| daemon.connect()).collect();
    for reader in &readers {
        assert_eq!(reader.ask(get("/events/EV", "")), stream_head());
    }
    let joined = join_at_once(&daemon, COUNT);
    daemon.run();
    joined.iter().for_each(Client::abort);
    let kinds = ["channel_created", "client_subscribed", "client_unsubscribed"];
    for reader in &readers {
        let text = reader.text();
        for kind in kinds {
            let lines = text.split_inclusive("}\r\n").filter(|line| line.contains(kind));
            assert!(lines.collect::<String>() == told(kind, COUNT), "{kind}: not as it happened");
        }
    }
    assert_eq!(daemon.counters().slow_subscribers_closed_total, 0);
}

#[test]
fn clients_join_as_fast_as_the_events_of_that_are_handed_out_and_no_faster() {
    const EVENT_BYTES: usize = 64 + "49-199".len();
    let config = config_with_events("");
    let limit = config.limits.outbox_bytes_max / 4;
    let daemon = Daemon::new(config);
    let reader = daemon.connect();
    reader.send(get("/events/EV", ""));
    let mut waiting = join_at_once(&daemon, 50);
    let joined = (1..1000).find(|_| {
        daemon.turn();
        // One more request than there is room for: each channel is created and joined.
        let bytes = daemon.event_bytes();
        assert!(bytes <= limit + 2 * 200 * EVENT_BYTES, "{bytes} bytes of events wait");
        waiting.retain(|client| client.text().is_empty());
        waiting.is_empty()
    });
    assert!(joined.is_some_and(|turns| turns > 1), "joined in turn {joined:?}");
}

#[test]
fn a_channel_is_created_before_its_first_message_also_behind_a_burst_of_events() {
    let daemon = Daemon::new(config_with_events("message_template = '~tag~ ~text~'"));
    let reader = daemon.connect();
    reader.send(get("/events/EV", ""));
    let _joined = join_at_once(&daemon, 5);
    let publisher = daemon.dial();
    publisher.post(bare("POST", "/pub?id=new", "Content-Length: 1\r\n") + "x");
    daemon.run();
    assert!(publisher.text().starts_with("HTTP/1.1 200 OK"));
    let events = reader.text();
    let created = events.lines().find(|line| line.ends_with("\"channel\": \"new\"}")).unwrap();
    let created: u32 = created.split(' ').next().unwrap().parse().unwrap();
    let stored = ask(&daemon, get("/sub/new.b1", ""));
    assert!(stored.contains(&chunk(&format!("{} x", created + 1))), "{created}: {stored}");
}

#[test]
fn a_publication_to_an_existing_channel_does_not_wait_for_the_events_of_others() {
    let mut config = config_with_events("");
    config.limits.outbox_bytes_max = 8 * 1024;
    config.publish_secrets = fixtures::config().publish_secrets;
    config.subscribe_secrets = fixtures::config().subscribe_secrets;
    let daemon = Daemon::new(config);
    let events = daemon.connect();
    events.send(get("/events/EV", ""));
    ask(&daemon, fixtures::publish("a", "1"));
    let joining = daemon.dial();
    let names: Vec<String> = (0..15).map(|number| number.to_string()).collect();
    joining.post(get(&format!("/sub/{}", names.join("/")), ""));
    let publisher = daemon.dial();
    publisher.post(fixtures::publish("a", "2"));
    daemon.turn();
    assert!(daemon.event_bytes() > 0, "some events wait for room");
    assert_eq!(publisher.text(), fixtures::ACCEPTED);
}

#[test]
fn events_are_published_in_each_turn_though_requests_spend_all_of_it() {
    let locations = location("/poll", "polling", "")
        + &location("/events", "streaming", "allow_connections_to_events_channel = true");
    let mut config = try_config("events_channel_id = 'EV'", &locations).unwrap();
    config.limits.microseconds_per_turn = 1;
    let daemon = Daemon::new(config);
    let events = daemon.connect();
    events.send(get("/events/EV", ""));
    events.read();
    let asker = daemon.dial();
    let requests = (0..40).map(|number| get(&format!("/poll/{number}"), ""));
    asker.post(requests.collect::<String>());
    // Others spend what requests that wait have left of each turn.
    let busy: Vec<Client> = (0..20).map(|_| daemon.dial()).collect();
    for client in &busy {
        client.post(get("/poll/busy", ""));
        daemon.turn();
    }
    let (created, asked) = (events.text(), asker.text());
    let asked = asked.matches("HTTP/1.1").count();
    assert!(asked < 40, "requests still wait");
    assert!(created.matches("channel_created").count() + 2 >= asked, "{created}");
}

/// A queued message may be many times as large as its text: with a template around each of its
/// lines, with padding, or with the id or type of its event.
#[test]
fn a_burst_of_messages_that_become_long_closes_no_reader_that_keeps_up() {
    const COUNT: usize = 300;
    let template = format!("message_template = '{}~text~'", ".".repeat(500));
    let [event_id, event_type] =
        ["Event-Id", "Event-Type"].map(|name| format!("{name}: {}\r\n", "i".repeat(500)));
    let cases = [
        ("streaming", template.as_str(), "x", ""),
        ("eventsource", template.as_str(), "x\nx\nx\nx", ""),
        ("streaming", "padding_by_user_agent = '.,0,4000'", "x", ""),
        ("eventsource", "", "x", event_id.as_str()),
        ("eventsource", "", "x", event_type.as_str()),
    ];
    for (mode, directives, text, fields) in cases {
        let mut config = try_config("", &location("/sub", mode, directives)).unwrap();
        config.limits.outbox_bytes_max = 64 * 1024;
        config.limits.microseconds_per_turn = 500_000;
        let daemon = Daemon::new(config);
        let reader = daemon.connect();
        reader.send(get("/sub/a", "User-Agent: any\r\n"));
        let length = format!("Content-Length: {}\r\n{fields}", text.len());
        let request = bare("POST", "/pub?id=a", &length) + text;
        let publishers: Vec<Client> = (0..10).map(|_| daemon.dial()).collect();
        publishers.iter().for_each(|publisher| publisher.post(request.repeat(COUNT / 10)));
        daemon.run();
        assert!(!reader.is_ended(), "{mode} {directives:.30} {fields:.10}");
        assert_eq!(stored(&daemon, "a"), Some(COUNT as u64));
        assert!(reader.read().len() > COUNT * 400);
    }
}

#[test]
fn padded_messages_that_fit_in_a_queue_are_published_in_one_turn() {
    let directives = "padding_by_user_agent = '.,0,100'";
    let mut config = try_config("", &location("/sub", "streaming", directives)).unwrap();
    config.limits.outbox_bytes_max = 256 * 1024;
    config.limits.microseconds_per_turn = 500_000;
    let daemon = Daemon::new(config);
    let reader = daemon.connect();
    reader.send(get("/sub/a", "User-Agent: any\r\n"));
    let publisher = daemon.dial();
    publisher.post((bare("POST", "/pub?id=a", "Content-Length: 1\r\n") + "x").repeat(50));
    daemon.turn();
    let text = reader.text();
    assert_eq!(text.split_once("\r\n\r\n").unwrap().1.matches("x").count(), 50, "{text}");
}
