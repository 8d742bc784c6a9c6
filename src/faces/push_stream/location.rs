//! Locations made ready at start: expressions and templates compiled, frames encoded. Nothing on
//! the hot path looks at strings of the configuration.

use super::Request;
use super::answer::{Answers, Items};
use super::expression::Expression;
use crate::config::{self, Mode, PathMatch, PushStream, Role, VirtualServer};
use crate::message::Message;
use crate::time::Millis;
use crate::transports::padding::Padding;
use crate::transports::{
    Coding, Encoded, FormatId, Formats, Frame, LongPollAnswers, PaddingRule, Payload, Profile,
    WireFormat, event_stream, template::Template,
};
use crate::websocket;
use std::ops::Range;
use std::rc::Rc;

/// A location, ready to serve.
pub struct Location {
    /// As configured.
    pub settings: Rc<config::Location>,
    expression: Option<Expression>,
    padding: Option<Padding>,
    header: Vec<u8>,
    answers: Rc<Answers>,
    chunked: Encodings,
    identity: Encodings,
    gzip: Option<Encodings>,
    websocket: Option<Encodings>,
    websocket_deflated: Option<Encodings>,
}

/// What subscribers of one coding share.
struct Encodings {
    header: Encoded,
    profile: Rc<Profile>,
}

/// What carries a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// An HTTP body in this coding.
    Body(Coding),
    /// WebSocket frames.
    WebSocket {
        /// permessage-deflate was agreed.
        is_deflated: bool,
    },
}

impl Location {
    /// Compiles a location. The configuration has been checked, so what cannot be compiled matches
    /// or pads nothing. `padding_max` is the greatest minimum size of any padding of all locations.
    fn new(
        settings: &Rc<config::Location>,
        padding: Option<Padding>,
        padding_max: u32,
        push_stream: &PushStream,
        formats: &mut Formats,
    ) -> Location {
        let subscriber = &settings.subscriber;
        let is_event_source = settings.role == Role::Subscriber(Mode::EventSource);
        let is_websocket = settings.role == Role::Subscriber(Mode::WebSocket);
        let template = || Template::compile(&subscriber.message_template);
        let payload = match is_event_source {
            true => Payload::EventStream(event_stream::EventTemplate::compile(
                &subscriber.message_template,
            )),
            false => Payload::Text(template()),
        };
        let (header, footer) = match is_event_source {
            true => (
                event_stream::header(&subscriber.header_template),
                event_stream::footer(&subscriber.footer_template),
            ),
            false => (subscriber.header_template.clone(), subscriber.footer_template.clone()),
        };
        let mut items = |coding: Coding| Items {
            format: formats.intern(WireFormat { payload: payload.clone(), coding }),
            header: coding.encode(&header, formats.compressor()),
            footer: coding.encode(&footer, formats.compressor()),
        };
        let compresses_streams = settings.gzip.is_on && settings.gzip.includes_streams;
        let gzip = compresses_streams.then(|| items(Coding::Gzip));
        let origins = settings.allowed_origins.as_ref();
        let constant_origin = origins.and_then(|origins| origins.constant()).map(Frame::from);
        let answers = Rc::new(Answers {
            settings: settings.clone(),
            has_varying_origin: origins.is_some() && constant_origin.is_none(),
            constant_origin,
            chunked: items(Coding::Chunked),
            identity: items(Coding::Identity),
            pieces: settings.gzip.is_on.then(|| items(Coding::Piece)),
        });
        let profile = |format, heartbeat, goodbye, end: &[u8]| Profile {
            format,
            heartbeat,
            heartbeat_interval: subscriber.ping_message_interval.unwrap_or(Millis::NEVER).into(),
            restarts_heartbeat: true,
            padding: None,
            goodbye: Some(goodbye),
            end: end.into(),
            time_to_live: subscriber.subscriber_connection_ttl,
            takes_messages: subscriber.websocket_allow_publish,
            ends_at_reload: true,
            long_poll: Some(answers.clone()),
        };
        let ping = Message::special(Message::PING, Rc::from([]), &push_stream.ping_message_text);
        let mut body = |items: &Items, coding: Coding| {
            let ping = match is_event_source {
                // Not in message form, so it is not padded (section 18).
                true => Some(Encoded {
                    text_bytes: 0,
                    ..coding.encode(event_stream::PING, formats.compressor())
                }),
                false => formats.encode(items.format, &ping),
            };
            let (header, footer) = (items.header.clone(), items.footer.clone());
            let padding =
                Some(PaddingRule { is_comment: is_event_source, coding, size_max: padding_max });
            let profile = Profile { padding, ..profile(items.format, ping, footer, coding.end()) };
            Encodings { header, profile: profile.into() }
        };
        let chunked = body(&answers.chunked, Coding::Chunked);
        let identity = body(&answers.identity, Coding::Identity);
        let gzip = gzip.map(|items| body(&items, Coding::Gzip));
        let mut frames = |payload: Payload| {
            let format = formats.intern(WireFormat { payload, coding: Coding::Identity });
            let mut plain = |bytes: &[u8]| Coding::Identity.encode(bytes, formats.compressor());
            let ping = Encoded { text_bytes: 0, ..plain(&websocket::PING_EMPTY) };
            let mut item = |text: &[u8]| match text {
                b"" => plain(b""),
                _ => plain(&websocket::text(text)),
            };
            let (header, footer) = (item(&header), item(&footer));
            let profile = profile(format, Some(ping), footer, &websocket::CLOSE_EMPTY);
            Encodings { header, profile: profile.into() }
        };
        let websocket = is_websocket.then(|| frames(Payload::WebSocket(template())));
        let websocket_deflated =
            is_websocket.then(|| frames(Payload::WebSocketDeflated(template())));
        Location {
            expression: Expression::of(&settings.path),
            padding,
            header,
            answers,
            chunked,
            identity,
            gzip,
            websocket,
            websocket_deflated,
            settings: settings.clone(),
        }
    }

