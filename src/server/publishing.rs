//! Publications that may name many channels, carried out one channel at a time. Each channel needs
//! room in the publish backlog and time in the turn; the channels that are left wait for both. So a
//! request or WebSocket message with any number of channels takes no more memory than its payload
//! and the backlog's limit.

use super::Server;
use super::connection::PublisherRequest;
use crate::hub::{ChannelId, CreateError, Draft, Maker};
use crate::message::ChannelName;
use crate::time::Now;
use std::collections::{HashMap, VecDeque};

/// A publication that has not reached all its channels.
pub(super) struct Publishing {
    pub(super) draft: Draft,
    /// The channels that it is still to reach, the next one first.
    pub(super) channels: VecDeque<ChannelName>,
    /// The request to be answered; none: a WebSocket message, whose channels all exist.
    pub(super) request: Option<Box<PublisherRequest>>,
    /// Events that come before it: a channel's creation before its first message.
    pub(super) events_before: u64,
}

/// Why a publication ends before it has reached all its channels.
pub(super) enum Unpublished {
    /// There is no room for one more channel.
    Channel(CreateError),
    /// The memory account has no room for the message.
    Message,
}

/// The publications that wait for room, by connection. The connection is paused until then. If it
/// ends before, the channels that are left do not get the message; the publisher has had no answer.
#[derive(Default)]
pub(super) struct Waiting(HashMap<u32, Publishing>);

impl Waiting {
    pub(super) fn take(&mut self, id: u32) -> Option<Publishing> {
        if self.0.is_empty() { None } else { self.0.remove(&id) }
    }

    /// A channel was deleted: it is not one of a WebSocket client's channels any more.
    pub(super) fn remove_channel(&mut self, name: &[u8]) {
        let messages = self.0.values_mut().filter(|publishing| publishing.request.is_none());
        messages.for_each(|publishing| publishing.channels.retain(|other| **other != *name));
    }

    /// Whether something of this connection waits.
    pub(super) fn contains(&self, id: u32) -> bool {
        self.0.contains_key(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Server {
    /// Whether what is read now may have to wait: publications for room, or requests behind those
    /// of paused connections. It waits in memory, so that little is to be read of each connection.
    pub fn is_late(&self) -> bool {
        self.is_behind() || !self.resumable.is_empty()
    }

    /// Whether so much was published that subscribers have not taken yet that no more may come; or
    /// so many events wait to be published that nothing may come that could cause more.
    pub fn is_behind(&self) -> bool {
        // Two or three passes over the members of the events channel make room for so many.
        self.is_backlog_full() || self.hub.event_bytes() > self.config.limits.outbox_bytes_max / 4
    }

    pub(super) fn is_backlog_full(&self) -> bool {
        self.fanout.backlog_bytes() > self.config.limits.backlog_bytes_max
    }

    /// Whether there is room and time for one more publication.
    pub(super) fn can_publish(&self) -> bool {
        !self.is_behind() && !self.turn.is_spent()
    }

    /// Whether more would close the channel's members for reading too slowly, though they read all
    /// that they are sent: a visit gives a member everything that is pending. The next pass makes
    /// room.
    pub(super) fn is_crowded(&self, channel: ChannelId) -> bool {
        self.fanout.is_crowded(channel, self.config.limits.outbox_bytes_max / 4)
    }

    /// Publishes to as many channels as there is room for, and answers the request behind the last
    /// one.
    pub(super) fn go_on_publishing(&mut self, id: u32, mut publishing: Publishing, now: Now) {
        while let Some(name) = publishing.channels.pop_front() {
            let is_spent = self.is_behind() || self.turn.is_visit_spent();
            let is_crowded = self.hub.find(&name).is_some_and(|channel| self.is_crowded(channel));
            if is_spent || is_crowded || !self.hub.has_passed_events(publishing.events_before) {
                publishing.channels.push_front(name);
                self.waiting.0.insert(id, publishing);
                return self.pause(id);
            }
            let may_create = publishing.request.is_some();
            if let Err(reason) = self.publish_to(&name, &publishing.draft, may_create, now) {
                return self.end_publishing(id, publishing, Err(reason), now);
            }
        }
        self.end_publishing(id, publishing, Ok(()), now);
    }

    fn publish_to(
        &mut self,
        name: &[u8],
        draft: &Draft,
        may_create: bool,
        now: Now,
    ) -> Result<(), Unpublished> {
        // While the publication waited, its channel may have ended or become the events channel.
        if self.hub.is_events_channel(name) {
            return Ok(());
        }
        let channel = match may_create {
            true => {
                let made = self.hub.find_or_create(name, Maker::Application, now);
                // The event of its creation comes before its first message.
                self.settle(now);
                made.map_err(Unpublished::Channel)?
            }
            false => match self.hub.find(name) {
                Some(channel) => channel,
                None => return Ok(()),
            },
        };
        self.publish(channel, draft, now).map_err(|_| Unpublished::Message)?;
        self.counters.publish_requests_total += 1;
        self.counters.published_bytes_total += draft.text.len() as u64;
        Ok(())
    }

    fn end_publishing(
        &mut self,
        id: u32,
        publishing: Publishing,
        result: Result<(), Unpublished>,
        now: Now,
    ) {
        match publishing.request {
            Some(request) => self.answer_publisher(id, &request, result, now),
            None if result.is_err() => self.close_unpublished(id, now),
            None => {}
        }
    }
}
