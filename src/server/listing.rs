//! Lists of very many channels, made as they are read: statistics of both faces (rpushd spec,
//! section 6; push-stream spec, section 7.1).

use super::Server;
use super::feed::Feed;
use crate::compression::Compressor;
use crate::http::Response;
use crate::hub::{ChannelInfo, Hub, Walk, Walked};
use crate::time::Now;
use crate::transports::{Coding, Frame};
use std::rc::Rc;

/// A list up to this size is made at once, however much may be queued: one turn's worth of work.
const SHORT_BYTES_MAX: usize = 256 * 1024;

/// What is left of a list: a position among the channels. Those that are removed before their turn
/// are left out, and the others' numbers are of that moment.
pub struct Listing {
    list: Box<dyn ChannelList>,
    walk: Walk,
    coding: Coding,
    is_ended: bool,
    /// Counts how many there are.
    _place: Rc<()>,
}

/// A list of channels that is being written.
pub trait ChannelList {
    /// Appends a channel.
    fn add(&mut self, info: &ChannelInfo<'_>);

    /// Appends what is after the last channel.
    fn end(&mut self);

    /// Bytes written and not taken.
    fn bytes(&self) -> usize;

    /// Takes what is written.
    fn take(&mut self) -> Vec<u8>;
}

impl Listing {
    /// The next piece, and what was done for it; none: that was all.
    pub(super) fn next(
        &mut self,
        hub: &Hub,
        compressor: &mut Compressor,
        bytes_max: usize,
        now: Now,
    ) -> Option<(Frame, Walked)> {
        if self.is_ended {
            return None;
        }
        let list = &mut self.list;
        let mut walked = Walked::default();
        if list.bytes() < bytes_max {
            walked = hub.walk(&mut self.walk, now, |info| {
                list.add(info);
                list.bytes() < bytes_max
            });
        }
        if walked.is_complete {
            list.end();
            self.is_ended = true;
        }
        let mut frame = Vec::new();
        self.coding.write(&list.take(), compressor, &mut frame);
        Some((frame.into(), walked))
    }
}

impl Server {
    /// What a list may have to be made at once.
    pub(super) fn short_list_bytes_max(&self) -> usize {
        self.config.limits.outbox_bytes_max.min(SHORT_BYTES_MAX)
    }

    /// Whether one more list may be made as it is read.
    pub(super) fn has_place_for_listing(&self) -> bool {
        // The server itself holds one count.
        Rc::strong_count(&self.listings) <= self.config.limits.listings_max
    }

    /// Answers with a list that is made as it is read. The head says how its body ends.
    pub(super) fn answer_listing(
        &mut self,
        id: u32,
        head: Response,
        list: Box<dyn ChannelList>,
        walk: Walk,
        now: Now,
    ) {
        let exchange = self.connections[id as usize].exchange;
        let (coding, place) = (Coding::of(exchange), self.listings.clone());
        self.note_answer(id, head.status(), "", now);
        self.push(id, head.finish().into(), now);
        if !exchange.is_head {
            let listing = Listing { list, walk, coding, is_ended: false, _place: place };
            self.begin_feed(id, Feed::Listing(Box::new(listing)), now);
            self.push(id, coding.end().into(), now);
        }
        self.end_exchange(id, now);
    }
}
