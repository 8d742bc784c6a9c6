//! Streaming and EventSource: response head, header, old messages, live messages (push-stream spec,
//! sections 10, 14, 18 and 19).

use super::subscription::{RequestedChannels, old_messages, refuse_subscriber, subscribe_all};
use super::{Location, RoutedRequest, Wire, begin_unsized, cors, gzip, no_cache};
use crate::broker::{Feed, Replay, ReplayLayout, Subscriber, Transport};
use crate::http::{Status, chunk};
use crate::server::{Context, Next};
use crate::time::{Moment, Now};
use crate::transports::padding::PaddingSizes;
use crate::transports::{Coding, Encoded, gzip_stream};

/// Begins a stream and makes the connection a subscriber.
pub(super) fn begin_stream(
    context: &mut Context<'_>,
    routed: &RoutedRequest<'_>,
    requested: &RequestedChannels,
) -> Next {
    let location = routed.location;
    let exchange = context.begin_unsized();
    let content_type = if location.is_event_source() {
        "text/event-stream; charset=utf-8"
    } else {
        location.content_type(routed.request.path)
    };
    let is_gzipped = !exchange.is_http_1_0
        && location.compresses_streams(content_type)
        && gzip::is_accepted(&location.settings.gzip, routed.request.head);
    let coding = if is_gzipped { Coding::Gzip } else { Coding::of(exchange) };
    if let Err(refusal) = subscribe_all(context, requested) {
        return refuse_subscriber(routed, refusal);
    }
    let response = begin_unsized(exchange, &context.date(), content_type, is_gzipped);
    let mut bytes = no_cache(cors(response, routed.origin.as_ref(), "GET")).finish();
    if is_gzipped {
        chunk(gzip_stream::begin(), &mut bytes);
    }
    let checksum = is_gzipped.then(Box::default);
    let transport = Transport::Stream { checksum, padding: 0 };
    let mut subscriber = new_subscriber(location, Wire::Body(coding), transport, context.now);
    let sizes = write_header(context, routed, coding, &mut subscriber, &mut bytes);
    context.log_stream_start(Status::OK);
    context.push(bytes);
    let wanted = sizes.map_or(0, |sizes| sizes.message);
    let layout = match subscriber.profile.padding {
        Some(rule) if wanted > 0 => ReplayLayout::Padded { rule, size: wanted },
        Some(_) | None => ReplayLayout::Plain,
    };
    let stretches = old_messages(context, requested);
    let replay = Replay::new(subscriber.profile.format, stretches, layout);
    if let Transport::Stream { checksum, padding } = &mut subscriber.transport {
        *padding = wanted;
        checksum.iter_mut().for_each(|checksum| checksum.begin_replay());
    }
    context.begin_subscriber(subscriber);
    context.begin_feed(Feed::Replay(replay));
    Next::Done
}

/// Writes the header with its padding; returns the padding sizes of this user agent, if any.
fn write_header(
    context: &mut Context<'_>,
    routed: &RoutedRequest<'_>,
    coding: Coding,
    subscriber: &mut Subscriber,
    out: &mut Vec<u8>,
) -> Option<PaddingSizes> {
    let location = routed.location;
    let rule = subscriber.profile.padding;
    let sizes = location.padding().and_then(|padding| {
        let own = location.settings.subscriber.user_agent.as_ref();
        let agent = routed.request.value_or_header(own, "user-agent").unwrap_or_default();
        context.work().matched += padding.matched_bytes(&agent) as u64;
        padding.for_agent(&agent)
    });
    let mut write = |item: &Encoded| {
        subscriber.add_to_checksum(item);
        out.extend_from_slice(&item.frame);
    };
    let header = location.header();
    write(location.first_item(Wire::Body(coding)));
    if let Some(sizes) = sizes.filter(|_| !header.is_empty())
        && let Some(filling) = rule.and_then(|rule| rule.filling(header.len(), sizes.header))
    {
        write(&context.formats().filling(filling, coding));
    }
    sizes
}

/// A new subscriber of a location; its heartbeat and time to live count from `now`.
pub(super) fn new_subscriber(
    location: &Location,
    wire: Wire,
    transport: Transport,
    now: Now,
) -> Subscriber {
    let profile = location.profile(wire).clone();
    Subscriber {
        transport,
        next_heartbeat: now.monotonic + profile.heartbeat_interval.get(),
        ends_at: profile.time_to_live.map_or(Moment::NEVER, |span| now.monotonic + span),
        profile,
    }
}
