//! Carries out requests of the rpushd API (rpushd spec, sections 2 to 6).

use super::Server;
use super::connection::{Awaiting, Subscriber, Transport};
use super::denials::Fault;
use super::listing::{Form, channel_row};
use super::publishing::{Origin, Publishing, Unpublished};
use super::requests::Next;
use crate::auth::{self, Claims, Denial};
use crate::endpoints::api::query::Repeated;
use crate::endpoints::api::{self, Endpoint, Refusal};
use crate::http::{Framing, Head, Response, Status};
use crate::hub::{CreateError, Draft, Maker, Walk};
use crate::stats::{Counters, Mode, Report, Snapshot};
use crate::time::{Millis, Now};
use std::collections::VecDeque;

impl Server {
    /// What a request of the API leads to. None: the path is not the API's.
    pub(super) fn route_api(&mut self, id: u32, head: &Head<'_>, now: Now) -> Option<Next> {
        let endpoint = Endpoint::find(head.path, &self.config.public_prefix)?;
        let is_internal = self.listener(id).is_internal;
        let is_hidden =
            endpoint.is_privileged() && self.config.has_internal_listener() && !is_internal;
        let is_off = self.token_keys.is_empty() && endpoint != Endpoint::Health;
        if is_hidden || is_off {
            return None;
        }
        let origins = match endpoint {
            Endpoint::Stream(_) => &self.config.allowed_origins[..],
            Endpoint::Health | Endpoint::Publish | Endpoint::Stats => &[],
        };
        let origin = api::origin::allowed(head, origins);
        if head.method == "OPTIONS" && !origins.is_empty() {
            return Some(Next::Answer(api::origin::name(api::origin::preflight(), origin), vec![]));
        }
        if let Err(allowed) = endpoint.check_method(head.method) {
            let response = Response::new(Status::METHOD_NOT_ALLOWED).field("allow", allowed);
            return Some(Next::Answer(api::origin::name(response, origin), Vec::new()));
        }
        let next = match endpoint {
            Endpoint::Health => Ok(Next::Answer(
                Response::new(Status::OK).field("content-type", "application/json"),
                br#"{"status":"ok"}"#.to_vec(),
            )),
            Endpoint::Publish => self.head_of_publish(head),
            Endpoint::Stats => self.api_stats(id, head, now),
            Endpoint::Stream(segment) => self.head_of_stream(head, segment, origin),
        };
        Some(next.unwrap_or_else(|refusal| {
            let (response, body) = refuse(refusal, origin);
            let response = match endpoint {
                Endpoint::Stats => no_cache(response),
                Endpoint::Health | Endpoint::Publish | Endpoint::Stream(_) => response,
            };
            Next::Answer(response, body)
        }))
    }

    pub(super) fn listener(&self, id: u32) -> &crate::config::Listener {
        let listener = self.connections[id as usize].listener;
        &self.config.listeners[usize::from(listener.0)]
    }

    fn head_of_publish(&mut self, head: &Head<'_>) -> Result<Next, Fault> {
        self.authorize(head)?;
        if !api::has_json_content_type(head) {
            return Err(Refusal::NOT_JSON_TYPE.into());
        }
        Ok(Next::Read { awaiting: Awaiting::Publish, bytes_max: self.config.limits.body_bytes_max })
    }

    fn head_of_stream(
        &mut self,
        head: &Head<'_>,
        segment: &str,
        origin: Option<&[u8]>,
    ) -> Result<Next, Fault> {
        let channel = api::stream::channel(segment)?;
        if !api::has_json_content_type(head) {
            return Err(Refusal::NOT_JSON_TYPE.into());
        }
        let limits = &self.config.limits;
        Ok(Next::Read {
            awaiting: Awaiting::Stream { channel, origin: origin.map(Into::into) },
            bytes_max: limits.stream_body_bytes_max.min(limits.body_bytes_max),
        })
    }

    /// Demands the publish secret.
    pub(super) fn authorize(&mut self, head: &Head<'_>) -> Result<(), Denial> {
        auth::authorize(head.values("authorization"), &self.config.publish_secrets)
            .inspect_err(|denial| self.count_denial(*denial))
    }

    /// A body is larger than its limit.
    pub(super) fn body_too_large(&self, awaiting: &Awaiting) -> Next {
        let origin = match awaiting {
            Awaiting::Nothing | Awaiting::Publish => None,
            Awaiting::Stream { origin, .. } => origin.as_deref(),
            Awaiting::Location(_) => return super::push_stream::too_large(),
        };
        let (response, body) = refuse(Refusal::BODY_TOO_LARGE, origin);
        Next::Answer(response, body)
    }

