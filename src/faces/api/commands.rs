//! Messages of WebSocket clients of the signed API: subscribe, unsubscribe, refresh, publish, ping.

use super::channel_name::is_channel_name;
use super::json::compact;
use super::publication::PAYLOAD_BYTES_MAX;
use super::refusal::{Fault, Refusal};
use super::subscription::{Since, Wanted, distinct, join};
use crate::auth::{Claims, Grant};
use crate::hub::{Draft, Maker, Storing};
use crate::message::Cursor;
use crate::server::{
    Context, CreateMissing, Next, Outcome, PublicationHandler, PublishError, PublishTask,
    Published, RefreshError,
};
use crate::transports::ControlForm;
use crate::transports::control::{as_text, tagged};
use crate::websocket;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Longest `event` and `id` of a publication.
const IDENTIFIER_BYTES_MAX: usize = 128;
/// Longest `ref`, as JSON.
const REFERENCE_BYTES_MAX: usize = 128;

#[derive(Deserialize)]
struct Command<'a> {
    #[serde(rename = "do", borrow)]
    verb: Cow<'a, str>,
    #[serde(borrow, default)]
    channels: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    token: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cursor: Option<Cow<'a, str>>,
    #[serde(default)]
    last: u32,
    #[serde(borrow, default)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    event: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(rename = "ref", borrow, default)]
    reference: Option<&'a RawValue>,
}

/// A member that is there, also if it is null.
fn present<'de: 'a, 'a, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&'a RawValue>::deserialize(deserializer).map(Some)
}

/// An answer to a command, without its name.
#[derive(Default, Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional_cursor")]
    cursor: Option<Cursor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a RawValue>,
}

fn optional_cursor<S: serde::Serializer>(
    cursor: &Option<Cursor>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match cursor {
        Some(cursor) => as_text(cursor, serializer),
        None => serializer.serialize_none(),
    }
}

/// Carries out a message of a WebSocket client, and answers it. A message that is refused is
/// answered with an error, and changes nothing.
pub(super) fn carry_out(context: &mut Context<'_>, text: &str) -> Next {
    context.work().requests += 1;
    let command = match serde_json::from_str::<Command<'_>>(text) {
        Ok(command) => command,
        Err(error) => {
            let reason = match error.classify() {
                serde_json::error::Category::Data => "a member is missing or of the wrong type",
                _ => "not valid JSON",
            };
            answer(context, "error", &Answer { reason: Some(reason), ..Answer::default() });
            return Next::Done;
        }
    };
    if command.reference.is_some_and(|one| one.get().len() > REFERENCE_BYTES_MAX) {
        let reason = Some("\"ref\" is too long");
        answer(context, "error", &Answer { reason, ..Answer::default() });
        return Next::Done;
    }
    let done = match &*command.verb {
        "subscribe" => subscribe(context, &command).map(|()| Next::Done),
        "unsubscribe" => unsubscribe(context, &command).map(|()| Next::Done),
        "refresh" => refresh(context, &command).map(|()| Next::Done),
        "publish" => publish(context, &command),
        "ping" => {
            let reference = command.reference;
            answer(context, "pong", &Answer { reference, ..Answer::default() });
            Ok(Next::Done)
        }
        _ => Err(Refusal::bad_request("\"do\" is none of the known commands").into()),
    };
    done.unwrap_or_else(|fault: Fault| {
        let (_, reason) = fault.status_and_reason();
        let (reason, reference) = (Some(reason), command.reference);
        answer(context, "error", &Answer { reason, reference, ..Answer::default() });
        Next::Done
    })
}

fn answer(context: &mut Context<'_>, name: &str, answer: &Answer<'_>) {
    let members = serde_json::to_string(answer).expect("it has texts and numbers only");
    context.push(websocket::text(tagged(name, &members).as_bytes()));
}

fn names(command: &Command<'_>, count_max: usize) -> Result<Vec<String>, Refusal> {
    if command.channels.is_empty() {
        return Err(Refusal::bad_request("\"channels\" is missing"));
    }
    distinct(command.channels.iter().map(|one| (**one).to_owned()), count_max)
}

fn subscribe(context: &mut Context<'_>, command: &Command<'_>) -> Result<(), Fault> {
    let count_max = context.limits().channels_per_subscriber_max;
    let mut channels = names(command, count_max)?;
    let all = channels.clone();
    let grant = grant(context, command, &channels)?;
    channels.retain(|name| !context.is_subscribed_to(name));
    if context.channel_count() + channels.len() > count_max {
        let text = "there are more channels than channels_per_subscriber_max";
        return Err(Refusal::bad_request(text).into());
    }
    // What was published to the other channels before comes first.
    if !context.deliver_pending() {
        return Ok(());
    }
    let since = command.cursor.as_ref();
    let since = since.map_or(Since::Now, |text| Since::of_text(text.as_bytes()));
    let wanted = Wanted { channels, since, last: command.last };
    let joined = join(context, &wanted, &grant)?;
    if command.token.is_some() {
        context.add_token(&grant);
    }
    joined.push_resets(context, ControlForm::WebSocket);
    if let Some(format) = context.subscriber_format() {
        joined.begin_replay(context, format, None);
    }
    let position = context.hub().position();
    let cursor = Some(context.formats().cursor(position));
    let (channels, reference) = (Some(&all[..]), command.reference);
    let expires = command.token.is_some().then_some(grant.expires_at);
    let subscribed = Answer { channels, cursor, expires, reference, ..Answer::default() };
    answer(context, "subscribed", &subscribed);
    Ok(())
}

