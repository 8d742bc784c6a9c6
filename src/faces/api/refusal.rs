//! Refused requests of the API: the reasons, and the answers.

use super::origin::{self, Cors};
use crate::auth::Denial;
use crate::http::{Response, Status};
use crate::server::{Next, SubscribeError};

/// Why a request is refused.
pub(super) enum Fault {
    /// A mistake of the client, or a limit.
    Refused(Refusal),
    /// A missing or invalid secret or token.
    Denied(Denial),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        Fault::Refused(refusal)
    }
}

impl From<Denial> for Fault {
    fn from(denial: Denial) -> Fault {
        Fault::Denied(denial)
    }
}

impl From<SubscribeError> for Refusal {
    fn from(error: SubscribeError) -> Refusal {
        match error {
            SubscribeError::Full => Refusal::FULL,
            SubscribeError::Short => Refusal::SHORT_OF_MEMORY,
        }
    }
}

impl Fault {
    /// The answer and its body. The body of a 401 is empty, for compatibility; its reason is in the
    /// `WWW-Authenticate` field.
    fn answer(self) -> (Response, Vec<u8>) {
        match self {
            Fault::Refused(refusal @ Refusal { status, text }) => {
                let response = Response::new(status).because(text.trim_end());
                let response = match text {
                    "" => response,
                    _ => response.field("content-type", "text/plain; charset=utf-8"),
                };
                let response = if refusal == Refusal::SHORT_OF_MEMORY {
                    response.number("retry-after", SubscribeError::RETRY_AFTER_SECONDS)
                } else {
                    response
                };
                (response, text.as_bytes().to_vec())
            }
            Fault::Denied(denial) => {
                let response = Response::new(Status::UNAUTHORIZED).because(denial.description());
                (response.field("www-authenticate", denial.challenge()), Vec::new())
            }
        }
    }
}

/// The answer to a refused request, and its body. Scripts of an allowed origin may read it.
pub(super) fn refuse(fault: impl Into<Fault>, cors: Option<&Cors>) -> (Response, Vec<u8>) {
    let (response, body) = fault.into().answer();
    let response = match response.status() {
        // Without this, scripts of other origins cannot read it (Fetch standard, section 3.2.3).
        Status::UNAUTHORIZED if cors.is_some_and(Cors::is_readable) => {
            response.field("access-control-expose-headers", "www-authenticate")
        }
        _ => response,
    };
    (origin::add_fields(response, cors), body)
}

/// What comes next for a refused request: the answer.
pub(super) fn refused(fault: impl Into<Fault>, cors: Option<&Cors>) -> Next {
    let (response, body) = refuse(fault, cors);
    Next::Answer(response, body)
}

/// A mistake of the client, or a limit: a status and a short text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: Status,
    /// The reason, sent as a `text/plain` body.
    pub text: &'static str,
}

impl Refusal {
    /// The body is not declared as JSON.
    pub const NOT_JSON_TYPE: Refusal = Refusal {
        status: Status::UNSUPPORTED_MEDIA_TYPE,
        text: "the content type must be application/json\n",
    };
    /// The body is larger than the limit.
    pub const BODY_TOO_LARGE: Refusal =
        Refusal { status: Status::CONTENT_TOO_LARGE, text: "the body is too large\n" };
    /// Expanded in a message template of a push-stream location, the message exceeds the limit.
    pub const MESSAGE_TOO_LARGE: Refusal = Refusal {
        status: Status::CONTENT_TOO_LARGE,
        text: "the message is too large in the templates of its readers\n",
    };
    /// The API does not accept the channel's name.
    pub const BAD_CHANNEL: Refusal = Refusal {
        status: Status::BAD_REQUEST,
        text: "a channel is 1 to 191 characters of A-Z a-z 0-9 : - _ .\n",
    };
    /// The body is not well-formed JSON.
    pub const BAD_JSON: Refusal =
        Refusal { status: Status::BAD_REQUEST, text: "the body is not valid JSON\n" };
    /// The limit of channels or of memory is reached.
    pub const FULL: Refusal = Refusal {
        status: Status::SERVICE_UNAVAILABLE,
        text: "the daemon's limit of channels or memory is reached\n",
    };
    /// The memory budget is nearly used up.
    pub const SHORT_OF_MEMORY: Refusal = Refusal {
        status: Status::SERVICE_UNAVAILABLE,
        text: "the daemon is short of memory; try again later\n",
    };
    /// `listings_max` long lists of channels are being sent.
    pub const TOO_MANY_LISTS: Refusal = Refusal {
        status: Status::SERVICE_UNAVAILABLE,
        text: "listings_max lists of channels are being read; try again later, or with verbose=0\n",
    };

    /// 422: the body is well-formed JSON, but not the expected object.
    pub const fn unprocessable(text: &'static str) -> Refusal {
        Refusal { status: Status::UNPROCESSABLE_CONTENT, text }
    }

    /// 400: the request is malformed.
    pub const fn bad_request(text: &'static str) -> Refusal {
        Refusal { status: Status::BAD_REQUEST, text }
    }
}
