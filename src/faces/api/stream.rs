//! `POST /api/stream/{channel}` (rpushd spec, section 5).

use super::channel_name::is_channel_name;
use super::fields::{has_json_content_type, no_cache};
use super::origin::{self, Cors};
use super::publish::{BadBody, parse_object};
use super::refusal::{Fault, Refusal, refuse, refused};
use crate::auth::Claims;
use crate::broker::{Subscriber, Transport};
use crate::http::{Head, Response, Status};
use crate::hub::Maker;
use crate::server::{BodyHandler, Context, Next};
use crate::time::{Millis, Moment};
use crate::transports::{Coding, Encoded, Formats, Payload, Profile, WireFormat, framed};
use serde::Deserialize;
use std::borrow::Cow;
use std::rc::Rc;

const NOT_A_SUBSCRIPTION: Refusal =
    Refusal::unprocessable("the body must be an object with a string \"token\", once\n");

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
}

/// The profiles of all streams, one per coding.
pub(super) struct Streams {
    chunked: Rc<Profile>,
    identity: Rc<Profile>,
}

impl Streams {
    pub(super) fn new(interval: Millis, formats: &mut Formats) -> Streams {
        let mut profile = |coding: Coding| {
            let heartbeat = coding.encode(framed::HEARTBEAT, formats.compressor());
            Rc::new(Profile {
                format: formats.intern(WireFormat { payload: Payload::Framed, coding }),
                heartbeat: Some(Encoded { text_bytes: 0, ..heartbeat }),
                heartbeat_interval: interval.into(),
                restarts_heartbeat: false,
                padding: None,
                goodbye: None,
                end: coding.end().into(),
                time_to_live: None,
                takes_messages: false,
                ends_at_reload: false,
                long_poll: None,
            })
        };
        let (chunked, identity) = (profile(Coding::Chunked), profile(Coding::Identity));
        Streams { chunked, identity }
    }

    pub(super) fn set_heartbeat_interval(&self, interval: Millis) {
        self.profiles().iter().for_each(|profile| profile.heartbeat_interval.set(interval));
    }

    pub(super) fn profiles(&self) -> [&Rc<Profile>; 2] {
        [&self.chunked, &self.identity]
    }
}

/// Routes a stream request. Its token is in the body, which is read first.
pub(super) fn route(
    context: &mut Context<'_>,
    streams: &Rc<Streams>,
    head: &Head<'_>,
    segment: &str,
    cors: Option<Cors>,
) -> Result<Next, Fault> {
    let channel = channel(segment)?;
    if !has_json_content_type(head) {
        return Err(Refusal::NOT_JSON_TYPE.into());
    }
    let limits = context.limits();
    let bytes_max = limits.stream_body_bytes_max.min(limits.body_bytes_max);
    let streams = streams.clone();
    let handler = Box::new(Subscribe { streams, channel, cors });
    Ok(Next::Read { handler, bytes_max })
}

/// A stream request that waits for its body.
struct Subscribe {
    streams: Rc<Streams>,
    channel: String,
    cors: Option<Cors>,
}