/// The grant for further channels: that of the token in the command, or of the connection's.
fn grant(
    context: &mut Context<'_>,
    command: &Command<'_>,
    channels: &[String],
) -> Result<Grant, Fault> {
    let names: Vec<&str> = channels.iter().map(String::as_str).collect();
    match &command.token {
        Some(token) => {
            let wanted = Claims { channels: &names, now: context.now.unix_seconds() };
            let grant = context.verify(token, &wanted)?;
            let subject = context.subject();
            if subject.is_some() && grant.subject.as_deref() != subject {
                return Err(Refusal::bad_request("the token is of another subject").into());
            }
            if !context.can_add_token() {
                return Err(
                    Refusal::bad_request("too many tokens; refresh with one for all").into()
                );
            }
            Ok(grant)
        }
        None => Ok(context.granted(&names)?),
    }
}

fn unsubscribe(context: &mut Context<'_>, command: &Command<'_>) -> Result<(), Fault> {
    let channels = names(command, context.limits().channels_per_subscriber_max)?;
    if !context.deliver_pending() {
        return Ok(());
    }
    for name in &channels {
        context.unsubscribe(name);
    }
    let (channels, reference) = (Some(&channels[..]), command.reference);
    answer(context, "unsubscribed", &Answer { channels, reference, ..Answer::default() });
    Ok(())
}

fn refresh(context: &mut Context<'_>, command: &Command<'_>) -> Result<(), Fault> {
    let Some(token) = &command.token else {
        return Err(Refusal::bad_request("\"token\" is missing").into());
    };
    let wanted = Claims { channels: &[], now: context.now.unix_seconds() };
    let grant = context.verify(token, &wanted)?;
    match context.refresh_own(&grant) {
        Ok(()) => {}
        Err(RefreshError::NotFound | RefreshError::OtherClaims) => {
            let text = "the token is of another subject, or not for all channels";
            return Err(Refusal::bad_request(text).into());
        }
    }
    let (expires, reference) = (Some(grant.expires_at), command.reference);
    answer(context, "refreshed", &Answer { expires, reference, ..Answer::default() });
    Ok(())
}

fn publish(context: &mut Context<'_>, command: &Command<'_>) -> Result<Next, Fault> {
    let (Some(channel), Some(data)) = (&command.channel, command.data) else {
        return Err(Refusal::bad_request("\"channel\" or \"data\" is missing").into());
    };
    if !is_channel_name(channel.as_bytes()) {
        return Err(Refusal::BAD_CHANNEL.into());
    }
    if !context.may_publish(channel) {
        return Err(Refusal::bad_request("the token does not allow to publish there").into());
    }
    let payload = compact(data.get())?;
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Refusal::bad_request("the message is larger than 65535 bytes").into());
    }
    let identifier = |text: &Option<Cow<'_, str>>| match text {
        Some(text) if text.len() > IDENTIFIER_BYTES_MAX || text.contains(char::is_control) => {
            Err(Refusal::bad_request("\"event\" or \"id\" is too long or has control characters"))
        }
        Some(text) => Ok(Some(text.as_bytes().into())),
        None => Ok(None),
    };
    let is_always_stored = context.config().push_stream.store_api_messages;
    let storing = if is_always_stored { Storing::Always } else { Storing::InHistories };
    let draft = Draft {
        text: payload.into(),
        is_json: true,
        storing,
        event_type: identifier(&command.event)?,
        event_id: identifier(&command.id)?,
        maker: Maker::Visitor,
        ..Draft::default()
    };
    if !context.can_encode(channel.len(), &draft) {
        return Err(Refusal::MESSAGE_TOO_LARGE.into());
    }
    let handler =
        Box::new(ClientPublication { reference: command.reference.map(ToOwned::to_owned) });
    let mut task = PublishTask::new(draft, CreateMissing::ForApi);
    if let Some(id) = &command.id {
        // An id counts for its sender only: others cannot suppress his messages.
        let sender = context.sender();
        task.unique_id = Some([sender.as_bytes(), b"\0", id.as_bytes()].concat().into());
    }
    Ok(match context.publish_to(channel.as_bytes(), task) {
        Published::Ended(result) => handler.published(context, result),
        Published::NotYet(task) => Next::Later { task, handler },
    })
}

/// A publication of a client that waits until it is published.
struct ClientPublication {
    reference: Option<Box<RawValue>>,
}

impl PublicationHandler for ClientPublication {
    fn published(
        self: Box<Self>,
        context: &mut Context<'_>,
        result: Result<Vec<Outcome>, PublishError>,
    ) -> Next {
        let reference = self.reference.as_deref();
        match result {
            // A client that gives no reference needs no answer.
            Ok(_) if reference.is_none() => {}
            Ok(_) => answer(context, "published", &Answer { reference, ..Answer::default() }),
            Err(reason) => {
                if let PublishError::Channel(error) = reason {
                    context.report_not_created(error);
                }
                let reason = Some(Refusal::FULL.text.trim_end());
                answer(context, "error", &Answer { reason, reference, ..Answer::default() });
            }
        }
        Next::Done
    }
}
