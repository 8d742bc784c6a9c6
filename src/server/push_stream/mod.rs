//! Carries out requests of push-stream locations: finds the location, checks who may ask, hands
//! over to the role.

mod answers;
mod publisher;
mod statistics;
mod streams;
mod subscriber;
mod websocket;

use super::Server;
use super::requests::Next;
use crate::config::{Mode, Role};
use crate::endpoints::push_stream::{Asked, Location, Refusal, Request, no_cache, normalize};
use crate::http::{Framing, Head, Response, Status};
use crate::time::Now;

/// nginx's own page for a body beyond the limit; clients of the module have seen it.
const TOO_LARGE_PAGE: &[u8] =
    b"<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n\
    <body>\r\n<center><h1>413 Request Entity Too Large</h1></center>\r\n</body>\r\n</html>\r\n";
/// nginx's own page when there is no memory for a message.
const NO_MEMORY_PAGE: &[u8] =
    b"<html>\r\n<head><title>500 Internal Server Error</title></head>\r\n\
    <body>\r\n<center><h1>500 Internal Server Error</h1></center>\r\n</body>\r\n</html>\r\n";

impl Server {
    /// What a request of a location leads to. None: no location answers this path here.
    pub(super) fn route_location(&mut self, id: u32, head: &Head<'_>, now: Now) -> Option<Next> {
        let listener = self.listener(id);
        let (server, is_internal) = (listener.server?, listener.is_internal);
        let Some(path) = normalize(head.path) else {
            return Some(Next::Answer(Response::titled(Status::BAD_REQUEST), Vec::new()));
        };
        self.turn.work.matched += self.locations.matched_bytes(&path.bytes) as u64;
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
            && let Err(denial) = self.authorize(head)
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
            self.connections[id as usize].exchange.keeps_alive = false;
            return Some(too_large());
        }
        let request = Request { head, path: &path.bytes, captures: &found.captures };
        let asked = Asked { location, request: &request, origin: location.origin(&request) };
        Some(match settings.role {
            Role::Publisher { is_admin } => self.route_publisher(&asked, is_admin, now),
            Role::Statistics => self.statistics(id, &asked, now),
            Role::Subscriber(Mode::WebSocket) => self.route_websocket(id, &asked, now),
            Role::Subscriber(_) => self.route_subscriber(id, &asked, now),
        })
    }
}

/// The largest body that a location takes; nginx's 0 means no limit but memory.
fn body_bytes_max(location: &Location) -> usize {
    match location.settings.body_bytes_max {
        0 => usize::MAX,
        max => usize::try_from(max).unwrap_or(usize::MAX),
    }
}

/// The answer to a body beyond its location's limit.
pub(super) fn too_large() -> Next {
    let response = Response::titled(Status::CONTENT_TOO_LARGE).field("Content-Type", "text/html");
    Next::Answer(response, TOO_LARGE_PAGE.to_vec())
}

/// A refusal with its explain header.
fn explain(response: Response, refusal: Refusal, is_publisher: bool) -> Response {
    match refusal {
        Refusal::Full if is_publisher => response.because("out of memory for messages"),
        _ => response
            .because(refusal.explain())
            .field("X-Nginx-PushStream-Explain", refusal.explain()),
    }
}

/// A refusal of a statistics location.
fn refuse_statistics(refusal: Refusal) -> Next {
    let response = no_cache(Response::titled(refusal.status()));
    Next::Answer(explain(response, refusal, true), Vec::new())
}
