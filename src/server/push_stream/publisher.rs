//! Publisher locations (push-stream spec, section 6).

use super::{Asked, NO_MEMORY_PAGE, Refusal, explain};
use crate::endpoints::push_stream::{cors, gzip, no_cache, publisher};
use crate::http::{Response, Status};
use crate::hub::{CreateError, Draft, Maker};
use crate::message::{ChannelName, Message};
use crate::push_stream::channel_path::{self, PathChannel};
use crate::server::Server;
use crate::server::connection::{Awaiting, PublisherRequest, PublisherVerb};
use crate::server::publishing::{Origin, Publishing, Unpublished};
use crate::server::requests::Next;
use crate::stats::push_stream::Format;
use crate::time::Now;

impl Server {
    /// The head of a publisher's request: section 6.1.
    pub(super) fn route_publisher(&mut self, asked: &Asked<'_>, is_admin: bool, now: Now) -> Next {
        let head = asked.request.head;
        let methods = publisher::methods(is_admin);
        let begin =
            |status| cors(no_cache(Response::titled(status)), asked.origin.as_ref(), methods);
        let verb = match head.method {
            "OPTIONS" => return Next::Answer(begin(Status::OK), Vec::new()),
            "GET" => None,
            "POST" | "PUT" => Some(PublisherVerb::Publish {
                event_id: head.value("event-id").map(Into::into),
                event_type: head.value("event-type").map(Into::into),
                is_stored: publisher::stores(asked.location, asked.request),
            }),
            "DELETE" if is_admin => Some(PublisherVerb::Delete),
            _ => {
                let response = begin(Status::METHOD_NOT_ALLOWED).field("Allow", methods);
                return Next::Answer(response, Vec::new());
            }
        };
        let channels = match self.check_publisher(asked, verb.as_ref(), now) {
            Ok(channels) => channels,
            Err(refusal) => {
                let response = explain(begin(refusal.status()), refusal, true);
                return Next::Answer(response, Vec::new());
            }
        };
        // A GET is answered from its head.
        let Some(verb) = verb else { return self.show_channels(asked, &channels, begin, now) };
        let request = PublisherRequest {
            location: asked.location.clone(),
            channels,
            verb,
            origin: asked.origin.clone(),
            format: Format::accepted(head.value("accept")),
            accepts_gzip: gzip::is_accepted(&asked.location.settings.gzip, head),
        };
        Next::Read {
            awaiting: Awaiting::Location(Box::new(request)),
            bytes_max: super::body_bytes_max(asked.location),
        }
    }

    /// Steps 3 and 4. The channels that a publication makes stay, whatever becomes of it.
    fn check_publisher(
        &mut self,
        asked: &Asked<'_>,
        verb: Option<&PublisherVerb>,
        now: Now,
    ) -> Result<Vec<ChannelName>, Refusal> {
        let limits = &self.config.limits;
        let path = publisher::channels_path(asked.location, asked.request, limits)?;
        let mut channels = Vec::new();
        for PathChannel { id, .. } in channel_path::read(&path) {
            publisher::check_id(id, &self.config.push_stream, &self.config.limits)?;
            if matches!(verb, Some(PublisherVerb::Publish { .. })) {
                let made = self.hub.find_or_create(id, Maker::Application, now);
                made.map_err(|error| self.cannot_create(error, now))?;
            }
            if verb.is_some() && self.hub.is_events_channel(id) {
                return Err(Refusal::EventsChannelIsInternal);
            }
            channels.push(id.into());
        }
        self.turn.work.channels += channels.len() as u64;
        // A channel was made before its first message was published (section 21).
        self.settle(now);
        match channels.is_empty() {
            true => Err(Refusal::NoChannel),
            false => Ok(channels),
        }
    }

    pub(super) fn cannot_create(&mut self, error: CreateError, now: Now) -> Refusal {
        match error {
            CreateError::TooMany => Refusal::TooManyChannels,
            CreateError::Full => {
                self.report_full_store(now);
                Refusal::Full
            }
        }
    }

    /// Section 6.3.
    fn show_channels(
        &mut self,
        asked: &Asked<'_>,
        names: &[ChannelName],
        begin: impl Fn(Status) -> Response,
        now: Now,
    ) -> Next {
        let head = asked.request.head;
        let known: Vec<_> = names.iter().filter_map(|name| self.hub.find(name)).collect();
        let format = Format::accepted(head.value("accept"));
        let Some(body) = self.channels(format, &known, now) else {
            return Next::Answer(begin(Status::NOT_FOUND), Vec::new());
        };
        let gzip = &asked.location.settings.gzip;
        let is_accepted = gzip::is_accepted(gzip, head);
        let (response, body) = gzip::pack(
            begin(Status::OK),
            body,
            format,
            gzip,
            is_accepted,
            self.formats.compressor(),
        );
        Next::Answer(response, body)
    }

