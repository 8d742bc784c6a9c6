//! Log lines about slow consumers and a full store. Log lines may contain addresses, channels and
//! paths, but never queries, header fields or bodies, which may hold secrets. Text from the network
//! is escaped.

use super::clients::LogAddress;
use super::connection::{ConnectionId, Phase};
use super::state::State;
use crate::time::Now;

/// Why a slow consumer is closed.
#[derive(Clone, Copy, Debug)]
pub(super) enum SlowConsumer {
    /// Its queue exceeds `outbox_bytes_max`.
    Overflow,
    /// Messages that its replay still needs have left the store.
    Gone,
    /// Memory is short, and its queue is one of the largest.
    Memory,
    /// Its socket has taken no bytes for `outbox_stall_timeout`.
    Stall,
}

impl State {
    /// Logs that a slow consumer is closed, and which one. The rate of these lines is limited.
    pub(super) fn report_slow(&mut self, id: ConnectionId, why: SlowConsumer, now: Now) {
        let connection = &self.connections[id];
        let bytes = connection.outbox.bytes();
        self.log_stream_end(id, "it reads too slowly", now);
        let connection = &self.connections[id];
        let why = match why {
            SlowConsumer::Overflow => "exceed outbox_bytes_max",
            SlowConsumer::Gone => "waited until messages of its replay had left the store",
            SlowConsumer::Memory => "were queued when memory was short",
            SlowConsumer::Stall => "were not read within outbox_stall_timeout",
        };
        let client = LogAddress(self.connections.client_address(id));
        if !matches!(connection.phase, Phase::Subscriber(_)) {
            log::debug!("{client}: connection {id} closed: {bytes} queued bytes {why}");
            return;
        }
        let Some(suppressed) = self.log.slow_readers.take(now.monotonic) else { return };
        let connection = &self.connections[id];
        let mut channels = self.broker.hub.channels_of(&connection.subscriptions);
        let Some((first, _)) = channels.next() else { return };
        let channel = self.broker.hub.info(first, now).name.escape_ascii();
        let others = match channels.count() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        let before = match suppressed {
            0 => String::new(),
            count => format!(" (and {count} more slow readers before)"),
        };
        log::info!(
            "slow reader {client} on channel \"{channel}\"{others} closed: {bytes} queued bytes \
             {why}{before}"
        );
    }

    /// Counts a publication or subscription that is refused because the memory account is full, and
    /// logs it at most once a minute.
    pub(super) fn report_full_store(&mut self, now: Now) {
        self.counters.store_refusals_total += 1;
        let Some(suppressed) = self.log.full_store.take(now.monotonic) else { return };
        let key = match self.config.push_stream.shared_memory_size {
            Some(_) => "shared_memory_size",
            None => "store_bytes_max",
        };
        let (before, account) = (more_before(suppressed), self.account_use());
        let visitors = self.broker.hub.visitor_bytes();
        log::error!(
            "store full: publication or subscription refused{before}: {account} ({key}) are in \
             use, {visitors} of them for events and for channels that only visitors use; raise \
             {key}, or keep fewer messages (message_ttl, max_messages_stored_per_channel)"
        );
    }

    /// Counts a message that is published and not stored because the memory account is full, and
    /// logs it at most once a minute.
    pub(super) fn report_unstored(&mut self, now: Now) {
        self.counters.memory_messages_unstored_total += 1;
        let Some(suppressed) = self.log.unstored.take(now.monotonic) else { return };
        let (before, account) = (more_before(suppressed), self.account_use());
        log::warn!(
            "store full: message published but not stored{before}: {account} (store_bytes_max) \
             are in use; raise store_bytes_max, or keep fewer messages (message_ttl, \
             max_messages_stored_per_channel)"
        );
    }

    /// Reports that joins and leaves are not announced because of `presence_max`.
    pub(super) fn report_uncounted_presence(&mut self, now: Now) {
        let Some(suppressed) = self.log.uncounted_presence.take(now.monotonic) else { return };
        log::warn!(
            "presence: joins and leaves are not announced{}: presence_max ({}) channels and \
             subjects are present; raise presence_max",
            more_before(suppressed),
            self.config.limits.presence_max
        );
    }

    fn account_use(&self) -> String {
        let hub = &self.broker.hub;
        format!("{} of {} bytes", hub.accounted_bytes(), hub.account_bytes_max())
    }

    /// Logs the number of slow consumers whose lines were suppressed, once a line is allowed again.
    pub(super) fn log_suppressed(&mut self, now: Now) {
        if let Some(count) = self.log.slow_readers.take_suppressed(now.monotonic) {
            log::info!("{count} more slow readers closed");
        }
    }
}

fn more_before(suppressed: u64) -> String {
    match suppressed {
        0 => String::new(),
        count => format!(" ({count} more since the last such line)"),
    }
}
