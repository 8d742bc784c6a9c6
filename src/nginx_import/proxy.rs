//! The directives of a location that passes the requests of a push-stream location on to the
//! daemon.

use crate::config::{Location, Mode, Role};
use crate::time::Millis;
use std::net::SocketAddr;

/// Shortest `proxy_read_timeout` of a subscriber location.
const READ_TIMEOUT_MIN: Millis = Millis(75_000);
/// Without keep-alives: one day. The module itself would never close such a connection.
const READ_TIMEOUT_WITHOUT_PINGS: Millis = Millis(24 * 60 * 60 * 1000);

/// The directives that replace the role of the location. `proxy_pass` has no URI, so nginx passes
/// the URI on unchanged.
pub(super) fn lines(location: &Location, upstream: SocketAddr) -> Vec<String> {
    let mut lines = vec![
        format!("proxy_pass http://{upstream};"),
        "proxy_http_version 1.1;".to_owned(),
        "proxy_set_header Host $host;".to_owned(),
        // By default the daemon trusts X-Forwarded-For from its own machine, so nginx must not
        // pass on the header of the client unchanged.
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;".to_owned(),
    ];
    match location.role {
        // The client's own headers, so that a client without them is refused as before.
        Role::Subscriber(Mode::WebSocket) => lines.extend([
            "proxy_set_header Upgrade $http_upgrade;".to_owned(),
            "proxy_set_header Connection $http_connection;".to_owned(),
        ]),
        _ => lines.push("proxy_set_header Connection \"\";".to_owned()),
    }
    lines.push("proxy_buffering off;".to_owned());
    if let Some(timeout) = read_timeout(location) {
        lines.push(format!("proxy_read_timeout {}s;", timeout.0.div_ceil(1000)));
    }
    lines
}

/// Whether a live connection may stay quiet for ever, so that nginx takes it for a dead one.
pub(super) fn has_no_keep_alive(location: &Location) -> bool {
    read_timeout(location) == Some(READ_TIMEOUT_WITHOUT_PINGS)
}

/// How long nginx must wait for the next byte; none if the response is sent at once. Streaming and
/// EventSource also cover long-polling, which a client may request there by header.
fn read_timeout(location: &Location) -> Option<Millis> {
    let Role::Subscriber(mode) = location.role else {
        return None;
    };
    let settings = &location.subscriber;
    let slack = |time: Millis| Millis(time.0.saturating_add(15_000));
    let polling = settings.longpolling_connection_ttl.map(slack);
    let streaming = match (settings.ping_message_interval, settings.subscriber_connection_ttl) {
        (Some(interval), _) => Some(Millis(interval.0.saturating_mul(2))),
        (None, ttl) => ttl.map(slack),
    };
    let quiet = match mode {
        Mode::Polling => return None,
        Mode::LongPolling => polling,
        Mode::WebSocket => streaming,
        Mode::Streaming | Mode::EventSource => {
            streaming.map(|time| polling.map_or(time, |polling| time.max(polling)))
        }
    };
    Some(quiet.map_or(READ_TIMEOUT_WITHOUT_PINGS, |quiet| quiet.max(READ_TIMEOUT_MIN)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Level, PathMatch, PushStream, VariableString};

    fn location(mode: Mode, ping: Option<u64>, ttl: Option<u64>, polling: Option<u64>) -> Location {
        let level = Level {
            channels_path: VariableString::parse("a").ok(),
            ping_message_interval: ping.map(Millis::from_seconds),
            subscriber_connection_ttl: ttl.map(Millis::from_seconds),
            longpolling_connection_ttl: polling.map(Millis::from_seconds),
            ..Level::default()
        };
        let path = PathMatch::Prefix("/".into());
        level.location(path, Role::Subscriber(mode), &PushStream::default()).unwrap()
    }

    #[test]
    fn nginx_waits_longer_than_a_live_connection_is_quiet() {
        let day = 24 * 3600;
        for (mode, ping, ttl, polling, expected) in [
            (Mode::Streaming, Some(10), None, None, 75),
            (Mode::Streaming, Some(60), Some(900), None, 120),
            (Mode::Streaming, None, Some(900), Some(30), 915),
            (Mode::Streaming, Some(10), None, Some(300), 315),
            (Mode::EventSource, None, None, Some(30), day),
            (Mode::WebSocket, Some(60), None, Some(900), 120),
            (Mode::WebSocket, None, None, None, day),
            (Mode::LongPolling, Some(60), None, Some(30), 75),
            (Mode::LongPolling, Some(60), None, Some(100), 115),
            (Mode::LongPolling, Some(60), None, None, day),
        ] {
            let location = location(mode, ping, ttl, polling);
            assert_eq!(read_timeout(&location), Some(Millis::from_seconds(expected)));
            assert_eq!(has_no_keep_alive(&location), expected == day);
        }
        assert_eq!(read_timeout(&location(Mode::Polling, None, None, None)), None);
    }
}
