//! The rpushd API (rpushd spec, sections 2 to 6): routes, and one file per endpoint.

mod channel_name;
mod channels;
mod commands;
mod disconnect;
mod events;
mod fields;
mod json;
mod listing;
mod origin;
mod poll;
mod poll_answers;
mod profiles;
pub mod publication;
mod publish;
mod publish_batch;
mod publish_result;
mod query;
mod refresh;
mod refusal;
mod stats;
mod stream;
mod subscription;
mod token;
mod websocket;

pub use channel_name::is_channel_name;

use crate::config::Config;
use crate::http::{Head, Response, Status};
use crate::server::{Context, Face, Next, TICK};
use crate::transports::{FormatId, Formats};
use fields::no_cache;
use origin::{Cors, Rules};
use profiles::{Intervals, Profiles};
use std::rc::Rc;

/// The rpushd API as a face.
pub(super) struct Api {
    profiles: Rc<Profiles>,
}

impl Api {
    pub(super) fn new(config: &Config, formats: &mut Formats) -> Api {
        Api { profiles: Profiles::new(intervals(config), formats).into() }
    }
}

/// The heartbeat interval is shorter by one tick: deadlines may fire a tick late, and heartbeats
/// must be sent at least as often as configured.
fn intervals(config: &Config) -> Intervals {
    Intervals { heartbeat: config.heartbeat - TICK, expiring_before: config.tokens.expiring_before }
}

impl Face for Api {
    fn route(&self, context: &mut Context<'_>, head: &Head<'_>) -> Option<Next> {
        let config = context.config();
        let endpoint = Endpoint::find(head.path, &config.public_prefix)?;
        let is_internal = context.listener().is_internal;
        let is_hidden = endpoint.is_privileged() && config.has_internal_listener() && !is_internal;
        let is_off = config.subscribe_secrets.is_empty() && endpoint != Endpoint::Health;
        if is_hidden || is_off {
            return None;
        }
        let cors = endpoint.cors_rules().and_then(|rules| Cors::of(head, rules, config));
        if head.method == "OPTIONS"
            && let Some(cors) = &cors
        {
            return Some(Next::Answer(cors.preflight(), Vec::new()));
        }
        if let Err(allowed) = endpoint.check_method(head.method) {
            let response = Response::new(Status::METHOD_NOT_ALLOWED).field("allow", allowed);
            return Some(Next::Answer(origin::add_fields(response, cors.as_ref()), Vec::new()));
        }
        let next = match endpoint {
            Endpoint::Health => Ok(healthy()),
            Endpoint::Publish => publish::route(context, head),
            Endpoint::Stats => stats::route(context, head),
            Endpoint::Channels => channels::route_all(context, head),
            Endpoint::Channel(segment) => channels::route_one(context, head, segment),
            Endpoint::Disconnect => disconnect::route(context, head),
            Endpoint::Refresh => refresh::route(context, head, cors.clone()),
            Endpoint::Stream(segment) => {
                stream::route(context, &self.profiles, head, segment, cors.clone())
            }
            Endpoint::Events(segment) => {
                events::route(context, &self.profiles, head, segment, cors.as_ref())
            }
            Endpoint::WebSocket(segment) => {
                websocket::route(context, &self.profiles, head, segment)
            }
            Endpoint::Poll(segment) => {
                poll::route(context, &self.profiles, head, segment, cors.as_ref())
            }
        };
        Some(next.unwrap_or_else(|fault| {
            let (response, body) = refusal::refuse(fault, cors.as_ref());
            let response = match endpoint {
                Endpoint::Stats | Endpoint::Channels | Endpoint::Channel(_) => no_cache(response),
                Endpoint::Health
                | Endpoint::Publish
                | Endpoint::Disconnect
                | Endpoint::Refresh
                | Endpoint::Stream(_)
                | Endpoint::Events(_)
                | Endpoint::WebSocket(_)
                | Endpoint::Poll(_) => response,
            };
            Next::Answer(response, body)
        }))
    }

    fn reconfigured(&self, config: &Config, _: &mut Formats) -> Box<dyn Face> {
        // Open streams share these profiles, so they use the new intervals, too.
        self.profiles.set_intervals(intervals(config));
        Box::new(Api { profiles: self.profiles.clone() })
    }

    fn formats(&self) -> Vec<FormatId> {
        self.profiles.formats()
    }

    fn command(&self, context: &mut Context<'_>, text: &str) -> Option<Next> {
        Some(commands::carry_out(context, text))
    }
}

