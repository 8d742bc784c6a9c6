//! What a push-stream location says once nginx passes its requests on to the daemon.

use crate::config::{Location, Mode, Role};
use crate::time::Millis;
use std::net::SocketAddr;

/// A connection that has been quiet for so long is given up at the earliest.
const READ_TIMEOUT_MIN: Millis = Millis(75_000);
/// Nothing keeps the connection alive: as long as the module would have let it be, within reason.
const READ_TIMEOUT_WITHOUT_PINGS: Millis = Millis(24 * 60 * 60 * 1000);

/// The directives that take the place of the role. The URI is passed on as it came, because `proxy_pass` has
/// none of its own.
pub(super) fn lines(location: &Location, upstream: SocketAddr) -> Vec<String> {
    let mut lines = vec![
        format!("proxy_pass http://{upstream};"),
        "proxy_http_version 1.1;".to_owned(),
        "proxy_set_header Host $host;".to_owned(),
        // The daemon believes its own machine: what visitors send must not get there as it is.
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;".to_owned(),
    ];
    match location.role {
        // What the client asked for, so that a client without the headers is refused as before.
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

/// Whether nothing shows nginx that a connection is alive.
pub(super) fn may_be_quiet_for_ever(location: &Location) -> bool {
    read_timeout(location) == Some(READ_TIMEOUT_WITHOUT_PINGS)
}

/// How long nginx may wait for the next byte; none for answers that come at once. A client may ask for
/// long-polling on any subscriber location by header.
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
            assert_eq!(may_be_quiet_for_ever(&location), expected == day);
        }
        assert_eq!(read_timeout(&location(Mode::Polling, None, None, None)), None);
    }
}
