//! Finds messages that are published twice, by the ids that their publishers gave them.

use super::Hub;
use super::recent_ids::Limits;
use crate::message::Position;
use crate::time::{Moment, Now};

impl Hub {
    /// Position of the message that was published to the channel with this id not long ago. The one
    /// with the same id now is a duplicate.
    pub fn duplicate(&self, channel: &[u8], id: &[u8], now: Now) -> Option<Position> {
        let window = self.settings.publication_id_window;
        self.recent_ids.find(channel, id, window, now.monotonic)
    }

    /// Keeps the id of a message that has been published to the channel.
    pub fn keep_id(&mut self, channel: &[u8], id: &[u8], position: Position, now: Now) {
        let limits = Limits {
            count_max: self.settings.publication_ids_max,
            window: self.settings.publication_id_window,
        };
        self.recent_ids.add(channel, id, position, limits, now.monotonic);
    }

    /// When the oldest id has expired.
    pub(super) fn ids_expire_at(&self) -> Option<Moment> {
        self.recent_ids.oldest().map(|oldest| oldest + self.settings.publication_id_window)
    }

    /// Removes expired ids, up to a maximum. Returns how many.
    pub(super) fn remove_expired_ids(&mut self, count_max: usize, now: Moment) -> usize {
        self.recent_ids.remove_expired(self.settings.publication_id_window, count_max, now)
    }
}