/// `GET /healthz`
fn healthy() -> Next {
    let response = Response::new(Status::OK).field("content-type", "application/json");
    Next::Answer(response, br#"{"status":"ok"}"#.to_vec())
}

/// An endpoint of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint<'a> {
    /// `GET /healthz`
    Health,
    /// `POST /api/publish`
    Publish,
    /// `GET /api/stats`
    Stats,
    /// `GET /api/channels`
    Channels,
    /// `GET /api/channels/{channel}`, with the channel as a raw path segment.
    Channel(&'a str),
    /// `POST /api/disconnect`
    Disconnect,
    /// `POST /api/refresh`
    Refresh,
    /// `POST /api/stream/{channels}`, with the channels as a raw path segment.
    Stream(&'a str),
    /// `GET /api/events/{channels}`
    Events(&'a str),
    /// `GET /api/websocket/{channels}`
    WebSocket(&'a str),
    /// `GET /api/poll/{channels}`
    Poll(&'a str),
}

impl<'a> Endpoint<'a> {
    /// The endpoint with this path. Paths are compared byte by byte, never normalised.
    fn of_path(path: &'a str) -> Option<Endpoint<'a>> {
        match path {
            "/healthz" => Some(Endpoint::Health),
            "/api/publish" => Some(Endpoint::Publish),
            "/api/stats" => Some(Endpoint::Stats),
            "/api/channels" => Some(Endpoint::Channels),
            "/api/disconnect" => Some(Endpoint::Disconnect),
            "/api/refresh" => Some(Endpoint::Refresh),
            _ => {
                let (name, segment) = path.strip_prefix("/api/")?.split_once('/')?;
                let make: fn(&'a str) -> Endpoint<'a> = match name {
                    "stream" => Endpoint::Stream,
                    "events" => Endpoint::Events,
                    "websocket" => Endpoint::WebSocket,
                    "poll" => Endpoint::Poll,
                    "channels" => Endpoint::Channel,
                    _ => return None,
                };
                let is_one = !segment.is_empty() && !segment.contains('/');
                is_one.then(|| make(segment))
            }
        }
    }

    /// The endpoint with this path, at the root or below `public_prefix`, which a proxy may leave
    /// in place. Privileged endpoints are only found at the root. An empty prefix disables this.
    fn find(path: &'a str, public_prefix: &str) -> Option<Endpoint<'a>> {
        let at_root = Endpoint::of_path(path);
        if at_root.is_some() || public_prefix.is_empty() {
            return at_root;
        }
        let endpoint = Endpoint::of_path(path.strip_prefix(public_prefix)?)?;
        (!endpoint.is_privileged()).then_some(endpoint)
    }

    /// Checks that the endpoint has this method.
    ///
    /// # Errors
    /// It has not; the value of the `Allow` field.
    fn check_method(self, method: &str) -> Result<(), &'static str> {
        match (self, method) {
            (
                Endpoint::Health | Endpoint::Stats | Endpoint::Channels | Endpoint::Channel(_),
                "GET" | "HEAD",
            ) => Ok(()),
            (Endpoint::Health | Endpoint::Stats | Endpoint::Channels | Endpoint::Channel(_), _) => {
                Err("GET,HEAD")
            }
            (Endpoint::Events(_) | Endpoint::WebSocket(_) | Endpoint::Poll(_), "GET") => Ok(()),
            (Endpoint::Events(_) | Endpoint::WebSocket(_) | Endpoint::Poll(_), _) => Err("GET"),
            (
                Endpoint::Publish | Endpoint::Disconnect | Endpoint::Refresh | Endpoint::Stream(_),
                "POST",
            ) => Ok(()),
            (
                Endpoint::Publish | Endpoint::Disconnect | Endpoint::Refresh | Endpoint::Stream(_),
                _,
            ) => Err("POST"),
        }
    }

    /// What scripts of other origins may send to it, if those are configured. `None`: nothing.
    fn cors_rules(self) -> Option<Rules> {
        match self {
            Endpoint::Health
            | Endpoint::Publish
            | Endpoint::Stats
            | Endpoint::Channels
            | Endpoint::Channel(_)
            | Endpoint::Disconnect
            // Not a matter of CORS: it has a check of its own.
            | Endpoint::WebSocket(_) => None,
            Endpoint::Stream(_) => Some(origin::STREAM),
            Endpoint::Refresh => Some(origin::REFRESH),
            Endpoint::Events(_) | Endpoint::Poll(_) => Some(origin::SUBSCRIBE),
        }
    }

    /// Whether the endpoint is hidden on public listeners as soon as an internal listener is
    /// configured, and never found below `public_prefix`.
    fn is_privileged(self) -> bool {
        match self {
            Endpoint::Publish
            | Endpoint::Stats
            | Endpoint::Channels
            | Endpoint::Channel(_)
            | Endpoint::Disconnect => true,
            Endpoint::Health
            | Endpoint::Refresh
            | Endpoint::Stream(_)
            | Endpoint::Events(_)
            | Endpoint::WebSocket(_)
            | Endpoint::Poll(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_as_they_are() {
        assert_eq!(Endpoint::of_path("/healthz"), Some(Endpoint::Health));
        assert_eq!(Endpoint::of_path("/api/stream/a%2Fb"), Some(Endpoint::Stream("a%2Fb")));
        for path in [
            "/",
            "/healthz/",
            "/Healthz",
            "//healthz",
            "/api/../healthz",
            "/api/publish/",
            "/api/stream",
            "/api/stream/",
            "/api/stream/a/",
            "/api/stream/a/b",
            "/api/stream//a",
        ] {
            assert_eq!(Endpoint::of_path(path), None, "{path}");
        }
    }

    #[test]
    fn only_public_endpoints_are_found_under_the_prefix() {
        let find = |path| Endpoint::find(path, "/push-daemon");
        assert_eq!(find("/healthz"), Some(Endpoint::Health));
        assert_eq!(find("/api/stats"), Some(Endpoint::Stats));
        assert_eq!(find("/push-daemon/healthz"), Some(Endpoint::Health));
        assert_eq!(find("/push-daemon/api/stream/a"), Some(Endpoint::Stream("a")));
        for path in [
            "/push-daemon",
            "/push-daemon/",
            "/push-daemon/api/publish",
            "/push-daemon/api/stats",
            "/push-daemon/api/channels",
            "/push-daemon/api/channels/a",
            "/push-daemon//healthz",
            "/push-daemon/push-daemon/healthz",
            "/push-daemon/../healthz",
            "/push-daemonhealthz",
            "/Push-Daemon/healthz",
            "/other/healthz",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
        assert_eq!(Endpoint::find("/push-daemon/healthz", ""), None);
    }
}
