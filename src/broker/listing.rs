//! Lists of very many channels, made as they are read: statistics of both faces (rpushd spec,
//! section 6; push-stream spec, section 7.1).

use crate::compression::Compressor;
use crate::hub::{ChannelInfo, Hub, Walk, Walked};
use crate::time::Now;
use crate::transports::{Coding, Frame};
use std::rc::Rc;

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
    /// A list of the channels of a walk. `place` is held until it has been made.
    pub fn new(list: Box<dyn ChannelList>, walk: Walk, coding: Coding, place: Rc<()>) -> Listing {
        Listing { list, walk, coding, is_ended: false, _place: place }
    }

    /// The next piece, and what was done for it; none: that was all.
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
