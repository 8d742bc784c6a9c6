//! `POST /api/publish` (rpushd spec, section 4).

use super::channel_name::is_channel_name;
use super::fields::has_json_content_type;
use super::refusal::{Fault, Refusal, refuse, refused};
use crate::http::{Head, Response, Status};
use crate::hub::{Draft, Storing};
use crate::server::{
    BodyHandler, Context, CreateMissing, Next, PublicationHandler, PublishError, PublishTask,
    Published,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The largest payload, in bytes: a frame has a two-byte length.
pub const PAYLOAD_BYTES_MAX: usize = 65_535;
/// The deepest nesting of arrays and objects in a message; deeper ones are refused.
const DEPTH_MAX: usize = 126;

const TOO_DEEP: Refusal = Refusal::bad_request("the message is nested too deeply\n");
const NOT_A_PUBLICATION: Refusal = Refusal::unprocessable(
    "the body must be an object with a string \"channel\" and a \"message\", each once\n",
);
const PAYLOAD_TOO_LARGE: Refusal =
    Refusal { status: Status::CONTENT_TOO_LARGE, text: "the message is larger than 65535 bytes\n" };

/// Routes a publish request. The secret is checked before the body is read.
pub(super) fn route(context: &mut Context<'_>, head: &Head<'_>) -> Result<Next, Fault> {
    context.authorize(head)?;
    if !has_json_content_type(head) {
        return Err(Refusal::NOT_JSON_TYPE.into());
    }
    let bytes_max = context.limits().body_bytes_max;
    Ok(Next::Read { handler: Box::new(Publish), bytes_max })
}

/// A publish request that waits for its body, and then until the message has been published: there
/// may be no room for it at once (back-pressure).
struct Publish;

impl BodyHandler for Publish {
    fn complete(self: Box<Self>, context: &mut Context<'_>, body: &[u8]) -> Next {
        let publication = match parse(body) {
            Ok(publication) => publication,
            Err(refusal) => return refused(refusal, None),
        };
        let is_always_stored = context.config().push_stream.store_api_messages;
        let storing = if is_always_stored { Storing::Always } else { Storing::InHistories };
        let draft = Draft { text: publication.payload.into(), storing, ..Draft::default() };
        let channel = publication.channel.as_bytes();
        if !context.can_encode(channel.len(), &draft) {
            return refused(Refusal::MESSAGE_TOO_LARGE, None);
        }
        match context.publish_to(channel, PublishTask::new(draft, CreateMissing::ForApi)) {
            Published::Ended(result) => {
                let (response, body) = self.published(context, result);
                Next::Answer(response, body)
            }
            Published::NotYet(task) => Next::Later { task, handler: self },
        }
    }

    fn too_large(&self) -> (Response, Vec<u8>) {
        refuse(Refusal::BODY_TOO_LARGE, None)
    }

    fn is_publication(&self) -> bool {
        true
    }
}

impl PublicationHandler for Publish {
    fn published(
        self: Box<Self>,
        context: &mut Context<'_>,
        result: Result<(), PublishError>,
    ) -> (Response, Vec<u8>) {
        match result {
            Ok(()) => (Response::new(Status::NO_CONTENT), Vec::new()),
            Err(reason) => {
                if let PublishError::Channel(error) = reason {
                    context.report_not_created(error);
                }
                refuse(Refusal::FULL, None)
            }
        }
    }
}

/// The body of a publish request.
#[derive(Debug, PartialEq, Eq)]
pub struct Publication<'a> {
    /// A valid channel name.
    pub channel: Cow<'a, str>,
    /// The message as JSON text without insignificant whitespace.
    pub payload: Cow<'a, [u8]>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
    #[serde(borrow)]
    message: &'a RawValue,
}

/// Parses and checks the body of a publish request.
///
/// # Errors
/// 400, 413 or 422, with a text that describes the mistake.
pub fn parse(body: &[u8]) -> Result<Publication<'_>, Refusal> {
    let Body { channel, message } = parse_object(body).map_err(|fault| match fault {
        BadBody::Syntax => Refusal::BAD_JSON,
        BadBody::Shape => NOT_A_PUBLICATION,
    })?;
    let payload = compact(message.get())?;
    if !is_channel_name(channel.as_bytes()) {
        return Err(Refusal::BAD_CHANNEL);
    }
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(PAYLOAD_TOO_LARGE);
    }
    Ok(Publication { channel, payload })
}

/// Why a JSON body is refused.
pub(super) enum BadBody {
    /// It is not well-formed JSON.
    Syntax,
    /// It is well-formed JSON, but not the expected object.
    Shape,
}

