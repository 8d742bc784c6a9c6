//! Publications of both faces, which may name many channels, carried out one channel at a time.
//! Each channel needs room in the publish backlog and in the queues of its members, and time in the
//! turn; the channels that are left wait for all three. So a request or WebSocket message with any
//! number of channels takes no more memory than its payload and the backlog's limit.

use super::Server;
use super::connection::PublisherRequest;
use crate::hub::{ChannelId, CreateError, Draft, Full, Maker};
use crate::message::ChannelName;
use crate::time::Now;
use std::collections::{HashMap, VecDeque};

/// A publication that has not reached all its channels.
pub(super) struct Publishing {
    pub(super) draft: Draft,
    /// The channels that it is still to reach, the next one first.
    pub(super) channels: VecDeque<ChannelName>,
    pub(super) origin: Origin,
    /// Events that come before it: a channel's creation before its first message.
    pub(super) events_before: u64,
}

/// Where a publication comes from.
pub(super) enum Origin {
    /// `POST /api/publish`.
    Api,
    /// A request of a publisher location.
    Location(Box<PublisherRequest>),
    /// A message of a WebSocket client, whose channels all exist.
    WebSocket,
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
        let is_message = |publishing: &&mut Publishing| match publishing.origin {
            Origin::WebSocket => true,
            Origin::Api | Origin::Location(_) => false,
        };
        self.0
            .values_mut()
            .filter(is_message)
            .for_each(|publishing| publishing.channels.retain(|other| **other != *name));
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

    /// Publishes to as many channels as there is room and time for, and answers the request after
    /// the last one.
    pub(super) fn go_on_publishing(&mut self, id: u32, mut publishing: Publishing, now: Now) {
        while let Some(name) = publishing.channels.pop_front() {
            let has_time = !self.is_behind() && !self.turn.is_visit_spent();
            let published =
                if has_time { self.publish_to(&name, &mut publishing, now) } else { Ok(false) };
            match published {
                Ok(true) => {}
                Ok(false) => {
                    publishing.channels.push_front(name);
                    return self.keep_publishing(id, publishing);
                }
                Err(reason) => return self.end_publishing(id, publishing.origin, Err(reason), now),
            }
        }
        self.end_publishing(id, publishing.origin, Ok(()), now);
    }

    /// Publishes to one channel. False: the channel has no room yet, or the event of its creation
    /// is still to be published.
    pub(super) fn publish_to(
        &mut self,
        name: &[u8],
        publishing: &mut Publishing,
        now: Now,
    ) -> Result<bool, Unpublished> {
        let raised = self.hub.events_raised();
        let Some(channel) = self.channel_for(name, publishing, now)? else { return Ok(true) };
        if self.hub.events_raised() > raised {
            publishing.events_before = self.hub.events_raised();
        }
        self.settle(now);
        if self.is_crowded(channel) || !self.hub.has_passed_events(publishing.events_before) {
            return Ok(false);
        }
        self.publish(channel, &publishing.draft, now).map_err(|Full| Unpublished::Message)?;
        self.count_publication(&publishing.draft);
        Ok(true)
    }

    /// The channel of this name, made if need be. None: there is none to publish to.
    fn channel_for(
        &mut self,
        name: &[u8],
        publishing: &Publishing,
        now: Now,
    ) -> Result<Option<ChannelId>, Unpublished> {
        let draft = &publishing.draft;
        match publishing.origin {
            // While the publication waited, its channel may have become the events channel.
            Origin::Location(_) | Origin::WebSocket if self.hub.is_events_channel(name) => Ok(None),
            Origin::WebSocket => Ok(self.hub.find(name)),
            Origin::Location(_) => {
                let made = self.hub.find_or_create(name, Maker::Application, now);
                made.map(Some).map_err(Unpublished::Channel)
            }
            Origin::Api => match self.hub.find_or_create(name, Maker::Application, now) {
                Ok(channel) => {
                    self.hub.keep_for_api(channel, now);
                    Ok(Some(channel))
                }
                Err(error) if draft.is_stored => Err(Unpublished::Channel(error)),
                // A channel for which there is no room has no subscribers.
                Err(_) => {
                    self.count_publication(draft);
                    Ok(None)
                }
            },
        }
    }

    fn count_publication(&mut self, draft: &Draft) {
        self.counters.publish_requests_total += 1;
        self.counters.published_bytes_total += draft.text.len() as u64;
    }

    /// Keeps what is left of a publication until there is room and time for it.
    pub(super) fn keep_publishing(&mut self, id: u32, publishing: Publishing) {
        self.waiting.0.insert(id, publishing);
        self.pause(id);
    }

    fn end_publishing(
        &mut self,
        id: u32,
        origin: Origin,
        result: Result<(), Unpublished>,
        now: Now,
    ) {
        match origin {
            Origin::Api => self.answer_api_publisher(id, result, now),
            Origin::Location(request) => self.answer_publisher(id, &request, result, now),
            Origin::WebSocket if result.is_err() => self.close_unpublished(id, now),
            Origin::WebSocket => {}
        }
    }
}
