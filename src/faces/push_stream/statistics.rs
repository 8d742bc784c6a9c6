//! Statistics locations, and the channel information in answers to publishers (push-stream spec,
//! section 7).

use super::{Refusal, RoutedRequest, begin_unsized, channels, explain, gzip, no_cache};
use crate::broker::ChannelList;
use crate::http::{Framing, Response, Status};
use crate::hub::{ChannelId, ChannelInfo, Walk};
use crate::push_stream::channel_path::{self, PathChannel, ReservedId};
use crate::server::{Context, Next};
use crate::stats::push_stream::{CHANNEL_BYTES, Channel, Format, List, Summary, Totals, Worker};

/// The scope of requested statistics.
enum Scope {
    /// The whole server.
    Summary,
    /// All channels whose ids start with this text.
    Prefix(Vec<u8>),
    /// These channels, in this order.
    Channels(Vec<ChannelId>),
}

/// Answers a request to a statistics location.
pub(super) fn route(context: &mut Context<'_>, routed: &RoutedRequest<'_>, build_id: &str) -> Next {
    let head = routed.request.head;
    if head.method != "GET" {
        let response = no_cache(Response::titled(Status::METHOD_NOT_ALLOWED));
        return Next::Answer(response.field("Allow", "GET"), Vec::new());
    }
    let scope = match scope(context, routed) {
        Ok(scope) => scope,
        Err(refusal) => return answer_with_version(refuse_statistics(refusal), build_id),
    };
    let format = Format::accepted(head.value("accept"));
    let body = match scope {
        Scope::Summary => Some(summary(context, format)),
        Scope::Prefix(prefix) => {
            let bytes_max = context.short_list_bytes_max();
            match context.hub().few_with_prefix(&prefix, CHANNEL_BYTES, bytes_max) {
                Some(few) => {
                    let body = group(context, format, &few);
                    context.work().channels += few.len() as u64;
                    context.work().bytes += body.len() as u64;
                    Some(body)
                }
                None => return list_long(context, routed, format, prefix, build_id),
            }
        }
        Scope::Channels(channels) => channel_bodies(context, format, &channels),
    };
    let Some(body) = body else {
        let response = no_cache(Response::titled(Status::NOT_FOUND));
        return answer_with_version(Next::Answer(response, Vec::new()), build_id);
    };
    let gzip = &routed.location.settings.gzip;
    let is_accepted = gzip::is_accepted(gzip, head);
    let (response, body) = gzip::compress(
        Response::titled(Status::OK),
        body,
        format,
        gzip,
        is_accepted,
        context.compressor(),
    );
    answer_with_version(Next::Answer(no_cache(response), body), build_id)
}

/// The scope that the channels path selects (section 7.1).
fn scope(context: &Context<'_>, routed: &RoutedRequest<'_>) -> Result<Scope, Refusal> {
    let limits = &context.config().limits;
    let path = channels::channels_path(routed.location, routed.request, limits)?;
    if path.is_empty() {
        return Ok(Scope::Summary);
    }
    let mut known = Vec::new();
    for PathChannel { id, .. } in channel_path::read(&path) {
        channels::check_length(id, &context.config().push_stream, limits)?;
        match ReservedId::of(id) {
            Some(ReservedId::All) => return Ok(Scope::Prefix(Vec::new())),
            Some(ReservedId::Prefix(prefix)) => return Ok(Scope::Prefix(prefix.to_vec())),
            None => known.extend(context.hub().find(id)),
        }
    }
    Ok(Scope::Channels(known))
}

/// Information about channels: one in the single form, several as a group. `None` without channels.
pub(super) fn channel_bodies(
    context: &mut Context<'_>,
    format: Format,
    channels: &[ChannelId],
) -> Option<Vec<u8>> {
    let body = match channels {
        [] => return None,
        [only] => format.channel(&channel_row(context, *only)),
        several => group(context, format, several),
    };
    context.work().channels += channels.len() as u64;
    context.work().bytes += body.len() as u64;
    Some(body)
}

fn group(context: &Context<'_>, format: Format, channels: &[ChannelId]) -> Vec<u8> {
    let rows = channels.iter().map(|channel| channel_row(context, *channel));
    format.group(&totals(context), rows)
}

