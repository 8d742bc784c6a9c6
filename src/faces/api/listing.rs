//! Lists of channels: made at once if they are short, else as the client reads them.

use super::refusal::{Fault, Refusal};
use crate::broker::ChannelList;
use crate::http::{Framing, Head, Response};
use crate::hub::Walk;
use crate::server::{Context, Next};

/// Answers with the channels of a walk, written to `list`, which has the beginning already. If the
/// list is long, and there are as many of them as allowed, the request is refused.
pub(super) fn answer(
    context: &mut Context<'_>,
    head: &Head<'_>,
    response: Response,
    mut list: Box<dyn ChannelList>,
    mut walk: Walk,
    too_many: Refusal,
) -> Result<Next, Fault> {
    let (bytes_max, now) = (context.short_list_bytes_max(), context.now);
    let walked = context.hub().walk(&mut walk, now, |info| {
        list.add(info);
        list.bytes() <= bytes_max
    });
    context.work().add_walked(walked);
    if walked.is_complete {
        list.end();
        return Ok(Next::Answer(response, list.take()));
    }
    if !context.has_place_for_listing() {
        return Err(too_many.into());
    }
    if head.framing != Framing::Length(0) {
        context.close_after_answer();
    }
    let exchange = context.begin_unsized();
    let response = response.date(&context.date()).transfer_encoding(exchange).connection(exchange);
    context.answer_listing(response, list, walk);
    Ok(Next::Done)
}
