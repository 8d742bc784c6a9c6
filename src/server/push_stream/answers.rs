//! Answers of polling and long-polling: whole responses with the messages in them (push-stream spec,
//! sections 11 to 13).

use super::{Asked, cors, gzip};
use crate::endpoints::push_stream::{Location, Wire, no_cache, subscriber};
use crate::http::{Response, Status};
use crate::message::Message;
use crate::server::Server;
use crate::server::connection::{Phase, Subscriber, Transport, Waiting};
use crate::time::{Millis, Now, http_date};
use crate::transports::{Coding, Frame};
use std::rc::Rc;

/// What a polling or long-polling answer looks like, apart from its messages.
pub(super) struct Answer {
    location: Rc<Location>,
    content_type: String,
    callback: Option<Vec<u8>>,
    origin: Option<Frame>,
    is_gzipped: bool,
}

/// The (time, tag) that an answer announces.
struct Position {
    time: Option<u64>,
    tag: Option<i64>,
}

impl Answer {
    /// As the request wants it.
    pub(super) fn of(asked: &Asked<'_>) -> Answer {
        let callback = subscriber::callback(asked.request);
        let content_type = match callback {
            Some(_) => "application/javascript",
            None => asked.location.content_type(asked.request.path),
        };
        Answer {
            content_type: content_type.to_owned(),
            callback,
            origin: asked.origin.clone(),
            is_gzipped: gzip::is_accepted(&asked.location.settings.gzip, asked.request.head),
            location: asked.location.clone(),
        }
    }

    /// What a waiting request has to remember; nothing if it is answered just as its location says.
    fn into_waiting(self) -> Option<Box<Waiting>> {
        let settings = &self.location.settings;
        let is_constant =
            settings.allowed_origins.as_ref().is_none_or(|origins| origins.constant().is_some());
        let ordinary = Location::content_type(&self.location, b"");
        let waiting = Waiting {
            content_type: (self.content_type != ordinary).then_some(self.content_type),
            callback: self.callback,
            origin: if is_constant { None } else { self.origin },
            is_gzipped: self.is_gzipped,
        };
        (waiting != Waiting::default()).then(|| Box::new(waiting))
    }

    /// The answer to a request that has waited at this location.
    fn after_waiting(location: Rc<Location>, waiting: Option<Box<Waiting>>) -> Answer {
        let waiting = waiting.map_or_else(Waiting::default, |waiting| *waiting);
        let content_type = match (&waiting.callback, location.is_event_source()) {
            // Section 8.1: having waited at an EventSource location gives its type.
            (None, true) => "text/event-stream; charset=utf-8".to_owned(),
            _ => waiting.content_type.unwrap_or_else(|| location.settings.default_type.clone()),
        };
        let constant = location.settings.allowed_origins.as_ref();
        let constant = constant.and_then(|origins| origins.constant()).map(Frame::from);
        Answer {
            content_type,
            callback: waiting.callback,
            origin: waiting.origin.or(constant.filter(|origin| !origin.is_empty())),
            is_gzipped: waiting.is_gzipped,
            location,
        }
    }
}

impl Server {
    /// Section 11, and 12.1.
    pub(super) fn answer_at_once(
        &mut self,
        id: u32,
        answer: &Answer,
        messages: &[Rc<Message>],
        seen: &subscriber::Seen,
        now: Now,
    ) {
        if messages.is_empty() {
            let position =
                Position { time: seen.time.filter(|time| *time > 0), tag: seen.tag.map(i64::from) };
            return self.answer_nothing(id, answer, &position, now);
        }
        let asked = (
            seen.time.unwrap_or(0),
            seen.tag.filter(|_| seen.time.is_some()).map_or(-1, i64::from),
        );
        let last = messages.iter().map(|message| (message.time, i64::from(message.tag)));
        let (time, tag) = last.chain([asked]).max().unwrap_or(asked);
        let position = Position { time: Some(time), tag: Some(tag) };
        let messages = messages.iter().map(|message| (&**message, None));
        self.answer_with(id, answer, &position, messages, now);
    }

    /// 304.
    fn answer_nothing(&mut self, id: u32, answer: &Answer, position: &Position, now: Now) {
        let response = Response::titled(Status::NOT_MODIFIED)
            .field("Content-Type", &answer.content_type)
            .number("Content-Length", 0);
        let response = finish_head(response, answer, position);
        self.respond(id, response, b"", now);
    }

