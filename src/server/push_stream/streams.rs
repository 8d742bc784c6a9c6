//! Streaming and EventSource: head, header, old messages, then live (push-stream spec, sections 10,
//! 14, 18 and 19); and what a deleted channel's subscribers get.

use super::Asked;
use super::subscriber::Joining;
use crate::endpoints::push_stream::{Location, Wire, begin_unsized, cors, gzip, no_cache};
use crate::http::Status;
use crate::http::chunk;
use crate::hub::ChannelId;
use crate::message::Message;
use crate::server::Server;
use crate::server::connection::{Phase, Subscriber, Transport};
use crate::server::feed::Feed;
use crate::server::replay::{Dressing, Replay};
use crate::server::requests::Next;
use crate::time::{Millis, Now};
use crate::transports::padding::PaddingSizes;
use crate::transports::{Coding, Encoded, Publication, gzip_stream};
use std::rc::Rc;

impl Server {
    pub(super) fn begin_stream(
        &mut self,
        id: u32,
        asked: &Asked<'_>,
        joining: Joining,
        now: Now,
    ) -> Next {
        let location = asked.location;
        let exchange = self.begin_unsized_exchange(id);
        let content_type = match location.is_event_source() {
            true => "text/event-stream; charset=utf-8",
            false => location.content_type(asked.request.path),
        };
        let is_gzipped = !exchange.is_http_1_0
            && location.compresses_streams(content_type)
            && gzip::is_accepted(&location.settings.gzip, asked.request.head);
        let coding = if is_gzipped { Coding::Gzip } else { Coding::of(exchange) };
        if let Err(refusal) = self.join_all(id, &joining, now) {
            return self.refuse_subscriber(asked, refusal);
        }
        let response = begin_unsized(exchange, &self.date, content_type, is_gzipped);
        let mut bytes = no_cache(cors(response, asked.origin.as_ref(), "GET")).finish();
        if is_gzipped {
            chunk(gzip_stream::begin(), &mut bytes);
        }
        let checksum = is_gzipped.then(Box::default);
        let transport = Transport::Stream { checksum, padding: 0 };
        let mut subscriber = location_subscriber(location, Wire::Body(coding), transport, now);
        let sizes = self.write_header(asked, coding, &mut subscriber, &mut bytes);
        self.note_stream(id, Status::OK, now);
        self.push(id, bytes.into(), now);
        let wanted = sizes.map_or(0, |sizes| sizes.message);
        let dressing = match subscriber.profile.padding {
            Some(rule) if wanted > 0 => Dressing::Padded { rule, size: wanted },
            Some(_) | None => Dressing::None,
        };
        let replay = Replay::new(subscriber.profile.format, self.old_messages(&joining), dressing);
        if let Transport::Stream { checksum, padding } = &mut subscriber.transport {
            *padding = wanted;
            checksum.iter_mut().for_each(|checksum| checksum.begin_replay());
        }
        self.begin_subscriber(id, subscriber);
        self.begin_feed(id, Feed::Replay(replay), now);
        Next::Done
    }

    /// The header with its padding; returns what this user agent is owed.
    fn write_header(
        &mut self,
        asked: &Asked<'_>,
        coding: Coding,
        subscriber: &mut Subscriber,
        out: &mut Vec<u8>,
    ) -> Option<PaddingSizes> {
        let location = asked.location;
        let rule = subscriber.profile.padding;
        let sizes = location.padding().and_then(|padding| {
            let own = location.settings.subscriber.user_agent.as_ref();
            let agent = asked.request.value_or_header(own, "user-agent").unwrap_or_default();
            self.turn.work.matched += padding.matched_bytes(&agent) as u64;
            padding.for_agent(&agent)
        });
        let mut say = |item: &Encoded| {
            subscriber.say(item);
            out.extend_from_slice(&item.frame);
        };
        let header = location.header();
        say(location.first_item(Wire::Body(coding)));
        if let Some(sizes) = sizes.filter(|_| !header.is_empty())
            && let Some(filling) = rule.and_then(|rule| rule.filling(header.len(), sizes.header))
        {
            say(&self.formats.filling(filling, coding));
        }
        sizes
    }

    /// Sections 20.3 and 20.4: the channel's subscribers get what is pending, then the deletion
    /// message; who has no other channel is ended.
    pub(super) fn delete_channel(&mut self, channel: ChannelId, message: Rc<Message>, now: Now) {
        let mut members: Vec<u32> =
            self.hub.members(channel).iter().map(|member| member.subscriber.0).collect();
        members.sort_unstable();
        members.dedup();
        self.turn.work.visits += members.len() as u64;
        for id in &members {
            self.collect(*id, now);
        }
        self.settle(now);
        self.fanout.forget(channel);
        self.waiting.remove_channel(&self.hub.name(channel));
        let mut publication = Publication::new(message);
        for id in members {
            self.leave_deleted(id, channel, &mut publication, now);
        }
        self.settle(now);
        self.hub.delete(channel, now);
    }

    fn leave_deleted(
        &mut self,
        id: u32,
        channel: ChannelId,
        publication: &mut Publication,
        now: Now,
    ) {
        let Phase::Subscriber(subscriber) = &self.connections[id as usize].phase else { return };
        if matches!(subscriber.transport, Transport::LongPoll(_)) {
            return self.answer_waiting(id, &publication.message, now);
        }
        let format = subscriber.profile.format;
        let connection = &mut self.connections[id as usize];
        let mut subscriptions = std::mem::take(&mut connection.subscriptions);
        while let Some(left) = self.hub.unsubscribe_from(&mut subscriptions, channel, now) {
            // Everybody has collected what was pending; but another channel may have moved on.
            if let Some(moved) = left.moved.filter(|moved| moved.0 != id) {
                self.collect(moved.0, now);
            }
        }
        let is_alone = subscriptions.is_empty();
        self.connections[id as usize].subscriptions = subscriptions;
        if let Some(encoded) = publication.encoded(format, &mut self.formats, &mut 0) {
            self.push_padded(id, encoded, now);
        }
        if is_alone {
            self.note_stream_end(id, "its channel was deleted", now);
            self.end_subscriber(id, now);
        }
    }
}

/// A subscriber of a location whose time begins now.
pub(super) fn location_subscriber(
    location: &Location,
    wire: Wire,
    transport: Transport,
    now: Now,
) -> Subscriber {
    let profile = location.profile(wire).clone();
    Subscriber {
        transport,
        next_beat: now.monotonic + profile.heartbeat_interval.get(),
        ends_at: profile.time_to_live.map_or(Millis::NEVER, |span| now.monotonic + span),
        profile,
    }
}
