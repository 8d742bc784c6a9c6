//! Refused requests of the API: the reasons, and the answers.

use super::origin::{self, Cors};
use crate::auth::Denial;
use crate::http::{Response, Status};
use crate::server::{Busy, Next, SubscribeError, TokenRefusal};

/// Why a request is refused.
pub(super) enum Fault {
    /// A mistake of the client, or a limit.
    Refused(Refusal),
    /// The same, for one of several messages in the request, counted from 1.
    RefusedMessage(Refusal, usize),
    /// A missing or invalid secret or token.
    Denied(Denial),
    /// The client has to wait. With a denial: its token is bad, too.
    Busy(Busy, Option<Denial>),
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

impl From<Busy> for Fault {
    fn from(busy: Busy) -> Fault {
        Fault::Busy(busy, None)
    }
}

impl From<TokenRefusal> for Fault {
    fn from(TokenRefusal { denial, slowed }: TokenRefusal) -> Fault {
        match slowed {
            Some(busy) => Fault::Busy(busy, Some(denial)),
            None => Fault::Denied(denial),
        }
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
    /// The status, and the reason as one line of text.
    pub(super) fn status_and_reason(&self) -> (Status, &'static str) {
        match self {
            Fault::Refused(Refusal { status, text })
            | Fault::RefusedMessage(Refusal { status, text }, _) => (*status, text.trim_end()),
            Fault::Denied(denial) => (Status::UNAUTHORIZED, denial.description()),
            Fault::Busy(busy, _) => (busy.status(), busy.text().trim_end()),
        }
    }

    /// The answer and its body. The body of a 401 is empty, for compatibility; its reason is in the
    /// `WWW-Authenticate` field. Fields that scripts need are exposed to those of an allowed
    /// origin (Fetch standard, section 3.2.3).
    fn answer(self, is_exposed: bool) -> (Response, Vec<u8>) {
        let expose = |response: Response, names: &str| match is_exposed {
            true => response.field("access-control-expose-headers", names),
            false => response,
        };
        match self {
            Fault::Refused(refusal @ Refusal { status, text }) => {
                let response = explained(status, text);
                let response = if refusal == Refusal::SHORT_OF_MEMORY {
                    let seconds = SubscribeError::RETRY_AFTER_SECONDS;
                    expose(response.number("retry-after", seconds), "retry-after")
                } else {
                    response
                };
                (response, text.as_bytes().to_vec())
            }
            Fault::RefusedMessage(refusal, number) => {
                let (response, text) = Fault::Refused(refusal).answer(is_exposed);
                (response, [format!("message {number}: ").as_bytes(), &text].concat())
            }
            Fault::Denied(denial) => {
                let response = Response::new(Status::UNAUTHORIZED).because(denial.description());
                let response = response.field("www-authenticate", denial.challenge());
                (expose(response, "www-authenticate"), Vec::new())
            }
            Fault::Busy(busy, denial) => {
                let response = explained(busy.status(), busy.text());
                let response = response.number("retry-after", busy.retry_after_seconds);
                let response = match denial {
                    Some(denial) => expose(
                        response.field("www-authenticate", denial.challenge()),
                        "retry-after, www-authenticate",
                    ),
                    None => expose(response, "retry-after"),
                };
                (response, busy.text().as_bytes().to_vec())
            }
        }
    }
}

/// A response with this text as its body; without a text there is no body.
fn explained(status: Status, text: &'static str) -> Response {
    let response = Response::new(status).because(text.trim_end());
    match text {
        "" => response,
        _ => response.field("content-type", "text/plain; charset=utf-8"),
    }
}

/// The answer to a refused request, and its body. Scripts of an allowed origin may read it.
pub(super) fn refuse(fault: impl Into<Fault>, cors: Option<&Cors>) -> (Response, Vec<u8>) {
    let (response, body) = fault.into().answer(cors.is_some_and(Cors::is_readable));
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

    /// 413: a limit on the size of a request or of a part of it is exceeded.
    pub const fn too_large(text: &'static str) -> Refusal {
        Refusal { status: Status::CONTENT_TOO_LARGE, text }
    }

    /// 400: the request is malformed.
    pub const fn bad_request(text: &'static str) -> Refusal {
        Refusal { status: Status::BAD_REQUEST, text }
    }
}
