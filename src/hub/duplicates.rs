//! Finds messages that are published twice, by the ids that their publishers gave them. Ids of the
//! application and of visitors have nothing to do with each other.

use super::recent_ids::{Limits, RecentIds};
use super::{Hub, Maker};
use crate::message::Position;
use crate::time::{Moment, Now};

impl Hub {
    /// Position of the message that a publisher of this kind has published to the channel with this
    /// id not long ago. The one with the same id now is a duplicate.
    pub fn duplicate(&self, maker: Maker, channel: &[u8], id: &[u8], now: Now) -> Option<Position> {
        let window = self.settings.publication_id_window;
        self.recent_ids[index(maker)].find(channel, id, window, now.monotonic)
    }

    /// Keeps the id of a message that has been published to the channel.
    pub fn keep_id(
        &mut self,
        maker: Maker,
        channel: &[u8],
        id: &[u8],
        position: Position,
        now: Now,
    ) {
        let limits = Limits {
            count_max: self.settings.publication_ids_max,
            window: self.settings.publication_id_window,
        };
        self.recent_ids[index(maker)].add(channel, id, position, limits, now.monotonic);
    }

    /// When the oldest id has expired.
    pub(super) fn ids_expire_at(&self) -> Option<Moment> {
        let oldest = self.recent_ids.iter().filter_map(RecentIds::oldest).min();
        oldest.map(|oldest| oldest + self.settings.publication_id_window)
    }

    /// Removes expired ids, up to a maximum. Returns how many.
    pub(super) fn remove_expired_ids(&mut self, count_max: usize, now: Moment) -> usize {
        let mut count = 0;
        for ids in &mut self.recent_ids {
            let window = self.settings.publication_id_window;
            count += ids.remove_expired(window, count_max - count, now);
        }
        count
    }
}

fn index(maker: Maker) -> usize {
    match maker {
        Maker::Application => 0,
        Maker::Visitor => 1,
    }
}
