//! `POST /api/disconnect`: ends subscribers by subject, channel, token id or connection, and
//! refuses their older tokens if that is wanted.

use super::fields::has_json_content_type;
use super::json::{BadBody, parse_object};
use super::refusal::{Fault, Refusal, refuse, refused};
use crate::http::{Head, Response, Status};
use crate::server::{BodyHandler, Context, Disconnected, Next, TooMany};
use serde::Deserialize;

const NOT_A_DISCONNECT: Refusal = Refusal::unprocessable(
    "the body must be an object with one of the strings \"subject\", \"channel\", \"token_id\" and \
     \"connection\", and \"revoke\" true or false\n",
);
const NO_REVOCATION: Refusal =
    Refusal::unprocessable("\"revoke\" needs a subject, a channel or a token id\n");
const TOO_MANY: Refusal = Refusal {
    status: Status::SERVICE_UNAVAILABLE,
    text: "there are as many revocations as revocations_max allows\n",
};

#[derive(Deserialize)]
struct Body {
    subject: Option<String>,
    channel: Option<String>,
    token_id: Option<String>,
    connection: Option<String>,
    #[serde(default)]
    revoke: bool,
}

impl Body {
    fn which(self) -> Option<Disconnected> {
        let Body { subject, channel, token_id, connection, .. } = self;
        let mut all = [
            subject.map(Disconnected::Subject),
            channel.map(Disconnected::Channel),
            token_id.map(Disconnected::Token),
            connection.map(Disconnected::Connection),
        ]
        .into_iter()
        .flatten();
        let first = all.next();
        if all.next().is_some() { None } else { first }
    }
}

/// Routes a disconnect. The secret is checked before the body is read.
pub(super) fn route(context: &mut Context<'_>, head: &Head<'_>) -> Result<Next, Fault> {
    context.authorize(head)?;
    if !has_json_content_type(head) {
        return Err(Refusal::NOT_JSON_TYPE.into());
    }
    let bytes_max = context.limits().stream_body_bytes_max;
    Ok(Next::Read { handler: Box::new(Disconnect), bytes_max })
}

/// A disconnect that waits for its body.
struct Disconnect;

impl BodyHandler for Disconnect {
    fn complete(self: Box<Self>, context: &mut Context<'_>, body: &[u8]) -> Next {
        match disconnect(context, body) {
            Ok(count) => {
                let response = Response::new(Status::OK).field("content-type", "application/json");
                Next::Answer(response, format!("{{\"disconnected\":{count}}}").into_bytes())
            }
            Err(refusal) => refused(refusal, None),
        }
    }

    fn too_large(&self) -> (Response, Vec<u8>) {
        refuse(Refusal::BODY_TOO_LARGE, None)
    }

    fn is_publication(&self) -> bool {
        false
    }
}

/// Returns the number of subscribers that are ended.
fn disconnect(context: &mut Context<'_>, body: &[u8]) -> Result<usize, Refusal> {
    let body: Body = parse_object(body).map_err(|fault| match fault {
        BadBody::Syntax => Refusal::BAD_JSON,
        BadBody::Shape => NOT_A_DISCONNECT,
    })?;
    let is_revoked = body.revoke;
    let which = body.which().ok_or(NOT_A_DISCONNECT)?;
    if is_revoked {
        if matches!(which, Disconnected::Connection(_)) {
            return Err(NO_REVOCATION);
        }
        // First, so that none of them comes back.
        context.revoke_tokens(which.clone()).map_err(|TooMany| TOO_MANY)?;
    }
    Ok(context.disconnect(&which))
}
