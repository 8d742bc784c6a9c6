//! `POST /api/refresh`: gives a subscriber a fresh token without reconnecting.

use super::fields::has_json_content_type;
use super::json::{BadBody, parse_object};
use super::origin::{Cors, add_fields};
use super::refusal::{Fault, Refusal, refuse, refused};
use crate::auth::Claims;
use crate::http::{Head, Response, Status};
use crate::server::{BodyHandler, Context, Next, RefreshError};
use serde::Deserialize;
use std::borrow::Cow;

const NOT_A_REFRESH: Refusal = Refusal::unprocessable(
    "the body must be an object with the strings \"connection\" and \"token\", each once\n",
);
const NOT_FOUND: Refusal =
    Refusal { status: Status::NOT_FOUND, text: "no subscriber has this connection id\n" };
const OTHER_CLAIMS: Refusal = Refusal {
    status: Status::FORBIDDEN,
    text: "the token is of another subject, or not for all channels of the subscriber\n",
};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    connection: Cow<'a, str>,
    #[serde(borrow)]
    token: Cow<'a, str>,
}

/// Routes a refresh. Its token is in the body, which is read first.
pub(super) fn route(
    context: &mut Context<'_>,
    head: &Head<'_>,
    cors: Option<Cors>,
) -> Result<Next, Fault> {
    if !has_json_content_type(head) {
        return Err(Refusal::NOT_JSON_TYPE.into());
    }
    let limits = context.limits();
    let bytes_max = limits.stream_body_bytes_max.min(limits.body_bytes_max);
    Ok(Next::Read { handler: Box::new(Refresh { cors }), bytes_max })
}

/// A refresh that waits for its body.
struct Refresh {
    cors: Option<Cors>,
}

impl BodyHandler for Refresh {
    fn complete(self: Box<Self>, context: &mut Context<'_>, body: &[u8]) -> Next {
        let cors = self.cors.as_ref();
        match refresh(context, body) {
            Ok(()) => {
                let response = add_fields(Response::new(Status::NO_CONTENT), cors);
                Next::Answer(response, Vec::new())
            }
            Err(fault) => refused(fault, cors),
        }
    }

    fn too_large(&self) -> (Response, Vec<u8>) {
        refuse(Refusal::BODY_TOO_LARGE, self.cors.as_ref())
    }

    fn is_publication(&self) -> bool {
        false
    }
}

fn refresh(context: &mut Context<'_>, body: &[u8]) -> Result<(), Fault> {
    let body: Body<'_> = parse_object(body).map_err(|fault| match fault {
        BadBody::Syntax => Refusal::BAD_JSON,
        BadBody::Shape => NOT_A_REFRESH,
    })?;
    // Its channels are compared with those of the subscriber.
    let wanted = Claims { channels: &[], now: context.now.unix_seconds() };
    let grant = context.verify(&body.token, &wanted)?;
    let refreshed = context.refresh(&body.connection, &grant);
    Ok(refreshed.map_err(|error| match error {
        RefreshError::NotFound => NOT_FOUND,
        RefreshError::OtherClaims => OTHER_CLAIMS,
    })?)
}
