//! Publications of both faces, which may name many channels, carried out one channel at a time.
//! Each channel needs room in the publish backlog and in the queues of its members, and time in the
//! turn; the channels that are left wait for all three. So a request or WebSocket message with any
//! number of channels takes no more memory than its payload and the backlog's limit.

use super::ConnectionId;
use super::Server;
use super::face::{Context, Publisher};
use crate::hub::{ChannelId, CreateError, Draft, Full, Maker};
use crate::message::ChannelName;
use crate::time::Now;
use std::collections::{HashMap, VecDeque};

/// A publication that has not reached all its channels.
pub struct Publishing {
    /// What is published.
    pub draft: Draft,
    /// The channels that it is still to reach, the next one first.
    pub channels: VecDeque<ChannelName>,
    /// Which of its channels are made.
    pub create_missing: CreateMissing,
    /// Who waits for it to be published; none: a WebSocket client, who gets no answer.
    pub publisher: Option<Box<dyn Publisher>>,
    /// Events that come before it: a channel's creation before its first message.
    pub events_before: u64,
}

impl Publishing {
    /// A publication to no channels yet.
    pub fn new(
        draft: Draft,
        create_missing: CreateMissing,
        publisher: Option<Box<dyn Publisher>>,
    ) -> Publishing {
        Publishing { draft, channels: VecDeque::new(), create_missing, publisher, events_before: 0 }
    }
}

/// Which of the channels of a publication are made if they do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateMissing {
    /// None: it goes to the channels that exist.
    None,
    /// All, by a publisher location. The events channel is left out: a reload may have made one of
    /// them the events channel meanwhile.
    All,
    /// All, by the rpushd API, which keeps them for as long as its own (`channel_idle_ttl`). If
    /// there is no room for a channel, a message that is not stored has nobody to reach.
    ForApi,
}

/// Why a publication ends before it has reached all its channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// There is no room for one more channel.
    Channel(CreateError),
    /// The memory account has no room for the message.
    Message,
}

/// The publications that wait for room, by connection. The connection is paused until then. If it
/// ends before, the channels that are left do not get the message; the publisher has had no answer.
#[derive(Default)]
pub(super) struct WaitingPublications(HashMap<ConnectionId, Publishing>);

impl WaitingPublications {
    pub(super) fn take(&mut self, id: ConnectionId) -> Option<Publishing> {
        if self.0.is_empty() { None } else { self.0.remove(&id) }
    }

    /// A channel was deleted: it is not one of a WebSocket client's channels any more.
    pub(super) fn remove_channel(&mut self, name: &[u8]) {
        let is_message = |one: &&mut Publishing| one.publisher.is_none();
        self.0
            .values_mut()
            .filter(is_message)
            .for_each(|publishing| publishing.channels.retain(|other| **other != *name));
    }

