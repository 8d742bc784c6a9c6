//! The answer to a waiting long-polling request: a publication, a special message, or nothing after
//! a time-out (push-stream spec, section 12).

use super::connection::{ConnectionId, Phase};
use super::state::State;
use crate::broker::Transport;
use crate::http::{Exchange, Status};
use crate::hub::ChannelId;
use crate::message::Message;
use crate::time::Now;
use crate::transports::{Coding, EndedWait, FormatId, Frame, Position};
use std::rc::Rc;

impl State {
    /// Answers with a pending publication.
    pub(super) fn answer_with_publication(
        &mut self,
        id: ConnectionId,
        channel: ChannelId,
        sequence: u64,
        now: Now,
    ) {
        let Some(ended) = self.end_long_poll(id, Exchange::begin_unsized) else { return };
        let keeps_alive = ended.exchange.keeps_alive;
        let Some(frame) = self.broker.answer(ended, channel, sequence) else { return };
        self.counters.deliveries_total += 1;
        self.log_answer(id, Status::OK, "", now);
        self.push(id, frame, now);
        if keeps_alive {
            self.connections[id].flags.is_held = true;
            self.broker.fanout.hold(id.into(), channel);
        }
        self.end_exchange(id, now);
        self.resume_requests(id);
    }

    /// Answers with everything that is pending, in this format.
    pub(super) fn answer_with_all(
        &mut self,
        id: ConnectionId,
        delivered: u64,
        listed: FormatId,
        now: Now,
    ) {
        let subscriptions = &self.connections[id].subscriptions;
        let Some((_, channel)) = self.broker.first_pending(subscriptions, delivered) else {
            return;
        };
        let messages = self.broker.pending_frames(subscriptions, delivered, listed);
        let Some(ended) = self.end_long_poll(id, |_| {}) else { return };
        let keeps_alive = ended.exchange.keeps_alive;
        self.counters.deliveries_total += messages.len() as u64;
        self.turn.work.deliveries += messages.len() as u64;
        let frame = ended.list(&messages);
        self.turn.work.bytes += frame.len() as u64;
        self.log_answer(id, Status::OK, "", now);
        self.push(id, frame, now);
        if keeps_alive {
            self.connections[id].flags.is_held = true;
            self.broker.fanout.hold(id.into(), channel);
        }
        self.end_exchange(id, now);
        self.resume_requests(id);
    }

    /// The format of messages in the list that answers this request. `None`: it gets one message.
    pub(super) fn listed_format(&self, id: ConnectionId) -> Option<FormatId> {
        let Phase::Subscriber(subscriber) = &self.connections[id].phase else { return None };
        subscriber.profile.long_poll.as_ref()?.listed(Coding::Identity)
    }

    /// Answers with a special message.
    pub(super) fn answer_long_poll(&mut self, id: ConnectionId, message: &Message, now: Now) {
        let Some(ended) = self.end_long_poll(id, Exchange::begin_unsized) else { return };
        let frame = ended.special_message(self.position(now), message, &mut self.broker.formats);
        self.send_long_poll_answer(id, Status::OK, frame, now);
    }

    /// Ends the wait without a message: it timed out, or the server stops (section 12.3).
    pub(super) fn time_out_long_poll(&mut self, id: ConnectionId, now: Now) {
        let is_listed = self.listed_format(id).is_some();
        if self.config.push_stream.timeout_with_body && !is_listed {
            let message = Message::special(Message::TIMED_OUT, Rc::from([]), b"Timed out");
            return self.answer_long_poll(id, &message, now);
        }
        let Some(ended) = self.end_long_poll(id, |_| {}) else { return };
        let frame = ended.not_modified(self.position(now));
        self.send_long_poll_answer(id, ended.timed_out_status(), frame, now);
    }

    fn send_long_poll_answer(&mut self, id: ConnectionId, status: Status, frame: Frame, now: Now) {
        self.log_answer(id, status, "", now);
        self.push(id, frame, now);
        self.end_exchange(id, now);
        self.resume_requests(id);
    }

    /// The cursor for an answer without a publication: after everything published so far. It comes
    /// from the hub, whose times do not decrease when the clock is set back.
    fn position(&self, now: Now) -> Position {
        let (time, tag) = self.broker.hub.time_and_tag(now);
        Position { time: Some(time), tag: Some(tag) }
    }

    /// Ends the wait and returns what its answer is made from; `begin` adapts the exchange to the
    /// kind of answer. `None`: the connection is not waiting.
    fn end_long_poll(
        &mut self,
        id: ConnectionId,
        begin: impl Fn(&mut Exchange),
    ) -> Option<EndedWait> {
        let connection = &mut self.connections[id];
        let Phase::Subscriber(subscriber) = &mut connection.phase else { return None };
        let Transport::LongPoll(waiting) = &mut subscriber.transport else { return None };
        let (waiting, profile) = (waiting.take(), subscriber.profile.clone());
        begin(&mut connection.exchange);
        let (exchange, date) = (connection.exchange, self.date);
        let cursor = self.broker.formats.cursor(self.broker.hub.position());
        self.begin_unsubscribe(id);
        Some(EndedWait { profile, waiting, exchange, date, cursor })
    }
}
