//! Statistics locations, and what publishers are told about their channels (push-stream spec,
//! section 7).

use super::{Asked, refuse_statistics};
use crate::endpoints::push_stream::{begin_unsized, gzip, no_cache, publisher};
use crate::http::{Framing, Response, Status};
use crate::hub::{ChannelId, Walk};
use crate::push_stream::channel_path::{self, PathChannel, ReservedId};
use crate::server::Server;
use crate::server::listing::{Form, row};
use crate::server::requests::Next;
use crate::stats::push_stream::{CHANNEL_BYTES, Channel, Format, List, Summary, Totals, Worker};
use crate::time::Now;

/// What the statistics of a request are about.
enum Subject {
    /// The whole server.
    Summary,
    /// All channels whose id starts with this.
    Prefix(Vec<u8>),
    /// These, in this order.
    Channels(Vec<ChannelId>),
}

impl Server {
    /// A request of a statistics location.
    pub(super) fn statistics(&mut self, id: u32, asked: &Asked<'_>, now: Now) -> Next {
        let head = asked.request.head;
        if head.method != "GET" {
            let response = no_cache(Response::titled(Status::METHOD_NOT_ALLOWED));
            return Next::Answer(response.field("Allow", "GET"), Vec::new());
        }
        let subject = match self.subject(asked) {
            Ok(subject) => subject,
            Err(refusal) => return identify(refuse_statistics(refusal), self),
        };
        let format = Format::accepted(head.value("accept"));
        let body = match subject {
            Subject::Summary => Some(self.summary(format, now)),
            Subject::Prefix(prefix) => {
                let bytes_max = self.short_list_bytes_max();
                match self.hub.few_with_prefix(&prefix, CHANNEL_BYTES, bytes_max) {
                    Some(few) => {
                        let body = self.group(format, &few, now);
                        self.turn.work.channels += few.len() as u64;
                        self.turn.work.bytes += body.len() as u64;
                        Some(body)
                    }
                    None => return self.list_long(id, asked, format, prefix, now),
                }
            }
            Subject::Channels(channels) => self.channels(format, &channels, now),
        };
        let Some(body) = body else {
            let response = no_cache(Response::titled(Status::NOT_FOUND));
            return identify(Next::Answer(response, Vec::new()), self);
        };
        let gzip = &asked.location.settings.gzip;
        let is_accepted = gzip::is_accepted(gzip, head);
        let (response, body) = gzip::pack(
            Response::titled(Status::OK),
            body,
            format,
            gzip,
            is_accepted,
            self.formats.compressor(),
        );
        identify(Next::Answer(no_cache(response), body), self)
    }

    /// Section 7.1.
    fn subject(&self, asked: &Asked<'_>) -> Result<Subject, super::Refusal> {
        let limits = &self.config.limits;
        let path = publisher::channels_path(asked.location, asked.request, limits)?;
        if path.is_empty() {
            return Ok(Subject::Summary);
        }
        let mut known = Vec::new();
        for PathChannel { id, .. } in channel_path::read(&path) {
            publisher::check_length(id, &self.config.push_stream, limits)?;
            match ReservedId::of(id) {
                Some(ReservedId::All) => return Ok(Subject::Prefix(Vec::new())),
                Some(ReservedId::Prefix(prefix)) => return Ok(Subject::Prefix(prefix.to_vec())),
                None => known.extend(self.hub.find(id)),
            }
        }
        Ok(Subject::Channels(known))
    }

    /// One channel in the single form, several as a group; none: there is nothing to tell.
    pub(super) fn channels(
        &mut self,
        format: Format,
        channels: &[ChannelId],
        now: Now,
    ) -> Option<Vec<u8>> {
        let body = match channels {
            [] => return None,
            [only] => format.channel(&self.channel_row(*only, now)),
            several => self.group(format, several, now),
        };
        self.turn.work.channels += channels.len() as u64;
        self.turn.work.bytes += body.len() as u64;
        Some(body)
    }

    fn group(&self, format: Format, channels: &[ChannelId], now: Now) -> Vec<u8> {
        let rows = channels.iter().map(|channel| self.channel_row(*channel, now));
        format.group(&self.totals(now), rows)
    }

    /// A list that is too long to be made at once. Channels of a prefix come in the order of their
    /// names, as only so can they be found without looking at all others.
    fn list_long(
        &mut self,
        id: u32,
        asked: &Asked<'_>,
        format: Format,
        prefix: Vec<u8>,
        now: Now,
    ) -> Next {
        if !self.has_place_for_listing() {
            let response = no_cache(Response::titled(Status::SERVICE_UNAVAILABLE));
            return identify(Next::Answer(response, Vec::new()), self);
        }
        let has_body = asked.request.head.framing != Framing::Length(0);
        self.connections[id as usize].exchange.keeps_alive &= !has_body;
        let exchange = self.begin_unsized_exchange(id);
        let response = begin_unsized(exchange, &self.date, format.content_type(), false);
        let head = self.identified(no_cache(response));
        let form = Form::Group(List::begin(format, &self.totals(now), 0));
        let walk = match prefix.is_empty() {
            true => self.hub.walk_by_age(),
            false => Walk::with_prefix(prefix),
        };
        self.answer_listing(id, head, form, walk, now);
        Next::Done
    }

    fn channel_row(&self, channel: ChannelId, now: Now) -> Channel<'_> {
        row(&self.hub.info(channel, now))
    }

    /// Section 5.1: who answers. The module gives its version and commit; we give ours.
    fn identified(&self, response: Response) -> Response {
        response
            .field("X-Nginx-PushStream-Tag", env!("CARGO_PKG_VERSION"))
            .field("X-Nginx-PushStream-Commit", &self.build_id)
    }

    fn totals(&self, now: Now) -> Totals<'_> {
        let totals = self.hub.totals();
        Totals {
            hostname: self.host.name.as_bytes(),
            unix_seconds: now.unix_seconds(),
            channels: totals.channels as u64,
            wildcard_channels: totals.wildcard_channels as u64,
            uptime_seconds: now.monotonic.since(self.started.monotonic).whole_seconds(),
        }
    }

    fn summary(&self, format: Format, now: Now) -> Vec<u8> {
        let totals = self.hub.totals();
        let subscribers = self.subscriber_count as u64;
        // One process does the work of all; users of several workers expect to see that many.
        let workers: Vec<Worker> = (0..self.config.push_stream.worker_processes.max(1))
            .map(|index| Worker {
                pid: self.host.process_id,
                subscribers: if index == 0 { subscribers } else { 0 },
                uptime_seconds: now.monotonic.since(self.configured.monotonic).whole_seconds(),
            })
            .collect();
        format.summary(&Summary {
            totals: self.totals(now),
            published_messages: totals.published,
            stored_messages: totals.stored as u64,
            messages_in_trash: totals.messages_in_trash,
            channels_in_delete: totals.channels_in_delete as u64,
            channels_in_trash: totals.channels_in_trash,
            subscribers,
            by_worker: &workers,
        })
    }
}

fn identify(next: Next, server: &Server) -> Next {
    match next {
        Next::Answer(response, body) => Next::Answer(server.identified(response), body),
        other => other,
    }
}