    /// Whether something of this connection waits.
    pub(super) fn contains(&self, id: ConnectionId) -> bool {
        self.0.contains_key(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Server {
    /// Whether what is read now may have to wait: publications for room, or requests behind those
    /// of paused connections. It waits in memory, so that little is to be read of each connection.
    pub fn is_input_delayed(&self) -> bool {
        self.is_congested() || !self.resumable.is_empty()
    }

    /// Whether so much was published that subscribers have not taken yet that no more may come; or
    /// so many events wait to be published that nothing may come that could cause more.
    pub fn is_congested(&self) -> bool {
        // Two or three passes over the members of the events channel make room for so many.
        self.is_backlog_full()
            || self.broker.hub.event_bytes() > self.config.limits.outbox_bytes_max / 4
    }

    pub(super) fn is_backlog_full(&self) -> bool {
        self.broker.fanout.backlog_bytes() > self.config.limits.backlog_bytes_max
    }

    /// Whether there is room and time for one more publication.
    pub(super) fn can_publish(&self) -> bool {
        !self.is_congested() && !self.turn.is_spent()
    }

    /// Whether more would close the channel's members for reading too slowly, though they read all
    /// that they are sent: a visit gives a member everything that is pending. The next pass makes
    /// room.
    pub(super) fn is_crowded(&self, channel: ChannelId) -> bool {
        self.broker.fanout.is_crowded(channel, self.config.limits.outbox_bytes_max / 4)
    }

    /// Publishes to one channel, or keeps the publication until there is room. Most find room at
    /// once: their list of channels, which would be on the heap, stays empty.
    pub(super) fn publish_or_wait(
        &mut self,
        id: ConnectionId,
        channel: &[u8],
        mut publishing: Publishing,
        now: Now,
    ) {
        match self.publish_to(channel, &mut publishing, now) {
            Ok(true) => self.finish_publishing(id, publishing.publisher, Ok(()), now),
            Ok(false) => {
                publishing.channels.push_back(channel.into());
                self.wait_for_room(id, publishing);
            }
            Err(reason) => self.finish_publishing(id, publishing.publisher, Err(reason), now),
        }
    }

    /// Publishes to as many channels as there is room and time for, and answers the request after
    /// the last one.
    pub(super) fn continue_publishing(
        &mut self,
        id: ConnectionId,
        mut publishing: Publishing,
        now: Now,
    ) {
        while let Some(name) = publishing.channels.pop_front() {
            let has_time = !self.is_congested() && !self.turn.is_connection_share_spent();
            let published =
                if has_time { self.publish_to(&name, &mut publishing, now) } else { Ok(false) };
            match published {
                Ok(true) => {}
                Ok(false) => {
                    publishing.channels.push_front(name);
                    return self.wait_for_room(id, publishing);
                }
                Err(reason) => {
                    return self.finish_publishing(id, publishing.publisher, Err(reason), now);
                }
            }
        }
        self.finish_publishing(id, publishing.publisher, Ok(()), now);
    }

    /// Publishes to one channel. False: the channel has no room yet, or the event of its creation
    /// is still to be published.
    fn publish_to(
        &mut self,
        name: &[u8],
        publishing: &mut Publishing,
        now: Now,
    ) -> Result<bool, PublishError> {
        let raised = self.broker.hub.events_raised();
        let Some(channel) = self.channel_for(name, publishing, now)? else { return Ok(true) };
        if self.broker.hub.events_raised() > raised {
            publishing.events_before = self.broker.hub.events_raised();
        }
        self.end_step(now);
        if self.is_crowded(channel) || !self.broker.hub.has_passed_events(publishing.events_before)
        {
            return Ok(false);
        }
        self.publish(channel, &publishing.draft, now).map_err(|Full| PublishError::Message)?;
        self.count_publication(&publishing.draft);
        Ok(true)
    }

    /// The channel of this name, made if need be. None: there is none to publish to.
    fn channel_for(
        &mut self,
        name: &[u8],
        publishing: &Publishing,
        now: Now,
    ) -> Result<Option<ChannelId>, PublishError> {
        let draft = &publishing.draft;
        let create_missing = publishing.create_missing;
        // While the publication waited, its channel may have become the events channel.
        if create_missing != CreateMissing::ForApi && self.broker.hub.is_events_channel(name) {
            return Ok(None);
        }
        if create_missing == CreateMissing::None {
            return Ok(self.broker.hub.find(name));
        }
        match self.broker.hub.find_or_create(name, Maker::Application, now) {
            Ok(channel) => {
                if create_missing == CreateMissing::ForApi {
                    self.broker.hub.keep_for_api(channel, now);
                }
                Ok(Some(channel))
            }
            // A channel for which there is no room has no subscribers.
            Err(_) if create_missing == CreateMissing::ForApi && !draft.is_stored => {
                self.count_publication(draft);
                Ok(None)
            }
            Err(error) => Err(PublishError::Channel(error)),
        }
    }

    fn count_publication(&mut self, draft: &Draft) {
        self.counters.publish_requests_total += 1;
        self.counters.published_bytes_total += draft.text.len() as u64;
    }

    /// Keeps what is left of a publication until there is room and time for it.
    fn wait_for_room(&mut self, id: ConnectionId, publishing: Publishing) {
        self.waiting_publications.0.insert(id, publishing);
        self.pause(id);
    }

    fn finish_publishing(
        &mut self,
        id: ConnectionId,
        publisher: Option<Box<dyn Publisher>>,
        result: Result<(), PublishError>,
        now: Now,
    ) {
        match publisher {
            Some(publisher) => publisher.published(&mut Context::new(self, id, now), result),
            None if result.is_err() => self.close_for_full_store(id, now),
            None => {}
        }
    }
}