    /// 200 with header, messages and footer. A message may come with its encoding for this request's own
    /// coding; others are encoded here.
    fn answer_with<'a>(
        &mut self,
        id: u32,
        answer: &Answer,
        position: &Position,
        messages: impl Iterator<Item = (&'a Message, Option<Frame>)>,
        now: Now,
    ) {
        let exchange = &mut self.connections[id as usize].exchange;
        exchange.keeps_alive &= !exchange.is_http_1_0;
        let exchange = *exchange;
        let gzip = &answer.location.settings.gzip;
        let is_gzipped = answer.is_gzipped && gzip.covers_type(&answer.content_type);
        let response = self.begin_unsized(exchange, &answer.content_type, is_gzipped);
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
            coding.write(&gzip::compress(gzip, &body), &mut bytes);
        } else {
            self.write_items(answer, coding, messages, &mut bytes);
        }
        bytes.extend_from_slice(coding.end());
        self.push(id, bytes.into(), now);
        self.end_exchange(id, now);
    }

    /// Section 13: header, messages, with JSONP the call around them, footer.
    fn write_items<'a>(
        &mut self,
        answer: &Answer,
        coding: Coding,
        messages: impl Iterator<Item = (&'a Message, Option<Frame>)>,
        out: &mut Vec<u8>,
    ) {
        let wire = Wire::Body(coding);
        let location = &answer.location;
        out.extend_from_slice(&location.first_item(wire).frame);
        if let Some(callback) = &answer.callback {
            coding.write(callback, out);
            coding.write(b"([", out);
        }
        for (index, (message, encoded)) in messages.enumerate() {
            if answer.callback.is_some() && index > 0 {
                coding.write(b",", out);
            }
            match encoded {
                Some(frame) => out.extend_from_slice(&frame),
                None => _ = self.formats.write(location.format(wire), message, out),
            }
        }
        if answer.callback.is_some() {
            coding.write(b"]);", out);
        }
        out.extend_from_slice(&location.last_item(wire).frame);
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
            padding: 0,
            next_beat: Millis::NEVER,
            ends_at: ttl.map_or(Millis::NEVER, |ttl| now.monotonic + ttl),
            location: Some(location),
        };
        self.begin_subscriber(id, subscriber);
    }

    /// A waiting request gets its message, and is over.
    pub(in crate::server) fn answer_waiting(
        &mut self,
        id: u32,
        message: &Message,
        encoded: Option<Frame>,
        now: Now,
    ) {
        let Some(answer) = self.end_waiting(id) else { return };
        let is_special = message.id < 0;
        let position = match is_special {
            true => Position { time: Some(now.unix_seconds()), tag: Some(0) },
            false => Position { time: Some(message.time), tag: Some(i64::from(message.tag)) },
        };
        self.counters.deliveries_total += u64::from(!is_special);
        let messages = std::iter::once((message, encoded));
        self.answer_with(id, &answer, &position, messages, now);
        self.resume(id);
    }

    /// Section 12.3: time over, or the server stops.
    pub(in crate::server) fn time_out_waiting(&mut self, id: u32, now: Now) {
        if self.config.push_stream.timeout_with_body {
            let message = Message::special(Message::TIMED_OUT, Rc::from([]), b"Timed out");
            return self.answer_waiting(id, &message, None, now);
        }
        let Some(answer) = self.end_waiting(id) else { return };
        let position = Position { time: Some(now.unix_seconds()), tag: Some(0) };
        self.answer_nothing(id, &answer, &position, now);
        self.resume(id);
    }

    fn end_waiting(&mut self, id: u32) -> Option<Answer> {
        let phase = &mut self.connections[id as usize].phase;
        let Phase::Subscriber(subscriber) = phase else { return None };
        let Transport::LongPoll(waiting) = &mut subscriber.transport else { return None };
        let waiting = waiting.take();
        let location = subscriber.location.clone()?;
        self.leave(id);
        Some(Answer::after_waiting(location, waiting))
    }
}

/// What every answer has: CORS, Expires, Cache-Control and where to go on.
fn finish_head(response: Response, answer: &Answer, position: &Position) -> Response {
    let mut response = response;
    if let Some(time) = position.time {
        response = response.field("Last-Modified", http_date::format(time));
    }
    let mut response = no_cache(cors(response, answer.origin.as_ref(), "GET"));
    if let Some(tag) = position.tag {
        response = response.field("Etag", format!("W/{tag}"));
    }
    response
}
