//! Draws the configuration from a seed, and makes requests.

use super::client::Transport;
use crate::draw;
use crate::no_files::NoFiles;
use crate::random::Random;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use rpushd::config::{Config, Overrides};
use rpushd::time::Millis;
use std::collections::BTreeMap;

/// All channels. Those with `h` have a history, and `/pub` stores in all.
pub const CHANNELS: [&str; 6] = ["h0", "h1", "h2", "n0", "n1", "n2"];

/// `removes`: whether idle channels are removed soon.
pub fn config(removes: bool, random: &mut Random) -> Config {
    let mut text = format!(
        "[[history]]\nchannels = 'h*'\nmessages = {}\nage = '{}s'\n",
        random.pick(&[1, 3, 20, 1000]),
        random.pick(&[1, 5, 60, 3600]),
    );
    if random.one_in(3) {
        text += &format!("bytes = '{}'\n", random.between(500, 3000));
    }
    for (path, more) in [("/pub", "store_messages = true"), ("/unstored", "")] {
        text += &format!("[[location]]\npath = '{path}'\npublisher = 'admin'\n{more}\n");
        text += "channels_path = '$arg_id'\n";
    }
    let sources = Some(("rpushd.toml", text.as_str()));
    let config = Config::from_sources(sources, &BTreeMap::new(), &NoFiles, &Overrides::default());
    let mut config = config.unwrap_or_else(|error| panic!("{error}\n{text}"));
    draw::accept_secrets(&mut config, &[0]);
    config.heartbeat = Millis(*random.pick(&[300, 2000, 15_000]));
    config.tokens.expiring_before = Millis(*random.pick(&[2000, 60_000]));
    let day = Millis(86_400_000);
    config.channel_idle_ttl = if removes { Millis(2000) } else { day };
    config.push_stream.channel_inactivity_time = Some(config.channel_idle_ttl);
    config.push_stream.message_ttl = Millis(*random.pick(&[2000, 60_000, 3_600_000]));
    let limits = &mut config.limits;
    (limits.head_timeout, limits.body_timeout, limits.keepalive_timeout) = (day, day, day);
    limits.body_total_timeout = day;
    // The clients of this world do not answer pings.
    limits.pong_timeout = day;
    limits.outbox_bytes_max = *random.pick(&[2500, 5000, limits.outbox_bytes_max]);
    limits.writes_per_turn = *random.pick(&[1, 3, 100]);
    limits.microseconds_per_turn = *random.pick(&[1, 20, 10_000]);
    if random.one_in(4) {
        limits.connection_age_max = Millis(random.between(2000, 30_000) as u64);
    }
    config
}

/// A token for all channels that is valid for some seconds.
pub fn token(unix_ms: u64, seconds: u64) -> String {
    let claims = format!(
        r#"{{"aud":"rpushd","scope":"subscribe","channels":["*"],"exp":{}}}"#,
        unix_ms / 1000 + seconds
    );
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let parts = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"subscribe-0").expect("any length");
    mac.update(parts.as_bytes());
    format!("{parts}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// A request to subscribe.
pub fn subscription(
    transport: Transport,
    channels: &[&str],
    cursor: Option<&str>,
    token: &str,
    in_query: bool,
) -> String {
    let path = channels.join(",");
    let mut fields = format!("Authorization: Bearer {token}\r\n");
    let mut query = String::new();
    match cursor {
        Some(cursor) if in_query => query = format!("?cursor={cursor}"),
        Some(cursor) => fields += &format!("Last-Event-ID: {cursor}\r\n"),
        None => {}
    }
    let face = match transport {
        Transport::Events => "events",
        Transport::Poll => "poll",
        Transport::WebSocket => {
            fields += "Upgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: /mQoZf6pRiv8+6o72GncLQ==\r\n\
                       Sec-WebSocket-Version: 13\r\n";
            "websocket"
        }
        Transport::Framed => {
            let since = cursor.map_or(String::new(), |cursor| format!(",\"since\":\"{cursor}\""));
            let body = format!("{{\"token\":\"{token}\",\"envelope\":true{since}}}");
            return post(&format!("/api/stream/{path}"), false, &body);
        }
    };
    format!("GET /api/{face}/{path}{query} HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
}

/// A POST request with JSON.
pub fn post(target: &str, is_secret: bool, body: &str) -> String {
    let secret = draw::publish_secret_text(0);
    let secret =
        if is_secret { format!("Authorization: Bearer {secret}\r\n") } else { String::new() };
    format!(
        "POST {target} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n{secret}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request to a location.
pub fn to_location(method: &str, target: &str, body: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
