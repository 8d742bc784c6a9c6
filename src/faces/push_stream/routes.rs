//! Routes of the push-stream face: from a path to its location and role.

use super::pages::too_large;
use super::{
    Location, Locations, Request, RoutedRequest, normalize, publisher, statistics, subscriber,
    websocket,
};
use crate::config::{Config, Mode, Role};
use crate::http::{Framing, Head, Response, Status};
use crate::server::{Context, Face, Next};
use crate::transports::{FormatId, Formats};
use sha1::{Digest, Sha1};

/// The push-stream locations as a face.
pub struct PushStream {
    locations: Locations,
    /// `X-Nginx-PushStream-Commit` of statistics locations: 40 hex digits that identify the version
    /// of rpushd.
    build_id: String,
}

impl PushStream {
    /// Compiles the locations of a configuration.
    pub fn new(config: &Config, formats: &mut Formats) -> PushStream {
        let locations = Locations::new(&config.servers, &config.push_stream, formats);
        PushStream { locations, build_id: build_id() }
    }
}

/// A hash of the version. Releases are built without a repository, so the commit is not known.
fn build_id() -> String {
    let digest = Sha1::digest(concat!("rpushd ", env!("CARGO_PKG_VERSION")));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Face for PushStream {
    fn route(&self, context: &mut Context<'_>, head: &Head<'_>) -> Option<Next> {
        let listener = context.listener();
        let (server, is_internal) = (listener.server?, listener.is_internal);
        let Some(path) = normalize(head.path) else {
            return Some(Next::Answer(Response::titled(Status::BAD_REQUEST), Vec::new()));
        };
        context.work().matched += self.locations.matched_bytes(&path.bytes) as u64;
        let found = self.locations.find(server, head.host, &path.bytes)?;
        let location = &found.location;
        let settings = &location.settings;
        if settings.is_internal && !is_internal {
            return None;
        }
        if path.had_dot_segments {
            return Some(Next::Answer(Response::titled(Status::BAD_REQUEST), Vec::new()));
        }
        if settings.requires_secret
            && let Err(denial) = context.authorize(head)
        {
            let response = Response::titled(Status::UNAUTHORIZED)
                .because(denial.description())
                .field("WWW-Authenticate", denial.challenge());
            return Some(Next::Answer(response, Vec::new()));
        }
        let bytes_max = body_bytes_max(location);
        if let Framing::Length(length) = head.framing
            && length > bytes_max as u64
        {
            context.close_after_answer();
            let (response, page) = too_large();
            return Some(Next::Answer(response, page));
        }
        let request = Request { head, path: &path.bytes, captures: &found.captures };
        let routed =
            RoutedRequest { location, request: &request, origin: location.origin(&request) };
        Some(match settings.role {
            Role::Publisher { is_admin } => publisher::route(context, &routed, is_admin, bytes_max),
            Role::Statistics => statistics::route(context, &routed, &self.build_id),
            Role::Subscriber(Mode::WebSocket) => websocket::route(context, &routed),
            Role::Subscriber(_) => subscriber::route(context, &routed),
        })
    }

    fn reconfigured(&self, config: &Config, formats: &mut Formats) -> Box<dyn Face> {
        Box::new(PushStream::new(config, formats))
    }

    fn formats(&self) -> Vec<FormatId> {
        self.locations.formats().collect()
    }

    fn padding_max(&self) -> u32 {
        self.locations.padding_max()
    }
}

/// The largest body that the location accepts; 0 in the configuration means no limit, as in nginx.
fn body_bytes_max(location: &Location) -> usize {
    match location.settings.body_bytes_max {
        0 => usize::MAX,
        max => usize::try_from(max).unwrap_or(usize::MAX),
    }
}
