//! Publisher locations (push-stream spec, section 6).

use super::pages::{NO_MEMORY_PAGE, too_large};
use super::statistics::channel_bodies;
use super::subscription::refuse_creation;
use super::{Location, Refusal, RoutedRequest, channels, cors, explain, gzip, no_cache};
use crate::config::Role;
use crate::http::{HeaderValue, Response, Status};
use crate::hub::{Draft, Maker, Storing};
use crate::message::{ChannelName, Message};
use crate::push_stream::channel_path::{self, PathChannel};
use crate::server::{
    BodyHandler, Context, CreateMissing, Next, Outcome, PublicationHandler, PublishError,
    PublishTask,
};
use crate::stats::push_stream::Format;
use std::rc::Rc;

/// A POST, PUT or DELETE that waits for its body. A POST or PUT then waits until its message has
/// been published to all channels: there may be no room for it at once (back-pressure).
struct PublisherRequest {
    location: Rc<Location>,
    channels: Vec<ChannelName>,
    verb: PublisherVerb,
    origin: Option<HeaderValue>,
    /// Format of the channel information in the answer.
    format: Format,
    accepts_gzip: bool,
}

/// The operation that a publisher requests.
enum PublisherVerb {
    Publish { event_id: Option<Rc<[u8]>>, event_type: Option<Rc<[u8]>>, is_stored: bool },
    Delete,
}

/// Routes a request to a publisher location (section 6.1).
pub(super) fn route(
    context: &mut Context<'_>,
    routed: &RoutedRequest<'_>,
    is_admin: bool,
    bytes_max: usize,
) -> Next {
    let head = routed.request.head;
    let methods = methods(is_admin);
    let begin = |status| cors(no_cache(Response::titled(status)), routed.origin.as_ref(), methods);
    let verb = match head.method {
        "OPTIONS" => return Next::Answer(begin(Status::OK), Vec::new()),
        "GET" => None,
        "POST" | "PUT" => Some(PublisherVerb::Publish {
            event_id: head.value("event-id").map(Into::into),
            event_type: head.value("event-type").map(Into::into),
            is_stored: channels::stores(routed.location, routed.request),
        }),
        "DELETE" if is_admin => Some(PublisherVerb::Delete),
        _ => {
            let response = begin(Status::METHOD_NOT_ALLOWED).field("Allow", methods);
            return Next::Answer(response, Vec::new());
        }
    };
    let channels = match check_publisher(context, routed, verb.as_ref()) {
        Ok(channels) => channels,
        Err(refusal) => {
            let response = explain(begin(refusal.status()), refusal, true);
            return Next::Answer(response, Vec::new());
        }
    };
    // A GET is answered without reading its body.
    let Some(verb) = verb else { return show_channels(context, routed, &channels, begin) };
    let request = PublisherRequest {
        location: routed.location.clone(),
        channels,
        verb,
        origin: routed.origin.clone(),
        format: Format::accepted(head.value("accept")),
        accepts_gzip: gzip::is_accepted(&routed.location.settings.gzip, head),
    };
    Next::Read { handler: Box::new(request), bytes_max }
}

/// Checks the channels of the request (steps 3 and 4), and creates missing ones for a POST or PUT.
/// They stay even if the request fails.
fn check_publisher(
    context: &mut Context<'_>,
    routed: &RoutedRequest<'_>,
    verb: Option<&PublisherVerb>,
) -> Result<Vec<ChannelName>, Refusal> {
    let limits = &context.config().limits;
    let path = channels::channels_path(routed.location, routed.request, limits)?;
    let mut named = Vec::new();
    for PathChannel { id, .. } in channel_path::read(&path) {
        channels::check_id(id, &context.config().push_stream, &context.config().limits)?;
        if matches!(verb, Some(PublisherVerb::Publish { .. })) {
            let now = context.now;
            let made = context.hub_mut().find_or_create(id, Maker::Application, now);
            made.map_err(|error| refuse_creation(context, error))?;
        }
        if verb.is_some() && context.hub().is_events_channel(id) {
            return Err(Refusal::EventsChannelIsInternal);
        }
        named.push(id.into());
    }
    context.work().channels += named.len() as u64;
    // The creation of a channel is announced before its first message is published (section 21).
    context.publish_events();
    if named.is_empty() { Err(Refusal::NoChannel) } else { Ok(named) }
}

/// Answers a GET with information about the channels that exist (section 6.3).
fn show_channels(
    context: &mut Context<'_>,
    routed: &RoutedRequest<'_>,
    names: &[ChannelName],
    begin: impl Fn(Status) -> Response,
) -> Next {
    let head = routed.request.head;
    let known: Vec<_> = names.iter().filter_map(|name| context.hub().find(name)).collect();
    let format = Format::accepted(head.value("accept"));
    let Some(body) = channel_bodies(context, format, &known) else {
        return Next::Answer(begin(Status::NOT_FOUND), Vec::new());
    };
    let gzip = &routed.location.settings.gzip;
    let is_accepted = gzip::is_accepted(gzip, head);
    let (response, body) =
        gzip::compress(begin(Status::OK), body, format, gzip, is_accepted, context.compressor());
    Next::Answer(response, body)
}

