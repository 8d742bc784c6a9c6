//! Lists of very many channels, made as the client reads them: statistics of both faces (rpushd
//! spec, section 6; push-stream spec, section 7.1).

use crate::compression::Compressor;
use crate::hub::{ChannelInfo, Hub, Walk, Walked};
use crate::time::Now;
use crate::transports::{Coding, Frame};
use std::rc::Rc;

/// The part of a list that is still to be made. It holds only a position among the channels: each
/// one is listed with its numbers at that moment, or left out if it was removed before.
pub struct Listing {
    list: Box<dyn ChannelList>,
    walk: Walk,
    coding: Coding,
    is_ended: bool,
    /// Counts towards `listings_max` while the list exists.
    _place: Rc<()>,
}

/// Writes a list of channels in one text format.
pub trait ChannelList {
    /// Appends a channel.
    fn add(&mut self, info: &ChannelInfo<'_>);

    /// Appends the end of the list.
    fn end(&mut self);

    /// Number of bytes written since the last [`ChannelList::take`].
    fn bytes(&self) -> usize;

    /// Returns the bytes written since the last call.
    fn take(&mut self) -> Vec<u8>;
}

impl Listing {
    /// A list of the channels that `walk` still has to visit. It keeps `place` until it is dropped.
    pub fn new(list: Box<dyn ChannelList>, walk: Walk, coding: Coding, place: Rc<()>) -> Listing {
        Listing { list, walk, coding, is_ended: false, _place: place }
    }

    /// Makes the next piece, and returns it with the work done; `None`: the list is complete.
    pub(crate) fn next(
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
