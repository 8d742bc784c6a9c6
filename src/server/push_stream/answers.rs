//! Answers of polling and long-polling: whole responses with the messages in them (push-stream spec,
//! sections 11 to 13).

use super::{Asked, cors, gzip};
use crate::compression::Compressor;
use crate::endpoints::push_stream::{Location, Wire, no_cache, subscriber};
use crate::http::{Date, Response, Status};
use crate::hub::{ChannelId, Stretch};
use crate::message::Message;
use crate::server::Server;
use crate::server::connection::{Exchange, Phase, Subscriber, Transport, Waiting};
use crate::server::feed::Feed;
use crate::server::replay::{Dressing, Replay};
use crate::time::{Millis, Now, http_date};
use crate::transports::{Coding, Encoded, Frame, gzip_stream};
use flate2::Crc;
use std::borrow::Cow;
use std::rc::Rc;

/// Answers to one publication that are kept for sharing. More kinds of waiting requests on a
/// channel are rare.
const SHARED_ANSWERS_MAX: usize = 8;

/// Up to this size, old messages of an answer are compressed together: 2 to 5 ms of work.
const COMPRESSED_BYTES_MAX: usize = 256 * 1024;
/// What each message counts for besides its text.
const MESSAGE_OVERHEAD: usize = 64;

/// How a request has waited.
struct Waited {
    location: Rc<Location>,
    waiting: Option<Box<Waiting>>,
}

/// A whole answer to one publication. All who waited alike get the same bytes, made for the first of them.
pub(in crate::server) struct SharedAnswer {
    waited: Waited,
    exchange: Exchange,
    date: Date,
    frame: Frame,
}

impl SharedAnswer {
    pub(in crate::server) fn bytes(&self) -> usize {
        self.frame.len()
    }

    fn is_for(&self, waited: &Waited, exchange: Exchange, date: &Date) -> bool {
        Rc::ptr_eq(&self.waited.location, &waited.location)
            && self.waited.waiting == waited.waiting
            && self.exchange == exchange
            && self.date == *date
    }
}

/// What a polling or long-polling answer looks like, apart from its messages.
pub(super) struct Answer<'a> {
    location: &'a Location,
    content_type: &'a str,
    callback: Option<Cow<'a, [u8]>>,
    origin: Option<&'a Frame>,
    is_gzipped: bool,
}

/// The (time, tag) that an answer announces.
struct Position {
    time: Option<u64>,
    tag: Option<u32>,
}

impl<'a> Answer<'a> {
    /// As the request wants it.
    pub(super) fn of(asked: &'a Asked<'_>) -> Answer<'a> {
        let callback = subscriber::callback(asked.request);
        let content_type = match callback {
            Some(_) => "application/javascript",
            None => asked.location.content_type(asked.request.path),
        };
        Answer {
            content_type,
            callback: callback.map(Cow::Owned),
            origin: asked.origin.as_ref(),
            is_gzipped: gzip::is_accepted(&asked.location.settings.gzip, asked.request.head),
            location: asked.location,
        }
    }

    /// Whether the client takes gzip and the location compresses this type.
    fn is_compressed(&self) -> bool {
        self.is_gzipped && self.location.settings.gzip.covers_type(self.content_type)
    }

    /// What is before the messages: the header and, with JSONP, how the call begins (section 13).
    fn write_beginning(&self, coding: Coding, compressor: &mut Compressor, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.location.first_item(Wire::Body(coding)).frame);
        if let Some(callback) = &self.callback {
            coding.write(callback, compressor, out);
            coding.write(b"([", compressor, out);
        }
    }

    /// What is behind them.
    fn write_end(&self, coding: Coding, compressor: &mut Compressor, out: &mut Vec<u8>) {
        if self.callback.is_some() {
            coding.write(b"]);", compressor, out);
        }
        out.extend_from_slice(&self.location.last_item(Wire::Body(coding)).frame);
    }

    /// What a waiting request has to remember; nothing if it is answered just as its location says.
    fn into_waiting(self) -> Option<Box<Waiting>> {
        let settings = &self.location.settings;
        let is_constant =
            settings.allowed_origins.is_none() || self.location.constant_origin().is_some();
        let is_ordinary = self.content_type == settings.default_type;
        let waiting = Waiting {
            content_type: (!is_ordinary).then(|| self.content_type.to_owned()),
            callback: self.callback.map(Cow::into_owned),
            origin: self.origin.filter(|_| !is_constant).cloned(),
            is_gzipped: self.is_gzipped,
        };
        (waiting != Waiting::default()).then(|| Box::new(waiting))
    }

    /// The answer to a request that has waited.
    fn after_waiting(waited: &'a Waited) -> Answer<'a> {
        let location = &waited.location;
        let waiting = waited.waiting.as_deref();
        let callback = waiting.and_then(|waiting| waiting.callback.as_deref());
        let content_type = match (callback, location.is_event_source()) {
            // Section 8.1: having waited at an EventSource location gives its type.
            (None, true) => "text/event-stream; charset=utf-8",
            _ => waiting
                .and_then(|waiting| waiting.content_type.as_deref())
                .unwrap_or(&location.settings.default_type),
        };
        let constant = location.constant_origin().filter(|origin| !origin.is_empty());
        Answer {
            content_type,
            callback: callback.map(Cow::Borrowed),
            origin: waiting.and_then(|waiting| waiting.origin.as_ref()).or(constant),
            is_gzipped: waiting.is_some_and(|waiting| waiting.is_gzipped),
            location,
        }
    }
}

