//! The state of the hub, without its operations: each group of them has a file of its own.

use super::account::{Deleted, MemoryAccount, Trash};
use super::age::Age;
use super::channel::Channel;
use super::event::Waiting;
use super::evictable::Evictable;
use super::history_order::HistoryOrder;
use super::members::Members;
use super::names::Names;
use super::rates::Rates;
use super::recent_ids::RecentIds;
use super::{ChannelId, HubSettings, Totals};
use crate::message::{ChannelName, Position};
use crate::time::{Millis, Moment, Now};
use crate::timer_wheel::TimerWheel;
use slab::Slab;
use std::collections::BTreeMap;

/// All channels, with their subscribers and stored messages.
#[derive(Debug)]
pub struct Hub {
    pub(super) settings: HubSettings,
    pub(super) channels: Slab<Channel>,
    pub(super) names: Names,
    /// The channels sorted by name, for lists of channels.
    pub(super) by_name: BTreeMap<ChannelName, ChannelId>,
    pub(super) age: Age,
    pub(super) members: Members,
    /// Each channel's next deadline: its oldest message expires, or the idle channel is removed.
    pub(super) lifecycle: TimerWheel,
    /// Channels whose deadline has passed and that [`Hub::sweep`] has not processed yet, in reverse
    /// order. They have no other deadline until then.
    pub(super) due: Vec<u32>,
    /// Channels that a reload has given stricter limits of their stored messages, and that
    /// [`Hub::sweep`] has not shortened yet.
    pub(super) to_shorten: Vec<u32>,
    pub(super) deleted: Vec<Deleted>,
    /// When deleted channels and the trash are processed next.
    pub(super) sweep_at: Option<Moment>,
    pub(super) trash: Trash,
    pub(super) account: MemoryAccount,
    /// Those of the application, and those of visitors: the latter cannot suppress messages of the
    /// application, and do not displace its ids.
    pub(super) recent_ids: [RecentIds; 2],
    pub(super) rates: Rates,
    pub(super) evictable: Evictable,
    pub(super) history_order: HistoryOrder,
    pub(super) unstored_count: u64,
    pub(super) visitor_channel_count: usize,
    pub(super) events_channel: Option<ChannelId>,
    pub(super) events: Waiting,
    pub(super) totals: Totals,
    /// Cost of all stored messages.
    pub(super) history_bytes: usize,
    /// Bytes of the names of all channels.
    pub(super) name_bytes: usize,
    pub(super) serial: u64,
    /// Second and tag of the last publication: one counter for the whole server.
    pub(super) last_time: u64,
    pub(super) last_tag: u32,
    /// Position of the last publication.
    pub(super) last_position: Position,
    /// Position of the last message of all channels that have been removed: the floor of those that
    /// are created from now on, as they may have existed before.
    pub(super) floor: Position,
}

impl Hub {
    /// A hub without channels, except the events channel if there is one.
    pub fn new(settings: HubSettings, now: Now) -> Hub {
        let account = MemoryAccount::new(settings.store_bytes_max, settings.keeps_trash_charged);
        let mut hub = Hub {
            settings,
            channels: Slab::new(),
            names: Names::default(),
            by_name: BTreeMap::new(),
            age: Age::default(),
            members: Members::default(),
            lifecycle: TimerWheel::new(Millis(1000), now.monotonic),
            due: Vec::new(),
            to_shorten: Vec::new(),
            deleted: Vec::new(),
            sweep_at: None,
            trash: Trash::default(),
            account,
            recent_ids: Default::default(),
            rates: Rates::default(),
            evictable: Evictable::default(),
            history_order: HistoryOrder::default(),
            unstored_count: 0,
            visitor_channel_count: 0,
            events_channel: None,
            events: Waiting::default(),
            totals: Totals::default(),
            history_bytes: 0,
            name_bytes: 0,
            serial: 0,
            last_time: 0,
            last_tag: 0,
            last_position: Position::START,
            floor: Position::START,
        };
        hub.make_events_channel(now);
        hub
    }
}
