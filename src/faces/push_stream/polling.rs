//! Answers to polling requests, and to long-polling requests, which may have to wait (push-stream
//! spec, sections 11 and 12).

use super::cursor::Cursor;
use super::{Answer, RoutedRequest, Wire};
use crate::broker::{Feed, Replay, ReplayLayout, Subscriber, Transport};
use crate::http::Status;
use crate::hub::Stretch;
use crate::message::Message;
use crate::server::{Context, Next};
use crate::time::Moment;
use crate::transports::{Coding, Position};
use std::rc::Rc;

/// Old messages are compressed up to this size per answer, which takes 2 to 5 ms.
const COMPRESSED_BYTES_MAX: usize = 256 * 1024;
/// What each message counts for besides its text, in bytes.
const MESSAGE_OVERHEAD: usize = 64;

/// Answers a request at once: 200 with the old messages, 304 if there are none (sections 11 and
/// 12.1).
pub(super) fn answer_at_once(
    context: &mut Context<'_>,
    answer: &Answer<'_>,
    stretches: Vec<Stretch>,
    cursor: &Cursor,
) -> Next {
    if stretches.is_empty() {
        let position = Position { time: cursor.time.filter(|time| *time > 0), tag: cursor.tag };
        return Next::Answer(answer.not_modified(position), Vec::new());
    }
    // The position that the client requested. A missing tag counts as -1 in this comparison, before
    // all messages of its second.
    let tag = cursor.tag.filter(|_| cursor.time.is_some());
    let requested = (cursor.time.unwrap_or(0), tag.map_or(-1, i64::from));
    let stored = |stretch| context.hub().stored(stretch).expect("nothing has left the store since");
    let ends = stretches.iter().filter_map(|stretch| stored(stretch).next_back());
    let ends = ends.map(|message| (message.time, i64::from(message.tag)));
    let (time, tag) = ends.chain([requested]).max().unwrap_or(requested);
    // A request with a later time and no tag gets its own time back, without a tag.
    let position = Position { time: Some(time), tag: u32::try_from(tag).ok() };
    if answer.is_gzipped()
        && let Some(messages) = compressible(
            stretches.iter().flat_map(stored),
            context.limits().outbox_bytes_max.min(COMPRESSED_BYTES_MAX),
        )
    {
        let messages = messages.iter().map(|message| (&**message, None));
        let exchange = context.begin_unsized();
        let frame = answer.make(exchange, &context.date(), position, messages, context.formats());
        context.log_answer(Status::OK, "");
        context.push(frame);
        context.end_exchange();
        return Next::Done;
    }
    answer_replay(context, answer, position, stretches);
    Next::Done
}

/// Answers 200 with header, old messages and footer. The messages are replayed as the client reads
/// them. Not compressed, because compression would need all of them at once.
fn answer_replay(
    context: &mut Context<'_>,
    answer: &Answer<'_>,
    position: Position,
    stretches: Vec<Stretch>,
) {
    let exchange = context.begin_unsized();
    let coding = Coding::of(exchange);
    let (mut begin, mut end) = (Vec::new(), Vec::new());
    let compressor = context.compressor();
    answer.write_beginning(coding, compressor, &mut begin);
    answer.write_end(coding, compressor, &mut end);
    end.extend_from_slice(coding.end());
    let layout = if answer.is_jsonp() {
        ReplayLayout::CommaSeparated { coding, is_first: true }
    } else {
        ReplayLayout::Plain
    };
    let replay = Replay::new(answer.format(coding), stretches, layout);
    let head = answer.head(exchange, &context.date(), position);
    context.log_answer(Status::OK, "");
    context.push(head.finish_with(&begin));
    context.begin_feed(Feed::Replay(replay));
    context.push(end);
    context.end_exchange();
}

/// Lets the connection wait for the next message (section 12.2).
pub(super) fn begin_waiting(context: &mut Context<'_>, routed: &RoutedRequest<'_>) {
    let coding = Coding::of(context.exchange());
    let location = routed.location;
    let ttl = location.settings.subscriber.longpolling_connection_ttl;
    let subscriber = Subscriber {
        profile: location.profile(Wire::Body(coding)).clone(),
        transport: Transport::LongPoll(routed.answer().into_waiting()),
        next_heartbeat: Moment::NEVER,
        ends_at: ttl.map_or(Moment::NEVER, |ttl| context.now.monotonic + ttl),
    };
    context.begin_subscriber(subscriber);
}

/// The messages, if they are few enough to be compressed within one turn; `None` if they take more
/// than `bytes_max`.
fn compressible<'a>(
    messages: impl Iterator<Item = &'a Rc<Message>>,
    bytes_max: usize,
) -> Option<Vec<Rc<Message>>> {
    let mut bytes = 0;
    let mut all = Vec::new();
    for message in messages {
        bytes += message.text.len() + MESSAGE_OVERHEAD;
        if bytes > bytes_max {
            return None;
        }
        all.push(message.clone());
    }
    Some(all)
}
