//! Polling and long-polling answers: complete responses that contain messages (push-stream spec,
//! sections 11 to 13).

use super::{cors, no_cache};
use crate::compression::Compressor;
use crate::config::{self, Mode, Role};
use crate::http::{Date, Exchange, HeaderValue, Response, Status};
use crate::message::Message;
use crate::time::http_date;
use crate::transports::{
    Coding, Encoded, FormatId, Formats, Frame, LongPollAnswers, Position, Publication, Waited,
    Waiting, gzip_stream,
};
use flate2::Crc;
use std::borrow::Cow;
use std::rc::Rc;

/// The parts that all answers of one location share.
pub struct Answers {
    pub(super) settings: Rc<config::Location>,
    /// Whether `Access-Control-Allow-Origin` depends on the request.
    pub(super) has_varying_origin: bool,
    /// `Access-Control-Allow-Origin`, if it is the same for all requests; empty: no CORS headers.
    pub(super) constant_origin: Option<HeaderValue>,
    pub(super) chunked: Items,
    pub(super) identity: Items,
    pub(super) pieces: Option<Items>,
}

/// The encoded items of answers in one coding.
pub(super) struct Items {
    /// The wire format of the messages.
    pub(super) format: FormatId,
    /// Sent before the messages; empty: nothing.
    pub(super) header: Encoded,
    /// Sent after the messages; empty: nothing.
    pub(super) footer: Encoded,
}

/// One polling or long-polling answer, without its messages.
pub struct Answer<'a> {
    pub(super) answers: &'a Answers,
    pub(super) content_type: &'a str,
    pub(super) callback: Option<Cow<'a, [u8]>>,
    pub(super) origin: Option<&'a HeaderValue>,
    /// Whether the client accepts gzip.
    pub(super) is_gzipped: bool,
}

impl Answers {
    fn items(&self, coding: Coding) -> &Items {
        match coding {
            Coding::Chunked => &self.chunked,
            Coding::Identity => &self.identity,
            Coding::Piece => self.pieces.as_ref().expect("only gzip locations compress"),
            Coding::Gzip => unreachable!("only streams are compressed item by item"),
        }
    }
}