    fn encodings(&self, wire: Wire) -> &Encodings {
        let made = match wire {
            Wire::Body(Coding::Chunked) => return &self.chunked,
            Wire::Body(Coding::Identity) => return &self.identity,
            Wire::Body(Coding::Gzip) => &self.gzip,
            Wire::Body(Coding::Piece) => unreachable!("pieces are put together to whole answers"),
            Wire::WebSocket { is_deflated: false } => &self.websocket,
            Wire::WebSocket { is_deflated: true } => &self.websocket_deflated,
        };
        made.as_ref().expect("only WebSocket locations shake hands, and only gzip ones compress")
    }

    /// Every wire format of its messages.
    pub fn formats(&self) -> impl Iterator<Item = FormatId> {
        let rare = [&self.gzip, &self.websocket, &self.websocket_deflated];
        let all = [&self.chunked, &self.identity].into_iter().chain(rare.into_iter().flatten());
        all.map(|encodings| encodings.profile.format).chain(self.answers.formats())
    }

    /// How its subscribers of one coding are served.
    pub fn profile(&self, wire: Wire) -> &Rc<Profile> {
        &self.encodings(wire).profile
    }

    /// What is sent first; empty: nothing.
    pub fn first_item(&self, wire: Wire) -> &Encoded {
        &self.encodings(wire).header
    }

    /// What answers to its polling and long-polling requests are made of.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// The header as it is sent, before any coding.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// Paddings for this user agent.
    pub fn padding(&self) -> Option<&Padding> {
        self.padding.as_ref()
    }

    /// Whether streams of this content type are compressed for those who accept it (section 5.5).
    pub fn compresses_streams(&self, content_type: &str) -> bool {
        self.gzip.is_some() && self.settings.gzip.covers_type(content_type)
    }

    /// Whether it is an EventSource location.
    pub fn is_event_source(&self) -> bool {
        self.settings.role == Role::Subscriber(Mode::EventSource)
    }

    /// `Access-Control-Allow-Origin` for this request; none: no CORS headers (section 5.4).
    pub fn origin(&self, request: &Request<'_>) -> Option<Frame> {
        let origin = match (&self.answers.constant_origin, &self.settings.allowed_origins) {
            (Some(origin), _) => origin.clone(),
            (None, Some(origins)) => Frame::from(&*origins.evaluate(request)),
            (None, None) => return None,
        };
        (!origin.is_empty()).then_some(origin)
    }

    /// The content type of a path, by the extension of its last segment (section 5.1).
    pub fn content_type(&self, path: &[u8]) -> &str {
        let segment = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let extension = match segment.iter().rposition(|&byte| byte == b'.') {
            Some(dot) => &segment[dot + 1..],
            None => return &self.settings.default_type,
        };
        let mut types = self.settings.types.iter();
        types
            .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(extension))
            .map_or(&self.settings.default_type, |(_, content_type)| content_type)
    }
}

/// The locations of all servers, in the order in which they are to be asked.
#[derive(Default)]
pub struct Locations {
    servers: Vec<Server>,
    /// Expressions that may go through the whole of one path.
    expressions_max: usize,
    /// The largest padding that a message may get.
    padding_max: u32,
}

struct Server {
    names: Vec<String>,
    sibling: Option<usize>,
    locations: Vec<Rc<Location>>,
}

/// A location that was found, with the groups of its expression.
pub struct Match {
    /// The location.
    pub location: Rc<Location>,
    /// Where in the path the whole match and the groups are; none for prefixes.
    pub captures: Vec<Range<usize>>,
}

