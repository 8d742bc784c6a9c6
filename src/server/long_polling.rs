//! Long-polling requests that wait, and the one answer that each of them gets (push-stream spec,
//! section 12).

use super::Server;
use super::connection::{Phase, Transport};
use crate::http::{Date, Exchange, Status};
use crate::hub::ChannelId;
use crate::message::Message;
use crate::time::Now;
use crate::transports::{Frame, LongPollAnswers, Position, Profile, Waited, Waiting};
use std::rc::Rc;

/// Answers to one publication that are kept for sharing. More kinds of waiting requests on a
/// channel are rare.
const SHARED_ANSWERS_MAX: usize = 8;

/// A request that has stopped waiting.
struct Ended {
    profile: Rc<Profile>,
    waiting: Option<Box<Waiting>>,
}

impl Ended {
    fn answers(&self) -> &dyn LongPollAnswers {
        self.profile.long_poll.as_deref().expect("its location answers long-polling requests")
    }

    fn waited<'a>(&'a self, exchange: Exchange, date: &'a Date) -> Waited<'a> {
        Waited { waiting: self.waiting.as_deref(), exchange, date }
    }
}

/// A whole answer to one publication. All requests that waited alike get the same bytes, made for
/// the first of them.
pub(super) struct SharedAnswer {
    ended: Ended,
    exchange: Exchange,
    date: Date,
    frame: Frame,
}

impl SharedAnswer {
    pub(super) fn bytes(&self) -> usize {
        self.frame.len()
    }

    fn is_for(&self, ended: &Ended, exchange: Exchange, date: &Date) -> bool {
        Rc::ptr_eq(&self.ended.profile, &ended.profile)
            && self.ended.waiting == ended.waiting
            && self.exchange == exchange
            && self.date == *date
    }
}

impl Server {
    /// A waiting request gets a publication, and is over.
    pub(super) fn answer_with_publication(
        &mut self,
        id: u32,
        channel: ChannelId,
        sequence: u64,
        now: Now,
    ) {
        let Some(ended) = self.end_waiting(id) else { return };
        let exchange = self.begin_unsized_exchange(id);
        let Some(pending) = self.fanout.entry(channel, sequence) else { return };
        let is_for = |answer: &&SharedAnswer| answer.is_for(&ended, exchange, &self.date);
        let frame = match pending.answers.iter().find(is_for) {
            Some(answer) => answer.frame.clone(),
            None => self.make_answer(ended, exchange, channel, sequence),
        };
        self.counters.deliveries_total += 1;
        self.note_answer(id, Status::OK, "", now);
        self.push(id, frame, now);
        if exchange.keeps_alive {
            self.connections[id as usize].flags.is_resting = true;
            self.fanout.rest(id, channel);
        }
        self.end_exchange(id, now);
        self.resume(id);
    }

    fn make_answer(
        &mut self,
        ended: Ended,
        exchange: Exchange,
        channel: ChannelId,
        sequence: u64,
    ) -> Frame {
        let date = self.date;
        let pending = self.fanout.entry(channel, sequence).expect("it is being delivered");
        let waited = ended.waited(exchange, &date);
        let publication = &mut pending.publication;
        let frame = ended.answers().published(&waited, publication, &mut self.formats);
        // Names of JSONP functions differ from client to client, so such an answer is never shared.
        let is_call = ended.waiting.as_ref().is_some_and(|waiting| waiting.callback.is_some());
        if !is_call {
            pending.answers.retain(|answer| answer.date == date);
            if pending.answers.len() < SHARED_ANSWERS_MAX {
                let frame = frame.clone();
                pending.answers.push(SharedAnswer { ended, exchange, date, frame });
            }
        }
        self.fanout.recount(channel, sequence);
        frame
    }

    /// A waiting request gets a special message, and is over.
    pub(super) fn answer_waiting(&mut self, id: u32, message: &Message, now: Now) {
        let Some(ended) = self.end_waiting(id) else { return };
        let exchange = self.begin_unsized_exchange(id);
        let (position, date) = (self.position(now), self.date);
        let waited = ended.waited(exchange, &date);
        let frame = ended.answers().special(&waited, position, message, &mut self.formats);
        self.end_wait(id, Status::OK, frame, now);
    }

    /// Section 12.3: time over, or the server stops.
    pub(super) fn time_out_waiting(&mut self, id: u32, now: Now) {
        if self.config.push_stream.timeout_with_body {
            let message = Message::special(Message::TIMED_OUT, Rc::from([]), b"Timed out");
            return self.answer_waiting(id, &message, now);
        }
        let Some(ended) = self.end_waiting(id) else { return };
        let exchange = self.connections[id as usize].exchange;
        let waited = ended.waited(exchange, &self.date);
        let frame = ended.answers().nothing(&waited, self.position(now));
        self.end_wait(id, Status::NOT_MODIFIED, frame, now);
    }

    fn end_wait(&mut self, id: u32, status: Status, frame: Frame, now: Now) {
        self.note_answer(id, status, "", now);
        self.push(id, frame, now);
        self.end_exchange(id, now);
        self.resume(id);
    }

    /// Where a request goes on that has waited in vain: behind everything published so far.
    /// Messages keep their order when the clock is set back, so they may be later than its time.
    fn position(&self, now: Now) -> Position {
        let (time, tag) = self.hub.time_and_tag(now);
        Position { time: Some(time), tag: Some(tag) }
    }

    fn end_waiting(&mut self, id: u32) -> Option<Ended> {
        let phase = &mut self.connections[id as usize].phase;
        let Phase::Subscriber(subscriber) = phase else { return None };
        let Transport::LongPoll(waiting) = &mut subscriber.transport else { return None };
        let (waiting, profile) = (waiting.take(), subscriber.profile.clone());
        self.leave(id);
        Some(Ended { profile, waiting })
    }
}
