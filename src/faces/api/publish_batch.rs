//! Several publications in the body of one request: a JSON array, or one in each line. All are
//! checked before the first is published. The body is kept and each publication parsed again when
//! it is published, so that a request takes the memory of its body and of one publication.

use super::json::{BadBody, parse_array};
use super::publication::{NOT_A_PUBLICATION, Publication};
use super::refusal::{Fault, Refusal};
use crate::hub::Draft;
use crate::message::ChannelName;
use crate::server::Context;
use serde_json::value::RawValue;
use std::ops::Range;

const NOT_A_PUBLICATION_AMONG_OTHERS: Refusal = Refusal::unprocessable(
    "it must be an object with a string \"channel\" or a list \"channels\", and a \"message\", \
     each once\n",
);
const BAD_LINE: Refusal = Refusal::bad_request("the line is not valid JSON\n");
const NO_PUBLICATION: Refusal = Refusal::unprocessable("the body has no publication\n");
const TOO_MANY: Refusal =
    Refusal::too_large("the body has more publications than publications_per_request_max\n");

/// Longest result of a publication in one channel, without the name of the channel.
const RESULT_BYTES: usize = 128;
const RESULT_TOO_LARGE: Refusal = Refusal::too_large(
    "the result would be larger than outbox_bytes_max; publish in several requests\n",
);

/// Whether the body is a JSON array.
pub(super) fn is_list(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"[")
}

/// The publications of a request. They have been checked.
pub(super) struct Batch {
    body: Box<[u8]>,
    /// Where each publication is in the body.
    places: Vec<Range<usize>>,
    /// Number of publications that have been taken.
    taken: usize,
}

impl Batch {
    /// The publications in a JSON array.
    pub(super) fn of_list(
        body: &[u8],
        context: &mut Context<'_>,
        wants_result: bool,
    ) -> Result<Batch, Fault> {
        let kept_max = context.limits().publications_per_request_max.saturating_add(1);
        let elements: Vec<&RawValue> =
            parse_array(body, kept_max).map_err(|fault| match fault {
                BadBody::Syntax => Refusal::BAD_JSON,
                BadBody::Shape => NOT_A_PUBLICATION,
            })?;
        // Also an array that was meant as an object, for which the answer does not change.
        if !elements.first().is_some_and(|first| first.get().starts_with('{')) {
            return Err(NOT_A_PUBLICATION.into());
        }
        let start = body.as_ptr() as usize;
        let place = |text: &str| {
            let from = text.as_ptr() as usize - start;
            from..from + text.len()
        };
        Batch::of(body, elements.iter().map(|element| place(element.get())), context, wants_result)
    }

    /// The publications in the lines of the body. Blank lines are ignored.
    pub(super) fn of_lines(
        body: &[u8],
        context: &mut Context<'_>,
        wants_result: bool,
    ) -> Result<Batch, Fault> {
        let ends = memchr::memchr_iter(b'\n', body).chain([body.len()]);
        let mut start = 0;
        let lines = ends.map(|end| std::mem::replace(&mut start, end + 1)..end);
        let is_blank = |line: &Range<usize>| body[line.clone()].trim_ascii().is_empty();
        Batch::of(body, lines.filter(|line| !is_blank(line)), context, wants_result)
    }

    fn of(
        body: &[u8],
        all: impl Iterator<Item = Range<usize>>,
        context: &mut Context<'_>,
        wants_result: bool,
    ) -> Result<Batch, Fault> {
        context.work().bytes += body.len() as u64;
        let count_max = context.limits().publications_per_request_max;
        let places: Vec<Range<usize>> = all.take(count_max.saturating_add(1)).collect();
        if places.is_empty() {
            return Err(NO_PUBLICATION.into());
        }
        if places.len() > count_max {
            return Err(TOO_MANY.into());
        }
        let mut result_bytes = 0;
        for (number, place) in (1..).zip(&places) {
            let fault = |refusal| Fault::RefusedMessage(among_others(refusal), number);
            let channels_max = context.limits().channels_per_publication_max;
            let parsed = Publication::parse(&body[place.clone()], channels_max);
            let publication = parsed.map_err(fault)?;
            publication.admit(context).map_err(fault)?;
            let names = publication.channels.iter();
            result_bytes += names.map(|name| name.len() + RESULT_BYTES).sum::<usize>();
        }
        if wants_result && result_bytes > context.limits().outbox_bytes_max {
            return Err(RESULT_TOO_LARGE.into());
        }
        Ok(Batch { body: body.into(), places, taken: 0 })
    }

    /// The next publication: its message and its channels.
    pub(super) fn next(&mut self, context: &mut Context<'_>) -> Option<(Draft, Vec<ChannelName>)> {
        let place = self.places.get(self.taken)?.clone();
        self.taken += 1;
        context.work().bytes += place.len() as u64;
        let publication = Publication::parse(&self.body[place], usize::MAX);
        let publication = publication.expect("it was checked");
        Some((publication.draft(context), publication.channels.names().collect()))
    }

    /// Whether a publication has been taken.
    pub(super) fn has_begun(&self) -> bool {
        self.taken > 0
    }

    /// The number of the publication that was taken last, counted from 1.
    pub(super) fn number(&self) -> usize {
        self.taken
    }

    /// Its memory.
    pub(super) fn bytes(&self) -> usize {
        self.body.len() + self.places.capacity() * size_of::<Range<usize>>()
    }
}

/// The same refusal, where it is not about the whole body.
fn among_others(refusal: Refusal) -> Refusal {
    match refusal {
        NOT_A_PUBLICATION => NOT_A_PUBLICATION_AMONG_OTHERS,
        Refusal::BAD_JSON => BAD_LINE,
        refusal => refusal,
    }
}
