//! CORS for `/api/stream/`: requests by scripts of other origins (Fetch standard, section 3.2).

use crate::http::{Head, Response, Status};

/// How long a browser may cache the answer to a preflight, in seconds.
const PREFLIGHT_SECONDS: u64 = 86_400;

/// The request's origin, if it is allowed. `*` allows any origin.
pub fn allowed<'a>(head: &Head<'a>, origins: &[String]) -> Option<&'a [u8]> {
    let mut values = head.values("origin");
    let (Some(origin), None) = (values.next(), values.next()) else { return None };
    origins.iter().any(|one| one == "*" || one.as_bytes() == origin).then_some(origin)
}

/// Adds the fields that let scripts of an allowed origin read the answer.
pub fn add_fields(response: Response, origin: Option<&[u8]>) -> Response {
    match origin {
        Some(origin) => {
            response.field("access-control-allow-origin", origin).field("vary", "origin")
        }
        None => response,
    }
}

/// The answer to a preflight: methods and header fields that a script may send. The allowed origin
/// is still to be added.
pub fn preflight() -> Response {
    Response::new(Status::NO_CONTENT)
        .field("access-control-allow-methods", "POST")
        .field("access-control-allow-headers", "content-type")
        .number("access-control-max-age", PREFLIGHT_SECONDS)
}
