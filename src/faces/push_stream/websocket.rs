//! WebSocket locations: the opening handshake (push-stream spec, section 15). RFC 6455 applies
//! unless section 27 has an exception.

use super::streams::new_subscriber;
use super::subscription::{
    RequestedChannels, check_subscriber, create_channels, old_messages, subscribe_all,
};
use super::{Refusal, RoutedRequest, Wire, channels, no_cache};
use crate::broker::{End, Feed, Replay, ReplayLayout, Transport};
use crate::http::{Framing, Response, Status};
use crate::server::{Context, Next};
use crate::websocket::{self, CloseCode, Handshake, Reader, VERSIONS_SUPPORTED};

/// Answers a request to a WebSocket location.
pub(super) fn route(context: &mut Context<'_>, routed: &RoutedRequest<'_>) -> Next {
    let head = routed.request.head;
    if head.method != "GET" {
        context.close_after_answer();
        let response = Response::titled(Status::METHOD_NOT_ALLOWED).field("Allow", "GET");
        return Next::Answer(response, Vec::new());
    }
    let accepted = match Handshake::from_fields(head.fields()).judge() {
        Ok(accepted) if head.framing == Framing::Length(0) => accepted,
        Ok(_) => {
            context.close_after_answer();
            let response = no_cache(Response::titled(Status::BAD_REQUEST));
            return Next::Answer(response, Vec::new());
        }
        Err(refusal) => {
            context.close_after_answer();
            let mut response = no_cache(Response::titled(Status::BAD_REQUEST));
            if refusal == websocket::Refusal::VersionUnsupported {
                response = response.field("Sec-WebSocket-Version", VERSIONS_SUPPORTED);
            }
            let response = response.field("X-Nginx-PushStream-Explain", refusal.explain());
            return Next::Answer(response, Vec::new());
        }
    };
    // The connection is not used for HTTP again.
    context.close_after_answer();
    let mut response = no_cache(Response::titled(Status::SWITCHING_PROTOCOLS))
        .field("Upgrade", "WebSocket")
        .field("Connection", "Upgrade")
        .field("Sec-WebSocket-Accept", accepted.accept);
    if let Some(extensions) = accepted.extensions {
        response = response.field("Sec-WebSocket-Extensions", extensions);
    }
    context.push(response.finish());
    let joined = check_subscriber(context, routed).and_then(|checked| {
        context.admit_stream().map_err(Refusal::from)?;
        let requested = create_channels(context, checked)?;
        subscribe_all(context, &requested)?;
        Ok(requested)
    });
    match joined {
        Ok(requested) => {
            begin_websocket(context, routed, &requested, accepted.extensions.is_some());
        }
        Err(refusal) => close_refused(context, refusal),
    }
    Next::Done
}

fn begin_websocket(
    context: &mut Context<'_>,
    routed: &RoutedRequest<'_>,
    requested: &RequestedChannels,
    is_deflated: bool,
) {
    context.log_stream_start(Status::SWITCHING_PROTOCOLS);
    let location = routed.location;
    let wire = Wire::WebSocket { is_deflated };
    context.push(location.first_item(wire).frame.clone());
    let stretches = old_messages(context, requested);
    let replay = Replay::new(location.profile(wire).format, stretches, ReplayLayout::Plain);
    context.begin_feed(Feed::Replay(replay));
    let is_stored = channels::stores(location, routed.request);
    let transport = Transport::WebSocket {
        reader: Reader::default(),
        is_deflated,
        is_stored,
        awaits_pong: false,
        end: End::TimeToLive,
    };
    let subscriber = new_subscriber(location, wire, transport, context.now);
    context.begin_subscriber(subscriber);
}

/// Refuses a subscriber after the upgrade, with a close frame that contains the reason (section
/// 15.4).
fn close_refused(context: &mut Context<'_>, refusal: Refusal) {
    context.log_answer(refusal.status(), refusal.explain());
    let (status, text) = (refusal.status().0, refusal.explain());
    let reason = format!("{{\"http_status\": {status}, \"explain\":\"{text}\"}}");
    context.push(websocket::close(CloseCode::POLICY, &reason));
    context.drain();
}