/// Parses a JSON object into a type. Refuses an array in its place, which serde would accept.
pub(super) fn parse_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BadBody> {
    let text = std::str::from_utf8(body).map_err(|_| BadBody::Syntax)?;
    let is_object = text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{');
    let parsed = if is_object { serde_json::from_str(text).ok() } else { None };
    parsed.ok_or_else(|| {
        // serde stops at a wrong shape, so there may be a syntax error behind it.
        match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => BadBody::Shape,
            Err(_) => BadBody::Syntax,
        }
    })
}

/// Removes insignificant whitespace from valid JSON and keeps all other bytes as published.
///
/// # Errors
/// The text is nested deeper than [`DEPTH_MAX`].
fn compact(text: &str) -> Result<Cow<'_, [u8]>, Refusal> {
    let bytes = text.as_bytes();
    let mut kept: Option<Vec<u8>> = None;
    let (mut depth, mut at, mut copied) = (0, 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b'[' | b'{' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(TOO_DEEP);
                }
                at += 1;
            }
            b']' | b'}' => {
                depth -= 1;
                at += 1;
            }
            b' ' | b'\t' | b'\r' | b'\n' => {
                kept.get_or_insert_default().extend_from_slice(&bytes[copied..at]);
                at += 1;
                copied = at;
            }
            _ => at += 1,
        }
    }
    Ok(match kept {
        None => Cow::Borrowed(bytes),
        Some(mut kept) => {
            kept.extend_from_slice(&bytes[copied..]);
            Cow::Owned(kept)
        }
    })
}

/// The position after the JSON string that starts at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(offset) = memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
        at += offset;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(body: &str) -> Result<String, u16> {
        match parse(body.as_bytes()) {
            Ok(publication) => Ok(String::from_utf8(publication.payload.into_owned()).unwrap()),
            Err(refusal) => Err(refusal.status.0),
        }
    }

    #[test]
    fn the_payload_is_the_message_as_it_was_spelled_without_blanks() {
        let body = "{ \"more\": 1, \"channel\":\"\\u0061\", \"message\" : \
                    { \"b\" : 1e2 , \"a\":[ 12345678901234567890123, -0.0 ],\t\
                    \"b\":\" \\\" , \\\\\" }\n}";
        let expected = r#"{"b":1e2,"a":[12345678901234567890123,-0.0],"b":" \" , \\"}"#;
        assert_eq!(payload(body).unwrap(), expected);
        assert_eq!(parse(body.as_bytes()).unwrap().channel, "a");
        for scalar in ["null", "true", "\"\"", "0", "[]", "\"\\ud800\"", "1e999"] {
            let body = format!(r#"{{"channel":"a","message":{scalar}}}"#);
            assert_eq!(payload(&body).unwrap(), scalar);
        }
    }

    #[test]
    fn what_is_not_json_is_400() {
        for body in [
            "",
            "{",
            "{}x",
            "\u{feff}{}",
            r#"{"channel":"a","message":1}{}"#,
            r#"{"channel":1,"message":"#,
            r#"{"channel":"a","message":01}"#,
            r#"{"channel":"a","message":'x'}"#,
            r#"["a",1"#,
        ] {
            assert_eq!(payload(body), Err(400), "{body}");
        }
        assert_eq!(parse(b"{\"channel\":\"a\",\"message\":\"\xff\"}").unwrap_err().status.0, 400);
        assert_eq!(
            parse(b"{\"channel\":\"a\",\"message\":1,\"x\":\"\xff\"}").unwrap_err().status.0,
            400
        );
    }

    #[test]
    fn json_of_another_shape_is_422() {
        for body in [
            "{}",
            "[]",
            "1",
            "null",
            r#"["a",1]"#,
            r#"{"channel":"a"}"#,
            r#"{"message":1}"#,
            r#"{"channel":1,"message":1}"#,
            r#"{"channel":null,"message":1}"#,
            r#"{"channel":"a","channel":"a","message":1}"#,
            r#"{"channel":"a","message":1,"message":1}"#,
        ] {
            assert_eq!(payload(body), Err(422), "{body}");
        }
    }

    #[test]
    fn channels_depth_and_size_have_limits() {
        let with = |channel: &str, message: &str| {
            payload(&format!(r#"{{"channel":"{channel}","message":{message}}}"#))
                .map(|text| text.len())
        };
        assert_eq!(with("a/b", "1"), Err(400));
        assert_eq!(with("", "1"), Err(400));
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(with("a", &nested(126)), Ok(252));
        assert_eq!(with("a", &nested(127)), Err(400));
        assert_eq!(with("a", &nested(50_000)), Err(400));
        let text = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
        assert_eq!(with("a", &text(65_535)), Ok(65_535));
        assert_eq!(with("a", &text(65_536)), Err(413));
    }
}
