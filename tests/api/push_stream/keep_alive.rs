//! Many requests of all kinds over one connection (section 5.2).

use super::locations::*;
use crate::fixtures::{ask, get};
use crate::support::DATE;

#[test]
fn many_channels_are_made_over_one_connection() {
    let daemon = daemon("");
    let client = daemon.connect();
    for number in 1..=400 {
        let (one, other) = (format!("ch_{number}"), format!("ch1_{number}"));
        let single = client.ask(send("POST", &format!("/pub?id={one}"), "", "x"));
        assert_eq!(single, told(&row(&one, 1, 1, 0)));
        let target = format!("/pub?id={one}/{other}");
        let rows = [row(&one, 2, 2, 0), row(&other, 1, 1, 0)];
        assert_eq!(client.ask(send("POST", &target, "", "x")), told(&group(2 * number, 0, &rows)));
    }
}

#[test]
fn many_channels_are_made_over_one_connection_without_info() {
    let daemon = daemon("channel_info_on_publish = false");
    let client = daemon.connect();
    for number in 1..=400 {
        let target = format!("/pub?id=ch_{number}/ch1_{number}");
        assert_eq!(client.ask(send("POST", &target, "", "x")), answer("200 OK", "", ""));
    }
    assert_eq!(summary(&daemon).channels, 800);
}

#[test]
fn different_operations_share_one_connection() {
    let daemon = daemon("");
    let client = daemon.connect();
    let no_channel = refused("400 Bad Request", "No channel id provided.");
    assert_eq!(client.ask(get("/pub", "")), no_channel);
    let published = client.ask(send("POST", "/pub?id=a", "", "x"));
    assert_eq!(published, told(&row("a", 1, 1, 0)));
    let summed = "{\"hostname\": \"test-host\", \"time\": \"2026-04-14T15:40:00\", \
                  \"channels\": 1, \"wildcard_channels\": 0, \"published_messages\": 1, \
                  \"stored_messages\": 1, \"messages_in_trash\": 0, \"channels_in_delete\": 0, \
                  \"channels_in_trash\": 0, \"subscribers\": 0, \"uptime\": 0, \"by_worker\": [\r\n\
                  {\"pid\": \"4711\", \"subscribers\": 0, \"uptime\": 0}\r\n]}\r\n";
    assert_eq!(client.ask(get("/channels-stats", "")), statistics("application/json", summed));
    let unknown = client.ask(send("DELETE", "/pub?id=b", "", ""));
    assert_eq!(unknown, answer("404 Not Found", "", ""));
    let listed = group(1, 0, &[row("a", 1, 1, 0)]);
    assert_eq!(
        client.ask(get("/channels-stats?id=ALL", "")),
        statistics("application/json", &listed)
    );
    assert_eq!(client.ask(get("/pub?id=a", "")), told(&row("a", 1, 1, 0)));
    let rows = [row("a", 2, 2, 0), row("b", 1, 1, 0)];
    assert_eq!(client.ask(send("POST", "/pub?id=a/b", "", "x")), told(&group(2, 0, &rows)));
    let deleted = client.ask(send("DELETE", "/pub?id=a/b", "", ""));
    assert_eq!(deleted, refused("200 OK", "Channel deleted."));
}

#[test]
fn many_long_polls_share_one_connection() {
    let daemon = daemon("message_template = '{\"id\": ~id~, \"t\": \"~text~\"}'");
    let client = daemon.connect();
    for number in 1..=500u32 {
        assert_eq!(client.ask(get("/lp/a", "")), "");
        ask(&daemon, send("POST", "/unstored?id=a", "", "x"));
        let message = format!("{{\"id\": {number}, \"t\": \"x\"}}");
        assert_eq!(client.text(), polled(DATE, number, &[&message]));
    }
}
