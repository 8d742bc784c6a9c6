//! Which clients may connect when connections run short.

use super::fixtures::*;
use crate::support::{Client, Daemon};
use rpushd::config::{Config, Limits, ListenAddress, Listener, ListenerId};

const PUBLIC: u16 = 0;
const INTERNAL: u16 = 1;

/// A daemon with this `connections_max`, a public and an internal listener.
fn daemon_for(connections_max: usize, connections_reserved: usize) -> Daemon {
    let listener = |port: u16, is_internal| Listener {
        address: ListenAddress::Tcp(([127, 0, 0, 1], port).into()),
        is_internal,
        server: None,
    };
    let limits = Limits { connections_max, connections_reserved, ..Limits::default() };
    let listeners = vec![listener(1, false), listener(2, true)];
    Daemon::new(Config { listeners, limits, ..config() })
}

/// Connects clients until one is refused.
fn fill(daemon: &Daemon, listener: u16) -> Vec<Client> {
    std::iter::from_fn(|| daemon.connect_to(listener)).collect()
}

fn make_room(daemon: &Daemon, listener: u16) -> bool {
    daemon.with_server(|server, now| server.make_room(ListenerId(listener), now))
}

/// A keep-alive connection that has received an answer and then idled for a while.
fn idle(daemon: &Daemon, listener: u16) -> Client {
    let client = daemon.connect_to(listener).expect("there is room");
    client.ask(get("/healthz", ""));
    daemon.advance(100);
    client
}

#[test]
fn connections_reserved_connections_are_left_to_internal_listeners() {
    let daemon = daemon_for(10, 3);
    let public = fill(&daemon, PUBLIC);
    assert_eq!(public.len(), 7);
    let internal = fill(&daemon, INTERNAL);
    assert_eq!(internal.len(), 3);
    let healthy = internal[2].ask(get("/healthz", ""));
    assert!(healthy.starts_with("HTTP/1.1 200 OK\r\n"), "{healthy}");
    // A place that an internal client leaves is only for an internal one.
    internal[0].abort();
    assert!(daemon.connect_to(PUBLIC).is_none());
    assert!(daemon.connect_to(INTERNAL).is_some());
    public[0].abort();
    assert!(daemon.connect_to(PUBLIC).is_some());
}

#[test]
fn internal_connections_beyond_the_reserve_take_from_what_all_may_use() {
    let daemon = daemon_for(10, 3);
    let internal: Vec<Client> = (0..5).filter_map(|_| daemon.connect_to(INTERNAL)).collect();
    assert_eq!((internal.len(), fill(&daemon, PUBLIC).len()), (5, 5));
}

#[test]
fn at_most_half_of_the_connections_are_reserved() {
    assert_eq!(fill(&daemon_for(10, 64), PUBLIC).len(), 5);
    assert_eq!(fill(&daemon_for(1, 64), PUBLIC).len(), 1);
}

#[test]
fn without_an_internal_listener_nothing_is_reserved() {
    let limits = Limits { connections_max: 10, ..Limits::default() };
    assert_eq!(fill(&Daemon::new(Config { limits, ..config() }), 0).len(), 10);
}

#[test]
fn connections_that_there_are_no_descriptors_for_are_refused() {
    let daemon = daemon_for(10, 2);
    daemon.with_server(|server, _| server.limit_connections(6));
    let public = fill(&daemon, PUBLIC);
    assert_eq!((public.len(), fill(&daemon, INTERNAL).len()), (4, 2));
}

#[test]
fn a_reload_that_makes_a_listener_internal_counts_its_connections_anew() {
    let daemon = daemon_for(10, 4);
    let clients = fill(&daemon, PUBLIC);
    assert_eq!(clients.len(), 6);
    let listener = |port: u16| Listener {
        address: ListenAddress::Tcp(([127, 0, 0, 1], port).into()),
        is_internal: port == 1,
        server: None,
    };
    let limits = Limits { connections_max: 10, connections_reserved: 4, ..Limits::default() };
    daemon.reconfigure(Config { listeners: vec![listener(1), listener(2)], limits, ..config() });
    assert_eq!(fill(&daemon, 1).len(), 4, "the second one is public now");
    clients.iter().for_each(Client::abort);
    assert_eq!(daemon.connection_count(), 4);
}

#[test]
fn the_keep_alive_connection_that_was_idle_for_longest_gives_way_first() {
    let daemon = daemon_for(10, 0);
    let clients: Vec<Client> = (0..3).map(|_| idle(&daemon, PUBLIC)).collect();
    clients[0].ask(get("/healthz", ""));
    daemon.advance(1_000);
    let gave_way = || clients.iter().map(Client::is_closed).collect::<Vec<bool>>();
    assert!(make_room(&daemon, PUBLIC));
    assert_eq!(gave_way(), [false, true, false]);
    // It had been idle for the longest time when it was examined, but is not idle any more.
    clients[2].ask(get("/healthz", ""));
    assert!(make_room(&daemon, PUBLIC));
    assert_eq!(gave_way(), [true, true, false]);
    daemon.advance(1_000);
    assert!(make_room(&daemon, PUBLIC));
    assert_eq!(gave_way(), [true; 3]);
    assert!(!make_room(&daemon, PUBLIC));
}

#[test]
fn a_connection_that_has_sent_nothing_yet_gives_way_like_an_idle_one() {
    let daemon = daemon_for(10, 0);
    let silent = daemon.connect();
    daemon.advance(500);
    let kept = idle(&daemon, PUBLIC);
    assert!(!make_room(&daemon, PUBLIC), "its request may be on its way");
    daemon.advance(1_000);
    assert!(make_room(&daemon, PUBLIC));
    assert!(silent.is_closed() && !kept.is_closed());
}

#[test]
fn only_idle_connections_give_way() {
    let daemon = daemon_for(10, 0);
    let reader = subscriber(&daemon, "a");
    let slow = idle(&daemon, PUBLIC);
    slow.send("GET /healthz HT");
    let stuck = idle(&daemon, PUBLIC);
    stuck.take_only(0);
    stuck.send(get("/healthz", ""));
    daemon.advance(2_000);
    let fresh = daemon.connect();
    fresh.ask(get("/healthz", ""));
    assert!(!make_room(&daemon, PUBLIC));
    for client in [reader, slow, stuck, fresh] {
        assert!(!client.is_closed());
    }
}

#[test]
fn a_public_client_takes_no_internal_connections_place() {
    let daemon = daemon_for(10, 2);
    let (inside, outside) = (idle(&daemon, INTERNAL), idle(&daemon, PUBLIC));
    daemon.advance(1_000);
    assert!(make_room(&daemon, PUBLIC));
    assert!(outside.is_closed() && !inside.is_closed());
    assert!(!make_room(&daemon, PUBLIC));
    assert!(make_room(&daemon, INTERNAL));
    assert!(inside.is_closed());
}
