//! The rpushd API (rpushd spec, sections 2 to 6): routes, and one file per endpoint.

mod channel_name;
mod fields;
mod json;
mod origin;
pub mod publication;
mod publish;
mod publish_batch;
mod publish_result;
mod query;
mod refusal;
mod stats;
mod stream;

pub use channel_name::is_channel_name;

use crate::config::Config;
use crate::http::{Head, Response, Status};
use crate::server::{Context, Face, Next, TICK};
use crate::time::Millis;
use crate::transports::{FormatId, Formats};
use fields::no_cache;
use origin::{Cors, Rules};
use std::rc::Rc;
use stream::Streams;

/// The rpushd API as a face.
pub(super) struct Api {
    streams: Rc<Streams>,
}

impl Api {
    pub(super) fn new(config: &Config, formats: &mut Formats) -> Api {
        let streams = Streams::new(heartbeat_interval(config), formats);
        Api { streams: streams.into() }
    }
}

/// The heartbeat interval, shorter by one tick: deadlines may fire a tick late, and heartbeats must
/// be sent at least as often as configured.
fn heartbeat_interval(config: &Config) -> Millis {
    config.heartbeat - TICK
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
            Endpoint::Stream(segment) => {
                stream::route(context, &self.streams, head, segment, cors.clone())
            }
        };
        Some(next.unwrap_or_else(|fault| {
            let (response, body) = refusal::refuse(fault, cors.as_ref());
            let response = match endpoint {
                Endpoint::Stats => no_cache(response),
                Endpoint::Health | Endpoint::Publish | Endpoint::Stream(_) => response,
            };
            Next::Answer(response, body)
        }))
    }

    fn reconfigured(&self, config: &Config, _: &mut Formats) -> Box<dyn Face> {
        // Open streams share these profiles, so they use the new interval, too.
        self.streams.set_heartbeat_interval(heartbeat_interval(config));
        Box::new(Api { streams: self.streams.clone() })
    }

    fn formats(&self) -> Vec<FormatId> {
        self.streams.profiles().map(|profile| profile.format).to_vec()
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
    /// `POST /api/stream/{channel}`, with the channel as a raw path segment.
    Stream(&'a str),
}

impl<'a> Endpoint<'a> {
    /// The endpoint with this path. Paths are compared byte by byte, never normalised.
    fn of_path(path: &'a str) -> Option<Endpoint<'a>> {
        match path {
            "/healthz" => Some(Endpoint::Health),
            "/api/publish" => Some(Endpoint::Publish),
            "/api/stats" => Some(Endpoint::Stats),
            _ => {
                let segment = path.strip_prefix("/api/stream/")?;
                let is_one = !segment.is_empty() && !segment.contains('/');
                is_one.then_some(Endpoint::Stream(segment))
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
            (Endpoint::Health | Endpoint::Stats, "GET" | "HEAD") => Ok(()),
            (Endpoint::Health | Endpoint::Stats, _) => Err("GET,HEAD"),
            (Endpoint::Publish | Endpoint::Stream(_), "POST") => Ok(()),
            (Endpoint::Publish | Endpoint::Stream(_), _) => Err("POST"),
        }
    }

    /// What scripts of other origins may send to it, if those are configured. `None`: nothing.
    fn cors_rules(self) -> Option<Rules> {
        match self {
            Endpoint::Health | Endpoint::Publish | Endpoint::Stats => None,
            Endpoint::Stream(_) => Some(origin::STREAM),
        }
    }

    /// Whether the endpoint is hidden on public listeners as soon as an internal listener is
    /// configured, and never found below `public_prefix`.
    fn is_privileged(self) -> bool {
        matches!(self, Endpoint::Publish | Endpoint::Stats)
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