/// Answers with a list that is too long to be generated at once. Channels of a prefix are listed by
/// name: the index that finds them without scanning all channels has that order.
fn list_long(
    context: &mut Context<'_>,
    routed: &RoutedRequest<'_>,
    format: Format,
    prefix: Vec<u8>,
    build_id: &str,
) -> Next {
    if !context.has_place_for_listing() {
        let response = no_cache(Response::titled(Status::SERVICE_UNAVAILABLE));
        return answer_with_version(Next::Answer(response, Vec::new()), build_id);
    }
    if routed.request.head.framing != Framing::Length(0) {
        context.close_after_answer();
    }
    let exchange = context.begin_unsized();
    let response = begin_unsized(exchange, &context.date(), format.content_type(), false);
    let head = with_version(no_cache(response), build_id);
    let list = Box::new(List::begin(format, &totals(context), 0));
    let walk =
        if prefix.is_empty() { context.hub().walk_by_age() } else { Walk::with_prefix(prefix) };
    context.answer_listing(head, list, walk);
    Next::Done
}

fn channel_row<'a>(context: &'a Context<'_>, channel: ChannelId) -> Channel<'a> {
    row(&context.hub().info(channel, context.now))
}

/// Adds the version fields: where the module sends its version and commit, rpushd sends its own
/// (section 5.1).
fn with_version(response: Response, build_id: &str) -> Response {
    response
        .field("X-Nginx-PushStream-Tag", env!("CARGO_PKG_VERSION"))
        .field("X-Nginx-PushStream-Commit", build_id)
}

fn totals<'a>(context: &'a Context<'_>) -> Totals<'a> {
    let now = context.now;
    let totals = context.hub().totals();
    Totals {
        hostname: context.host().name.as_bytes(),
        unix_seconds: now.unix_seconds(),
        channels: totals.channels as u64,
        wildcard_channels: totals.wildcard_channels as u64,
        uptime_seconds: now.monotonic.since(context.started().monotonic).whole_seconds(),
    }
}

fn summary(context: &Context<'_>, format: Format) -> Vec<u8> {
    let totals = context.hub().totals();
    let subscribers = context.subscriber_count() as u64;
    let up = context.now.monotonic.since(context.configured().monotonic);
    let uptime_seconds = up.whole_seconds();
    // There is one process, but users of several nginx workers expect a row for each.
    let workers: Vec<Worker> = (0..context.config().push_stream.worker_processes.max(1))
        .map(|index| Worker {
            pid: context.host().process_id,
            subscribers: if index == 0 { subscribers } else { 0 },
            uptime_seconds,
        })
        .collect();
    format.summary(&Summary {
        totals: self::totals(context),
        published_messages: totals.published,
        stored_messages: totals.stored as u64,
        messages_in_trash: totals.messages_in_trash,
        channels_in_delete: totals.channels_in_delete as u64,
        channels_in_trash: totals.channels_in_trash,
        subscribers,
        by_worker: &workers,
    })
}

fn answer_with_version(next: Next, build_id: &str) -> Next {
    match next {
        Next::Answer(response, body) => Next::Answer(with_version(response, build_id), body),
        other => other,
    }
}

impl ChannelList for List {
    fn add(&mut self, info: &ChannelInfo<'_>) {
        List::add(self, &row(info));
    }

    fn end(&mut self) {
        List::end(self);
    }

    fn bytes(&self) -> usize {
        List::bytes(self)
    }

    fn take(&mut self) -> Vec<u8> {
        List::take(self)
    }
}

/// The row of a channel in the statistics.
fn row<'a>(info: &ChannelInfo<'a>) -> Channel<'a> {
    Channel {
        id: info.name,
        published_messages: info.published,
        stored_messages: info.stored as u64,
        subscribers: info.subscriptions as u64,
    }
}

/// The answer to a refused statistics request.
fn refuse_statistics(refusal: Refusal) -> Next {
    let response = no_cache(Response::titled(refusal.status()));
    Next::Answer(explain(response, refusal, true), Vec::new())
}
