//! The bytes of the four statistics layouts (section 7.3).

use super::locations::*;
use crate::fixtures::{ask, get};
use crate::support::Daemon;

/// Two channels with a message each, one of them a wildcard channel; shown as two workers.
fn two_channels() -> Daemon {
    let daemon = daemon("wildcard_channel_prefix = 'w'\nworker_processes = 2");
    publish(&daemon, "c1", "x");
    publish(&daemon, "w2", "x");
    daemon
}

fn assert_layout(daemon: &Daemon, target: &str, content_type: &str, lines: &[&str]) {
    let fields = format!("Accept: {content_type}\r\n");
    let body: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    assert_eq!(ask(daemon, get(target, &fields)), statistics(content_type, &body));
}

const ONE: &str = "/channels-stats?id=c1";
const GROUP: &str = "/channels-stats?id=ALL";
const NONE: &str = "/channels-stats?id=none*";
const SUMMARY: &str = "/channels-stats";

#[test]
fn json_one_channel() {
    let lines =
        [r#"{"channel": "c1", "published_messages": 1, "stored_messages": 1, "subscribers": 0}"#];
    assert_layout(&two_channels(), ONE, "application/json", &lines);
    assert_layout(&two_channels(), ONE, "text/x-json", &lines);
}

#[test]
fn json_group() {
    let head = concat!(
        r#"{"hostname": "test-host", "time": "2026-04-14T15:40:00", "channels": 1, "#,
        r#""wildcard_channels": 1, "uptime": 0, "infos": ["#
    );
    let lines = [
        head,
        r#"{"channel": "c1", "published_messages": 1, "stored_messages": 1, "subscribers": 0},"#,
        r#"{"channel": "w2", "published_messages": 1, "stored_messages": 1, "subscribers": 0}"#,
        "]}",
    ];
    assert_layout(&two_channels(), GROUP, "application/json", &lines);
    assert_layout(&two_channels(), NONE, "application/json", &[head, "]}"]);
}

#[test]
fn json_summary() {
    let lines = [
        concat!(
            r#"{"hostname": "test-host", "time": "2026-04-14T15:40:00", "channels": 1, "#,
            r#""wildcard_channels": 1, "published_messages": 2, "stored_messages": 2, "#,
            r#""messages_in_trash": 0, "channels_in_delete": 0, "channels_in_trash": 0, "#,
            r#""subscribers": 0, "uptime": 0, "by_worker": ["#
        ),
        r#"{"pid": "4711", "subscribers": 0, "uptime": 0},"#,
        r#"{"pid": "4711", "subscribers": 0, "uptime": 0}"#,
        "]}",
    ];
    assert_layout(&two_channels(), SUMMARY, "application/json", &lines);
}

#[test]
fn plain_one_channel() {
    let lines =
        ["channel: c1", "published_messages: 1", "stored_messages: 1", "active_subscribers: 0"];
    assert_layout(&two_channels(), ONE, "text/plain", &lines);
}

#[test]
fn plain_group() {
    let head = "hostname: test-host, time: 2026-04-14T15:40:00, channels: 1, wildcard_channels: 1, \
                uptime: 0, infos: ";
    let lines = [
        head,
        "channel: c1",
        "published_messages: 1",
        "stored_messages: 1",
        "active_subscribers: 0,",
        "channel: w2",
        "published_messages: 1",
        "stored_messages: 1",
        "active_subscribers: 0",
    ];
    assert_layout(&two_channels(), GROUP, "text/plain", &lines);
    assert_layout(&two_channels(), NONE, "text/plain", &[head, ""]);
}

#[test]
fn plain_summary() {
    let lines = [
        "hostname: test-host",
        "time: 2026-04-14T15:40:00",
        "channels: 1",
        "wildcard_channels: 1",
        "published_messages: 2",
        "stored_messages: 2",
        "messages_in_trash: 0",
        "channels_in_delete: 0",
        "channels_in_trash: 0",
        "subscribers: 0",
        "uptime: 0",
        "by_worker:",
        "  pid: 4711",
        "  subscribers: 0",
        "  uptime: 0,",
        "  pid: 4711",
        "  subscribers: 0",
        "  uptime: 0",
    ];
    assert_layout(&two_channels(), SUMMARY, "text/plain", &lines);
}

#[test]
fn yaml_one_channel() {
    let lines =
        ["  channel: c1", "  published_messages: 1", "  stored_messages: 1", "  subscribers: 0"];
    assert_layout(&two_channels(), ONE, "application/yaml", &lines);
    assert_layout(&two_channels(), ONE, "text/x-yaml", &lines);
}

#[test]
fn yaml_group() {
    let head = [
        "hostname: test-host",
        "time: 2026-04-14T15:40:00",
        "channels: 1",
        "wildcard_channels: 1",
        "uptime: 0",
        "infos: ",
    ];
    let rows = [
        " -",
        "  channel: c1",
        "  published_messages: 1",
        "  stored_messages: 1",
        "  subscribers: 0",
        " -",
        "  channel: w2",
        "  published_messages: 1",
        "  stored_messages: 1",
        "  subscribers: 0",
    ];
    assert_layout(&two_channels(), GROUP, "application/yaml", &[&head[..], &rows].concat());
    assert_layout(&two_channels(), NONE, "application/yaml", &[&head[..], &[""]].concat());
}

#[test]
fn yaml_summary() {
    let lines = [
        "  hostname: test-host",
        "  time: 2026-04-14T15:40:00",
        "  channels: 1",
        "  wildcard_channels: 1",
        "  published_messages: 2",
        "  stored_messages: 2",
        "  messages_in_trash: 0",
        "  channels_in_delete: 0",
        "  channels_in_trash: 0",
        "  subscribers: 0",
        "  uptime: 0",
        "  by_worker:",
        "   -",
        "    pid: 4711",
        "    subscribers: 0",
        "    uptime: 0",
        "   -",
        "    pid: 4711",
        "    subscribers: 0",
        "    uptime: 0",
    ];
    assert_layout(&two_channels(), SUMMARY, "application/yaml", &lines);
}

#[test]
fn xml_one_channel() {
    let lines = [
        r#"<?xml version="1.0" encoding="UTF-8" ?>"#,
        "<channel>",
        "  <name>c1</name>",
        "  <published_messages>1</published_messages>",
        "  <stored_messages>1</stored_messages>",
        "  <subscribers>0</subscribers>",
        "</channel>",
        "",
    ];
    assert_layout(&two_channels(), ONE, "application/xml", &lines);
}

#[test]
fn xml_group() {
    let head = [
        r#"<?xml version="1.0" encoding="UTF-8" ?>"#,
        "<root>",
        "  <hostname>test-host</hostname>",
        "  <time>2026-04-14T15:40:00</time>",
        "  <channels>1</channels>",
        "  <wildcard_channels>1</wildcard_channels>",
        "  <uptime>0</uptime>",
        "  <infos>",
    ];
    let rows = [
        "<channel>",
        "  <name>c1</name>",
        "  <published_messages>1</published_messages>",
        "  <stored_messages>1</stored_messages>",
        "  <subscribers>0</subscribers>",
        "</channel>",
        "<channel>",
        "  <name>w2</name>",
        "  <published_messages>1</published_messages>",
        "  <stored_messages>1</stored_messages>",
        "  <subscribers>0</subscribers>",
        "</channel>",
    ];
    let end = ["  </infos>", "</root>"];
    assert_layout(&two_channels(), GROUP, "application/xml", &[&head[..], &rows, &end].concat());
    assert_layout(&two_channels(), NONE, "application/xml", &[&head[..], &end].concat());
}

#[test]
fn xml_summary() {
    let lines = [
        r#"<?xml version="1.0" encoding="UTF-8" ?>"#,
        "<infos>",
        "  <hostname>test-host</hostname>",
        "  <time>2026-04-14T15:40:00</time>",
        "  <channels>1</channels>",
        "  <wildcard_channels>1</wildcard_channels>",
        "  <published_messages>2</published_messages>",
        "  <stored_messages>2</stored_messages>",
        "  <messages_in_trash>0</messages_in_trash>",
        "  <channels_in_delete>0</channels_in_delete>",
        "  <channels_in_trash>0</channels_in_trash>",
        "  <subscribers>0</subscribers>",
        "  <uptime>0</uptime>",
        "  <by_worker><worker>",
        "  <pid>4711</pid>",
        "  <subscribers>0</subscribers>",
        "  <uptime>0</uptime>",
        "</worker>",
        "<worker>",
        "  <pid>4711</pid>",
        "  <subscribers>0</subscribers>",
        "  <uptime>0</uptime>",
        "</worker>",
        "</by_worker>",
        "</infos>",
    ];
    assert_layout(&two_channels(), SUMMARY, "application/xml", &lines);
}

#[test]
fn an_id_that_would_break_a_layout_is_escaped() {
    let daemon = daemon("");
    publish(&daemon, "%22%3C%0A", "x");
    let target = "/channels-stats?id=%22%3C%0A";
    let lines = [
        r#"{"channel": "\"<\n", "published_messages": 1, "stored_messages": 1, "subscribers": 0}"#,
    ];
    assert_layout(&daemon, target, "application/json", &lines);
    let lines = [
        r#"<?xml version="1.0" encoding="UTF-8" ?>"#,
        "<channel>",
        "  <name>\"&lt;&#10;</name>",
        "  <published_messages>1</published_messages>",
        "  <stored_messages>1</stored_messages>",
        "  <subscribers>0</subscribers>",
        "</channel>",
        "",
    ];
    assert_layout(&daemon, target, "application/xml", &lines);
}
