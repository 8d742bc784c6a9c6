//! Long-polling requests that wait for a message, and what is needed to answer them (push-stream
//! spec, sections 12 and 13).

use super::publication::Publication;
use super::{FormatId, Formats, Frame};
use crate::http::{Date, Exchange, HeaderValue};
use crate::message::Message;

/// A waiting request that is not answered exactly as its location is configured.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// JSONP: the function to call.
    pub callback: Option<Vec<u8>>,
    /// The content type, where the path implies another one than the location's default.
    pub content_type: Option<String>,
    /// `Access-Control-Allow-Origin` where it depends on the request.
    pub origin: Option<HeaderValue>,
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
}