impl Locations {
    /// Compiles all locations of a configuration.
    pub fn new(
        servers: &[VirtualServer],
        push_stream: &PushStream,
        formats: &mut Formats,
    ) -> Locations {
        let mut all = Locations::default();
        let configured = servers.iter().flat_map(|server| &server.locations);
        let patterns = configured.map(|one| &one.subscriber.padding_by_user_agent);
        let paddings: Vec<_> = patterns.map(|pattern| Padding::parse(pattern).ok()).collect();
        let padding_max = paddings.iter().flatten().map(Padding::size_max).max().unwrap_or(0);
        all.padding_max = paddings.iter().flatten().map(Padding::message_max).max().unwrap_or(0);
        let mut paddings = paddings.into_iter();
        for server in servers {
            let compile = |one: &config::Location| {
                let padding = paddings.next().flatten();
                let settings = Rc::new(one.clone());
                Rc::new(Location::new(&settings, padding, padding_max, push_stream, formats))
            };
            let locations: Vec<Rc<Location>> = server.locations.iter().map(compile).collect();
            let patterns = locations.iter().filter_map(|one| match &one.settings.path {
                PathMatch::Regex { pattern, .. } => Some(pattern),
                PathMatch::Exact(_) | PathMatch::Prefix(_) | PathMatch::PrefixFinal(_) => None,
            });
            let (anchored, others): (Vec<_>, Vec<_>) =
                patterns.partition(|pattern| pattern.starts_with('^'));
            // Of those that begin at the path's beginning most end there.
            let count = others.len() + usize::from(!anchored.is_empty());
            all.expressions_max = all.expressions_max.max(count);
            all.servers.push(Server {
                names: server.names.clone(),
                sibling: server.sibling,
                locations,
            });
        }
        all
    }

    /// Bytes of this path that expressions may have to look at to find its location.
    pub fn matched_bytes(&self, path: &[u8]) -> usize {
        self.expressions_max * path.len()
    }

    /// The largest padding that a message may get; 0: none gets any.
    pub fn padding_max(&self) -> u32 {
        self.padding_max
    }

    /// Every wire format that one of them uses.
    pub fn formats(&self) -> impl Iterator<Item = FormatId> {
        self.servers.iter().flat_map(|server| &server.locations).flat_map(|one| one.formats())
    }

    /// The location of a path on a server, or on the sibling that has the host's name.
    pub fn find(&self, server: usize, host: &str, path: &[u8]) -> Option<Match> {
        self.by_name(server, host)?.find(path)
    }

    fn by_name(&self, first: usize, host: &str) -> Option<&Server> {
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let mut server = self.servers.get(first)?;
        // The chain of siblings ends with the listener's default server, which takes every name.
        while let Some(sibling) = server.sibling.and_then(|sibling| self.servers.get(sibling))
            && !server.names.iter().any(|name| names_host(name, host))
        {
            server = sibling;
        }
        Some(server)
    }
}

/// nginx `server_name`: exact, `*.suffix`, `.suffix`, `prefix.*`; letter case does not matter.
fn names_host(name: &str, host: &str) -> bool {
    let (name, host) = (name.as_bytes(), host.as_bytes());
    let starts_with = |prefix: &[u8]| {
        host.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let ends_with = |suffix: &[u8]| {
        let start = host.len().checked_sub(suffix.len());
        start.is_some_and(|start| host[start..].eq_ignore_ascii_case(suffix))
    };
    match name {
        [b'*', suffix @ ..] => host.len() > suffix.len() && ends_with(suffix),
        [b'.', suffix @ ..] => host.eq_ignore_ascii_case(suffix) || ends_with(name),
        [prefix @ .., b'*'] => host.len() > prefix.len() && starts_with(prefix),
        _ => host.eq_ignore_ascii_case(name),
    }
}

impl Server {
    /// nginx's precedence: exact, then the longest prefix if it is final, then the first
    /// expression, then the longest prefix.
    fn find(&self, path: &[u8]) -> Option<Match> {
        let plain =
            |location: &Rc<Location>| Match { location: location.clone(), captures: Vec::new() };
        let mut longest: Option<(&str, bool, &Rc<Location>)> = None;
        for location in &self.locations {
            let (prefix, is_final) = match &location.settings.path {
                PathMatch::Exact(exact) if exact.as_bytes() == path => {
                    return Some(plain(location));
                }
                PathMatch::Prefix(prefix) => (prefix, false),
                PathMatch::PrefixFinal(prefix) => (prefix, true),
                PathMatch::Exact(_) | PathMatch::Regex { .. } => continue,
            };
            let is_longer = longest.is_none_or(|(other, _, _)| prefix.len() > other.len());
            if path.starts_with(prefix.as_bytes()) && is_longer {
                longest = Some((prefix, is_final, location));
            }
        }
        if let Some((_, true, location)) = longest {
            return Some(plain(location));
        }
        for location in &self.locations {
            let found = location.expression.as_ref().and_then(|one| one.captures(path));
            if let Some(captures) = found {
                return Some(Match { location: location.clone(), captures });
            }
        }
        longest.map(|(_, _, location)| plain(location))
    }
}
