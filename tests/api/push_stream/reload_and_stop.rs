//! Reload and stop (section 22.1 and 22.2).

use super::locations::*;
use crate::fixtures::{after, ask, get};
use crate::support::{DATE, log_lines};

const RELOADS: &str = "reload_ends_subscribers = true\nfooter_template = 'FOOT'";

#[test]
fn a_reload_ends_all_subscribers_as_if_their_time_were_over() {
    let daemon = daemon(RELOADS);
    let streaming = stream(&daemon, "/sub/a");
    let events = listen(&daemon, "/ev/a");
    events.read();
    let socket = websocket(&daemon, "/ws/a");
    let waiting = listen(&daemon, "/lp/a");
    daemon.advance(2_000);
    daemon.reconfigure(config(RELOADS));
    assert_eq!(streaming.text(), chunk("FOOT") + LAST_CHUNK);
    assert_eq!(events.text(), chunk(": FOOT\n") + LAST_CHUNK);
    assert_eq!(socket.read(), b"\x81\x04FOOT\x88\x00");
    let now = after(2, DATE);
    let expected = nothing(&format!("Last-Modified: {now}\r\n"), "Etag: W/0\r\n");
    assert_eq!(waiting.text(), after(2, &expected));
    assert_eq!(summary(&daemon).subscribers, 0);
}

#[test]
fn a_reload_keeps_data_counters_and_uptime_and_begins_new_workers() {
    let daemon = daemon(RELOADS);
    publish(&daemon, "a", "x");
    post(&daemon, "/unstored?id=b", "x");
    daemon.advance(5_000);
    let before = ask(&daemon, get("/channels-stats", ""));
    daemon.reconfigure(config(RELOADS));
    let worker = "{\"pid\": \"4711\", \"subscribers\": 0, \"uptime\": ";
    assert!(before.contains(&format!("{worker}5}}")), "{before}");
    let expected = before.replace(&format!("{worker}5}}"), &format!("{worker}0}}"));
    assert_eq!(ask(&daemon, get("/channels-stats", "")), expected);
    assert_eq!(channel(&daemon, "a"), Some(row("a", 1, 1, 0)));
}

#[test]
fn a_reload_is_at_once_whatever_pings_and_limits_subscribers_have() {
    for own in ["ping_message_interval = '1h'", "subscriber_connection_ttl = '1h'"] {
        let settings = format!("{RELOADS}\n{own}");
        let daemon = daemon(&settings);
        let client = stream(&daemon, "/sub/a");
        daemon.reconfigure(config(&settings));
        assert_eq!(client.text(), chunk("FOOT") + LAST_CHUNK);
        let expected = Summary { channels: 1, ..Summary::default() };
        assert_eq!(summary(&daemon), expected);
    }
}

#[test]
fn a_reload_takes_new_directives_but_not_another_memory_size() {
    let daemon = daemon("shared_memory_size = '128k'");
    publish(&daemon, "a", "x");
    let other =
        "shared_memory_size = '10m'\nmessage_template = '[~text~]'\nmax_number_of_channels = 1";
    daemon.reconfigure(config(other));
    assert_eq!(ask(&daemon, get("/poll/a.b1", "")), polled(DATE, 1, &["[x]"]));
    let expected = refused("403 Forbidden", "Number of channels were exceeded.");
    assert_eq!(post(&daemon, "/pub?id=b", "x"), expected);
    let given = post(&daemon, "/pub?id=a", &"x".repeat(200_000));
    assert!(given.starts_with("HTTP/1.1 500 Internal Server Error\r\n"), "{given}");
}

#[test]
fn another_memory_size_is_warned_of_once_per_reload() {
    let warnings = || {
        let lines = log_lines().into_iter();
        lines.filter(|line| line.starts_with("warn ")).collect::<Vec<String>>()
    };
    warnings();
    let daemon = daemon("shared_memory_size = '128k'");
    daemon.reconfigure(config("shared_memory_size = '128k'"));
    assert_eq!(warnings(), Vec::<String>::new());
    daemon.reconfigure(config("shared_memory_size = '10m'"));
    let expected = "warn rpushd::server::lifecycle: Cannot change memory area size without \
                    restart, ignoring change on zone: push_stream_module";
    assert_eq!(warnings(), [expected]);
}

#[test]
fn without_the_setting_a_reload_leaves_subscribers_alone() {
    let daemon = daemon("footer_template = 'old'");
    let client = stream(&daemon, "/sub/a");
    daemon.reconfigure(config("footer_template = 'new'"));
    publish(&daemon, "a", "x");
    assert_eq!(client.text(), chunk("x"));
    assert_eq!(summary(&daemon).subscribers, 1);
}

#[test]
fn half_a_websocket_frame_is_no_request_after_a_reload() {
    let daemon = daemon(RELOADS);
    let client = websocket(&daemon, "/ws/a");
    client.send(b"\x81\x85\0\0\0\0GE");
    daemon.reconfigure(config(RELOADS));
    client.send(get("/channels-stats", ""));
    assert_eq!(client.read(), b"\x81\x04FOOT\x88\x00");
    assert_eq!(daemon.counters().malformed_requests_total, 0);
}

#[test]
fn a_stop_ends_all_subscribers_as_if_their_time_were_over() {
    let daemon = daemon("footer_template = 'FOOT'");
    let streaming = stream(&daemon, "/sub/a");
    let socket = websocket(&daemon, "/ws/a");
    let waiting = listen(&daemon, "/lp/a");
    daemon.advance(2_000);
    daemon.stop();
    assert_eq!(streaming.text(), chunk("FOOT") + LAST_CHUNK);
    assert_eq!(socket.read(), b"\x81\x04FOOT\x88\x00");
    let now = after(2, DATE);
    let expected = nothing(&format!("Last-Modified: {now}\r\n"), "Etag: W/0\r\n");
    let expected = expected.replace("keep-alive", "close");
    assert_eq!(waiting.text(), after(2, &expected));
    assert!(streaming.is_ended() && socket.is_ended() && waiting.is_ended());
}

#[test]
fn a_stop_tells_long_polls_with_a_body_where_that_is_wanted() {
    let daemon = daemon("timeout_with_body = true\nmessage_template = '~id~ ~text~'");
    let waiting = listen(&daemon, "/lp/a");
    daemon.stop();
    let expected = polled(DATE, 0, &["-3 Timed out"]).replace("keep-alive", "close");
    assert_eq!(waiting.text(), expected);
}

#[test]
fn a_channel_that_became_the_events_channel_while_a_request_came_is_left_alone() {
    let daemon = daemon("");
    publish(&daemon, "a", "x");
    for method in ["DELETE", "POST"] {
        let client = daemon.connect();
        let request = send(method, "/pub?id=a", "", "body");
        let (most, last) = request.split_at(request.len() - 1);
        daemon.reconfigure(config(""));
        client.send(most);
        daemon.reconfigure(config("events_channel_id = 'a'"));
        let expected =
            refused("403 Forbidden", "Only internal routines can change events channel.");
        assert_eq!(client.ask(last), expected, "{method}");
    }
    assert_eq!(channel(&daemon, "a"), Some(row("a", 1, 1, 0)));
}
