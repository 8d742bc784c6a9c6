//! Requests refused for their secret or token: counted by reason, answered with a challenge.

use super::Server;
use crate::auth::Denial;
use crate::endpoints::api::Refusal;
use crate::http::{Response, Status};

/// Why a request of the API is not carried out.
pub(super) enum Fault {
    /// Its client's mistake, or a limit.
    Refused(Refusal),
    /// Its secret or token.
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

impl Fault {
    /// The answer, with its body. That of a 401 is empty, as it has always been; the reason is in a
    /// field.
    pub(super) fn answer(self) -> (Response, Vec<u8>) {
        match self {
            Fault::Refused(Refusal { status, text }) => {
                let response = Response::new(status).because(text.trim_end());
                let response = match text {
                    "" => response,
                    _ => response.field("content-type", "text/plain; charset=utf-8"),
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

impl Server {
    pub(super) fn count_denial(&mut self, denial: Denial) {
        let counters = &mut self.counters;
        counters.auth_failures_total += 1;
        *match denial {
            Denial::Missing => &mut counters.auth_failures_missing_total,
            Denial::Malformed => &mut counters.auth_failures_malformed_total,
            Denial::WrongSignature => &mut counters.auth_failures_signature_total,
            Denial::WrongSecret => &mut counters.auth_failures_secret_total,
            Denial::Expired => &mut counters.auth_failures_expired_total,
            Denial::Early => &mut counters.auth_failures_early_total,
            Denial::OtherChannel => &mut counters.auth_failures_channel_total,
            Denial::OtherPurpose => &mut counters.auth_failures_purpose_total,
        } += 1;
    }
}