impl BodyHandler for PublisherRequest {
    fn complete(self: Box<Self>, context: &mut Context<'_>, body: &[u8]) -> Next {
        // While the body was read, a reload may have made one of the channels the events channel.
        let has_events = self.channels.iter().any(|name| context.hub().is_events_channel(name));
        let (response, body) = match &self.verb {
            _ if has_events => refuse(&self, Refusal::EventsChannelIsInternal),
            PublisherVerb::Delete => delete_channels(context, &self, body),
            PublisherVerb::Publish { .. } if body.is_empty() => refuse(&self, Refusal::EmptyPost),
            PublisherVerb::Publish { event_id, event_type, is_stored } => {
                let draft = Draft {
                    text: body.into(),
                    event_id: event_id.clone(),
                    event_type: event_type.clone(),
                    storing: Storing::always_if(*is_stored),
                    ..Draft::default()
                };
                if context.can_encode(longest(&self.channels), &draft) {
                    let channels = self.channels.iter().cloned().collect();
                    let events_before = context.hub().events_raised();
                    let task = PublishTask::new(draft, CreateMissing::All);
                    let task = PublishTask { channels, events_before, ..task };
                    return Next::Later { task, handler: self };
                }
                refuse(&self, Refusal::MessageTooLarge)
            }
        };
        Next::Answer(response, body)
    }

    fn too_large(&self) -> (Response, Vec<u8>) {
        too_large()
    }

    fn is_publication(&self) -> bool {
        true
    }
}

impl PublicationHandler for PublisherRequest {
    /// Answers the publisher (section 6.2).
    fn published(
        self: Box<Self>,
        context: &mut Context<'_>,
        result: Result<Vec<Outcome>, PublishError>,
    ) -> Next {
        let (response, body) = match result {
            Ok(_) => answer_published(context, &self),
            Err(PublishError::Channel(error)) => refuse(&self, refuse_creation(context, error)),
            Err(PublishError::Message) => {
                context.close_after_answer();
                let response = begin(&self, Status::INTERNAL_SERVER_ERROR);
                (response.field("Content-Type", "text/html"), NO_MEMORY_PAGE.to_vec())
            }
        };
        Next::Answer(response, body)
    }
}

fn answer_published(context: &mut Context<'_>, request: &PublisherRequest) -> (Response, Vec<u8>) {
    let response = begin(request, Status::OK);
    if !request.location.settings.channel_info_on_publish {
        return (response, Vec::new());
    }
    let known: Vec<_> =
        request.channels.iter().filter_map(|name| context.hub().find(name)).collect();
    let body = channel_bodies(context, request.format, &known).unwrap_or_default();
    let gzip = &request.location.settings.gzip;
    gzip::compress(response, body, request.format, gzip, request.accepts_gzip, context.compressor())
}

/// Deletes the channels (section 6.4). `body` is the last message to their subscribers; if it is
/// empty, the configured text.
fn delete_channels(
    context: &mut Context<'_>,
    request: &PublisherRequest,
    body: &[u8],
) -> (Response, Vec<u8>) {
    let text = match body {
        b"" => context.config().push_stream.channel_deleted_message_text.clone(),
        body => body.to_vec(),
    };
    let draft = Draft { text: text.as_slice().into(), ..Draft::default() };
    if !context.can_encode(longest(&request.channels), &draft) {
        return refuse(request, Refusal::MessageTooLarge);
    }
    let mut is_any_deleted = false;
    for name in &request.channels {
        if let Some(channel) = context.hub().find(name) {
            // Keep it from being evicted while its subscribers leave.
            let now = context.now;
            context.hub_mut().keep(channel, now);
            let message = Message::special(Message::DELETED, name.clone(), &text);
            context.delete_channel(channel, message.into());
            is_any_deleted = true;
        }
    }
    let response = if is_any_deleted {
        begin(request, Status::OK).field("X-Nginx-PushStream-Explain", "Channel deleted.")
    } else {
        begin(request, Status::NOT_FOUND)
    };
    (response, Vec::new())
}

fn longest(names: &[ChannelName]) -> usize {
    names.iter().map(|name| name.len()).max().unwrap_or(0)
}

fn begin(request: &PublisherRequest, status: Status) -> Response {
    let is_admin = matches!(request.location.settings.role, Role::Publisher { is_admin: true });
    let response = no_cache(Response::titled(status));
    cors(response, request.origin.as_ref(), methods(is_admin))
}

fn refuse(request: &PublisherRequest, refusal: Refusal) -> (Response, Vec<u8>) {
    (explain(begin(request, refusal.status()), refusal, true), Vec::new())
}

/// The methods of a publisher location, for `Allow` and for CORS.
fn methods(is_admin: bool) -> &'static str {
    if is_admin { "GET, POST, PUT, DELETE" } else { "GET, POST, PUT" }
}