impl Server {
    /// Section 11, and 12.1.
    pub(super) fn answer_at_once(
        &mut self,
        id: u32,
        answer: &Answer<'_>,
        stretches: Vec<Stretch>,
        seen: &subscriber::Seen,
        now: Now,
    ) {
        if stretches.is_empty() {
            let position = Position { time: seen.time.filter(|time| *time > 0), tag: seen.tag };
            return self.answer_nothing(id, answer, &position, now);
        }
        // The time alone is before all messages of its second, as far as the comparison goes.
        let tag = seen.tag.filter(|_| seen.time.is_some());
        let asked = (seen.time.unwrap_or(0), tag.map_or(-1, i64::from));
        let stored = |stretch| self.hub.stored(stretch).expect("nothing has left the store since");
        let ends = stretches.iter().filter_map(|stretch| stored(stretch).next_back());
        let ends = ends.map(|message| (message.time, i64::from(message.tag)));
        let (time, tag) = ends.chain([asked]).max().unwrap_or(asked);
        // A request that gave a later time and no tag gets back what it gave.
        let position = Position { time: Some(time), tag: u32::try_from(tag).ok() };
        if answer.is_gzipped
            && let Some(messages) = compressible(
                stretches.iter().flat_map(stored),
                self.config.limits.outbox_bytes_max.min(COMPRESSED_BYTES_MAX),
            )
        {
            let messages = messages.iter().map(|message| (&**message, None));
            let exchange = self.begin_unsized_exchange(id);
            let frame = self.make_answer(exchange, answer, &position, messages);
            self.note_answer(id, Status::OK, "", now);
            self.push(id, frame, now);
            return self.end_exchange(id, now);
        }
        self.answer_replay(id, answer, &position, stretches, now);
    }

    /// 200 with header, any number of old messages and footer. It is not compressed: that would take all
    /// of it at once.
    fn answer_replay(
        &mut self,
        id: u32,
        answer: &Answer<'_>,
        position: &Position,
        stretches: Vec<Stretch>,
        now: Now,
    ) {
        let exchange = self.begin_unsized_exchange(id);
        let coding = exchange.coding();
        let (mut begin, mut end) = (Vec::new(), Vec::new());
        let compressor = self.formats.compressor();
        answer.write_beginning(coding, compressor, &mut begin);
        answer.write_end(coding, compressor, &mut end);
        end.extend_from_slice(coding.end());
        let dressing = match answer.callback {
            Some(_) => Dressing::Listed { coding, is_first: true },
            None => Dressing::None,
        };
        let format = answer.location.format(Wire::Body(coding));
        let replay = Replay::new(format, stretches, dressing);
        let response = self.begin_unsized(exchange, answer.content_type, false);
        self.note_answer(id, Status::OK, "", now);
        self.push(id, finish_head(response, answer, position).finish_with(&begin).into(), now);
        self.begin_feed(id, Feed::Replay(replay), now);
        self.push(id, end.into(), now);
        self.end_exchange(id, now);
    }

    /// 304.
    fn answer_nothing(&mut self, id: u32, answer: &Answer<'_>, position: &Position, now: Now) {
        let response = Response::titled(Status::NOT_MODIFIED)
            .field("Content-Type", answer.content_type)
            .number("Content-Length", 0);
        let response = finish_head(response, answer, position);
        self.respond(id, response, b"", now);
    }

