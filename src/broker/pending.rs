//! A publication on its way to the members of its channel, with everything that was made of it.

use crate::message::Message;
use crate::transports::{Encoded, EndedWait, FormatId, Formats, Frame, Publication, SharedAnswer};
use std::rc::Rc;

/// Answers to one publication that are kept for sharing. More kinds of waiting requests on a
/// channel are rare.
const SHARED_ANSWERS_MAX: usize = 8;

/// About what a publication takes besides its text, so that many small ones are bounded too.
pub(crate) const PUBLICATION_COST: usize = 256;

/// A publication that some members may not have taken yet.
pub(crate) struct Pending {
    pub(crate) sequence: u64,
    pub(crate) publication: Publication,
    /// Its long-polling answers.
    pub(crate) answers: Vec<SharedAnswer>,
    /// What the backlog counts for it.
    pub(crate) cost: usize,
    /// About the most that it takes in a member's queue.
    pub(crate) queue_bytes: usize,
}

impl Pending {
    pub(crate) fn new(sequence: u64, message: Rc<Message>, queue_bytes: usize) -> Pending {
        let cost = PUBLICATION_COST + message.text.len();
        let (publication, answers) = (Publication::new(message), Vec::new());
        Pending { sequence, publication, answers, cost, queue_bytes }
    }

    /// The publication in this format; the bytes of an encoding made now are added to `made`.
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

    /// The answer to a request that has waited for it.
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

    /// Its text, the encodings made of it and its answers.
    pub(crate) fn actual_cost(&self) -> usize {
        let answers: usize = self.answers.iter().map(SharedAnswer::bytes).sum();
        let text_bytes = self.publication.message.text.len();
        PUBLICATION_COST + text_bytes + self.publication.made_bytes() + answers
    }
}
