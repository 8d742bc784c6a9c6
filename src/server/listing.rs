//! Lists of very many channels, made as they are read: statistics of both faces (rpushd spec,
//! section 6; push-stream spec, section 7.1).

use super::Server;
use super::feed::Feed;
use crate::compression::Compressor;
use crate::http::Response;
use crate::hub::{ChannelInfo, Hub, Walk, Walked};
use crate::stats::push_stream::{Channel, List};
use crate::stats::{ChannelRow, Report};
use crate::time::Now;
use crate::transports::{Coding, Frame};
use std::rc::Rc;

/// A list up to this size is made at once, however much may be queued: one turn's worth of work.
const SHORT_BYTES_MAX: usize = 256 * 1024;

/// What is left of a list: a position among the channels. Those that are removed before their turn
/// are left out, and the others' numbers are of that moment.
pub(super) struct Listing {
    form: Form,
    walk: Walk,
    coding: Coding,
    is_ended: bool,
    /// Counts how many there are.
    _place: Rc<()>,
}

/// How a list is written.
pub(super) enum Form {
    /// As `/api/stats` answers.
    Report(Report),
    /// As a statistics location answers.
    Group(List),
}

impl Form {
    fn add(&mut self, info: &ChannelInfo<'_>) {
        match self {
            Form::Report(report) => report.add(&channel_row(info)),
            Form::Group(list) => list.add(&row(info)),
        }
    }

    fn end(&mut self) {
        match self {
            Form::Report(report) => report.end(),
            Form::Group(list) => list.end(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Form::Report(report) => report.bytes(),
            Form::Group(list) => list.bytes(),
        }
    }

    fn take(&mut self) -> Vec<u8> {
        match self {
            Form::Report(report) => report.take(),
            Form::Group(list) => list.take(),
        }
    }
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
        let form = &mut self.form;
        let mut walked = Walked::default();
        if form.bytes() < bytes_max {
            walked = hub.walk(&mut self.walk, now, |info| {
                form.add(info);
                form.bytes() < bytes_max
            });
        }
        if walked.is_complete {
            form.end();
            self.is_ended = true;
        }
        let mut frame = Vec::new();
        self.coding.write(&form.take(), compressor, &mut frame);
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
        form: Form,
        walk: Walk,
        now: Now,
    ) {
        let exchange = self.connections[id as usize].exchange;
        let (coding, place) = (Coding::of(exchange), self.listings.clone());
        self.note_answer(id, head.status(), "", now);
        self.push(id, head.finish().into(), now);
        if !exchange.is_head {
            let listing = Listing { form, walk, coding, is_ended: false, _place: place };
            self.begin_feed(id, Feed::Listing(Box::new(listing)), now);
            self.push(id, coding.end().into(), now);
        }
        self.end_exchange(id, now);
    }
}

/// What `/api/stats` has of a channel.
pub(super) fn channel_row<'a>(info: &ChannelInfo<'a>) -> ChannelRow<'a> {
    ChannelRow {
        name: info.name,
        subscribers: info.subscriptions as u64,
        idle_seconds: info.idle.whole_seconds(),
    }
}

/// What statistics locations have of a channel.
pub(super) fn row<'a>(info: &ChannelInfo<'a>) -> Channel<'a> {
    Channel {
        id: info.name,
        published_messages: info.published,
        stored_messages: info.stored as u64,
        subscribers: info.subscriptions as u64,
    }
}
