//! Locations, compiled from the configuration: expressions, templates and fixed frames are prepared
//! once, so that the hot path reads no configuration strings.

use super::Request;
use super::answer::{Answers, Items};
use super::expression::Expression;
use crate::config::{self, Mode, PathMatch, PushStream, Role, VirtualServer};
use crate::http::HeaderValue;
use crate::message::Message;
use crate::time::Millis;
use crate::transports::padding::Padding;
use crate::transports::{
    Coding, Encoded, FormatId, Formats, LongPollAnswers, PaddingRule, Payload, Profile, WireFormat,
    event_stream, template::Template,
};
use crate::websocket;
use std::ops::Range;
use std::rc::Rc;

/// A compiled location.
pub struct Location {
    /// Its configuration.
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

/// What all subscribers with the same [`Wire`] share.
struct Encodings {
    header: Encoded,
    profile: Rc<Profile>,
}

/// How messages are carried to a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// An HTTP body in this coding.
    Body(Coding),
    /// WebSocket frames.
    WebSocket {
        /// Whether permessage-deflate was negotiated.
        is_deflated: bool,
    },
}

impl Location {
    /// Compiles a location. `padding_max` is the greatest minimum size of any padding of all
    /// locations. Invalid expressions and paddings, which the configuration's checks refuse, match
    /// and pad nothing.
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
        let payload = if is_event_source {
            let template = event_stream::EventTemplate::compile(&subscriber.message_template);
            Payload::EventStream(template)
        } else {
            Payload::Text(template())
        };
        let (header, footer) = (&subscriber.header_template, &subscriber.footer_template);
        let (header, footer) = if is_event_source {
            (event_stream::header(header), event_stream::footer(footer))
        } else {
            (header.clone(), footer.clone())
        };
        let mut items = |coding: Coding| Items {
            format: formats.intern(WireFormat { payload: payload.clone(), coding }),
            header: coding.encode(&header, formats.compressor()),
            footer: coding.encode(&footer, formats.compressor()),
        };
        let compresses_streams = settings.gzip.is_on && settings.gzip.includes_streams;
        let gzip = compresses_streams.then(|| items(Coding::Gzip));
        let origins = settings.allowed_origins.as_ref();
        let constant_origin = origins.and_then(|origins| origins.constant()).map(HeaderValue::from);
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
            heartbeat_interval: subscriber.ping_message_interval.unwrap_or(Millis::FOREVER).into(),
            restarts_heartbeat: true,
            padding: None,
            goodbye: Some(goodbye),
            end: end.into(),
            time_to_live: subscriber.subscriber_connection_ttl,
            takes_messages: subscriber.websocket_allow_publish,
            control: None,
            expiring_before: Millis(0).into(),
            cursor_heartbeat: None.into(),
            ends_at_reload: true,
            long_poll: Some(answers.clone()),
        };
        let ping = Message::special(Message::PING, Rc::from([]), &push_stream.ping_message_text);
        let mut body = |items: &Items, coding: Coding| {
            let ping = if is_event_source {
                // This ping is no message, so it is not padded (section 18).
                let ping = coding.encode(event_stream::PING, formats.compressor());
                Some(Encoded { text_bytes: 0, ..ping })
            } else {
                formats.encode(items.format, &ping)
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
            Wire::Body(Coding::Piece) => unreachable!("pieces are assembled to complete answers"),
            Wire::WebSocket { is_deflated: false } => &self.websocket,
            Wire::WebSocket { is_deflated: true } => &self.websocket_deflated,
        };
        made.as_ref().expect("only WebSocket locations upgrade, and only gzip locations compress")
    }

    /// Every wire format of this location's messages.
    pub fn formats(&self) -> impl Iterator<Item = FormatId> {
        let rare = [&self.gzip, &self.websocket, &self.websocket_deflated];
        let all = [&self.chunked, &self.identity].into_iter().chain(rare.into_iter().flatten());
        all.map(|encodings| encodings.profile.format).chain(self.answers.formats())
    }

    /// The profile of subscribers with this wire.
    pub fn profile(&self, wire: Wire) -> &Rc<Profile> {
        &self.encodings(wire).profile
    }

    /// The encoded header, sent first; empty: nothing.
    pub fn first_item(&self, wire: Wire) -> &Encoded {
        &self.encodings(wire).header
    }

    /// The shared parts of polling and long-polling answers.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// The text of the header, not encoded.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// Padding by user agent, if the location has any.
    pub fn padding(&self) -> Option<&Padding> {
        self.padding.as_ref()
    }

    /// Whether streams of this content type are compressed for clients that accept it (section
    /// 5.5).
    pub fn compresses_streams(&self, content_type: &str) -> bool {
        self.gzip.is_some() && self.settings.gzip.covers_type(content_type)
    }

    /// Whether this is an EventSource location.
    pub fn is_event_source(&self) -> bool {
        self.settings.role == Role::Subscriber(Mode::EventSource)
    }

    /// `Access-Control-Allow-Origin` for this request; `None`: no CORS headers (section 5.4).
    pub fn origin(&self, request: &Request<'_>) -> Option<HeaderValue> {
        let origin = match (&self.answers.constant_origin, &self.settings.allowed_origins) {
            (Some(origin), _) => origin.clone(),
            (None, Some(origins)) => HeaderValue::from(&*origins.evaluate(request)),
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

/// The compiled locations of all servers.
#[derive(Default)]
pub struct Locations {
    servers: Vec<Site>,
    /// The largest number of expressions that may scan a whole path before its location is found.
    expressions_max: usize,
    /// The largest padding that a message may get, in bytes.
    padding_max: u32,
}

struct Site {
    names: Vec<String>,
    sibling: Option<usize>,
    locations: Vec<Rc<Location>>,
}

/// The location that matches a path.
pub struct Match {
    /// The location.
    pub location: Rc<Location>,
    /// The byte ranges of the expression's whole match and of its groups in the path; empty if the
    /// location has no expression.
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
            // An anchored expression that does not match usually fails at the first bytes, so all
            // of them count as one.
            let count = others.len() + usize::from(!anchored.is_empty());
            all.expressions_max = all.expressions_max.max(count);
            all.servers.push(Site {
                names: server.names.clone(),
                sibling: server.sibling,
                locations,
            });
        }
        all
    }

    /// How many bytes expressions may have to scan to find the location of this path.
    pub fn matched_bytes(&self, path: &[u8]) -> usize {
        self.expressions_max * path.len()
    }

    /// The largest padding that a message may get, in bytes; 0: no message is padded.
    pub fn padding_max(&self) -> u32 {
        self.padding_max
    }

    /// Every wire format of all locations.
    pub fn formats(&self) -> impl Iterator<Item = FormatId> {
        self.servers.iter().flat_map(|server| &server.locations).flat_map(|one| one.formats())
    }

    /// The location of a path. Servers that share a listener are chosen by host name, starting with
    /// the one at index `server`.
    pub fn find(&self, server: usize, host: &str, path: &[u8]) -> Option<Match> {
        self.by_name(server, host)?.find(path)
    }

    fn by_name(&self, first: usize, host: &str) -> Option<&Site> {
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let mut server = self.servers.get(first)?;
        // The last sibling is the listener's default server, which answers for every other name.
        while let Some(sibling) = server.sibling.and_then(|sibling| self.servers.get(sibling))
            && !server.names.iter().any(|name| matches_host(name, host))
        {
            server = sibling;
        }
        Some(server)
    }
}

/// Whether an nginx `server_name` matches the host: exact, `*.suffix`, `.suffix` or `prefix.*`,
/// ignoring letter case.
fn matches_host(name: &str, host: &str) -> bool {
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

impl Site {
    /// The location of a path, with nginx's precedence: the exact path; the longest prefix, if it
    /// is final (`^~`); the first expression that matches; the longest prefix.
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
