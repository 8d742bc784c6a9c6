//! A pending publication with its encodings and answers.

use crate::hub::SubscriberId;
use crate::message::Message;
use crate::transports::{Encoded, EndedWait, FormatId, Formats, Frame, Publication, SharedAnswer};
use std::rc::Rc;

/// Maximum number of answers with one publication that are kept for sharing. It is rare that a
/// channel has more kinds of waiting requests.
const SHARED_ANSWERS_MAX: usize = 8;

/// Approximate memory of a publication besides its text, so that many small ones are bounded too.
pub(crate) const PUBLICATION_COST: usize = 256;

/// A publication that has not been delivered to all members of its channel.
pub(crate) struct Pending {
    /// Its number in the order of publication over all channels.
    pub(crate) sequence: u64,
    pub(crate) publication: Publication,
    /// Long-polling answers with it, kept for sharing.
    pub(crate) answers: Vec<SharedAnswer>,
    /// What the backlog counts for it.
    pub(crate) cost: usize,
    /// A member that does not get it.
    pub(crate) except: Option<SubscriberId>,
    /// Approximate upper bound of its cost in a member's queue.
    pub(crate) queue_bytes: usize,
}

impl Pending {
    /// A publication without encodings.
    pub(crate) fn new(sequence: u64, message: Rc<Message>, queue_bytes: usize) -> Pending {
        let cost = PUBLICATION_COST + message.text.len();
        let (publication, answers) = (Publication::new(message), Vec::new());
        Pending { sequence, publication, answers, cost, except: None, queue_bytes }
    }

    /// The publication in this format; `None`: the format cannot hold it. If it is encoded now, its
    /// length is added to `made`.
    pub(crate) fn encoded(
        &mut self,
        format: FormatId,
        formats: &mut Formats,
        made: &mut usize,
    ) -> Option<&Encoded> {
        let mut own = 0;
        let encoded = self.publication.encoded(format, formats, &mut own);
        self.cost += own;
        *made += own;
        encoded
    }

    /// The answer to a long-polling request with this publication. All requests that waited alike
    /// share one, made for the first of them.
    pub(crate) fn answer(&mut self, ended: EndedWait, formats: &mut Formats) -> Frame {
        if let Some(frame) = self.answers.iter().find_map(|answer| answer.for_request(&ended)) {
            return frame;
        }
        let frame = ended.published(&mut self.publication, formats);
        if ended.is_shareable() {
            self.answers.retain(|answer| answer.is_of_same_date(&ended));
            if self.answers.len() < SHARED_ANSWERS_MAX {
                self.answers.push(SharedAnswer::new(ended, frame.clone()));
            }
        }
        frame
    }

    /// What the backlog should count now: the text, the encodings and the answers.
    pub(crate) fn actual_cost(&self) -> usize {
        let answers: usize = self.answers.iter().map(SharedAnswer::bytes).sum();
        let text_bytes = self.publication.message.text.len();
        PUBLICATION_COST + text_bytes + self.publication.made_bytes() + answers
    }
}