impl<'a> Answer<'a> {
    /// The answer to a long-polling request that has waited.
    fn after_waiting(answers: &'a Answers, waited: &Waited<'a>) -> Answer<'a> {
        let waiting = waited.waiting;
        let is_event_source = answers.settings.role == Role::Subscriber(Mode::EventSource);
        let callback = waiting.and_then(|waiting| waiting.callback.as_deref());
        let content_type = match (callback, is_event_source) {
            // Section 8.1: after waiting, an EventSource location answers with its own type.
            (None, true) => "text/event-stream; charset=utf-8",
            _ => waiting
                .and_then(|waiting| waiting.content_type.as_deref())
                .unwrap_or(&answers.settings.default_type),
        };
        let constant = answers.constant_origin.as_ref().filter(|origin| !origin.is_empty());
        Answer {
            content_type,
            callback: callback.map(Cow::Borrowed),
            origin: waiting.and_then(|waiting| waiting.origin.as_ref()).or(constant),
            is_gzipped: waiting.is_some_and(|waiting| waiting.is_gzipped),
            answers,
        }
    }

    /// What has to be stored with a waiting request; `None` if its answer depends only on the
    /// location.
    pub fn into_waiting(self) -> Option<Box<Waiting>> {
        let is_ordinary = self.content_type == self.answers.settings.default_type;
        let waiting = Waiting {
            fields: Vec::new(),
            content_type: (!is_ordinary).then(|| self.content_type.to_owned()),
            callback: self.callback.map(Cow::into_owned),
            origin: self.origin.filter(|_| self.answers.has_varying_origin).cloned(),
            is_gzipped: self.is_gzipped,
        };
        (waiting != Waiting::default()).then(|| Box::new(waiting))
    }

    /// Whether the client accepts gzip.
    pub fn is_gzipped(&self) -> bool {
        self.is_gzipped
    }

    /// Whether this is JSONP: the messages are an argument of a function call.
    pub fn is_jsonp(&self) -> bool {
        self.callback.is_some()
    }

    /// The wire format of the messages.
    pub fn format(&self, coding: Coding) -> FormatId {
        self.answers.items(coding).format
    }

    /// Whether the client accepts gzip and the location compresses this content type.
    fn is_compressed(&self) -> bool {
        self.is_gzipped && self.answers.settings.gzip.covers_type(self.content_type)
    }

    /// Writes what precedes the messages: the header and, for JSONP, the start of the call
    /// (section 13).
    pub fn write_beginning(&self, coding: Coding, compressor: &mut Compressor, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.answers.items(coding).header.frame);
        if let Some(callback) = &self.callback {
            coding.write(callback, compressor, out);
            coding.write(b"([", compressor, out);
        }
    }

    /// Writes what follows the messages: for JSONP, the end of the call, and the footer.
    pub fn write_end(&self, coding: Coding, compressor: &mut Compressor, out: &mut Vec<u8>) {
        if self.callback.is_some() {
            coding.write(b"]);", compressor, out);
        }
        out.extend_from_slice(&self.answers.items(coding).footer.frame);
    }

    /// The head of an uncompressed 200.
    pub fn head(&self, exchange: Exchange, date: &Date, position: Position) -> Response {
        let response = begin_unsized(exchange, date, self.content_type, false);
        self.finish_head(response, position)
    }

    /// A 304, without the fields that every response has.
    pub fn not_modified(&self, position: Position) -> Response {
        let response = Response::titled(Status::NOT_MODIFIED)
            .field("Content-Type", self.content_type)
            .number("Content-Length", 0);
        self.finish_head(response, position)
    }

    /// Adds the fields of every answer: CORS, Expires, Cache-Control, and the position from which
    /// the client's next request continues.
    fn finish_head(&self, mut response: Response, position: Position) -> Response {
        if let Some(time) = position.time {
            response = response.field("Last-Modified", http_date::format(time));
        }
        response = no_cache(cors(response, self.origin, "GET"));
        match position.tag {
            Some(tag) => response.field("Etag", format!("W/{tag}")),
            None => response,
        }
    }

    /// A 200 with header, messages and footer. A message may be given with its encoding in the
    /// coding of this exchange; otherwise it is encoded here.
    pub fn make<'m>(
        &self,
        exchange: Exchange,
        date: &Date,
        position: Position,
        messages: impl Iterator<Item = (&'m Message, Option<Frame>)>,
        formats: &mut Formats,
    ) -> Frame {
        let is_compressed = self.is_compressed();
        let response = begin_unsized(exchange, date, self.content_type, is_compressed);
        let mut bytes = self.finish_head(response, position).finish();
        let coding = Coding::of(exchange);
        if is_compressed {
            // All items are compressed together and sent as one chunk.
            let mut body = Vec::new();
            let messages = messages.map(|(message, _)| (message, None));
            self.write_items(Coding::Identity, messages, formats, &mut body);
            let compressor = formats.compressor();
            let compressed =
                gzip_stream::whole(&body, self.answers.settings.gzip.level, compressor);
            coding.write(&compressed, compressor, &mut bytes);
        } else {
            self.write_items(coding, messages, formats, &mut bytes);
        }
        bytes.extend_from_slice(coding.end());
        bytes.into()
    }

    /// A compressed JSONP answer with one message. Only the function name differs between clients:
    /// it is stored uncompressed, and the other pieces are compressed once and shared.
    fn make_compressed_jsonp(
        &self,
        waited: &Waited<'_>,
        position: Position,
        message: &Encoded,
        formats: &mut Formats,
    ) -> Frame {
        let (mut body, mut sum) = (gzip_stream::begin().to_vec(), Crc::new());
        let shared = |item: &Encoded, body: &mut Vec<u8>, sum: &mut Crc| {
            body.extend_from_slice(&item.frame);
            item.checksum.iter().for_each(|part| sum.combine(part));
        };
        let own = |text: &[u8], body: &mut Vec<u8>, sum: &mut Crc| {
            gzip_stream::write_stored(text, body);
            sum.update(text);
        };
        let items = self.answers.items(Coding::Piece);
        shared(&items.header, &mut body, &mut sum);
        let call = [self.callback.as_deref().unwrap_or_default(), b"(["].concat();
        own(&call, &mut body, &mut sum);
        shared(message, &mut body, &mut sum);
        own(b"]);", &mut body, &mut sum);
        shared(&items.footer, &mut body, &mut sum);
        body.extend_from_slice(&gzip_stream::end(&sum));
        let response = begin_unsized(waited.exchange, waited.date, self.content_type, true);
        let mut bytes = self.finish_head(response, position).finish();
        let coding = Coding::of(waited.exchange);
        coding.write(&body, formats.compressor(), &mut bytes);
        bytes.extend_from_slice(coding.end());
        bytes.into()
    }

    /// Writes the body: what precedes the messages, the messages, what follows them (section 13).
    fn write_items<'m>(
        &self,
        coding: Coding,
        messages: impl Iterator<Item = (&'m Message, Option<Frame>)>,
        formats: &mut Formats,
        out: &mut Vec<u8>,
    ) {
        let format = self.format(coding);
        self.write_beginning(coding, formats.compressor(), out);
        for (index, (message, encoded)) in messages.enumerate() {
            if self.is_jsonp() && index > 0 {
                coding.write(b",", formats.compressor(), out);
            }
            match encoded {
                Some(frame) => out.extend_from_slice(&frame),
                None => _ = formats.write(format, message, out, None),
            }
        }
        self.write_end(coding, formats.compressor(), out);
    }
}

