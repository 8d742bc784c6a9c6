//! Long-polling requests that wait for a message, and what is needed to answer them (push-stream
//! spec, sections 12 and 13).

use super::publication::Publication;
use super::{Coding, FormatId, Formats, Frame};
use crate::http::{Date, Exchange, HeaderValue, Status};
use crate::message::{Cursor, Message};

/// A waiting request that is not answered exactly as its location is configured.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// JSONP: the function to call.
    pub callback: Option<Vec<u8>>,
    /// The content type, where the path implies another one than the location's default.
    pub content_type: Option<String>,
    /// `Access-Control-Allow-Origin` where it depends on the request.
    pub origin: Option<HeaderValue>,
    /// Further fields of the answer.
    pub fields: Vec<(&'static str, HeaderValue)>,
    /// The answer is compressed.
    pub is_gzipped: bool,
}

/// A request that has waited, and what its answer depends on.
#[derive(Clone, Copy)]
pub struct Waited<'a> {
    /// None: it is answered exactly as its location is configured.
    pub waiting: Option<&'a Waiting>,
    /// The framing of the answer.
    pub exchange: Exchange,
    /// The answer's date.
    pub date: &'a Date,
    /// Of a client that has been given every message published so far.
    pub cursor: Cursor,
}

/// The (time, tag) that an answer announces: where the next request of the client goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Seconds since 1970.
    pub time: Option<u64>,
    /// Number of the message within its second.
    pub tag: Option<u32>,
}

/// Makes whole responses for requests that have waited.
pub trait LongPollAnswers {
    /// Every wire format that an answer may need.
    fn formats(&self) -> Vec<FormatId>;

    /// 200 with a published message.
    fn published(
        &self,
        waited: &Waited<'_>,
        publication: &mut Publication,
        formats: &mut Formats,
    ) -> Frame;

    /// 200 with a message that was not published: a channel was deleted, or the time is over.
    fn special_message(
        &self,
        waited: &Waited<'_>,
        position: Position,
        message: &Message,
        formats: &mut Formats,
    ) -> Frame;

    /// 304: there was no message in time.
    fn not_modified(&self, waited: &Waited<'_>, position: Position) -> Frame;

    /// The status of that answer.
    fn timed_out_status(&self) -> Status {
        Status::NOT_MODIFIED
    }

    /// The format of messages in a list. `None`: an answer has one message.
    fn listed(&self, _: Coding) -> Option<FormatId> {
        None
    }

    /// 200 with all messages that are pending, in the format of [`LongPollAnswers::listed`] without
    /// coding.
    fn list(&self, _: &Waited<'_>, _: &[Frame]) -> Frame {
        unreachable!("its answers have one message")
    }
}
