//! Subscriber locations but WebSocket: checks, mode, and which old messages are sent (push-stream spec,
//! sections 8 and 9).

use super::answers::Answer;
use super::{Asked, Refusal, cors, explain};
use crate::config::Mode;
use crate::endpoints::push_stream::{no_cache, publisher, subscriber};
use crate::http::{Framing, Response, Status};
use crate::hub::{ChannelId, Resume, Stretch};
use crate::server::Server;
use crate::server::requests::Next;
use crate::time::Now;
use std::collections::HashMap;

/// A subscription whose channels have been made.
pub(super) struct Joining {
    pub(super) channels: Vec<(ChannelId, u32)>,
    pub(super) seen: subscriber::Seen,
}

impl Joining {
    /// What one of its channels is asked for.
    pub(super) fn resume(&self, backtrack: u32) -> Resume<'_> {
        Resume { backtrack, since: self.seen.since(), event_id: self.seen.event_id.as_deref() }
    }
}

impl Server {
    pub(super) fn route_subscriber(&mut self, id: u32, asked: &Asked<'_>, now: Now) -> Next {
        let head = asked.request.head;
        let with_origin = |status| cors(Response::titled(status), asked.origin.as_ref(), "GET");
        match head.method {
            "GET" => {}
            "OPTIONS" => return Next::Answer(with_origin(Status::OK), Vec::new()),
            _ => {
                let response = no_cache(with_origin(Status::METHOD_NOT_ALLOWED));
                return Next::Answer(response.field("Allow", "GET"), Vec::new());
            }
        }
        let joining = match self.check_subscriber(asked, now) {
            Ok(joining) => joining,
            Err(refusal) => {
                let response = no_cache(with_origin(refusal.status()));
                return Next::Answer(explain(response, refusal, false), Vec::new());
            }
        };
        if head.framing != Framing::Length(0) {
            // Where its body ends does not matter if nothing is read behind it.
            self.connections[id as usize].exchange.keeps_alive = false;
        }
        match subscriber::mode(asked.location, asked.request) {
            Mode::Streaming | Mode::EventSource => self.begin_stream(id, asked, joining, now),
            Mode::Polling => self.poll(id, asked, &joining, now),
            Mode::LongPolling => self.long_poll(id, asked, joining, now),
            Mode::WebSocket => unreachable!("WebSocket locations have a route of their own"),
        }
    }

    /// Steps 3 to 7 of section 8.
    pub(super) fn check_subscriber(
        &mut self,
        asked: &Asked<'_>,
        now: Now,
    ) -> Result<Joining, Refusal> {
        let limits = &self.config.limits;
        let path = publisher::channels_path(asked.location, asked.request, limits)?;
        let subscription = subscriber::check(
            asked.location,
            asked.request,
            &path,
            &self.hub,
            &self.config.push_stream,
            limits,
        )?;
        self.turn.work.channels += subscription.channels.len() as u64;
        let mut channels = Vec::with_capacity(subscription.channels.len());
        for (wanted, found) in subscription.channels {
            let channel = match found {
                Some(channel) => channel,
                None => {
                    let made = self.hub.find_or_create(wanted.id, now);
                    made.map_err(|error| self.cannot_create(error))?
                }
            };
            channels.push((channel, wanted.backtrack));
        }
        Ok(Joining { channels, seen: subscription.seen })
    }

    /// All old messages, channel by channel in the order of the path.
    pub(super) fn old_messages(&mut self, joining: &Joining) -> Vec<Stretch> {
        // A channel that is named many times is looked through once.
        let mut known = HashMap::new();
        let mut stretches = Vec::new();
        for (channel, backtrack) in &joining.channels {
            let stretch = known.entry((*channel, *backtrack)).or_insert_with(|| {
                let resume = joining.resume(*backtrack);
                self.turn.work.scanned += self.hub.scanned_for(*channel, &resume) as u64;
                self.hub.asked(*channel, &resume)
            });
            stretches.extend(*stretch);
        }
        stretches
    }

    /// Section 11.
    fn poll(&mut self, id: u32, asked: &Asked<'_>, joining: &Joining, now: Now) -> Next {
        // Channels that it has just made are events that it may have asked for.
        self.settle(now);
        let answer = Answer::of(asked);
        let stretches = self.old_messages(joining);
        self.answer_at_once(id, &answer, stretches, &joining.seen, now);
        Next::Done
    }

    /// Section 12.
    fn long_poll(&mut self, id: u32, asked: &Asked<'_>, joining: Joining, now: Now) -> Next {
        let stretches = self.old_messages(&joining);
        if !stretches.is_empty() {
            let answer = Answer::of(asked);
            self.answer_at_once(id, &answer, stretches, &joining.seen, now);
            return Next::Done;
        }
        match self.join_all(id, &joining, now) {
            Ok(()) => self.begin_waiting(id, asked, now),
            Err(refusal) => return self.refuse_subscriber(asked, refusal),
        }
        Next::Done
    }

    pub(super) fn refuse_subscriber(&self, asked: &Asked<'_>, refusal: Refusal) -> Next {
        let response = Response::titled(refusal.status());
        let response = no_cache(cors(response, asked.origin.as_ref(), "GET"));
        Next::Answer(explain(response, refusal, false), Vec::new())
    }

    /// Subscribes to all channels, or to none.
    pub(super) fn join_all(&mut self, id: u32, joining: &Joining, now: Now) -> Result<(), Refusal> {
        // In the order in which the path names them first.
        let mut distinct: Vec<(ChannelId, u32)> = Vec::with_capacity(joining.channels.len());
        let mut places = HashMap::with_capacity(joining.channels.len());
        for (channel, _) in &joining.channels {
            let place = *places.entry(*channel).or_insert(distinct.len());
            match distinct.get_mut(place) {
                Some((_, times)) => *times += 1,
                None => distinct.push((*channel, 1)),
            }
        }
        for (channel, times) in distinct {
            // Only the first subscription of a connection takes memory of the account.
            self.subscribe(id, channel, times, now).map_err(|_| Refusal::Full)?;
        }
        Ok(())
    }
}
