//! Response header fields that several roles send.

use super::Refusal;
use crate::http::{HeaderValue, Response};

/// Adds the CORS fields; none without an origin (section 5.4).
pub fn cors(response: Response, origin: Option<&HeaderValue>, methods: &str) -> Response {
    let Some(origin) = origin else { return response };
    response
        .field("Access-Control-Allow-Origin", origin)
        .field("Access-Control-Allow-Methods", methods)
        .field(
            "Access-Control-Allow-Headers",
            "If-Modified-Since,If-None-Match,Etag,Event-Id,Event-Type,Last-Event-Id",
        )
}

/// Adds the fields against caching, which nearly every response of a location has (section 5.1).
pub fn no_cache(response: Response) -> Response {
    response
        .field("Expires", "Thu, 01 Jan 1970 00:00:01 GMT")
        .field("Cache-Control", "no-cache, no-store, must-revalidate")
}

/// Adds the explain text of a refusal, and logs it as the reason.
pub fn explain(response: Response, refusal: Refusal, is_publisher: bool) -> Response {
    match refusal {
        Refusal::Full if is_publisher => response.because("out of memory for messages"),
        _ => {
            let response = response
                .because(refusal.explain())
                .field("X-Nginx-PushStream-Explain", refusal.explain());
            match refusal.retry_after_seconds() {
                Some(seconds) => response.number("Retry-After", seconds),
                None => response,
            }
        }
    }
}
