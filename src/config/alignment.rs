//! Checks the daemon's intervals against the read time-out of the proxy in front of it: quiet
//! streams need a heartbeat before the proxy closes them.

use super::Config;
use super::location::{Location, Mode, Role};
use super::units::show_time;

/// Warnings about streams and connections that a proxy with `proxy_read_timeout` would close too
/// early.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let (heartbeat, patience) = (config.heartbeat, config.proxy_read_timeout);
    let (shown_heartbeat, shown_patience) = (show_time(heartbeat), show_time(patience));
    let mut warnings = Vec::new();
    if heartbeat >= patience {
        warnings.push(format!(
            "RPUSHD_HEARTBEAT_SECS ({shown_heartbeat}) is not below RPUSHD_PROXY_READ_TIMEOUT \
             ({shown_patience}): a proxy that waits no longer than that closes every quiet stream \
             before its first heartbeat; lower RPUSHD_HEARTBEAT_SECS, or set \
             RPUSHD_PROXY_READ_TIMEOUT to the read time-out of your proxy"
        ));
    } else if heartbeat.0 > patience.0 / 2 {
        warnings.push(format!(
            "heartbeat ({shown_heartbeat}) is more than half of proxy_read_timeout \
             ({shown_patience}): when one heartbeat is late, the proxy closes the stream"
        ));
    }
    let keepalive = config.limits.keepalive_timeout;
    if keepalive < patience {
        warnings.push(format!(
            "keepalive_timeout ({}) is below proxy_read_timeout ({shown_patience}): the proxy may \
             send a request on a connection that is just being closed",
            show_time(keepalive)
        ));
    }
    let locations = config.servers.iter().flat_map(|server| &server.locations);
    warnings.extend(locations.filter_map(|location| quiet_too_long(location, config)));
    warnings
}

/// A warning if connections of a subscriber location may be quiet for as long as the proxy waits.
fn quiet_too_long(location: &Location, config: &Config) -> Option<String> {
    let Role::Subscriber(mode) = location.role else {
        return None;
    };
    let settings = &location.subscriber;
    let (interval, key) = match mode {
        Mode::Polling => return None,
        Mode::LongPolling => (settings.longpolling_connection_ttl, "longpolling_connection_ttl"),
        Mode::Streaming | Mode::EventSource | Mode::WebSocket => {
            let shortest = [settings.ping_message_interval, settings.subscriber_connection_ttl];
            (shortest.into_iter().flatten().min(), "ping_message_interval")
        }
    };
    let patience = config.proxy_read_timeout;
    if interval.is_some_and(|interval| interval < patience) {
        return None;
    }
    let found = interval.map_or_else(|| "not set".to_owned(), show_time);
    Some(format!(
        "{}: location \"{}\": {key} ({found}) should be below proxy_read_timeout ({}): a proxy in \
         front closes connections that are quiet for that long",
        location.origin,
        location.path,
        show_time(patience)
    ))
}
