//! What publications have come to, as the publisher gets to know it.

use crate::http::{Response, Status};
use crate::message::{Cursor, Epoch};
use crate::server::{Next, Outcome};

/// The results so far, as JSON without the brackets around them; `None`: they are not wanted.
pub(super) struct Results {
    text: Option<Vec<u8>>,
    epoch: Epoch,
}

impl Results {
    /// Results of one publication, with cursors of this epoch.
    pub(super) fn of(outcomes: &[Outcome], is_wanted: bool, epoch: Epoch) -> Results {
        let mut results = Results { text: is_wanted.then(Vec::new), epoch };
        results.add(outcomes);
        results
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.text.is_some()
    }

    /// Adds the results of one more publication.
    pub(super) fn add(&mut self, outcomes: &[Outcome]) {
        let Some(text) = &mut self.text else { return };
        for Outcome { channel, position, subscribers, is_duplicate } in outcomes {
            if !text.is_empty() {
                text.push(b',');
            }
            // Names of channels have no characters that need an escape.
            let channel = String::from_utf8_lossy(channel);
            let cursor = Cursor { epoch: self.epoch, position: *position };
            let duplicate = if *is_duplicate { ",\"duplicate\":true" } else { "" };
            text.extend_from_slice(
                format!(
                    "{{\"channel\":\"{channel}\",\"cursor\":\"{cursor}\",\
                     \"subscribers\":{subscribers}{duplicate}}}"
                )
                .as_bytes(),
            );
        }
    }

    /// Their memory.
    pub(super) fn bytes(&self) -> usize {
        self.text.as_ref().map_or(0, Vec::capacity)
    }

    /// The answer: 204, or 200 with the results.
    pub(super) fn answer(self) -> Next {
        let Some(results) = self.text else {
            return Next::Answer(Response::new(Status::NO_CONTENT), Vec::new());
        };
        let response = Response::new(Status::OK).field("content-type", "application/json");
        Next::Answer(response, [&b"{\"results\":["[..], &results, b"]}"].concat())
    }
}