impl LongPollAnswers for Answers {
    fn formats(&self) -> Vec<FormatId> {
        let all = [Some(&self.chunked), Some(&self.identity), self.pieces.as_ref()];
        all.into_iter().flatten().map(|items| items.format).collect()
    }

    fn published(
        &self,
        waited: &Waited<'_>,
        publication: &mut Publication,
        formats: &mut Formats,
    ) -> Frame {
        let answer = Answer::after_waiting(self, waited);
        let is_compressed_jsonp = answer.is_jsonp() && answer.is_compressed();
        let coding = if is_compressed_jsonp { Coding::Piece } else { Coding::of(waited.exchange) };
        let message = publication.message.clone();
        let encoded = publication.encoded(answer.format(coding), formats, &mut 0).cloned();
        let position = Position { time: Some(message.time), tag: Some(message.tag) };
        if let (true, Some(encoded)) = (is_compressed_jsonp, &encoded) {
            return answer.make_compressed_jsonp(waited, position, encoded, formats);
        }
        let encoded = encoded.map(|encoded| encoded.frame);
        let messages = std::iter::once((&*message, encoded));
        answer.make(waited.exchange, waited.date, position, messages, formats)
    }

    fn special_message(
        &self,
        waited: &Waited<'_>,
        position: Position,
        message: &Message,
        formats: &mut Formats,
    ) -> Frame {
        let answer = Answer::after_waiting(self, waited);
        let messages = std::iter::once((message, None));
        answer.make(waited.exchange, waited.date, position, messages, formats)
    }

    fn not_modified(&self, waited: &Waited<'_>, position: Position) -> Frame {
        let exchange = waited.exchange;
        let response = Answer::after_waiting(self, waited).not_modified(position).date(waited.date);
        response.connection(exchange).finish().into()
    }
}

/// Begins the head of a 200 whose body has no known length. The caller adds the fields of its role.
pub fn begin_unsized(
    exchange: Exchange,
    date: &Date,
    content_type: &str,
    is_compressed: bool,
) -> Response {
    let response = Response::titled(Status::OK).date(date).field("Content-Type", content_type);
    let mut response = response.transfer_encoding(exchange);
    if is_compressed {
        response = response.field("Content-Encoding", "gzip");
    }
    response.connection(exchange)
}
