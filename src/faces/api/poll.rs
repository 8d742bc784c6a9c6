//! `GET /api/poll/{channels}`: long-polling. Each answer has a cursor for the next request.

use super::origin::{self, Cors};
use super::poll_answers::poll_response;
use super::profiles::Profiles;
use super::query;
use super::refusal::{Fault, Refusal};
use super::subscription::{Joined, Since, Wanted, admit_poll, find};
use super::token;
use crate::broker::{Feed, Replay, ReplayLayout, Subscriber, Transport};
use crate::http::{Framing, Head, Status};
use crate::message::Cursor;
use crate::server::{Context, Next};
use crate::time::{Millis, Moment};
use crate::transports::control::as_text;
use crate::transports::{Coding, Profile, ResetReason, Waiting};
use serde::Serialize;

/// How long a request waits if it does not say so.
const TIMEOUT: Millis = Millis::from_seconds(25);
/// The longest time that a request may wait.
const TIMEOUT_MAX: Millis = Millis::from_seconds(300);
const BAD_TIMEOUT: Refusal = Refusal::bad_request("\"timeout\" is a number of seconds up to 300\n");

/// Answers with the stored messages after the cursor, or with a reset. Without either, it waits.
pub(super) fn route(
    context: &mut Context<'_>,
    profiles: &Profiles,
    head: &Head<'_>,
    segment: &str,
    cors: Option<&Cors>,
) -> Result<Next, Fault> {
    let (wanted, is_raw) = Wanted::of_request(context, head, segment)?;
    let timeout = timeout(head)?;
    let grant = token::verify(context, head, &wanted.names())?;
    if head.framing != Framing::Length(0) {
        context.close_after_answer();
    }
    admit_poll(context, &grant)?;
    let joined = find(context, &wanted, &grant)?;
    let profile = profiles.poll(is_raw);
    let waits = joined.stretches.is_empty() && joined.reset.is_none();
    let has_cursor = matches!(wanted.since, Since::Cursor(_));
    if waits && !(timeout == Millis(0) && has_cursor) {
        joined.subscribe(context)?;
        let (expires_at, _) = context.end_of(&grant);
        let ends_at = (context.now.monotonic + timeout).min(expires_at);
        let fields = cors.map(Cors::fields).unwrap_or_default();
        let waiting = Waiting { fields, ..Waiting::default() };
        context.begin_subscriber(Subscriber {
            profile: profile.clone(),
            transport: Transport::LongPoll(Some(Box::new(waiting))),
            next_heartbeat: Moment::NEVER,
            ends_at,
        });
        context.begin_session(&grant);
    } else {
        answer_at_once(context, profile, joined, cors);
    }
    Ok(Next::Done)
}

fn timeout(head: &Head<'_>) -> Result<Millis, Refusal> {
    match query::argument(head.query, "timeout") {
        Ok(None) => Ok(TIMEOUT),
        Ok(Some(text)) => {
            let seconds = text.parse().map_err(|_| BAD_TIMEOUT)?;
            let timeout = Millis::from_seconds(seconds);
            if timeout <= TIMEOUT_MAX { Ok(timeout) } else { Err(BAD_TIMEOUT) }
        }
        Err(query::Repeated) => Err(BAD_TIMEOUT),
    }
}

#[derive(Serialize)]
struct Reset<'a> {
    channels: &'a [String],
    reason: ResetReason,
    #[serde(serialize_with = "as_text")]
    cursor: Cursor,
}

/// Answers 200. The messages are replayed as the client reads them.
fn answer_at_once(
    context: &mut Context<'_>,
    profile: &Profile,
    joined: Joined,
    cors: Option<&Cors>,
) {
    // Everything that was published so far is in the answer.
    let position = context.hub().position();
    let cursor = context.formats().cursor(position);
    let exchange = context.begin_unsized();
    let coding = Coding::of(exchange);
    let reset = joined.reset.as_ref().map(|(channels, reason)| {
        let reset = Reset { channels, reason: *reason, cursor: joined.cursor };
        let text = serde_json::to_string(&reset).expect("it has texts only");
        format!("\"reset\":{text},")
    });
    let begin = format!("{{{}\"cursor\":\"{cursor}\",\"messages\":[", reset.unwrap_or_default());
    let (mut head, mut end) = (Vec::new(), Vec::new());
    coding.write(begin.as_bytes(), context.compressor(), &mut head);
    coding.write(b"]}", context.compressor(), &mut end);
    end.extend_from_slice(coding.end());
    let response = origin::add_fields(poll_response().date(&context.date()), cors);
    let response = response.transfer_encoding(exchange).connection(exchange);
    context.log_answer(Status::OK, "");
    context.push(response.finish_with(&head));
    if let Some(format) = profile.long_poll.as_ref().and_then(|answers| answers.listed(coding))
        && !joined.stretches.is_empty()
    {
        let layout = ReplayLayout::CommaSeparated { coding, is_first: true };
        let replay = Replay::merged(format, joined.stretches, layout);
        context.begin_feed(Feed::Replay(replay));
    }
    context.push(end);
    context.end_exchange();
}
