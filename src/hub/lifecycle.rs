//! Expiry of stored messages, removal of idle and deleted channels, emptying of the trash
//! (push-stream spec, section 20).

use super::account::Deleted;
use super::channel::Channel;
use super::history::Removed;
use super::{ChannelId, EventKind, Hub, account};
use crate::time::{Millis, Moment, Now};

/// Stored messages and the trash are processed at multiples of this time, like the module's sweeps
/// (push-stream spec, section 20.1).
const SWEEP: Millis = Millis(4000);
/// How long removed messages and channels stay in the trash (section 1).
const TRASH_TIME: Millis = Millis(10_000);

impl Hub {
    /// Removes a channel from the indexes: its name is free at once, its messages go with the next
    /// sweep. All members must have left.
    pub fn delete(&mut self, channel: ChannelId, now: Now) {
        let entry = &self.channels[channel.0 as usize];
        assert!(entry.members.is_empty(), "the members of a deleted channel have left");
        assert!(self.events_channel != Some(channel), "the events channel is never deleted");
        let entry = self.remove(channel);
        let bytes = entry.history.cost() + self.release_if_visitors(&entry);
        self.totals.channels_in_delete += 1;
        self.deleted.push(Deleted { messages: entry.history.len(), name: entry.name, bytes });
        self.request_sweep(sweep_after(now.monotonic));
    }

    /// The cost that a removed channel keeps charged: 0 if only visitors used it.
    fn release_if_visitors(&mut self, removed: &Channel) -> usize {
        let cost = account::channel_cost(&removed.name);
        if removed.is_visitors {
            self.account.release_visitors(cost);
            0
        } else {
            cost
        }
    }

    pub(super) fn remove(&mut self, channel: ChannelId) -> Channel {
        self.unmark_evictable(channel);
        self.lifecycle.cancel(channel.0);
        self.rates.remove(channel);
        self.history_order.remove(channel, &mut self.channels);
        self.names.remove(channel, &self.channels);
        self.age.remove(channel, &mut self.channels);
        let entry = self.channels.remove(channel.0 as usize);
        self.by_name.remove(&entry.name);
        self.history_bytes -= entry.history.memory();
        self.name_bytes -= entry.name.len();
        self.floor = self.floor.max(entry.newest());
        self.visitor_channel_count -= usize::from(entry.is_visitors);
        if entry.is_wildcard {
            self.totals.wildcard_channels -= 1;
        } else {
            self.totals.channels -= 1;
        }
        entry
    }

    /// Returns the memory of vacant places in the tables of channels and subscriptions, as far as
    /// nothing above them is in use. Takes time in proportion to their size.
    pub fn shrink(&mut self) {
        self.channels.shrink_to_fit();
        self.names.shrink(&self.channels);
        self.lifecycle.shrink();
        self.members.shrink();
        self.to_shorten.shrink_to_fit();
    }

    /// When to call [`Hub::sweep`] next; `None` while there is nothing to remove.
    pub fn next_sweep(&self) -> Option<Moment> {
        if !self.due.is_empty() || !self.to_shorten.is_empty() {
            return Some(Moment::START);
        }
        let ids = self.ids_expire_at().map(sweep_at_or_after);
        let candidates = [self.lifecycle.next_due(), self.sweep_at, ids, self.rates.next_due()];
        candidates.into_iter().flatten().min()
    }

    /// Removes what has expired: stored messages, idle channels, deleted channels, the trash.
    /// Processes at most `count_max` of the messages and channels whose deadline has passed and
    /// leaves the others to the next call. Returns how many it processed.
    pub fn sweep(&mut self, count_max: usize, now: Now) -> usize {
        if self.due.is_empty() {
            self.lifecycle.advance(now.monotonic, &mut self.due);
            self.due.reverse();
        }
        self.rates.advance(now.monotonic);
        let mut left = count_max - self.shorten(count_max, now);
        left -= self.remove_expired_ids(left, now.monotonic);
        while left > 0
            && let Some(key) = self.due.pop()
        {
            // The channel may be gone by now. If another one has its id, looking at
            // it does no harm.
            if self.channels.contains(key as usize) {
                left -= self.expire(ChannelId(key), left, now.monotonic);
            }
        }
        if self.sweep_at.is_some_and(|at| at <= now.monotonic) {
            self.sweep_at = None;
            self.sweep_deleted(now.monotonic);
            let freed = self.trash.empty(now.monotonic);
            self.account.release(freed);
            if let Some(next) = self.trash.next() {
                self.request_sweep(next);
            }
        }
        count_max - left
    }

