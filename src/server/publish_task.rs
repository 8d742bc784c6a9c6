//! A publication in progress, as data, and the list of those that wait.

use super::connection::ConnectionId;
use crate::hub::{CreateError, Draft, SubscriberId};
use crate::message::{ChannelName, Position};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// Memory of an outcome, with the longest name of a channel.
const OUTCOME_BYTES: usize = size_of::<Outcome>() + 208;

/// A publication that has not reached all its channels.
pub struct PublishTask {
    /// What is published.
    pub draft: Draft,
    /// The id by which the message is recognised if it is published again. In locations, an id is
    /// only for clients that resume.
    pub unique_id: Option<Rc<[u8]>>,
    /// The channels that are left, in the order in which it is published to them.
    pub channels: VecDeque<ChannelName>,
    /// Which of its channels are created if they do not exist.
    pub create_missing: CreateMissing,
    /// Number of events, counted since the start, that must be published before it: the creation of
    /// a channel comes before its first message.
    pub events_before: u64,
    /// Whether one of its channels has the message already, or an earlier publication of the same
    /// request.
    pub has_begun: bool,
    /// Bytes of memory that the request takes besides the payload until it is answered.
    pub kept_bytes: usize,
    /// What it has come to, channel by channel, if the publisher wants to know.
    pub outcomes: Option<Vec<Outcome>>,
}

/// What a publication has come to in one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The channel.
    pub channel: ChannelName,
    /// Position of the message; of the first one if this is a duplicate.
    pub position: Position,
    /// Number of subscriptions to the channel when it was published.
    pub subscribers: usize,
    /// Whether a message with the same id had been published to the channel before, so that this
    /// one is not delivered.
    pub is_duplicate: bool,
}

impl PublishTask {
    /// A publication without channels.
    pub fn new(draft: Draft, create_missing: CreateMissing) -> PublishTask {
        let unique_id = match create_missing {
            CreateMissing::ForApi => draft.event_id.clone(),
            CreateMissing::None | CreateMissing::All => None,
        };
        PublishTask {
            draft,
            unique_id,
            channels: VecDeque::new(),
            create_missing,
            events_before: 0,
            has_begun: false,
            kept_bytes: 0,
            outcomes: None,
        }
    }

    /// Notes what it has come to in a channel, if the publisher wants to know.
    pub(super) fn note(
        &mut self,
        channel: &[u8],
        position: Position,
        subscribers: usize,
        is_duplicate: bool,
    ) {
        if let Some(outcomes) = &mut self.outcomes {
            outcomes.push(Outcome { channel: channel.into(), position, subscribers, is_duplicate });
        }
    }

    /// Memory of its payload and its request.
    fn bytes(&self) -> usize {
        let outcomes = self.outcomes.as_ref().map_or(0, |outcomes| outcomes.len() * OUTCOME_BYTES);
        self.draft.text.len() + self.kept_bytes + outcomes
    }
}

/// Which channels of a publication are created if they do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateMissing {
    /// None, for messages of WebSocket clients: they are published to the channels that exist.
    None,
    /// All, for a publisher location. The events channel is left out; a reload may have made it one
    /// of them.
    All,
    /// All, for the rpushd API, which keeps them for `channel_idle_ttl`. If there is no room for a
    /// channel, a message that is not stored counts as published: it has no subscribers.
    ForApi,
}

/// How far a publication has come.
#[must_use]
pub(super) enum Progress {
    /// It waits for room or for time, and its connection is paused.
    Waits,
    /// It is published to all its channels, or ended at one of them.
    Ended(Result<Vec<Outcome>, PublishError>),
}

/// Why a connection is not subscribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscribeError {
    /// The memory account has no room for one more subscriber.
    Full,
    /// The memory budget is nearly used up. The client may try again in
    /// [`SubscribeError::RETRY_AFTER_SECONDS`].
    Short,
}

impl SubscribeError {
    /// When a client may try again.
    pub const RETRY_AFTER_SECONDS: u64 = 5;
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
pub(super) struct WaitingPublications(HashMap<ConnectionId, PublishTask>);

impl WaitingPublications {
    pub(super) fn insert(&mut self, id: ConnectionId, task: PublishTask) {
        self.0.insert(id, task);
    }

    pub(super) fn take(&mut self, id: ConnectionId) -> Option<PublishTask> {
        if self.0.is_empty() { None } else { self.0.remove(&id) }
    }

    /// Removes a deleted channel from the messages of WebSocket clients, whose subscription to it
    /// has ended.
    pub(super) fn remove_channel(&mut self, name: &[u8]) {
        let is_message = |one: &&mut PublishTask| one.create_missing == CreateMissing::None;
        self.0
            .values_mut()
            .filter(is_message)
            .for_each(|task| task.channels.retain(|other| **other != *name));
    }

    /// Removes a closed connection as one that does not get a message: another one may have its id
    /// before the message is published.
    pub(super) fn forget(&mut self, subscriber: SubscriberId) {
        let tasks = self.0.values_mut().filter(|task| task.draft.except == Some(subscriber));
        tasks.for_each(|task| task.draft.except = None);
    }

    /// Bytes of the publication of this connection that may still be refused: no channel has its
    /// message. 0 if there is none.
    pub(super) fn bytes(&self, id: ConnectionId) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        let refusable = self.0.get(&id).filter(|task| !task.has_begun);
        refusable.map_or(0, PublishTask::bytes)
    }

    /// Bytes of all of them.
    pub(super) fn all_bytes(&self) -> usize {
        self.0.values().map(PublishTask::bytes).sum()
    }

    /// Whether a publication of this connection waits.
    pub(super) fn contains(&self, id: ConnectionId) -> bool {
        self.0.contains_key(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_connection_with_the_id_of_a_closed_one_is_not_left_out() {
        let mut waiting = WaitingPublications::default();
        for number in 1..=2 {
            let draft = Draft { except: Some(SubscriberId(number)), ..Draft::default() };
            let task = PublishTask::new(draft, CreateMissing::ForApi);
            waiting.insert(ConnectionId(10 + number), task);
        }
        waiting.forget(SubscriberId(1));
        let mut left_out = |id| waiting.take(ConnectionId(id)).map(|task| task.draft.except);
        assert_eq!(left_out(11), Some(None));
        assert_eq!(left_out(12), Some(Some(SubscriberId(2))));
    }
}
