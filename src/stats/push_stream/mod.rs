//! Statistics of the push-stream face: three forms (one channel, a group of channels, a summary of
//! the server) in four layouts, byte for byte (push-stream spec, sections 7.2, 7.3 and 20.5).

mod escape;
mod format;
mod json;
mod list;
mod plain;
mod timestamp;
mod xml;
mod yaml;

pub use format::{CHANNEL_BYTES, Format};
pub use list::List;

/// One channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel<'a> {
    /// Its id: any bytes.
    pub id: &'a [u8],
    /// Number of messages ever published to it.
    pub published_messages: u64,
    /// Number of messages stored now.
    pub stored_messages: u64,
    /// Current subscriptions; a connection that names the channel twice counts twice.
    pub subscribers: u64,
}

/// The head of a group: numbers of the whole server, not of the listed channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals<'a> {
    /// The hostname of the machine.
    pub hostname: &'a [u8],
    /// Current time in seconds since 1970 UTC.
    pub unix_seconds: u64,
    /// Live normal channels, including the events channel.
    pub channels: u64,
    /// Live wildcard channels.
    pub wildcard_channels: u64,
    /// Seconds since the server began to keep channels; not reset by a reload.
    pub uptime_seconds: u64,
}

/// The whole server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary<'a> {
    /// The same values as at the head of a group.
    pub totals: Totals<'a>,
    /// Messages ever published, including those to removed channels; without events.
    pub published_messages: u64,
    /// Messages stored now, without those of the events channel.
    pub stored_messages: u64,
    /// Removed messages whose memory is not released yet.
    pub messages_in_trash: u64,
    /// Deleted channels that are not removed yet.
    pub channels_in_delete: u64,
    /// Removed channels whose memory is not released yet.
    pub channels_in_trash: u64,
    /// Subscribed connections, each counted once: long-polling only while it waits, polling never.
    pub subscribers: u64,
    /// One entry per server process.
    pub by_worker: &'a [Worker],
}

/// One server process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its process id.
    pub pid: u32,
    /// Subscribed connections of this process, counted as in the summary.
    pub subscribers: u64,
    /// Seconds since it started.
    pub uptime_seconds: u64,
}

/// Names and numbers in the order that all layouts share.
type Counts<const N: usize> = [(&'static str, u64); N];

impl Channel<'_> {
    fn counts(&self) -> Counts<3> {
        [
            ("published_messages", self.published_messages),
            ("stored_messages", self.stored_messages),
            ("subscribers", self.subscribers),
        ]
    }
}

impl Totals<'_> {
    fn counts(&self) -> Counts<3> {
        [
            ("channels", self.channels),
            ("wildcard_channels", self.wildcard_channels),
            ("uptime", self.uptime_seconds),
        ]
    }
}

impl Summary<'_> {
    fn counts(&self) -> Counts<9> {
        [
            ("channels", self.totals.channels),
            ("wildcard_channels", self.totals.wildcard_channels),
            ("published_messages", self.published_messages),
            ("stored_messages", self.stored_messages),
            ("messages_in_trash", self.messages_in_trash),
            ("channels_in_delete", self.channels_in_delete),
            ("channels_in_trash", self.channels_in_trash),
            ("subscribers", self.subscribers),
            ("uptime", self.totals.uptime_seconds),
        ]
    }
}

impl Worker {
    fn counts(&self) -> Counts<2> {
        [("subscribers", self.subscribers), ("uptime", self.uptime_seconds)]
    }
}

/// The values in the examples of the spec.
#[cfg(test)]
mod examples {
    use super::*;

    /// The response without the CR of each line end; asserts that each line has one.
    pub(super) fn lines(bytes: Vec<u8>) -> String {
        let text = String::from_utf8(bytes).expect("the examples are UTF-8");
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        text.replace("\r\n", "\n")
    }

    pub(super) const C1: Channel = channel(b"c1");
    pub(super) const C2: Channel = channel(b"c2");

    pub(super) const fn channel(id: &[u8]) -> Channel<'_> {
        Channel { id, published_messages: 1, stored_messages: 1, subscribers: 0 }
    }

    /// Totals at this number of seconds after 2026-11-22T02:46:22.
    pub(super) const fn totals(uptime_seconds: u64) -> Totals<'static> {
        Totals {
            hostname: b"vm",
            unix_seconds: 1_795_315_582 + uptime_seconds,
            channels: 2,
            wildcard_channels: 1,
            uptime_seconds,
        }
    }

    /// A summary in which all numbers differ, at 2026-11-22T02:46:26.
    pub(super) const fn summary(by_worker: &[Worker]) -> Summary<'_> {
        Summary {
            totals: totals(4),
            published_messages: 3,
            stored_messages: 5,
            messages_in_trash: 6,
            channels_in_delete: 7,
            channels_in_trash: 8,
            subscribers: 9,
            by_worker,
        }
    }

    pub(super) const WORKERS: [Worker; 2] = [
        Worker { pid: 12814, subscribers: 10, uptime_seconds: 11 },
        Worker { pid: 12815, subscribers: 12, uptime_seconds: 13 },
    ];
}