    /// `POST /api/publish` with its body.
    pub(super) fn api_publish(&mut self, id: u32, body: &[u8], now: Now) {
        let publication = match api::publish::parse(body) {
            Ok(publication) => publication,
            Err(refusal) => return self.respond_refusal(id, refusal, None, now),
        };
        let is_stored = self.config.push_stream.store_api_messages;
        let draft = Draft { text: publication.payload.into(), is_stored, ..Draft::default() };
        let channel = publication.channel.as_bytes();
        if !self.can_encode(channel.len(), &draft) {
            return self.respond_refusal(id, Refusal::MESSAGE_TOO_LARGE, None, now);
        }
        // Most have room at once: the list of channels, which would be on the heap, stays empty.
        let mut publishing =
            Publishing { draft, channels: VecDeque::new(), origin: Origin::Api, events_before: 0 };
        match self.publish_to(channel, &mut publishing, now) {
            Ok(true) => self.answer_api_publisher(id, Ok(()), now),
            Ok(false) => {
                publishing.channels.push_back(channel.into());
                self.keep_publishing(id, publishing);
            }
            Err(reason) => self.answer_api_publisher(id, Err(reason), now),
        }
    }

    /// The message was published, or there was no room for it in the memory account.
    pub(super) fn answer_api_publisher(
        &mut self,
        id: u32,
        result: Result<(), Unpublished>,
        now: Now,
    ) {
        match result {
            Ok(()) => self.respond(id, Response::new(Status::NO_CONTENT), b"", now),
            Err(reason) => {
                if let Unpublished::Channel(error) = reason {
                    self.count_if_full(error, now);
                }
                self.respond_refusal(id, Refusal::FULL, None, now);
            }
        }
    }

    /// `POST /api/stream/{channel}` with its body.
    pub(super) fn api_stream(
        &mut self,
        id: u32,
        channel: &str,
        origin: Option<&[u8]>,
        body: &[u8],
        now: Now,
    ) {
        if let Err(fault) = self.admit(id, channel, body, now) {
            return self.respond_refusal(id, fault, origin, now);
        }
        let exchange = &mut self.connections[id as usize].exchange;
        let mut response =
            no_cache(Response::new(Status::OK).field("content-type", "application/octet-stream"))
                .field("x-content-type-options", "nosniff")
                .field("x-accel-buffering", "no")
                .field("date", self.date.as_bytes());
        response = api::origin::name(response, origin);
        let profile = match exchange.is_http_1_0 {
            true => &self.framed.identity,
            false => &self.framed.chunked,
        };
        let profile = profile.clone();
        if exchange.is_http_1_0 {
            // Only the end of the connection can end the body.
            exchange.keeps_alive = false;
            response = response.field("connection", "close");
        } else {
            response = response.field("transfer-encoding", "chunked");
            if !exchange.keeps_alive {
                response = response.field("connection", "close");
            }
        }
        let heartbeat = profile.heartbeat.as_ref().map_or(&b""[..], |heartbeat| &heartbeat.frame);
        let bytes = response.finish_with(heartbeat);
        self.note_stream(id, Status::OK, now);
        self.push(id, bytes.into(), now);
        self.begin_subscriber(
            id,
            Subscriber {
                transport: Transport::Framed,
                next_beat: now.monotonic + spread(profile.heartbeat_interval.get(), id),
                ends_at: Millis::NEVER,
                profile,
            },
        );
        // It was asked for before the server was told to stop.
        if self.is_stopping() {
            self.end_subscriber(id, now);
        }
    }

    /// Lets a subscriber with a good token join its channel.
    fn admit(&mut self, id: u32, channel: &str, body: &[u8], now: Now) -> Result<(), Fault> {
        let token = api::stream::token(body)?;
        let wanted = Claims { channel, now: now.unix_seconds() };
        auth::verify(&token, &self.token_keys, &wanted)
            .inspect_err(|denial| self.count_denial(*denial))?;
        Ok(self.join(id, channel, now)?)
    }

    fn join(&mut self, id: u32, channel: &str, now: Now) -> Result<(), Refusal> {
        let made = self.hub.find_or_create(channel.as_bytes(), Maker::Application, now);
        let channel = made.map_err(|error| {
            self.count_if_full(error, now);
            Refusal::FULL
        })?;
        self.hub.keep_for_api(channel, now);
        self.subscribe(id, channel, 1, now).map_err(|_| Refusal::FULL)
    }

    fn count_if_full(&mut self, error: CreateError, now: Now) {
        match error {
            CreateError::TooMany => {}
            CreateError::Full => self.report_full_store(now),
        }
    }

