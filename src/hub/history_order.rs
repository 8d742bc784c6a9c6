//! The channels with stored messages, in the order in which these give way when memory is short:
//! channels without subscribers before those with, and within each kind the one that was published
//! to longest ago. Two lists linked through the histories, so that a
//! channel without messages pays nothing for them.

use super::ChannelId;
use super::channel::Channel;
use super::history::{Links, List};
use super::neighbours::{NONE, Neighbours, neighbour};
use slab::Slab;

/// Both ends of a list.
#[derive(Debug)]
struct Ends {
    oldest: u32,
    newest: u32,
}

/// The two lists.
#[derive(Debug)]
pub(super) struct HistoryOrder {
    idle: Ends,
    watched: Ends,
}

impl Default for HistoryOrder {
    fn default() -> HistoryOrder {
        let empty = || Ends { oldest: NONE, newest: NONE };
        HistoryOrder { idle: empty(), watched: empty() }
    }
}

impl HistoryOrder {
    /// The channel whose messages give way next.
    pub(super) fn first(&self) -> Option<ChannelId> {
        neighbour(self.idle.oldest).or_else(|| neighbour(self.watched.oldest))
    }

    /// Puts a channel with stored messages in the list in which it belongs: at the end if it has
    /// just been published to or was not in that list, otherwise where it is.
    pub(super) fn place(
        &mut self,
        channel: ChannelId,
        is_published_to: bool,
        channels: &mut Slab<Channel>,
    ) {
        let entry = &channels[channel.0 as usize];
        let Some(links) = entry.history.links() else { return };
        let list = if entry.members.is_empty() { List::Idle } else { List::Watched };
        let is_newest = links.neighbours.newer == NONE;
        if links.list == Some(list) && (!is_published_to || is_newest) {
            return;
        }
        self.remove(channel, channels);
        let ends = self.ends(list);
        let older = std::mem::replace(&mut ends.newest, channel.0);
        match older {
            NONE => ends.oldest = channel.0,
            older => links_of(older, channels).neighbours.newer = channel.0,
        }
        let neighbours = Neighbours { older, newer: NONE };
        *links_of(channel.0, channels) = Links { list: Some(list), neighbours };
    }

    /// Removes a channel from its list. Must be called before its last message is removed.
    pub(super) fn remove(&mut self, channel: ChannelId, channels: &mut Slab<Channel>) {
        let entry = &mut channels[channel.0 as usize];
        let Some(links) = entry.history.links_mut().map(std::mem::take) else { return };
        let Some(list) = links.list else { return };
        let Neighbours { older, newer } = links.neighbours;
        let ends = self.ends(list);
        match older {
            NONE => ends.oldest = newer,
            older => links_of(older, channels).neighbours.newer = newer,
        }
        match newer {
            NONE => ends.newest = older,
            newer => links_of(newer, channels).neighbours.older = older,
        }
    }

    fn ends(&mut self, list: List) -> &mut Ends {
        match list {
            List::Idle => &mut self.idle,
            List::Watched => &mut self.watched,
        }
    }

    /// Checks both lists; for tests.
    ///
    /// # Panics
    /// A list is broken, or a channel is not where it belongs.
    pub(super) fn assert_consistent(&self, channels: &Slab<Channel>) {
        let mut count = 0;
        for (ends, list) in [(&self.idle, List::Idle), (&self.watched, List::Watched)] {
            let (mut older, mut next) = (NONE, ends.oldest);
            while let Some(channel) = neighbour(next) {
                let entry = &channels[channel.0 as usize];
                assert_eq!(entry.members.is_empty(), list == List::Idle, "it is where it belongs");
                let links = entry.history.links().expect("a listed channel has messages");
                assert_eq!(links.list, Some(list), "a channel knows its list");
                assert_eq!(links.neighbours.older, older, "neighbours know each other");
                (older, next) = (next, links.neighbours.newer);
                count += 1;
            }
            assert_eq!(ends.newest, older, "the list has an end");
        }
        let expected = channels.iter().filter(|(_, entry)| !entry.history.is_empty()).count();
        assert_eq!(count, expected, "all channels with stored messages are listed");
    }
}

fn links_of(key: u32, channels: &mut Slab<Channel>) -> &mut Links {
    channels[key as usize].history.links_mut().expect("a listed channel has messages")
}
