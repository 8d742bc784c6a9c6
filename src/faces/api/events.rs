//! `GET /api/events/{channels}`: server-sent events (WHATWG HTML, section 9.2).

use super::fields::no_cache;
use super::origin::{self, Cors};
use super::profiles::Profiles;
use super::refusal::Fault;
use super::subscription::{Joined, Wanted, admit, first_heartbeat_delay, join};
use super::token;
use crate::auth::Grant;
use crate::broker::{Subscriber, Transport};
use crate::http::{Framing, Head, Response, Status};
use crate::server::{Context, Next};
use crate::time::Moment;
use crate::transports::control::retry_delay;
use crate::transports::{Control, ControlForm, Profile};
use std::rc::Rc;

/// Answers with a stream of events.
pub(super) fn route(
    context: &mut Context<'_>,
    profiles: &Profiles,
    head: &Head<'_>,
    segment: &str,
    cors: Option<&Cors>,
) -> Result<Next, Fault> {
    let (wanted, is_raw) = Wanted::of_request(context, head, segment)?;
    let grant = token::verify(context, head, &wanted.names())?;
    if head.framing != Framing::Length(0) {
        // The body is ignored, so nothing after it can be read as a request.
        context.close_after_answer();
    }
    admit(context, &grant)?;
    let joined = join(context, &wanted, &grant)?;
    let profile = profiles.events(context.exchange(), is_raw).clone();
    let response = Response::new(Status::OK).field("content-type", "text/event-stream");
    begin(context, response, profile, joined, &grant, cors);
    Ok(Next::Done)
}

/// Sends the response head, makes the connection a subscriber, and sends `hello`, resets and stored
/// messages.
pub(super) fn begin(
    context: &mut Context<'_>,
    response: Response,
    profile: Rc<Profile>,
    joined: Joined,
    grant: &Grant,
    cors: Option<&Cors>,
) {
    let exchange = context.begin_unsized();
    let response = no_cache(response)
        .field("x-content-type-options", "nosniff")
        .field("x-accel-buffering", "no")
        .date(&context.date());
    let response = origin::add_fields(response, cors);
    let response = response.transfer_encoding(exchange).connection(exchange);
    context.log_stream_start(Status::OK);
    context.push(response.finish());
    let (ends_at, end) = context.end_of(grant);
    let transport = Transport::Events { end };
    begin_signed(context, transport, ends_at, profile, joined, grant);
}

/// Makes the connection a subscriber, and sends `hello`, resets and stored messages.
pub(super) fn begin_signed(
    context: &mut Context<'_>,
    transport: Transport,
    ends_at: Moment,
    profile: Rc<Profile>,
    joined: Joined,
    grant: &Grant,
) {
    let interval = profile.heartbeat_interval.get();
    let first = first_heartbeat_delay(interval, context.connection_number());
    let (form, format) = (profile.control, profile.format);
    context.begin_subscriber(Subscriber {
        transport,
        next_heartbeat: context.now.monotonic + first,
        ends_at,
        profile,
    });
    let connection = context.begin_session(grant);
    let Some(form) = form else { return };
    push_hello(context, form, &connection, &joined, grant);
    joined.push_resets(context, form);
    joined.begin_replay(context, format, Some(form));
}

fn push_hello(
    context: &mut Context<'_>,
    form: ControlForm,
    connection: &str,
    joined: &Joined,
    grant: &Grant,
) {
    let hello = Control::Hello {
        connection,
        // A client whose connection ends before the resets gets them when it resumes.
        cursor: joined.before,
        heartbeat: context.config().heartbeat.whole_seconds(),
        expires: grant.expires_at,
        retry: retry_delay(context.connection_number()).0,
    };
    let encoded = form.encode(&hello, context.compressor());
    context.push(encoded.frame);
}