    /// `GET /api/stats`
    fn api_stats(&mut self, id: u32, head: &Head<'_>, now: Now) -> Result<Next, Fault> {
        self.authorize(head)?;
        let mode = match api::query::argument(head.query, "mode") {
            Ok(None) => Mode::default(),
            Ok(Some(word)) => Mode::parse(&word)
                .ok_or(Refusal::bad_request("mode is one of text, json, xml, prometheus\n"))?,
            Err(Repeated) => {
                return Err(Refusal::bad_request("mode is given more than once\n").into());
            }
        };
        let is_verbose = !matches!(head.argument("verbose"), Some("0" | "false" | "no" | "off"));
        let response =
            no_cache(Response::new(Status::OK).field("content-type", mode.content_type()));
        // The snapshot sums up the queues of all connections.
        self.turn.work.scanned += self.connections.len() as u64;
        let mut report = Report::begin(mode, &self.snapshot(now), is_verbose);
        if report.lists_channels() {
            let bytes_max = self.short_list_bytes_max();
            let mut walk = Walk::by_name();
            let walked = self.hub.walk(&mut walk, now, |info| {
                report.add(&channel_row(info));
                report.bytes() <= bytes_max
            });
            self.turn.work.add_walked(walked);
            if !walked.is_complete {
                return self.api_stats_long(id, head, response, report, walk, now);
            }
        }
        report.end();
        Ok(Next::Answer(response, report.take()))
    }

    /// Statistics of more channels than can be listed at once.
    fn api_stats_long(
        &mut self,
        id: u32,
        head: &Head<'_>,
        response: Response,
        report: Report,
        walk: Walk,
        now: Now,
    ) -> Result<Next, Fault> {
        if !self.has_place_for_listing() {
            return Err(Refusal::TOO_MANY_LISTS.into());
        }
        let has_body = head.framing != Framing::Length(0);
        let exchange = &mut self.connections[id as usize].exchange;
        exchange.keeps_alive &= !has_body && !exchange.is_http_1_0;
        let mut response = response.date(&self.date);
        if !exchange.is_http_1_0 {
            response = response.field("transfer-encoding", "chunked");
        }
        let response = response.connection(exchange.keeps_alive, exchange.is_http_1_0);
        self.answer_listing(id, response, Form::Report(report), walk, now);
        Ok(Next::Done)
    }

    fn snapshot(&self, now: Now) -> Snapshot {
        let totals = self.hub.totals();
        let queued_bytes = self.connections.iter().map(|(_, one)| one.outbox.bytes() as u64).sum();
        Snapshot {
            started_at: self.started.unix_seconds(),
            uptime_seconds: now.monotonic.since(self.started.monotonic).whole_seconds(),
            active_channels: totals.active_channels as u64,
            active_subscribers: totals.subscriptions as u64,
            active_stream_connections: self.subscriber_count as u64,
            memory_rss_bytes: (self.host.resident_bytes)(),
            active_connections: self.connections.len() as u64,
            remembered_channels: self.hub.channel_count() as u64,
            stored_messages: totals.stored as u64,
            stored_bytes: self.hub.accounted_bytes() as u64,
            queued_bytes,
            counters: Counters {
                websocket_messages_deflated_total: self.formats.deflated_count(),
                ..self.counters
            },
        }
    }

    fn respond_refusal(
        &mut self,
        id: u32,
        fault: impl Into<Fault>,
        origin: Option<&[u8]>,
        now: Now,
    ) {
        let (response, body) = refuse(fault, origin);
        self.respond(id, response, &body, now);
    }
}

/// What is wrong with a request, as an answer with its body.
fn refuse(fault: impl Into<Fault>, origin: Option<&[u8]>) -> (Response, Vec<u8>) {
    let (response, body) = fault.into().answer();
    let response = match response.status() {
        // Scripts of other origins read only fields that are named (Fetch standard, section 3.2.3).
        Status::UNAUTHORIZED if origin.is_some() => {
            response.field("access-control-expose-headers", "www-authenticate")
        }
        _ => response,
    };
    (api::origin::name(response, origin), body)
}

/// Section 5.2.
fn no_cache(response: Response) -> Response {
    response
        .field("cache-control", "no-cache, no-store, must-revalidate, no-transform")
        .field("pragma", "no-cache")
        .field("expires", "0")
}

/// The first heartbeat comes early, by another share of the interval for each group of connections,
/// so that those of clients who all came back at once do not beat at once for ever. Neighbours in
/// memory, here and in the kernel, still beat together, while what they need is in the caches.
fn spread(interval: Millis, id: u32) -> Millis {
    const GROUP: u32 = 32;
    // The golden ratio spreads consecutive numbers evenly.
    let share = u128::from((id / GROUP).wrapping_mul(0x9e37_79b9));
    // Less than the interval, as the share is less than 2^32.
    let earlier = (u128::from(interval.0) * share) >> 32;
    Millis(interval.0 - earlier as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_heartbeat_is_within_any_interval() {
        for interval in [1, 15_000, u64::MAX] {
            for id in [0, 31, 32, 1_000, u32::MAX] {
                let first = spread(Millis(interval), id).0;
                assert!((1..=interval).contains(&first), "{first} of {interval} for {id}");
            }
        }
    }
}
