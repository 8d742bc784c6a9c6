//! Subscriber locations except WebSocket: method, checks, mode (push-stream spec, sections 8, 11
//! and 12).

use super::polling::{answer_at_once, begin_waiting};
use super::streams::begin_stream;
use super::subscription::{
    CheckedRequest, check_subscriber, create_channels, create_idle_channels, existing_channels,
    old_messages, refuse_subscriber, subscribe_all,
};
use super::{Location, Refusal, Request, RoutedRequest, cors, explain, no_cache};
use crate::config::{Mode, Role};
use crate::http::{Framing, Response, Status};
use crate::push_stream::channel_path;
use crate::server::{Context, Next};

/// Answers a request to a subscriber location.
pub(super) fn route(context: &mut Context<'_>, routed: &RoutedRequest<'_>) -> Next {
    let head = routed.request.head;
    let with_origin = |status| cors(Response::titled(status), routed.origin.as_ref(), "GET");
    match head.method {
        "GET" => {}
        "OPTIONS" => return Next::Answer(with_origin(Status::OK), Vec::new()),
        _ => {
            let response = no_cache(with_origin(Status::METHOD_NOT_ALLOWED));
            return Next::Answer(response.field("Allow", "GET"), Vec::new());
        }
    }
    let checked = match check_subscriber(context, routed) {
        Ok(checked) => checked,
        Err(refusal) => {
            let response = no_cache(with_origin(refusal.status()));
            return Next::Answer(explain(response, refusal, false), Vec::new());
        }
    };
    if head.framing != Framing::Length(0) {
        // The body is ignored, so nothing after it can be read as a request.
        context.close_after_answer();
    }
    match mode(routed.location, routed.request) {
        Mode::Streaming | Mode::EventSource => {
            let admitted = context.admit_stream().map_err(Refusal::from);
            match admitted.and_then(|()| create_channels(context, checked)) {
                Ok(requested) => begin_stream(context, routed, &requested),
                Err(refusal) => refuse_subscriber(routed, refusal),
            }
        }
        Mode::Polling => poll(context, routed, &checked),
        Mode::LongPolling => long_poll(context, routed, checked),
        Mode::WebSocket => unreachable!("WebSocket locations have a route of their own"),
    }
}

/// Answers with the old messages (section 11).
fn poll(context: &mut Context<'_>, routed: &RoutedRequest<'_>, checked: &CheckedRequest) -> Next {
    create_idle_channels(context, checked);
    let answer = routed.answer();
    let known = existing_channels(context, checked);
    let stretches = old_messages(context, &known);
    answer_at_once(context, &answer, stretches, &checked.cursor)
}

/// Answers with the old messages if there are any; otherwise waits for the next one (section 12).
fn long_poll(
    context: &mut Context<'_>,
    routed: &RoutedRequest<'_>,
    checked: CheckedRequest,
) -> Next {
    let known = existing_channels(context, &checked);
    let mut stretches = old_messages(context, &known);
    if !stretches.is_empty() {
        if known.channel_count() < channel_path::read(&checked.path).count() {
            create_idle_channels(context, &checked);
            // Their creation may have published to the events channel, which the path may name.
            let known = existing_channels(context, &checked);
            stretches = old_messages(context, &known);
        }
        let answer = routed.answer();
        return answer_at_once(context, &answer, stretches, &checked.cursor);
    }
    let admitted = context.admit_long_poll().map_err(Refusal::from);
    let joined = admitted.and_then(|()| create_channels(context, checked));
    match joined.and_then(|requested| subscribe_all(context, &requested)) {
        Ok(()) => begin_waiting(context, routed),
        Err(refusal) => return refuse_subscriber(routed, refusal),
    }
    Next::Done
}

/// The mode of a request: the location's, unless the mode header selects another (section 8.1).
fn mode(location: &Location, request: &Request<'_>) -> Mode {
    let Role::Subscriber(own) = location.settings.role else {
        unreachable!("only subscriber locations have a mode");
    };
    if matches!(own, Mode::WebSocket | Mode::LongPolling) {
        return own;
    }
    let wanted = request.head.value("x-nginx-pushstream-mode").unwrap_or_default();
    if wanted.eq_ignore_ascii_case(b"long-polling") {
        Mode::LongPolling
    } else if wanted.eq_ignore_ascii_case(b"polling") {
        Mode::Polling
    } else {
        own
    }
}