    /// 200 with header, messages and footer. A message may come with its encoding for this request's own
    /// coding; others are encoded here.
    fn make_answer<'a>(
        &mut self,
        exchange: Exchange,
        answer: &Answer<'_>,
        position: &Position,
        messages: impl Iterator<Item = (&'a Message, Option<Frame>)>,
    ) -> Frame {
        let gzip = &answer.location.settings.gzip;
        let is_gzipped = answer.is_compressed();
        let response = self.begin_unsized(exchange, answer.content_type, is_gzipped);
        let mut bytes = finish_head(response, answer, position).finish();
        let coding = exchange.coding();
        if is_gzipped {
            // The items are compressed together, and make one chunk.
            let mut body = Vec::new();
            self.write_items(
                answer,
                Coding::Identity,
                messages.map(|(message, _)| (message, None)),
                &mut body,
            );
            let compressor = self.formats.compressor();
            let packed = gzip_stream::whole(&body, gzip.level, compressor);
            coding.write(&packed, compressor, &mut bytes);
        } else {
            self.write_items(answer, coding, messages, &mut bytes);
        }
        bytes.extend_from_slice(coding.end());
        bytes.into()
    }

    /// A compressed JSONP answer with one message. Only the name of the function differs from one client to
    /// the next: it is not compressed, and all else is compressed once for all of them.
    fn make_packed_call(
        &mut self,
        exchange: Exchange,
        answer: &Answer<'_>,
        position: &Position,
        message: &Encoded,
    ) -> Frame {
        let (mut body, mut said) = (gzip_stream::begin().to_vec(), Crc::new());
        let shared = |item: &Encoded, body: &mut Vec<u8>, said: &mut Crc| {
            body.extend_from_slice(&item.frame);
            item.check_sum.iter().for_each(|sum| said.combine(sum));
        };
        let own = |text: &[u8], body: &mut Vec<u8>, said: &mut Crc| {
            gzip_stream::write_stored(text, body);
            said.update(text);
        };
        let wire = Wire::Body(Coding::Piece);
        shared(answer.location.first_item(wire), &mut body, &mut said);
        let call = [answer.callback.as_deref().unwrap_or_default(), b"(["].concat();
        own(&call, &mut body, &mut said);
        shared(message, &mut body, &mut said);
        own(b"]);", &mut body, &mut said);
        shared(answer.location.last_item(wire), &mut body, &mut said);
        body.extend_from_slice(&gzip_stream::end(&said));
        let response = self.begin_unsized(exchange, answer.content_type, true);
        let mut bytes = finish_head(response, answer, position).finish();
        let coding = exchange.coding();
        coding.write(&body, self.formats.compressor(), &mut bytes);
        bytes.extend_from_slice(coding.end());
        bytes.into()
    }

    /// Section 13: what is before the messages, they themselves, what is behind them.
    fn write_items<'a>(
        &mut self,
        answer: &Answer<'_>,
        coding: Coding,
        messages: impl Iterator<Item = (&'a Message, Option<Frame>)>,
        out: &mut Vec<u8>,
    ) {
        let format = answer.location.format(Wire::Body(coding));
        answer.write_beginning(coding, self.formats.compressor(), out);
        for (index, (message, encoded)) in messages.enumerate() {
            if answer.callback.is_some() && index > 0 {
                coding.write(b",", self.formats.compressor(), out);
            }
            match encoded {
                Some(frame) => out.extend_from_slice(&frame),
                None => _ = self.formats.write(format, message, out, None),
            }
        }
        answer.write_end(coding, self.formats.compressor(), out);
    }

    /// Section 12.2: the connection waits for the next message.
    pub(super) fn begin_waiting(&mut self, id: u32, asked: &Asked<'_>, now: Now) {
        let location = asked.location.clone();
        let wire = Wire::Body(self.connections[id as usize].exchange.coding());
        let ttl = location.settings.subscriber.longpolling_connection_ttl;
        let subscriber = Subscriber {
            format: location.format(wire),
            wire,
            transport: Transport::LongPoll(Answer::of(asked).into_waiting()),
            next_beat: Millis::NEVER,
            ends_at: ttl.map_or(Millis::NEVER, |ttl| now.monotonic + ttl),
            location: Some(location),
        };
        self.begin_subscriber(id, subscriber);
    }

