//! Deleting a channel (push-stream spec, sections 20.3 and 20.4).

use super::connection::{ConnectionId, Phase};
use super::state::State;
use crate::broker::Transport;
use crate::hub::ChannelId;
use crate::message::Message;
use crate::time::Now;
use crate::transports::Publication;
use std::rc::Rc;

impl State {
    /// Deletes a channel. Its subscribers get what is pending, then this message. The subscription
    /// ends if it has no other channel.
    pub(super) fn delete_channel(&mut self, channel: ChannelId, message: Rc<Message>, now: Now) {
        let members = self.broker.hub.members(channel).iter();
        let mut members: Vec<ConnectionId> =
            members.map(|member| member.subscriber.into()).collect();
        members.sort_unstable();
        members.dedup();
        self.turn.work.visits += members.len() as u64;
        for id in &members {
            self.deliver_pending(*id, now);
        }
        self.end_step(now);
        self.broker.fanout.drop_channel(channel);
        self.waiting_publications.remove_channel(&self.broker.hub.name(channel));
        let mut publication = Publication::new(message);
        for id in members {
            self.remove_from_deleted(id, channel, &mut publication, now);
        }
        self.end_step(now);
        self.broker.hub.delete(channel, now);
    }

    /// Unsubscribes one member from the channel to be deleted, and sends it the message.
    fn remove_from_deleted(
        &mut self,
        id: ConnectionId,
        channel: ChannelId,
        publication: &mut Publication,
        now: Now,
    ) {
        let Phase::Subscriber(subscriber) = &self.connections[id].phase else { return };
        if matches!(subscriber.transport, Transport::LongPoll(_)) {
            return self.answer_long_poll(id, &publication.message, now);
        }
        let format = subscriber.profile.format;
        let is_signed = subscriber.profile.control.is_some();
        let connection = &mut self.connections[id];
        let mut subscriptions = std::mem::take(&mut connection.subscriptions);
        while let Some(left) = self.broker.hub.unsubscribe_from(&mut subscriptions, channel, now) {
            self.count_unsubscription(id, channel);
            // All members were given what is pending, but that of another channel may have changed.
            if let Some(moved) = left.moved.map(ConnectionId::from).filter(|moved| *moved != id) {
                self.deliver_pending(moved, now);
            }
        }
        let is_alone = subscriptions.is_empty();
        self.connections[id].subscriptions = subscriptions;
        if is_signed {
            return self.tell_of_deletion(id, channel, is_alone, now);
        }
        if let Some(encoded) = publication.encoded(format, &mut self.broker.formats, &mut 0) {
            self.push_padded(id, encoded, now);
        }
        if is_alone {
            self.log_stream_end(id, "its channel was deleted", now);
            self.end_subscriber(id, now);
        }
    }
}
