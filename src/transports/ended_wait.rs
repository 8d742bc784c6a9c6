//! A long-polling request that has stopped waiting, and answers that several of them share.

use super::long_poll::{LongPollAnswers, Position, Waited, Waiting};
use super::profile::Profile;
use super::publication::Publication;
use super::{Formats, Frame};
use crate::http::{Date, Exchange, Status};
use crate::message::{Cursor, Message};
use std::rc::Rc;

/// A request that has stopped waiting, with everything that its answer depends on.
pub struct EndedWait {
    /// How the subscribers of its location are served.
    pub profile: Rc<Profile>,
    /// None: it is answered exactly as its location is configured.
    pub waiting: Option<Box<Waiting>>,
    /// The framing of the answer.
    pub exchange: Exchange,
    /// The answer's date.
    pub date: Date,
    /// Of a client that has been given every message published so far.
    pub cursor: Cursor,
}

impl EndedWait {
    fn answers(&self) -> &dyn LongPollAnswers {
        self.profile.long_poll.as_deref().expect("its location answers long-polling requests")
    }

    fn waited(&self) -> Waited<'_> {
        let waiting = self.waiting.as_deref();
        Waited { waiting, exchange: self.exchange, date: &self.date, cursor: self.cursor }
    }

    /// 200 with a published message.
    pub fn published(&self, publication: &mut Publication, formats: &mut Formats) -> Frame {
        self.answers().published(&self.waited(), publication, formats)
    }

    /// 200 with a message that was not published: a channel was deleted, or the time is over.
    pub fn special_message(
        &self,
        position: Position,
        message: &Message,
        formats: &mut Formats,
    ) -> Frame {
        self.answers().special_message(&self.waited(), position, message, formats)
    }

    /// 304: there was no message in time.
    pub fn not_modified(&self, position: Position) -> Frame {
        self.answers().not_modified(&self.waited(), position)
    }

    /// 200 with all messages that are pending.
    pub fn list(&self, messages: &[Frame]) -> Frame {
        self.answers().list(&self.waited(), messages)
    }

    /// The status of [`EndedWait::not_modified`].
    pub fn timed_out_status(&self) -> Status {
        self.answers().timed_out_status()
    }

    /// Whether its answer may be shared: names of JSONP functions differ from client to client.
    pub fn is_shareable(&self) -> bool {
        self.waiting.as_ref().is_none_or(|waiting| waiting.callback.is_none())
    }

    /// Whether both get the same bytes.
    fn is_answered_like(&self, other: &EndedWait) -> bool {
        Rc::ptr_eq(&self.profile, &other.profile)
            && self.waiting == other.waiting
            && self.exchange == other.exchange
            && self.date == other.date
    }
}

/// A whole answer to one publication. All requests that waited alike get the same bytes, made for
/// the first of them.
pub struct SharedAnswer {
    ended: EndedWait,
    frame: Frame,
}

impl SharedAnswer {
    /// The answer that was made for this request.
    pub fn new(ended: EndedWait, frame: Frame) -> SharedAnswer {
        SharedAnswer { ended, frame }
    }

    /// Bytes of it.
    pub fn bytes(&self) -> usize {
        self.frame.len()
    }

    /// The answer for another request, if it is the same.
    pub fn for_request(&self, ended: &EndedWait) -> Option<Frame> {
        self.ended.is_answered_like(ended).then(|| self.frame.clone())
    }

    /// Whether it was made in the same second as this request's answer.
    pub fn is_of_same_date(&self, ended: &EndedWait) -> bool {
        self.ended.date == ended.date
    }
}