    /// A waiting request gets a publication, and is over.
    pub(in crate::server) fn answer_with_publication(
        &mut self,
        id: u32,
        channel: ChannelId,
        sequence: u64,
        now: Now,
    ) {
        let Some(waited) = self.end_waiting(id) else { return };
        let exchange = self.begin_unsized_exchange(id);
        let Some(pending) = self.fanout.entry(channel, sequence) else { return };
        let is_for = |answer: &&SharedAnswer| answer.is_for(&waited, exchange, &self.date);
        let frame = match pending.answers.iter().find(is_for) {
            Some(answer) => answer.frame.clone(),
            None => self.make_shared_answer(waited, exchange, channel, sequence),
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

    fn make_shared_answer(
        &mut self,
        waited: Waited,
        exchange: Exchange,
        channel: ChannelId,
        sequence: u64,
    ) -> Frame {
        let answer = Answer::after_waiting(&waited);
        let is_packed_call = answer.callback.is_some() && answer.is_compressed();
        let coding = if is_packed_call { Coding::Piece } else { exchange.coding() };
        let format = waited.location.format(Wire::Body(coding));
        let pending = self.fanout.entry(channel, sequence);
        let publication = &mut pending.expect("it is being delivered").publication;
        let message = publication.message.clone();
        let encoded = publication.encoded(format, &mut self.formats, &mut 0).cloned();
        let position = Position { time: Some(message.time), tag: Some(message.tag) };
        if let (true, Some(encoded)) = (is_packed_call, &encoded) {
            self.fanout.recount(channel, sequence);
            return self.make_packed_call(exchange, &answer, &position, encoded);
        }
        let encoded = encoded.map(|encoded| encoded.frame);
        let messages = std::iter::once((&*message, encoded));
        let frame = self.make_answer(exchange, &answer, &position, messages);
        // Names of JSONP functions differ from client to client, so that such an answer is never
        // shared.
        if answer.callback.is_none()
            && let Some(pending) = self.fanout.entry(channel, sequence)
        {
            let (date, frame) = (self.date, frame.clone());
            pending.answers.retain(|answer| answer.date == date);
            if pending.answers.len() < SHARED_ANSWERS_MAX {
                pending.answers.push(SharedAnswer { waited, exchange, date, frame });
            }
        }
        self.fanout.recount(channel, sequence);
        frame
    }

    /// A waiting request gets a special message, and is over.
    pub(in crate::server) fn answer_waiting(&mut self, id: u32, message: &Message, now: Now) {
        let Some(waited) = self.end_waiting(id) else { return };
        let exchange = self.begin_unsized_exchange(id);
        let answer = Answer::after_waiting(&waited);
        let position = self.position(now);
        let frame =
            self.make_answer(exchange, &answer, &position, std::iter::once((message, None)));
        self.note_answer(id, Status::OK, "", now);
        self.push(id, frame, now);
        self.end_exchange(id, now);
        self.resume(id);
    }

    /// Section 12.3: time over, or the server stops.
    pub(in crate::server) fn time_out_waiting(&mut self, id: u32, now: Now) {
        if self.config.push_stream.timeout_with_body {
            let message = Message::special(Message::TIMED_OUT, Rc::from([]), b"Timed out");
            return self.answer_waiting(id, &message, now);
        }
        let Some(waited) = self.end_waiting(id) else { return };
        let answer = Answer::after_waiting(&waited);
        let position = self.position(now);
        self.answer_nothing(id, &answer, &position, now);
        self.resume(id);
    }

    /// Where a request goes on that has waited in vain: behind everything published so far. Messages keep
    /// their order when the clock is set back, so they may be later than its time.
    fn position(&self, now: Now) -> Position {
        let (time, tag) = self.hub.position(now);
        Position { time: Some(time), tag: Some(tag) }
    }

    fn end_waiting(&mut self, id: u32) -> Option<Waited> {
        let phase = &mut self.connections[id as usize].phase;
        let Phase::Subscriber(subscriber) = phase else { return None };
        let Transport::LongPoll(waiting) = &mut subscriber.transport else { return None };
        let (waiting, location) = (waiting.take(), subscriber.location.clone()?);
        self.leave(id);
        Some(Waited { location, waiting })
    }
}

/// The messages of an answer, if compressing it as a whole takes little of a turn.
fn compressible<'a>(
    messages: impl Iterator<Item = &'a Rc<Message>>,
    bytes_max: usize,
) -> Option<Vec<Rc<Message>>> {
    let mut bytes = 0;
    let mut all = Vec::new();
    for message in messages {
        bytes += message.text.len() + MESSAGE_OVERHEAD;
        if bytes > bytes_max {
            return None;
        }
        all.push(message.clone());
    }
    Some(all)
}

/// What every answer has: CORS, Expires, Cache-Control and where to go on.
fn finish_head(response: Response, answer: &Answer<'_>, position: &Position) -> Response {
    let mut response = response;
    if let Some(time) = position.time {
        response = response.field("Last-Modified", http_date::format(time));
    }
    let mut response = no_cache(cors(response, answer.origin, "GET"));
    if let Some(tag) = position.tag {
        response = response.field("Etag", format!("W/{tag}"));
    }
    response
}
