//! Push-stream locations (push-stream spec): requests -> verbs of the hub, and the module's own answers.

mod expression;
mod location;
mod path;
pub mod publisher;
mod refusal;
mod request;
pub mod subscriber;

pub use location::{Location, Locations, Match, Wire};
pub use path::{NormalPath, normalize};
pub use refusal::Refusal;
pub use request::Request;

use crate::http::Response;

/// Section 5.1: on every response of the roles, with few exceptions.
pub fn no_cache(response: Response) -> Response {
    response
        .field("Expires", "Thu, 01 Jan 1970 00:00:01 GMT")
        .field("Cache-Control", "no-cache, no-store, must-revalidate")
}
