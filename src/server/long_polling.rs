//! The answer to a waiting long-polling request: a publication, a special message, or nothing after
//! a time-out (push-stream spec, section 12).

use super::connection::{ConnectionId, Phase};
use super::state::State;
use crate::broker::Transport;
use crate::http::{Exchange, Status};
use crate::hub::ChannelId;
use crate::message::Message;
use crate::time::Now;
use crate::transports::{EndedWait, Frame, Position};
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

    /// Answers with a special message.
    pub(super) fn answer_long_poll(&mut self, id: ConnectionId, message: &Message, now: Now) {
        let Some(ended) = self.end_long_poll(id, Exchange::begin_unsized) else { return };
        let frame = ended.special_message(self.position(now), message, &mut self.broker.formats);
        self.send_long_poll_answer(id, Status::OK, frame, now);
    }

    /// Ends the wait without a message: it timed out, or the server stops (section 12.3).
    pub(super) fn time_out_long_poll(&mut self, id: ConnectionId, now: Now) {
        if self.config.push_stream.timeout_with_body {
            let message = Message::special(Message::TIMED_OUT, Rc::from([]), b"Timed out");
            return self.answer_long_poll(id, &message, now);
        }
        let Some(ended) = self.end_long_poll(id, |_| {}) else { return };
        let frame = ended.not_modified(self.position(now));
        self.send_long_poll_answer(id, Status::NOT_MODIFIED, frame, now);
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
        self.begin_unsubscribe(id);
        Some(EndedWait { profile, waiting, exchange, date })
    }
}
