//! Publications to any number of channels, carried out one channel at a time. Each channel needs
//! room in the publish backlog, room in the queues of its members, and time in the turn; until then
//! the remaining channels wait. So a request or WebSocket message takes no more memory than its
//! payload and the limit of the backlog, however many channels it names.

use super::connection::ConnectionId;
use super::publish_task::{CreateMissing, Progress, PublishError, PublishTask};
use super::state::State;
use crate::hub::{ChannelId, Draft, Full, Maker, Storing};
use crate::message::Message;
use crate::time::Now;
use std::rc::Rc;

impl State {
    /// Whether a further publication might overflow the queues of members that are not slow: a
    /// visit queues everything that is pending. The next pass makes room.
    pub(super) fn is_crowded(&self, channel: ChannelId) -> bool {
        self.broker.fanout.is_crowded(channel, self.config.limits.outbox_bytes_max / 4)
    }

    /// Publishes to as many of the remaining channels as there is room and time for. If some are
    /// left, the publication is kept, and its connection paused.
    pub(super) fn continue_publishing(
        &mut self,
        id: ConnectionId,
        mut task: PublishTask,
        now: Now,
    ) -> Progress {
        while let Some(name) = task.channels.pop_front() {
            let has_time = !self.is_congested() && !self.turn.is_connection_share_spent();
            let published =
                if has_time { self.publish_to(&name, &mut task, now) } else { Ok(false) };
            match published {
                Ok(true) => {}
                Ok(false) => {
                    task.channels.push_front(name);
                    self.waiting_publications.insert(id, task);
                    self.pause(id);
                    return Progress::Waits;
                }
                Err(reason) => return Progress::Ended(Err(reason)),
            }
        }
        Progress::Ended(Ok(task.outcomes.unwrap_or_default()))
    }

    /// Publishes to one channel. False: it has no room yet, or the event of its creation is not
    /// published yet.
    pub(super) fn publish_to(
        &mut self,
        name: &[u8],
        task: &mut PublishTask,
        now: Now,
    ) -> Result<bool, PublishError> {
        let maker = task.draft.maker;
        let known = |id: &Rc<[u8]>| self.broker.hub.duplicate(maker, name, id, now);
        let duplicate = task.unique_id.as_ref().and_then(known);
        if let Some(position) = duplicate {
            self.counters.duplicate_publications_total += 1;
            task.note(name, position, 0, true);
            return Ok(true);
        }
        let raised = self.broker.hub.events_raised();
        let Some(channel) = self.channel_for(name, task, now)? else {
            // It may have had subscribers that are away: they must learn that they miss this.
            let position = self.broker.hub.publish_to_none();
            task.note(name, position, 0, false);
            return Ok(true);
        };
        if self.broker.hub.events_raised() > raised {
            task.events_before = self.broker.hub.events_raised();
        }
        self.end_step(now);
        // The event of the channel's creation may have filled the backlog.
        let has_room = !self.is_backlog_full() && !self.is_crowded(channel);
        if !has_room || !self.broker.hub.has_passed_events(task.events_before) {
            return Ok(false);
        }
        let published = self.publish(channel, &task.draft, now);
        let position = published.map_err(|Full| PublishError::Message)?.position;
        self.count_publication(&task.draft);
        task.has_begun = true;
        if let Some(id) = task.unique_id.as_ref() {
            self.broker.hub.keep_id(maker, name, id, position, now);
        }
        if task.outcomes.is_some() {
            task.note(name, position, self.broker.hub.subscription_count(channel), false);
        }
        Ok(true)
    }

    /// Publishes to a channel. The message gets its position in the order at once; the fan-out to
    /// the members begins when this turn writes.
    ///
    /// # Errors
    /// The memory account is full; nothing has changed.
    pub(super) fn publish(
        &mut self,
        channel: ChannelId,
        draft: &Draft,
        now: Now,
    ) -> Result<Rc<Message>, Full> {
        let unstored;
        let is_stored = self.broker.hub.stores(channel, draft);
        let draft = if is_stored && !self.make_room_for_history(draft.maker, now) {
            self.report_visitors_message(now);
            unstored = Draft { storing: Storing::Never, ..draft.clone() };
            &unstored
        } else {
            draft
        };
        let unstored = self.broker.hub.unstored_count();
        let published = self.broker.publish(channel, draft, &mut self.turn.work, now);
        if self.broker.hub.unstored_count() > unstored {
            self.report_unstored(now);
        }
        published.inspect_err(|Full| self.report_full_store(now))
    }

    /// Whether every wire format can hold this publication. `channel_bytes` is the length of the
    /// longest of its channel names.
    pub(super) fn can_encode(&self, channel_bytes: usize, draft: &Draft) -> bool {
        let bytes_max = self.config.limits.encoded_bytes_max.min(self.memory.single_bytes_max());
        draft.text.len() <= self.memory.single_bytes_max()
            && self.broker.can_encode(bytes_max, channel_bytes, draft)
    }

    /// The channel of this name, created if necessary. `None`: nothing is to be published.
    fn channel_for(
        &mut self,
        name: &[u8],
        task: &PublishTask,
        now: Now,
    ) -> Result<Option<ChannelId>, PublishError> {
        let draft = &task.draft;
        let create_missing = task.create_missing;
        // A reload may have made it the events channel while the publication waited.
        let is_visitors = draft.maker == Maker::Visitor;
        if (create_missing != CreateMissing::ForApi || is_visitors)
            && self.broker.hub.is_events_channel(name)
        {
            return Ok(None);
        }
        if create_missing == CreateMissing::None {
            return Ok(self.broker.hub.find(name));
        }
        // A visitor with a token for a prefix may name any number of channels.
        let maker =
            if create_missing == CreateMissing::ForApi { draft.maker } else { Maker::Application };
        match self.broker.hub.find_or_create(name, maker, now) {
            Ok(channel) => {
                if create_missing == CreateMissing::ForApi && !is_visitors {
                    self.broker.hub.keep_for_api(channel, now);
                }
                Ok(Some(channel))
            }
            // A channel for which there is no room has no subscribers.
            Err(_)
                if create_missing == CreateMissing::ForApi
                    && !self.broker.hub.would_store(name, draft.storing) =>
            {
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
}