    /// A publisher's request with its body.
    pub(in crate::server) fn complete_publisher(
        &mut self,
        id: u32,
        request: Box<PublisherRequest>,
        body: &[u8],
        now: Now,
    ) {
        // While the body was coming, a reload may have made one of them the events channel.
        let has_events = request.channels.iter().any(|name| self.hub.is_events_channel(name));
        let (response, body) = match &request.verb {
            _ if has_events => refuse(&request, Refusal::EventsChannelIsInternal),
            PublisherVerb::Delete => self.delete_channels(&request, body, now),
            PublisherVerb::Publish { .. } if body.is_empty() => {
                refuse(&request, Refusal::EmptyPost)
            }
            PublisherVerb::Publish { event_id, event_type, is_stored } => {
                let draft = Draft {
                    text: body.into(),
                    event_id: event_id.clone(),
                    event_type: event_type.clone(),
                    is_stored: *is_stored,
                    ..Draft::default()
                };
                if self.can_encode(longest(&request.channels), &draft) {
                    let channels = request.channels.iter().cloned().collect();
                    let events_before = self.hub.events_raised();
                    let origin = Origin::Location(request);
                    let publishing = Publishing { draft, channels, origin, events_before };
                    return self.go_on_publishing(id, publishing, now);
                }
                refuse(&request, Refusal::MessageTooLarge)
            }
        };
        self.respond(id, response, &body, now);
    }

    /// Section 6.2: it was published to all channels, or there was no room for the next one.
    pub(in crate::server) fn answer_publisher(
        &mut self,
        id: u32,
        request: &PublisherRequest,
        result: Result<(), Unpublished>,
        now: Now,
    ) {
        let (response, body) = match result {
            Ok(()) => self.published(request, now),
            Err(Unpublished::Channel(error)) => refuse(request, self.cannot_create(error, now)),
            Err(Unpublished::Message) => {
                self.connections[id as usize].exchange.keeps_alive = false;
                let response = begin(request, Status::INTERNAL_SERVER_ERROR);
                (response.field("Content-Type", "text/html"), NO_MEMORY_PAGE.to_vec())
            }
        };
        self.respond(id, response, &body, now);
    }

    fn published(&mut self, request: &PublisherRequest, now: Now) -> (Response, Vec<u8>) {
        let response = begin(request, Status::OK);
        if !request.location.settings.channel_info_on_publish {
            return (response, Vec::new());
        }
        let known: Vec<_> =
            request.channels.iter().filter_map(|name| self.hub.find(name)).collect();
        let body = self.channels(request.format, &known, now).unwrap_or_default();
        let gzip = &request.location.settings.gzip;
        gzip::pack(
            response,
            body,
            request.format,
            gzip,
            request.accepts_gzip,
            self.formats.compressor(),
        )
    }

    /// Section 6.4.
    fn delete_channels(
        &mut self,
        request: &PublisherRequest,
        body: &[u8],
        now: Now,
    ) -> (Response, Vec<u8>) {
        let text = match body {
            b"" => self.config.push_stream.channel_deleted_message_text.clone(),
            body => body.to_vec(),
        };
        let draft = Draft { text: text.as_slice().into(), ..Draft::default() };
        if !self.can_encode(longest(&request.channels), &draft) {
            return refuse(request, Refusal::MessageTooLarge);
        }
        let mut is_any_deleted = false;
        for name in &request.channels {
            if let Some(channel) = self.hub.find(name) {
                // It must not give way while its subscribers leave.
                self.hub.keep(channel, now);
                let message = Message::special(Message::DELETED, name.clone(), &text);
                self.delete_channel(channel, message.into(), now);
                is_any_deleted = true;
            }
        }
        let response = match is_any_deleted {
            true => {
                begin(request, Status::OK).field("X-Nginx-PushStream-Explain", "Channel deleted.")
            }
            false => begin(request, Status::NOT_FOUND),
        };
        (response, Vec::new())
    }
}

fn longest(names: &[ChannelName]) -> usize {
    names.iter().map(|name| name.len()).max().unwrap_or(0)
}

fn begin(request: &PublisherRequest, status: Status) -> Response {
    let is_admin =
        matches!(request.location.settings.role, crate::config::Role::Publisher { is_admin: true });
    let response = no_cache(Response::titled(status));
    cors(response, request.origin.as_ref(), publisher::methods(is_admin))
}

fn refuse(request: &PublisherRequest, refusal: Refusal) -> (Response, Vec<u8>) {
    (explain(begin(request, refusal.status()), refusal, true), Vec::new())
}
