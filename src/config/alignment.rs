//! Whether the daemon's intervals fit the read time-out of the proxy in front of it: quiet streams must
//! show life before the proxy gives them up.

use super::error::{ConfigError, Place};
use super::location::{Location, Mode, Role};
use super::units::show_time;
use super::{Config, sources::Environment};

/// Refuses a heartbeat that the proxy would not wait for; what is merely risky comes back as warnings.
pub(super) fn check(config: &Config, given: &Environment) -> Result<Vec<String>, ConfigError> {
    let (heartbeat, patience) = (config.heartbeat, config.proxy_read_timeout);
    let (shown_heartbeat, shown_patience) = (show_time(heartbeat), show_time(patience));
    if heartbeat >= patience {
        let nowhere = Place::Variable("RPUSHD_HEARTBEAT_SECS".into());
        let place = given.place_of(&["heartbeat", "proxy_read_timeout"]).unwrap_or(&nowhere);
        return Err(place.error(format!(
            "a heartbeat every {shown_heartbeat} comes too late for a proxy_read_timeout of \
             {shown_patience}: the proxy would close every quiet stream first"
        )));
    }
    let mut warnings = Vec::new();
    if heartbeat.0 > patience.0 / 2 {
        warnings.push(format!(
            "heartbeat ({shown_heartbeat}) is more than half of proxy_read_timeout \
             ({shown_patience}): when one heartbeat is late, the proxy closes the stream"
        ));
    }
    let keepalive = config.limits.keepalive_timeout;
    if keepalive < patience {
        warnings.push(format!(
            "keepalive_timeout ({}) is below proxy_read_timeout ({shown_patience}): the proxy may \
             send a request into a connection that is just being closed",
            show_time(keepalive)
        ));
    }
    let locations = config.servers.iter().flat_map(|server| &server.locations);
    warnings.extend(locations.filter_map(|location| quiet_too_long(location, config)));
    Ok(warnings)
}

/// A warning for a subscriber location whose connections may be quiet for as long as the proxy waits.
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
         front closes connections that are quiet for so long",
        location.origin,
        location.path,
        show_time(patience)
    ))
}
