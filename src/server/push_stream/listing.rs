//! Statistics of very many channels, made as they are read (push-stream spec, section 7.1).

use crate::compression::Compressor;
use crate::hub::{ChannelId, ChannelInfo, Hub};
use crate::stats::push_stream::{Channel, List};
use crate::time::Now;
use crate::transports::{Coding, Frame};
use std::rc::Rc;

/// What is left of a list. It only remembers which channels there were when it began; those that have gone
/// by their turn are left out, and the others' numbers are of that moment.
pub(in crate::server) struct Listing {
    list: List,
    /// The next one last.
    channels: Vec<ChannelId>,
    made_count: u64,
    coding: Coding,
    is_ended: bool,
    /// Counts how many there are.
    _place: Rc<()>,
}

impl Listing {
    /// Behind the head that was put into the list. Channels in their order, as many as were made then.
    pub(super) fn new(
        list: List,
        mut channels: Vec<ChannelId>,
        made_count: u64,
        coding: Coding,
        place: Rc<()>,
    ) -> Listing {
        channels.reverse();
        Listing { list, channels, made_count, coding, is_ended: false, _place: place }
    }

    /// The next piece; none: that was all.
    pub(in crate::server) fn next(
        &mut self,
        hub: &Hub,
        compressor: &mut Compressor,
        bytes_max: usize,
        now: Now,
    ) -> Option<Frame> {
        if self.is_ended {
            return None;
        }
        while self.list.bytes() < bytes_max && !self.is_ended {
            match self.channels.pop() {
                Some(channel) => {
                    let info = hub.listed(channel, self.made_count, now);
                    info.into_iter().for_each(|info| self.list.add(&row(info)));
                }
                None => {
                    self.list.end();
                    self.is_ended = true;
                }
            }
        }
        let mut frame = Vec::new();
        self.coding.write(&self.list.take(), compressor, &mut frame);
        Some(frame.into())
    }
}

/// What statistics tell of a channel.
pub(super) fn row(info: ChannelInfo<'_>) -> Channel<'_> {
    Channel {
        id: info.name,
        published_messages: info.published,
        stored_messages: info.stored as u64,
        subscribers: info.subscriptions as u64,
    }
}
