//! Subscriber locations but WebSocket: checks, mode, and which old messages are sent (push-stream
//! spec, sections 8 and 9).

use super::{Asked, Refusal, explain};
use crate::config::Mode;
use crate::endpoints::push_stream::{cors, no_cache, publisher, subscriber};
use crate::http::{Framing, Response, Status};
use crate::hub::{ChannelId, Maker, Resume, Stretch};
use crate::push_stream::channel_path;
use crate::server::Server;
use crate::server::requests::Next;
use crate::time::Now;
use std::collections::HashMap;

/// A request that has passed the checks. Channels are made for it if it is going to wait for
/// messages.
pub(super) struct Checked {
    path: Vec<u8>,
    seen: subscriber::Seen,
}

/// A subscription whose channels have been made.
pub(super) struct Joining {
    pub(super) channels: Vec<(ChannelId, u32)>,
    pub(super) seen: subscriber::Seen,
}

impl Joining {
    /// What one of its channels is asked for.
    pub(super) fn resume(&self, backtrack: u32) -> Resume<'_> {
        Resume {
            backtrack,
            since: self.seen.since(),
            event_id: self.seen.event_id.as_deref(),
            ..Resume::default()
        }
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
        let checked = match self.check_subscriber(asked) {
            Ok(checked) => checked,
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
            Mode::Streaming | Mode::EventSource => match self.make_channels(checked, now) {
                Ok(joining) => self.begin_stream(id, asked, joining, now),
                Err(refusal) => self.refuse_subscriber(asked, refusal),
            },
            Mode::Polling => self.poll(id, asked, &checked, now),
            Mode::LongPolling => self.long_poll(id, asked, checked, now),
            Mode::WebSocket => unreachable!("WebSocket locations have a route of their own"),
        }
    }

    /// Steps 3 to 6 of section 8.
    pub(super) fn check_subscriber(&mut self, asked: &Asked<'_>) -> Result<Checked, Refusal> {
        let limits = &self.config.limits;
        let path = publisher::channels_path(asked.location, asked.request, limits)?;
        let seen = subscriber::check(
            asked.location,
            asked.request,
            &path,
            &self.hub,
            &self.config.push_stream,
            limits,
        )?;
        self.turn.work.channels += channel_path::read(&path).count() as u64;
        Ok(Checked { path: path.into_owned(), seen })
    }

    /// Step 7 of section 8, for those who are going to be members of the channels.
    pub(super) fn make_channels(&mut self, checked: Checked, now: Now) -> Result<Joining, Refusal> {
        // Those that there are must not give way to those that are made.
        for wanted in channel_path::read(&checked.path) {
            if let Some(channel) = self.hub.find(wanted.id) {
                self.hub.keep(channel, now);
            }
        }
        let mut channels = Vec::new();
        for wanted in channel_path::read(&checked.path) {
            self.turn.work.channels += 1;
            let made = self.hub.find_or_create(wanted.id, Maker::Visitor, now);
            let channel = made.map_err(|error| self.cannot_create(error, now))?;
            channels.push((channel, wanted.backtrack));
        }
        Ok(Joining { channels, seen: checked.seen })
    }

    /// The named channels that exist; a request without a subscription needs no others.
    fn known_channels(&self, checked: &Checked) -> Joining {
        let known = channel_path::read(&checked.path)
            .filter_map(|wanted| Some((self.hub.find(wanted.id)?, wanted.backtrack)));
        Joining { channels: known.collect(), seen: checked.seen.clone() }
    }

    /// What is left of step 7 for those who are answered at once, and need no channel: see
    /// `Hub::mention`.
    fn mention_channels(&mut self, checked: &Checked, now: Now) {
        for wanted in channel_path::read(&checked.path) {
            self.turn.work.channels += 1;
            self.hub.mention(wanted.id, now);
        }
        // Channels that it has just made are events that it may have asked for.
        self.settle(now);
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
                self.hub.asked(*channel, &resume).stretch()
            });
            stretches.extend(*stretch);
        }
        stretches
    }

    /// Section 11.
    fn poll(&mut self, id: u32, asked: &Asked<'_>, checked: &Checked, now: Now) -> Next {
        self.mention_channels(checked, now);
        let answer = asked.answer();
        let stretches = self.old_messages(&self.known_channels(checked));
        self.answer_at_once(id, &answer, stretches, &checked.seen, now);
        Next::Done
    }

    /// Section 12.
    fn long_poll(&mut self, id: u32, asked: &Asked<'_>, checked: Checked, now: Now) -> Next {
        let known = self.known_channels(&checked);
        let mut stretches = self.old_messages(&known);
        if !stretches.is_empty() {
            if known.channels.len() < channel_path::read(&checked.path).count() {
                self.mention_channels(&checked, now);
                // Creating them may have published to the events channel, which may be one of them.
                stretches = self.old_messages(&self.known_channels(&checked));
            }
            let answer = asked.answer();
            self.answer_at_once(id, &answer, stretches, &checked.seen, now);
            return Next::Done;
        }
        let joined = self.make_channels(checked, now);
        match joined.and_then(|joining| self.join_all(id, &joining, now)) {
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
