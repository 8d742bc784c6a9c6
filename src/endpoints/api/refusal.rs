//! A client's mistake, as the API tells it: a status and a short text.

use crate::http::Status;

/// Why a request of the API is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is answered.
    pub status: Status,
    /// What is wrong, as a `text/plain` body.
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
    /// The message would be larger than the limit in a template of a push-stream location.
    pub const MESSAGE_TOO_LARGE: Refusal = Refusal {
        status: Status::CONTENT_TOO_LARGE,
        text: "the message is too large in the templates of its readers\n",
    };
    /// The channel's name is not one of the API's.
    pub const BAD_CHANNEL: Refusal = Refusal {
        status: Status::BAD_REQUEST,
        text: "a channel is 1 to 191 characters of A-Z a-z 0-9 : - _ .\n",
    };
    /// The body is not well-formed JSON.
    pub const BAD_JSON: Refusal =
        Refusal { status: Status::BAD_REQUEST, text: "the body is not valid JSON\n" };
    /// The channel table or the memory account is full.
    pub const FULL: Refusal = Refusal {
        status: Status::SERVICE_UNAVAILABLE,
        text: "the daemon's limit of channels or memory is reached\n",
    };
    /// As many long lists of channels as there may be are being read.
    pub const TOO_MANY_LISTS: Refusal = Refusal {
        status: Status::SERVICE_UNAVAILABLE,
        text: "listings_max lists of channels are being read; try again later, or with verbose=0\n",
    };

    /// Well-formed JSON that is not what was asked for.
    pub const fn unprocessable(text: &'static str) -> Refusal {
        Refusal { status: Status::UNPROCESSABLE_CONTENT, text }
    }

    /// A request that cannot be understood.
    pub const fn bad_request(text: &'static str) -> Refusal {
        Refusal { status: Status::BAD_REQUEST, text }
    }
}
