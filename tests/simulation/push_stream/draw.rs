//! Draws the push-stream configuration from a seed: short lifetimes, few stored messages, sometimes
//! little memory.

use crate::draw;
use crate::no_files::NoFiles;
use crate::random::Random;
use rpushd::config::{Config, Overrides};
use rpushd::time::Millis;
use std::collections::BTreeMap;

/// The events channel's id.
pub const EVENTS: &str = "ev";
/// The default text of deletion messages.
pub const DELETED: &str = "gone";

/// The part of the configuration that the model depends on.
#[derive(Clone, Debug)]
pub struct Settings {
    pub ttl: Millis,
    /// Lifetime of an unused channel, in seconds.
    pub inactivity: u64,
    pub stored_max: usize,
    pub has_little_memory: bool,
    pub has_events: bool,
    pub reload_ends: bool,
    pub stream_ttl: Option<Millis>,
    pub has_timeout_body: bool,
    pub is_gzipped: bool,
    /// Whether so little may be queued that old messages are made as they are read, and bursts
    /// exceed the limit.
    pub has_small_queues: bool,
    /// Whether all channels have a history, with the limits of `[push_stream]`.
    pub has_history: bool,
}

pub fn settings(random: &mut Random) -> Settings {
    let has_little_memory = random.one_in(4);
    // When memory is full, events are lost, so they cannot be counted.
    let has_events = !has_little_memory && random.one_in(2);
    // The subscriber of the events channel must not be disconnected.
    let has_small_queues = !has_events && random.one_in(2);
    // A replay should be larger than a queue.
    let (ttls, counts): (&[u64], &[usize]) = if has_small_queues {
        (&[10, 60, 3600], &[5, 20, usize::MAX])
    } else {
        (&[2, 10, 60, 3600], &[1, 2, 5, usize::MAX])
    };
    Settings {
        ttl: Millis(*random.pick(ttls) * 1000),
        inactivity: *random.pick(&[1, 5, 3600]),
        stored_max: *random.pick(counts),
        has_little_memory,
        has_events,
        reload_ends: random.one_in(3),
        stream_ttl: random.one_in(3).then(|| Millis(random.between(1, 20) as u64 * 1000)),
        has_timeout_body: random.one_in(2),
        is_gzipped: random.one_in(3),
        has_small_queues,
        has_history: random.one_in(2),
    }
}

pub fn config(settings: &Settings, random: &mut Random) -> Config {
    let mut text = format!(
        "[push_stream]\nmessage_ttl = {}\nchannel_inactivity_time = {}\n\
         message_template = '<~channel~ ~id~ ~text~>'\nheader_template = '<H>'\n\
         footer_template = '<F>'\nping_message_text = 'ping'\n\
         channel_deleted_message_text = '{DELETED}'\ntimeout_with_body = {}\n\
         reload_ends_subscribers = {}\n",
        settings.ttl.0 / 1000,
        settings.inactivity,
        settings.has_timeout_body,
        settings.reload_ends,
    );
    if settings.stored_max < usize::MAX {
        text += &format!("max_messages_stored_per_channel = {}\n", settings.stored_max);
    }
    let memory = if settings.has_little_memory { "128k" } else { "64m" };
    text += &format!("shared_memory_size = '{memory}'\n");
    if settings.has_events {
        text += &format!("events_channel_id = '{EVENTS}'\n");
    }
    for (path, role, more) in [
        ("/pub", "publisher = 'admin'", "store_messages = true"),
        ("/unstored", "publisher = 'admin'", ""),
    ] {
        text +=
            &format!("[[location]]\npath = '{path}'\n{role}\nchannels_path = '$arg_id'\n{more}\n");
    }
    if settings.has_history {
        text += "[[history]]\nchannels = '*'\n";
        text += &format!("age = {}\n", settings.ttl.0 / 1000);
        if settings.stored_max < usize::MAX {
            text += &format!("messages = {}\n", settings.stored_max);
        }
    }
    let mut own = String::new();
    if random.one_in(2) {
        own += &format!("ping_message_interval = '{}s'\n", random.between(1, 10));
    }
    if let Some(ttl) = settings.stream_ttl {
        own += &format!("subscriber_connection_ttl = '{}ms'\n", ttl.0);
    }
    if settings.is_gzipped {
        own += "gzip = true\ngzip_streams = true\ngzip_types = ['*']\n";
    }
    for (path, mode, more) in [
        ("sub", "streaming", own.as_str()),
        ("es", "eventsource", &own),
        ("lp", "long-polling", &own),
        ("poll", "polling", &own),
        ("ws", "websocket", &own),
        (
            "wsp",
            "websocket",
            &format!("{own}websocket_allow_publish = true\nstore_messages = true"),
        ),
        ("watch", "streaming", "allow_connections_to_events_channel = true"),
    ] {
        text += &format!(
            "[[location]]\npath = '~ ^/{path}/(.*)'\nsubscriber = '{mode}'\n\
             channels_path = '$1'\n{more}\n"
        );
    }
    let sources = Some(("rpushd.toml", text.as_str()));
    let config = Config::from_sources(sources, &BTreeMap::new(), &NoFiles, &Overrides::default());
    let mut config = config.unwrap_or_else(|error| panic!("{error}\n{text}"));
    draw::accept_secrets(&mut config, &[0]);
    let day = Millis(86_400_000);
    let limits = &mut config.limits;
    (limits.head_timeout, limits.body_timeout, limits.keepalive_timeout) = (day, day, day);
    limits.body_total_timeout = day;
    // The WebSocket clients of this world do not answer pings.
    limits.pong_timeout = day;
    if settings.has_small_queues {
        limits.outbox_bytes_max = random.between(1024, 2000);
    }
    if random.one_in(2) {
        limits.backlog_bytes_max = random.between(0, 2000);
    }
    limits.writes_per_turn = *random.pick(&[1, 3, 100]);
    limits.microseconds_per_turn = *random.pick(&[1, 20, 10_000]);
    config
}
