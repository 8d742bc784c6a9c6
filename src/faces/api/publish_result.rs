//! What publications have come to, as the publisher gets to know it.

use crate::http::{Response, Status};
use crate::message::Position;
use crate::server::{Next, Outcome};

/// The results so far, as JSON without the brackets around them; `None`: they are not wanted.
pub(super) struct Results(Option<Vec<u8>>);

impl Results {
    /// Results of one publication.
    pub(super) fn of(outcomes: &[Outcome], is_wanted: bool) -> Results {
        let mut results = Results(is_wanted.then(Vec::new));
        results.add(outcomes);
        results
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Adds the results of one more publication.
    pub(super) fn add(&mut self, outcomes: &[Outcome]) {
        let Some(text) = &mut self.0 else { return };
        for Outcome { channel, position, subscribers, is_duplicate } in outcomes {
            if !text.is_empty() {
                text.push(b',');
            }
            // Names of channels have no characters that need an escape.
            let channel = String::from_utf8_lossy(channel);
            let cursor = cursor(*position);
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
        self.0.as_ref().map_or(0, Vec::capacity)
    }

    /// The answer: 204, or 200 with the results.
    pub(super) fn answer(self) -> Next {
        let Some(results) = self.0 else {
            return Next::Answer(Response::new(Status::NO_CONTENT), Vec::new());
        };
        let response = Response::new(Status::OK).field("content-type", "application/json");
        Next::Answer(response, [&b"{\"results\":["[..], &results, b"]}"].concat())
    }
}

/// The cursor of a client that has seen everything up to this position.
fn cursor(position: Position) -> String {
    format!("0.{}", position.0)
}
