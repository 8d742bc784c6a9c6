//! A publication on its way to the members of its channel, with everything that was made of it.

use super::long_polling::SharedAnswer;
use crate::message::Message;
use crate::transports::{Encoded, FormatId, Formats, Publication};
use std::rc::Rc;

/// About what a publication takes besides its text, so that many small ones are bounded too.
pub(super) const PUBLICATION_COST: usize = 256;

/// A publication that some members may not have taken yet.
pub(super) struct Pending {
    pub(super) sequence: u64,
    pub(super) publication: Publication,
    /// Its long-polling answers.
    pub(super) answers: Vec<SharedAnswer>,
    /// What the backlog counts for it.
    pub(super) cost: usize,
    /// About the most that it takes in a member's queue.
    pub(super) queue_bytes: usize,
}

impl Pending {
    pub(super) fn new(sequence: u64, message: Rc<Message>, queue_bytes: usize) -> Pending {
        let cost = PUBLICATION_COST + message.text.len();
        let (publication, answers) = (Publication::new(message), Vec::new());
        Pending { sequence, publication, answers, cost, queue_bytes }
    }

    /// The publication in this format; the bytes of an encoding made now are added to `made`.
    pub(super) fn encoded(
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

    /// Its text, the encodings made of it and its answers.
    pub(super) fn actual_cost(&self) -> usize {
        let answers: usize = self.answers.iter().map(SharedAnswer::bytes).sum();
        let text_bytes = self.publication.message.text.len();
        PUBLICATION_COST + text_bytes + self.publication.made_bytes() + answers
    }
}
