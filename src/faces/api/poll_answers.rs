//! The answers to polling requests that have waited.

use super::fields::no_cache;
use crate::http::{Exchange, Response, Status};
use crate::message::Message;
use crate::transports::{
    Coding, FormatId, Formats, Frame, LongPollAnswers, Position, Publication, Waited,
};

/// The beginning of an answer, without what frames it.
pub(super) fn poll_response() -> Response {
    no_cache(Response::new(Status::OK).field("content-type", "application/json"))
        .field("x-content-type-options", "nosniff")
}

/// Answers to requests that have waited: a list of messages, mostly of one.
pub(super) struct PollAnswers {
    /// A message as element of a list.
    pub(super) listed: FormatId,
    /// The same, in a chunk.
    pub(super) chunked: FormatId,
}

impl PollAnswers {
    fn answer(&self, waited: &Waited<'_>, messages: &[Frame]) -> Frame {
        let mut body = format!("{{\"cursor\":\"{}\",\"messages\":[", waited.cursor).into_bytes();
        for (index, message) in messages.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            body.extend_from_slice(message);
        }
        body.extend_from_slice(b"]}");
        let fields = waited.waiting.map(|waiting| &waiting.fields[..]).unwrap_or_default();
        let response = poll_response().date(waited.date);
        let response =
            fields.iter().fold(response, |response, (name, value)| response.field(name, value));
        let response = response.content_length(body.len());
        let exchange = Exchange { is_head: false, ..waited.exchange };
        response.connection(exchange).finish_with(&body).into()
    }
}

impl LongPollAnswers for PollAnswers {
    fn formats(&self) -> Vec<FormatId> {
        vec![self.listed, self.chunked]
    }

    fn listed(&self, coding: Coding) -> Option<FormatId> {
        match coding {
            Coding::Chunked => Some(self.chunked),
            Coding::Identity | Coding::Gzip | Coding::Piece => Some(self.listed),
        }
    }

    fn list(&self, waited: &Waited<'_>, messages: &[Frame]) -> Frame {
        self.answer(waited, messages)
    }

    fn published(
        &self,
        waited: &Waited<'_>,
        publication: &mut Publication,
        formats: &mut Formats,
    ) -> Frame {
        let encoded = publication.encoded(self.listed, formats, &mut 0);
        let frames: Vec<Frame> = encoded.map(|one| one.frame.clone()).into_iter().collect();
        self.answer(waited, &frames)
    }

    /// A channel was deleted: the client asks again, and waits for the channel that may take its
    /// place.
    fn special_message(
        &self,
        waited: &Waited<'_>,
        _: Position,
        _: &Message,
        _: &mut Formats,
    ) -> Frame {
        self.answer(waited, &[])
    }

    fn not_modified(&self, waited: &Waited<'_>, _: Position) -> Frame {
        self.answer(waited, &[])
    }

    fn timed_out_status(&self) -> Status {
        Status::OK
    }
}
