//! `GET /api/stats` (rpushd spec, section 6).

use super::fields::no_cache;
use super::listing;
use super::query::{self, Repeated};
use super::refusal::{Fault, Refusal};
use crate::broker::ChannelList;
use crate::http::{Head, Response, Status};
use crate::hub::{ChannelInfo, Walk};
use crate::server::{Context, Next};
use crate::stats::{ChannelRow, Mode, Report};

/// Answers with the statistics. A long list of channels is generated as the client reads it.
pub(super) fn route(context: &mut Context<'_>, head: &Head<'_>) -> Result<Next, Fault> {
    context.authorize(head)?;
    let mode = match query::argument(head.query, "mode") {
        Ok(None) => Mode::default(),
        Ok(Some(word)) => Mode::parse(&word)
            .ok_or(Refusal::bad_request("mode is one of text, json, xml, prometheus\n"))?,
        Err(Repeated) => {
            return Err(Refusal::bad_request("mode is given more than once\n").into());
        }
    };
    let is_verbose = !matches!(head.argument("verbose"), Some("0" | "false" | "no" | "off"));
    let response = no_cache(Response::new(Status::OK).field("content-type", mode.content_type()));
    let mut report = Report::begin(mode, &context.snapshot(), is_verbose);
    if report.lists_channels() {
        let (list, walk) = (Box::new(report), Walk::by_name());
        return listing::answer(context, head, response, list, walk, Refusal::TOO_MANY_LISTS);
    }
    report.end();
    Ok(Next::Answer(response, report.take()))
}

impl ChannelList for Report {
    fn add(&mut self, info: &ChannelInfo<'_>) {
        Report::add(self, &channel_row(info));
    }

    fn end(&mut self) {
        Report::end(self);
    }

    fn bytes(&self) -> usize {
        Report::bytes(self)
    }

    fn take(&mut self) -> Vec<u8> {
        Report::take(self)
    }
}

/// The row of a channel in the statistics.
fn channel_row<'a>(info: &ChannelInfo<'a>) -> ChannelRow<'a> {
    ChannelRow {
        name: info.name,
        subscribers: info.subscriptions as u64,
        idle_seconds: info.idle.whole_seconds(),
    }
}