impl BodyHandler for Subscribe {
    fn complete(self: Box<Self>, context: &mut Context<'_>, body: &[u8]) -> Next {
        let cors = self.cors.as_ref();
        match self.admit(context, body) {
            Ok(()) => begin_stream(context, &self.streams, cors),
            Err(fault) => refused(fault, cors),
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
    /// Checks the token and subscribes the connection to its channel.
    fn admit(&self, context: &mut Context<'_>, body: &[u8]) -> Result<(), Fault> {
        let token = token(body)?;
        let wanted = Claims { channels: &[&self.channel], now: context.now.unix_seconds() };
        context.verify(&token, &wanted)?;
        context.admit_stream()?;
        context.has_memory_for_subscriber().map_err(Refusal::from)?;
        let now = context.now;
        let made =
            context.hub_mut().find_or_create(self.channel.as_bytes(), Maker::Application, now);
        let channel = made.map_err(|error| {
            context.report_not_created(error);
            Refusal::FULL
        })?;
        context.hub_mut().keep_for_api(channel, now);
        context.subscribe(channel, 1).map_err(Refusal::from)?;
        Ok(())
    }
}

/// Sends the response head and a heartbeat, and makes the connection a subscriber.
fn begin_stream(context: &mut Context<'_>, streams: &Streams, cors: Option<&Cors>) -> Next {
    let response = Response::new(Status::OK).field("content-type", "application/octet-stream");
    let response = no_cache(response)
        .field("x-content-type-options", "nosniff")
        .field("x-accel-buffering", "no")
        .date(&context.date());
    let exchange = context.begin_unsized();
    let response = origin::add_fields(response, cors);
    let response = response.transfer_encoding(exchange).connection(exchange);
    let profile = if exchange.is_http_1_0 { &streams.identity } else { &streams.chunked };
    let heartbeat = profile.heartbeat.as_ref().map_or(&b""[..], |heartbeat| &heartbeat.frame);
    let bytes = response.finish_with(heartbeat);
    context.log_stream_start(Status::OK);
    context.push(bytes);
    let first =
        first_heartbeat_delay(profile.heartbeat_interval.get(), context.connection_number());
    context.begin_subscriber(Subscriber {
        transport: Transport::Framed,
        next_heartbeat: context.now.monotonic + first,
        ends_at: Moment::NEVER,
        profile: profile.clone(),
    });
    Next::Done
}

/// The time until the first periodic heartbeat: the interval, shortened by a share that differs
/// between groups of connections. Clients that reconnect all at once would otherwise get their
/// heartbeats all at once, too, as long as they stay. Connections of one group, neighbours in
/// memory here and in the kernel, get theirs together, which makes good use of the CPU caches.
fn first_heartbeat_delay(interval: Millis, number: u32) -> Millis {
    const GROUP: u32 = 32;
    // The golden ratio spreads consecutive numbers evenly.
    let share = u128::from((number / GROUP).wrapping_mul(0x9e37_79b9));
    // Less than the interval, as the share is less than 2^32.
    let earlier = (u128::from(interval.0) * share) >> 32;
    Millis(interval.0 - earlier as u64)
}

/// The channel name in a raw path segment, percent-decoded once.
///
/// # Errors
/// 400: a bad escape, or not a valid channel name, as with an encoded slash.
pub fn channel(segment: &str) -> Result<String, Refusal> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        decoded.push(match byte {
            b'%' => match digit().zip(digit()) {
                Some((high, low)) => (high << 4 | low) as u8,
                None => return Err(Refusal::bad_request("a broken escape in the path\n")),
            },
            _ => byte,
        });
    }
    let name = String::from_utf8(decoded).map_err(|_| Refusal::BAD_CHANNEL)?;
    if is_channel_name(name.as_bytes()) { Ok(name) } else { Err(Refusal::BAD_CHANNEL) }
}

/// The token in the body of a stream request.
///
/// # Errors
/// 400 or 422, with a text that describes the mistake.
pub fn token(body: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    match parse_object::<Body<'_>>(body) {
        Ok(body) => Ok(body.token),
        Err(BadBody::Syntax) => Err(Refusal::BAD_JSON),
        Err(BadBody::Shape) => Err(NOT_A_SUBSCRIPTION),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_heartbeat_is_within_any_interval() {
        for interval in [1, 15_000, u64::MAX] {
            for number in [0, 31, 32, 1_000, u32::MAX] {
                let first = first_heartbeat_delay(Millis(interval), number).0;
                assert!((1..=interval).contains(&first), "{first} of {interval} for {number}");
            }
        }
    }

    #[test]
    fn a_segment_is_decoded_once() {
        assert_eq!(channel("a%3Ab%2d").unwrap(), "a:b-");
        for bad in ["a%2Fb", "a%253A", "a%", "a%4", "a%zz", "%00", "%c3%a4", "%ff", "a+b"] {
            assert_eq!(channel(bad).unwrap_err().status.0, 400, "{bad}");
        }
        assert_eq!(channel(&"%61".repeat(191)).unwrap().len(), 191);
        assert!(channel(&"a".repeat(192)).is_err());
    }

    #[test]
    fn a_body_carries_one_token() {
        assert_eq!(token(br#"{"token":"x.y.z","other":[]}"#).unwrap(), "x.y.z");
        let status = |body: &str| token(body.as_bytes()).unwrap_err().status.0;
        assert_eq!((status("{"), status("[\"x\"]"), status("{}")), (400, 422, 422));
        assert_eq!(status(r#"{"token":"x","token":"x"}"#), 422);
        assert_eq!(status(r#"{"token":1}"#), 422);
    }
}
