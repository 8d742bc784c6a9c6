//! `POST /api/stream/{channel}` (rpushd spec, section 5).

use super::events::begin;
use super::fields::{has_json_content_type, no_cache};
use super::json::{BadBody, parse_object};
use super::origin::{self, Cors};
use super::profiles::Profiles;
use super::refusal::{Fault, Refusal, refuse, refused};
use super::subscription::{Since, Wanted, admit, channels, distinct, first_heartbeat_delay, join};
use crate::auth::{Claims, Grant};
use crate::broker::{Subscriber, Transport};
use crate::http::{Head, Response, Status};
use crate::server::{BodyHandler, Context, Next};
use crate::time::Moment;
use serde::Deserialize;
use std::borrow::Cow;
use std::rc::Rc;

const NOT_A_SUBSCRIPTION: Refusal =
    Refusal::unprocessable("the body must be an object with a string \"token\", once\n");

const NEEDS_ENVELOPE: Refusal =
    Refusal::unprocessable("several channels, \"since\" and \"last\" need \"envelope\": true\n");

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
    /// Further channels.
    #[serde(borrow, default)]
    channels: Vec<Cow<'a, str>>,
    /// Whether messages are wrapped in an object, and control events are sent.
    #[serde(default)]
    envelope: bool,
    #[serde(borrow, default)]
    since: Option<Cow<'a, str>>,
    #[serde(default)]
    last: Option<u32>,
}

/// Routes a stream request. Its token is in the body, which is read first.
pub(super) fn route(
    context: &mut Context<'_>,
    profiles: &Rc<Profiles>,
    head: &Head<'_>,
    segment: &str,
    cors: Option<Cors>,
) -> Result<Next, Fault> {
    let limits = context.limits();
    let channels = channels(segment, limits.channels_per_subscriber_max)?;
    if !has_json_content_type(head) {
        return Err(Refusal::NOT_JSON_TYPE.into());
    }
    let bytes_max = limits.stream_body_bytes_max.min(limits.body_bytes_max);
    let profiles = profiles.clone();
    let handler = Box::new(Subscribe { profiles, channels, cors });
    Ok(Next::Read { handler, bytes_max })
}

/// A stream request that waits for its body.
struct Subscribe {
    profiles: Rc<Profiles>,
    channels: Vec<String>,
    cors: Option<Cors>,
}

impl BodyHandler for Subscribe {
    fn complete(self: Box<Self>, context: &mut Context<'_>, body: &[u8]) -> Next {
        match self.begin(context, body) {
            Ok(()) => Next::Done,
            Err(fault) => refused(fault, self.cors.as_ref()),
        }
    }

    fn too_large(&self) -> (Response, Vec<u8>) {
        refuse(Refusal::BODY_TOO_LARGE, self.cors.as_ref())
    }

    fn is_publication(&self) -> bool {
        false
    }
}

impl Subscribe {
    /// Checks the token, subscribes the connection to the channels, and begins the stream.
    fn begin(&self, context: &mut Context<'_>, body: &[u8]) -> Result<(), Fault> {
        let Body { token, channels, envelope, since, last } = parse(body)?;
        let named =
            self.channels.iter().map(String::as_str).chain(channels.iter().map(|one| &**one));
        let count_max = context.limits().channels_per_subscriber_max;
        let wanted = Wanted {
            channels: distinct(named.map(str::to_owned), count_max)?,
            since: since.as_ref().map_or(Since::Now, |text| Since::of_text(text.as_bytes())),
            last: last.unwrap_or(0),
        };
        let needs_envelope = wanted.channels.len() > 1 || since.is_some() || last.is_some();
        if needs_envelope && !envelope {
            return Err(NEEDS_ENVELOPE.into());
        }
        let claims = Claims { channels: &wanted.names(), now: context.now.unix_seconds() };
        let grant = context.verify(&token, &claims)?;
        admit(context, &grant)?;
        let joined = join(context, &wanted, &grant)?;
        let response = Response::new(Status::OK).field("content-type", "application/octet-stream");
        let cors = self.cors.as_ref();
        if envelope {
            let profile = self.profiles.framed(context.exchange()).clone();
            begin(context, response, profile, joined, &grant, cors);
        } else {
            begin_plain(context, response, &self.profiles, &grant, cors);
        }
        Ok(())
    }
}

/// Begins a stream of payloads, as rpushd 1.0 sends it: it begins with a heartbeat, and outlives
/// its token.
fn begin_plain(
    context: &mut Context<'_>,
    response: Response,
    profiles: &Profiles,
    grant: &Grant,
    cors: Option<&Cors>,
) {
    let response = no_cache(response)
        .field("x-content-type-options", "nosniff")
        .field("x-accel-buffering", "no")
        .date(&context.date());
    let exchange = context.begin_unsized();
    let response = origin::add_fields(response, cors);
    let response = response.transfer_encoding(exchange).connection(exchange);
    let profile = profiles.plain(exchange).clone();
    let heartbeat = profile.heartbeat.as_ref().map_or(&b""[..], |heartbeat| &heartbeat.frame);
    let bytes = response.finish_with(heartbeat);
    context.log_stream_start(Status::OK);
    context.push(bytes);
    let interval = profile.heartbeat_interval.get();
    let first = first_heartbeat_delay(interval, context.connection_number());
    context.begin_subscriber(Subscriber {
        transport: Transport::Framed,
        next_heartbeat: context.now.monotonic + first,
        ends_at: Moment::NEVER,
        profile,
    });
    context.begin_session(grant);
}

/// The body of a stream request.
///
/// # Errors
/// 400 or 422, with a text that describes the mistake.
fn parse(body: &[u8]) -> Result<Body<'_>, Refusal> {
    parse_object::<Body<'_>>(body).map_err(|fault| match fault {
        BadBody::Syntax => Refusal::BAD_JSON,
        BadBody::Shape => NOT_A_SUBSCRIPTION,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_carries_one_token() {
        assert_eq!(parse(br#"{"token":"x.y.z","other":[]}"#).unwrap().token, "x.y.z");
        let status = |body: &str| parse(body.as_bytes()).err().unwrap().status.0;
        assert_eq!((status("{"), status("[\"x\"]"), status("{}")), (400, 422, 422));
        assert_eq!(status(r#"{"token":"x","token":"x"}"#), 422);
        assert_eq!(status(r#"{"token":1}"#), 422);
    }
}
