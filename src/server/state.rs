//! Everything the server holds except for the faces and their requests in progress. The other files
//! of this folder add the methods that change it.

use super::admission::Admission;
use super::connections::Connections;
use super::guard::Guard;
use super::host::Host;
use super::lists::Lists;
use super::memory::Memory;
use super::open_requests::OpenRequests;
use super::presence::Presence;
use super::publish_task::WaitingPublications;
use super::rate_limit::RateLimit;
use super::revocations::Revocations;
use super::sessions::Sessions;
use super::turn::Turn;
use crate::auth::TokenKeys;
use crate::broker::Broker;
use crate::compression::Inflater;
use crate::config::{Config, Limits};
use crate::http::{Date, HeadLimits};
use crate::hub::{Hub, HubSettings, SubscriberId};
use crate::stats::Counters;
use crate::time::{Millis, Moment, Now};
use crate::timer_wheel::TimerWheel;
use crate::transports::Formats;

/// Granularity of connection deadlines.
pub const TICK: Millis = Millis(64);

/// Connections, channels, messages, timers, and the configuration.
pub(super) struct State {
    pub(super) config: Config,
    /// When the configuration in force was loaded.
    pub(super) configured: Now,
    /// Number of listeners that were bound at the start. They are the first ones of the
    /// configuration, also after a reload.
    pub(super) bound_count: usize,
    pub(super) head_limits: HeadLimits,
    pub(super) token_keys: TokenKeys,
    pub(super) host: Host,
    pub(super) started: Now,
    /// The wall clock less the monotonic one, in milliseconds, when tokens were last checked
    /// against it.
    pub(super) clock_offset: u64,
    pub(super) connections: Connections,
    pub(super) sessions: Sessions,
    pub(super) revocations: Revocations,
    pub(super) presence: Presence,
    pub(super) admission: Admission,
    pub(super) guard: Guard,
    pub(super) lists: Lists,
    pub(super) timers: TimerWheel,
    /// Connections whose deadline has passed and is not handled yet; the next one is last.
    pub(super) expired: Vec<u32>,
    pub(super) broker: Broker,
    /// Publications that wait for room in the backlog or for time.
    pub(super) waiting_publications: WaitingPublications,
    pub(super) inflater: Inflater,
    pub(super) turn: Turn,
    pub(super) memory: Memory,
    pub(super) date: Date,
    pub(super) stops_at: Option<Moment>,
    pub(super) counters: Counters,
    pub(super) log: Log,
    /// Buffer for the members visited in a round of the fan-out; empty between calls.
    pub(super) visits: Vec<SubscriberId>,
}

/// What the log needs to know about earlier lines and requests.
pub(super) struct Log {
    pub(super) slow_readers: RateLimit,
    pub(super) full_store: RateLimit,
    pub(super) unstored: RateLimit,
    pub(super) uncounted_presence: RateLimit,
    pub(super) requests: OpenRequests,
}

impl State {
    /// The state of a server without connections. `formats` are those that its faces have made, and
    /// `padding_max` is the largest padding, in bytes, that they give a message.
    pub(super) fn new(
        config: Config,
        host: Host,
        formats: Formats,
        padding_max: u32,
        now: Now,
    ) -> State {
        let memory = Memory::new(&config.limits, &host);
        let guard = Guard::new(now.unix.0 ^ u64::from(host.process_id).rotate_left(32));
        let sessions = Sessions::new(host.session_key());
        let mut presence = Presence::default();
        presence.configure(config.presence.clone(), config.limits.presence_max);
        let hub = Hub::new(hub_settings(&config, &memory), now);
        State {
            head_limits: head_limits(&config.limits),
            token_keys: TokenKeys::new(&config.subscribe_secrets, &config.tokens.keys),
            bound_count: config.listeners.len(),
            config,
            configured: now,
            host,
            started: now,
            clock_offset: clock_offset(now),
            connections: Connections::default(),
            sessions,
            revocations: Revocations::default(),
            presence,
            admission: Admission::default(),
            guard,
            lists: Lists::default(),
            timers: TimerWheel::new(TICK, now.monotonic),
            expired: Vec::new(),
            broker: Broker::new(hub, formats, padding_max),
            waiting_publications: WaitingPublications::default(),
            inflater: Inflater::default(),
            turn: Turn::default(),
            memory,
            date: Date::new(now.unix_seconds()),
            stops_at: None,
            counters: Counters::default(),
            log: Log {
                slow_readers: RateLimit::default(),
                full_store: RateLimit::every(Millis(60_000)),
                unstored: RateLimit::every(Millis(60_000)),
                uncounted_presence: RateLimit::every(Millis(60_000)),
                requests: OpenRequests::default(),
            },
            visits: Vec::new(),
        }
    }

    /// Puts a configuration in force. The caller gives the faces and the hub their part of it.
    pub(super) fn set_config(&mut self, config: Config, now: Now) {
        self.head_limits = head_limits(&config.limits);
        self.token_keys = TokenKeys::new(&config.subscribe_secrets, &config.tokens.keys);
        self.config = config;
        self.configured = now;
    }
}

/// The wall clock less the monotonic one, in milliseconds.
pub(super) fn clock_offset(now: Now) -> u64 {
    now.unix.0.wrapping_sub(now.monotonic.0)
}

/// The settings of the hub. Unless the configuration gives the account a size of its own, it gets
/// at most half of the memory budget.
pub(super) fn hub_settings(config: &Config, memory: &Memory) -> HubSettings {
    let mut settings = HubSettings::from(config);
    if config.push_stream.shared_memory_size.is_none() {
        settings.store_bytes_max = settings.store_bytes_max.min(memory.account_bytes_max());
    }
    settings
}

fn head_limits(limits: &Limits) -> HeadLimits {
    HeadLimits {
        head_bytes_max: limits.head_bytes_max,
        target_bytes_max: limits.target_bytes_max,
        header_count_max: limits.header_count_max,
    }
}
