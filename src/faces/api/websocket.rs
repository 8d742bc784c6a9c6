//! `GET /api/websocket/{channels}`: the opening handshake (RFC 6455, section 4), and the refusals
//! that a script in a browser can read.

use super::events::begin_signed;
use super::fields::no_cache;
use super::origin::Sender;
use super::profiles::Profiles;
use super::refusal::{Fault, Refusal};
use super::subscription::{Joined, Wanted, admit, join};
use super::token;
use crate::auth::{Denial, Grant};
use crate::broker::Transport;
use crate::http::{Framing, Head, Response, Status};
use crate::server::{Context, Next};
use crate::transports::control::tagged;
use crate::websocket::{self, CloseCode, Handshake, Reader, VERSIONS_SUPPORTED};

/// The subprotocol of the control objects and envelopes.
const PROTOCOL: &str = "rpushd.v1";
const BAD_HANDSHAKE: Refusal = Refusal::bad_request("this is no WebSocket handshake\n");
const FOREIGN: Refusal =
    Refusal { status: Status::FORBIDDEN, text: "the origin is not in allowed_origins\n" };

/// Answers with a WebSocket. What is wrong with the request itself is refused after the upgrade: a
/// script sees close codes, and no statuses.
pub(super) fn route(
    context: &mut Context<'_>,
    profiles: &Profiles,
    head: &Head<'_>,
    segment: &str,
) -> Result<Next, Fault> {
    let accepted = match Handshake::from_fields(head.fields()).judge() {
        Ok(accepted) if head.framing == Framing::Length(0) => accepted,
        Ok(_) => return Err(BAD_HANDSHAKE.into()),
        Err(websocket::Refusal::VersionUnsupported) => {
            let response = Response::new(Status::BAD_REQUEST);
            let response = response.field("sec-websocket-version", VERSIONS_SUPPORTED);
            return Ok(Next::Answer(response, Vec::new()));
        }
        Err(_) => return Err(BAD_HANDSHAKE.into()),
    };
    if !Sender::of(head, &context.config().allowed_origins).is_acceptable() {
        return Err(FOREIGN.into());
    }
    let prepared = prepare(context, head, segment);
    if let Err(Fault::Busy(..)) = &prepared {
        // With Retry-After, and without the cost of an upgrade.
        return prepared.map(|_| Next::Done);
    }
    // The connection is not used for HTTP again.
    context.close_after_answer();
    let mut response = no_cache(Response::new(Status::SWITCHING_PROTOCOLS))
        .field("upgrade", "websocket")
        .field("connection", "Upgrade")
        .field("sec-websocket-accept", accepted.accept);
    if let Some(extensions) = &accepted.extensions {
        response = response.field("sec-websocket-extensions", extensions);
    }
    if head.has_token("sec-websocket-protocol", PROTOCOL) {
        response = response.field("sec-websocket-protocol", PROTOCOL);
    }
    context.push(response.finish());
    let is_deflated = accepted.extensions.is_some();
    match prepared {
        Ok(prepared) => begin(context, profiles, prepared, is_deflated),
        Err(fault) => close_refused(context, &fault),
    }
    Ok(Next::Done)
}

/// A request that is accepted; the connection is subscribed.
struct Prepared {
    joined: Joined,
    grant: Grant,
    is_raw: bool,
}

fn prepare(context: &mut Context<'_>, head: &Head<'_>, segment: &str) -> Result<Prepared, Fault> {
    let (wanted, is_raw) = Wanted::of_request(context, head, segment)?;
    let grant = token::verify(context, head, &wanted.names())?;
    admit(context, &grant)?;
    let joined = join(context, &wanted, &grant)?;
    Ok(Prepared { joined, grant, is_raw })
}

fn begin(context: &mut Context<'_>, profiles: &Profiles, prepared: Prepared, is_deflated: bool) {
    let Prepared { joined, grant, is_raw } = prepared;
    context.log_stream_start(Status::SWITCHING_PROTOCOLS);
    let (ends_at, end) = context.end_of(&grant);
    let transport = Transport::WebSocket {
        reader: Reader::default(),
        is_deflated,
        is_stored: false,
        awaits_pong: false,
        end,
    };
    let profile = profiles.websocket(is_deflated, is_raw).clone();
    begin_signed(context, transport, ends_at, profile, joined, &grant);
}

/// Refuses after the upgrade: with an object that has the reason, and a close frame.
fn close_refused(context: &mut Context<'_>, fault: &Fault) {
    let (status, reason) = fault.status_and_reason();
    context.log_answer(status, reason);
    let code = match fault {
        Fault::Denied(Denial::Expired) => CloseCode::TOKEN_EXPIRED,
        Fault::Denied(Denial::Revoked) => CloseCode::REVOKED,
        Fault::Refused(refusal) if refusal.status == Status::SERVICE_UNAVAILABLE => {
            CloseCode::TRY_AGAIN_LATER
        }
        Fault::Denied(_) | Fault::Refused(_) | Fault::RefusedMessage(..) | Fault::Busy(..) => {
            CloseCode::POLICY
        }
    };
    let error = serde_json::json!({ "reason": reason }).to_string();
    context.push(websocket::text(tagged("error", &error).as_bytes()));
    context.push(websocket::close(code, reason));
    context.drain();
}
