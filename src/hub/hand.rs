//! Which channel's messages give way next when memory is short: the channels are looked at in turn,
//! as by the hand of a clock, so that nothing has to be kept sorted.

use super::channel::Channel;
use crate::time::{Millis, Moment};

/// Channels that have been used within this time keep their messages at first.
const RECENT: Millis = Millis(60_000);
/// After this time the hand begins with unused channels again.
const RESTART_INTERVAL: Millis = Millis(5_000);

/// Whose messages give way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// Channels without subscribers that nobody has used for a minute.
    #[default]
    Unused,
    /// All channels without subscribers.
    Idle,
    /// All channels.
    All,
}

/// The place of the hand.
#[derive(Debug, Default)]
pub(super) struct Hand {
    next: usize,
    kind: Kind,
    /// Channels passed since messages were last found.
    passed: usize,
    restart_at: Moment,
}

impl Hand {
    /// The key of the channel to look at next, below `end`. After a round in which no channel gave
    /// way, those of the next kind do.
    pub(super) fn advance(&mut self, end: usize, now: Moment) -> usize {
        if self.restart_at <= now {
            (self.kind, self.passed) = (Kind::Unused, 0);
            self.restart_at = now + RESTART_INTERVAL;
        }
        if self.passed >= end {
            self.passed = 0;
            self.kind = match self.kind {
                Kind::Unused => Kind::Idle,
                Kind::Idle => Kind::All,
                Kind::All => Kind::Unused,
            };
        }
        self.passed += 1;
        let key = self.next % end;
        self.next = key + 1;
        key
    }

    /// Whether messages of this channel give way now.
    pub(super) fn takes(&mut self, channel: &Channel, now: Moment) -> bool {
        let is_idle = channel.members.is_empty();
        let is_of_kind = match self.kind {
            Kind::Unused => is_idle && channel.last_use + RECENT <= now,
            Kind::Idle => is_idle,
            Kind::All => true,
        };
        let takes = is_of_kind && !channel.history.is_empty();
        if takes {
            self.passed = 0;
        }
        takes
    }
}