    /// Removes at most `count_max` expired messages, and the channel if its idle time is over.
    /// Returns how many messages and channels it processed.
    fn expire(&mut self, channel: ChannelId, count_max: usize, now: Moment) -> usize {
        let entry = &self.channels[channel.0 as usize];
        let mut expired = entry.history.expired(now, count_max);
        self.discard_oldest(channel, expired, now);
        if expired < count_max {
            expired += self.discard_short_lived(channel, count_max - expired, now);
        }
        if expired == count_max {
            // There may be more.
            self.due.push(channel.0);
            return count_max;
        }
        let entry = &self.channels[channel.0 as usize];
        let is_over = self.idle_end(entry).is_some_and(|end| end <= now);
        if is_over && self.events_channel != Some(channel) {
            let entry = self.remove(channel);
            self.raise_named(EventKind::ChannelDestroyed, entry.name.clone());
            let until = sweep_at_or_after(now + TRASH_TIME);
            let cost = self.release_if_visitors(&entry);
            self.account.move_to_trash(&mut self.trash, until, 0, 1, cost);
            self.request_sweep(until);
        } else {
            self.schedule(channel, now);
        }
        expired + 1
    }

    fn sweep_deleted(&mut self, now: Moment) {
        let until = sweep_at_or_after(now + TRASH_TIME);
        for deleted in std::mem::take(&mut self.deleted) {
            self.totals.channels_in_delete -= 1;
            self.totals.stored -= deleted.messages;
            self.account.move_to_trash(&mut self.trash, until, deleted.messages, 1, deleted.bytes);
            self.request_sweep(until);
            self.raise_named(EventKind::ChannelDestroyed, deleted.name);
        }
    }

    /// When an idle channel is removed: `None` while it has members or stored messages.
    fn idle_end(&self, entry: &Channel) -> Option<Moment> {
        if !entry.members.is_empty() || !entry.history.is_empty() {
            return None;
        }
        let idle =
            if entry.is_used_by_api { self.settings.api_idle } else { self.settings.location_idle };
        let since =
            if idle.counts_end_of_subscription { entry.last_activity } else { entry.last_use };
        Some(since + idle.ttl)
    }

    /// Marks the channel as used by the rpushd API, which decides its idle time.
    pub fn keep_for_api(&mut self, channel: ChannelId, now: Now) {
        let entry = &mut self.channels[channel.0 as usize];
        if !std::mem::replace(&mut entry.is_used_by_api, true) {
            self.schedule(channel, now.monotonic);
        }
    }

    /// Sets the channel's next deadline.
    pub(super) fn schedule(&mut self, channel: ChannelId, now: Moment) {
        let entry = &self.channels[channel.0 as usize];
        let short_lived = entry.history.next_short_lived_expiry().unwrap_or(Moment::NEVER);
        let due = match entry.history.next_expiry() {
            Some(expiry) => sweep_at_or_after(expiry).min(short_lived),
            None if self.events_channel == Some(channel) => Moment::NEVER,
            None => self.idle_end(entry).map_or(Moment::NEVER, |end| end.max(now)),
        };
        self.lifecycle.set(channel.0, due);
    }

    pub(super) fn discard_oldest(&mut self, channel: ChannelId, count: usize, now: Moment) {
        if count == 0 {
            return;
        }
        if count >= self.channels[channel.0 as usize].history.len() {
            self.history_order.remove(channel, &mut self.channels);
        }
        let entry = &mut self.channels[channel.0 as usize];
        let memory = entry.history.memory();
        let removed = entry.drop_oldest(count);
        self.discard_removed(channel, memory, removed, now);
    }

    /// Removes expired messages behind the oldest one, which has not expired, up to a maximum.
    /// Returns how many.
    fn discard_short_lived(&mut self, channel: ChannelId, count_max: usize, now: Moment) -> usize {
        let entry = &mut self.channels[channel.0 as usize];
        let memory = entry.history.memory();
        let removed = entry.remove_short_lived(now, count_max);
        self.discard_removed(channel, memory, removed, now);
        removed.count
    }

    /// Moves removed messages to the trash. `memory` is that of the history before.
    fn discard_removed(
        &mut self,
        channel: ChannelId,
        memory: usize,
        removed: Removed,
        now: Moment,
    ) {
        self.history_bytes -= memory - self.channels[channel.0 as usize].history.memory();
        if removed.count == 0 {
            return;
        }
        self.mark_if_evictable(channel);
        if self.events_channel == Some(channel) {
            self.account.release_visitors(removed.cost);
            return self.discard(removed.count, 0, now);
        }
        self.totals.stored -= removed.count;
        self.discard(removed.count, removed.cost, now);
    }

    pub(super) fn discard(&mut self, messages: usize, bytes: usize, now: Moment) {
        let until = sweep_at_or_after(now + TRASH_TIME);
        self.account.move_to_trash(&mut self.trash, until, messages, 0, bytes);
        self.request_sweep(until);
    }

    fn request_sweep(&mut self, at: Moment) {
        self.sweep_at = Some(self.sweep_at.map_or(at, |earlier| earlier.min(at)));
    }
}

/// The first multiple of [`SWEEP`] that is not before this time.
fn sweep_at_or_after(at: Moment) -> Moment {
    Moment(at.0.div_ceil(SWEEP.0).saturating_mul(SWEEP.0))
}

/// The first multiple of [`SWEEP`] after this time.
fn sweep_after(now: Moment) -> Moment {
    sweep_at_or_after(now + Millis(1))
}
