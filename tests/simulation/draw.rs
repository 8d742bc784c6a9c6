//! Draws the configuration from a seed, often with limits so small that they are reached.

use crate::random::Random;
use crate::reactor::SimReactor;
use rpushd::config::{
    ChannelPattern, Config, Limits, ListenAddress, Listener, Presence, PresenceTarget, Secret,
};
use rpushd::server::Host;
use rpushd::time::{Millis, Moment, Now, UnixMillis};

/// Secrets are identified by number; a configuration accepts these.
pub fn subscribe_secret(generation: u32) -> Secret {
    Secret::new(&format!("subscribe-{generation}")).expect("it is not empty")
}

pub fn publish_secret_text(generation: u32) -> String {
    format!("publish-secret-{generation}")
}

/// Clocks that do not start at 0: a point in time mistaken for a span of time then shows.
pub fn now(random: &mut Random) -> Now {
    Now {
        monotonic: Moment(random.below(100_000) as u64),
        unix: UnixMillis(1_776_181_200_000 + random.below(1000) as u64),
    }
}

/// A server in front of simulated sockets.
pub fn reactor(config: &Config, now: Now) -> SimReactor {
    SimReactor::new(config.clone(), host(), now)
}

/// A process whose memory is never short.
pub fn host() -> Host {
    Host {
        name: "host".into(),
        process_id: 1,
        resident_bytes: || 4096,
        heap_bytes: || 0,
        fixed_bytes: 0,
        memory_bytes: u64::MAX,
        random: [7; 16],
    }
}

pub fn config(random: &mut Random) -> Config {
    let mut config = Config {
        heartbeat: Millis(random.magnitude(15_000).max(200) as u64),
        channel_idle_ttl: Millis(random.magnitude(3_600_000) as u64),
        limits: limits(random),
        ..Config::default()
    };
    if random.one_in(8) {
        config.listeners.push(Listener {
            address: ListenAddress::Inherited { name: None },
            is_internal: true,
            server: None,
        });
    }
    accept_secrets(&mut config, &[0]);
    // Not drawn, so that the seeds keep their runs.
    if config.heartbeat.0.is_multiple_of(3) {
        config.presence = Some(presence(config.heartbeat));
    }
    config
}

/// Joins and leaves of all channels, on one that no client of a run subscribes to.
fn presence(leave_delay: Millis) -> Presence {
    let to = PresenceTarget::parse("announcements").expect("a name");
    Presence { channels: ChannelPattern::Prefix(String::new()), to, leave_delay }
}

/// With this many clients that send requests in sequence, there is always an answer to write.
pub fn make_crowded(config: &mut Config, random: &mut Random) {
    let usual = Limits::default();
    let limits = &mut config.limits;
    limits.connections_max = usual.connections_max;
    limits.keepalive_requests_max = 0;
    limits.writes_per_turn = random.between(4, 8);
    limits.microseconds_per_turn = *random.pick(&[200, usual.microseconds_per_turn]);
}

pub fn accept_secrets(config: &mut Config, generations: &[u32]) {
    let publish = |generation: &u32| Secret::new(&publish_secret_text(*generation));
    config.subscribe_secrets = generations.iter().map(|one| subscribe_secret(*one)).collect();
    config.publish_secrets = generations.iter().filter_map(publish).collect();
}

/// Each limit is the usual one, or small enough to be reached by the clients of a run.
fn limits(random: &mut Random) -> Limits {
    let usual = Limits::default();
    let stall_ms = usual.outbox_stall_timeout.0 as usize;
    let mut small = |usual: usize, first: usize, last: usize| {
        if random.one_in(3) { random.between(first, last) } else { usual }
    };
    Limits {
        connections_max: small(usual.connections_max, 2, 12),
        head_bytes_max: small(usual.head_bytes_max, 600, 2000),
        target_bytes_max: small(usual.target_bytes_max, 100, 400),
        header_count_max: small(usual.header_count_max, 8, 20),
        body_bytes_max: small(usual.body_bytes_max, 500, 3000),
        keepalive_requests_max: small(0, 1, 9) as u32,
        outbox_bytes_max: small(usual.outbox_bytes_max, 100, 3000),
        backlog_bytes_max: small(usual.backlog_bytes_max, 0, 2000),
        channels_max: small(usual.channels_max, 1, 4),
        store_bytes_max: small(usual.store_bytes_max, 400, 4000),
        accepts_per_turn: small(usual.accepts_per_turn, 1, 3),
        writes_per_turn: small(usual.writes_per_turn, 1, 6),
        microseconds_per_turn: small(usual.microseconds_per_turn as usize, 1, 40) as u32,
        head_timeout: Millis(small(usual.head_timeout.0 as usize, 300, 3000) as u64),
        body_timeout: Millis(small(usual.body_timeout.0 as usize, 300, 3000) as u64),
        body_total_timeout: Millis(small(usual.body_total_timeout.0 as usize, 500, 6000) as u64),
        keepalive_timeout: Millis(small(usual.keepalive_timeout.0 as usize, 500, 5000) as u64),
        outbox_stall_timeout: Millis(small(stall_ms, 300, 3000) as u64),
        stop_timeout: Millis(small(usual.stop_timeout.0 as usize, 50, 2000) as u64),
        linger_timeout: Millis(small(usual.linger_timeout.0 as usize, 50, 500) as u64),
        connections_per_address_max: small(0, 1, 2) as u32,
        connects_per_second_max: small(0, 1, 4) as u32,
        ..usual
    }
}
