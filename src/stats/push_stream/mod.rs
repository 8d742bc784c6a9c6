//! Statistics as the push-stream face gives them: three forms (one channel, a group of channels, summary
//! of the server) in four layouts, byte for byte (push-stream spec, sections 7.2, 7.3 and 20.5).

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
    /// Messages ever published to it.
    pub published_messages: u64,
    /// Messages in its list now.
    pub stored_messages: u64,
    /// Subscriptions now; a connection that names it twice counts twice.
    pub subscribers: u64,
}

/// The head of a group: about the server, not about the listed channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals<'a> {
    /// The machine's name.
    pub hostname: &'a [u8],
    /// Now, in seconds since 1970 UTC.
    pub unix_seconds: u64,
    /// Live channels that are no wildcard channels; the events channel counts.
    pub channels: u64,
    /// Live wildcard channels.
    pub wildcard_channels: u64,
    /// Seconds since the channels began to be kept; a reload does not start it over.
    pub uptime_seconds: u64,
}

/// The server as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary<'a> {
    /// What a group begins with.
    pub totals: Totals<'a>,
    /// All publications, to channels since removed too; events are not counted.
    pub published_messages: u64,
    /// Stored now, over all channels but the events channel.
    pub stored_messages: u64,
    /// Removed messages whose memory is not given back yet.
    pub messages_in_trash: u64,
    /// Channels being deleted.
    pub channels_in_delete: u64,
    /// Removed channels whose memory is not given back yet.
    pub channels_in_trash: u64,
    /// Connections that subscribe, each once; long-polling only while it waits, polling never.
    pub subscribers: u64,
    /// One entry per process.
    pub by_worker: &'a [Worker],
}

/// One process of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its process id.
    pub pid: u32,
    /// Connections to it that subscribe, counted as in the summary.
    pub subscribers: u64,
    /// Seconds since it started.
    pub uptime_seconds: u64,
}

/// Names and numbers in their order, which all layouts share.
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

/// The values behind the layouts that the spec shows.
#[cfg(test)]
mod examples {
    use super::*;

    /// The answer with the CR of each line's end taken away, which every line must have.
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

    /// So many seconds after 2026-11-22T02:46:22.
    pub(super) const fn totals(uptime_seconds: u64) -> Totals<'static> {
        Totals {
            hostname: b"vm",
            unix_seconds: 1_795_315_582 + uptime_seconds,
            channels: 2,
            wildcard_channels: 1,
            uptime_seconds,
        }
    }

    /// A summary in which every number is another, at 2026-11-22T02:46:26.
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
