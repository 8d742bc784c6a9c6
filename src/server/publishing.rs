//! Publications to any number of channels, carried out one channel at a time. Each channel needs
//! room in the publish backlog, room in the queues of its members, and time in the turn; until then
//! the remaining channels wait. So a request or WebSocket message takes no more memory than its
//! payload and the limit of the backlog, however many channels it names.

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
    /// The channels that are left, in the order in which it is published to them.
    pub channels: VecDeque<ChannelName>,
    /// Which of its channels are created if they do not exist.
    pub create_missing: CreateMissing,
    /// The request to answer. `None`: it is a WebSocket message, which has no answer.
    pub publisher: Option<Box<dyn Publisher>>,
    /// Number of events, counted since the start, that must be published before it: the creation of
    /// a channel comes before its first message.
    pub events_before: u64,
}

impl Publishing {
    /// A publication without channels.
    pub fn new(
        draft: Draft,
        create_missing: CreateMissing,
        publisher: Option<Box<dyn Publisher>>,
    ) -> Publishing {
        Publishing { draft, channels: VecDeque::new(), create_missing, publisher, events_before: 0 }
    }
}

/// Which channels of a publication are created if they do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateMissing {
    /// None: the message is published to the channels that exist.
    None,
    /// All, for a publisher location. The events channel is left out; a reload may have made it one
    /// of them.
    All,
    /// All, for the rpushd API, which keeps them for `channel_idle_ttl`. If there is no room for a
    /// channel, a message that is not stored counts as published: it has no subscribers.
    ForApi,
}

/// Why a publication ends before it is published to all its channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// There is no room for one more channel.
    Channel(CreateError),
    /// The memory account has no room for the message.
    Message,
}

/// The publications that wait for room, by connection. Meanwhile the connection is paused. If it
/// ends, the message is not published to the remaining channels; no answer was sent.
#[derive(Default)]
pub(super) struct WaitingPublications(HashMap<ConnectionId, Publishing>);

impl WaitingPublications {
    pub(super) fn take(&mut self, id: ConnectionId) -> Option<Publishing> {
        if self.0.is_empty() { None } else { self.0.remove(&id) }
    }

    /// Removes a deleted channel from the messages of WebSocket clients, whose subscription to it
    /// has ended.
    pub(super) fn remove_channel(&mut self, name: &[u8]) {
        let is_message = |one: &&mut Publishing| one.publisher.is_none();
        self.0
            .values_mut()
            .filter(is_message)
            .for_each(|publishing| publishing.channels.retain(|other| **other != *name));
    }

    /// Whether a publication of this connection waits.
    pub(super) fn contains(&self, id: ConnectionId) -> bool {
        self.0.contains_key(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Server {
    /// Whether input that is read now may have to wait in memory: because the server is congested,
    /// or because paused connections come first. If so, read less of each connection.
    pub fn is_input_delayed(&self) -> bool {
        self.is_congested() || !self.resumable.is_empty()
    }

    /// Whether no request may be carried out now (back-pressure): the publish backlog is full, or
    /// too many events wait to be published, and requests may raise more.
    pub fn is_congested(&self) -> bool {
        // Two or three passes over the members of the events channel deliver this many.
        self.is_backlog_full()
            || self.broker.hub.event_bytes() > self.config.limits.outbox_bytes_max / 4
    }

    pub(super) fn is_backlog_full(&self) -> bool {
        self.broker.fanout.backlog_bytes() > self.config.limits.backlog_bytes_max
    }

    /// Whether the backlog has room and the turn has time for one more publication.
    pub(super) fn can_publish(&self) -> bool {
        !self.is_congested() && !self.turn.is_spent()
    }

    /// Whether a further publication might overflow the queues of members that are not slow: a
    /// visit queues everything that is pending. The next pass makes room.
    pub(super) fn is_crowded(&self, channel: ChannelId) -> bool {
        self.broker.fanout.is_crowded(channel, self.config.limits.outbox_bytes_max / 4)
    }

    /// Publishes to one channel, or keeps the publication until there is room. Most find room at
    /// once, so their list of channels, which would need heap memory, stays empty.
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

    /// Publishes to as many of the remaining channels as there is room and time for, and answers
    /// the request after the last one.
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

    /// Publishes to one channel. False: it has no room yet, or the event of its creation is not
    /// published yet.
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
        // The event of the channel's creation may have filled the backlog.
        let has_room = !self.is_backlog_full() && !self.is_crowded(channel);
        if !has_room || !self.broker.hub.has_passed_events(publishing.events_before) {
            return Ok(false);
        }
        self.publish(channel, &publishing.draft, now).map_err(|Full| PublishError::Message)?;
        self.count_publication(&publishing.draft);
        Ok(true)
    }

    /// The channel of this name, created if necessary. `None`: nothing is to be published.
    fn channel_for(
        &mut self,
        name: &[u8],
        publishing: &Publishing,
        now: Now,
    ) -> Result<Option<ChannelId>, PublishError> {
        let draft = &publishing.draft;
        let create_missing = publishing.create_missing;
        // A reload may have made it the events channel while the publication waited.
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

    /// Keeps a publication, and pauses its connection, until there is room and time for it.
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
