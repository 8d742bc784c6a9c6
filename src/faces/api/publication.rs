//! One publication in the body of a publish request: parsed and checked.

use super::channel_name::is_channel_name;
use super::json::{BadBody, compact, parse_array, parse_object};
use super::refusal::Refusal;
use crate::hub::{Draft, Storing};
use crate::message::ChannelName;
use crate::server::Context;
use crate::time::Millis;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;

/// The largest payload, in bytes: a frame has a two-byte length.
pub const PAYLOAD_BYTES_MAX: usize = 65_535;
/// The longest `event`, `id` and `except`, in bytes.
const TEXT_BYTES_MAX: usize = 128;

pub(super) const NOT_A_PUBLICATION: Refusal = Refusal::unprocessable(
    "the body must be an object with a string \"channel\" and a \"message\", each once\n",
);
const PAYLOAD_TOO_LARGE: Refusal = Refusal::too_large("the message is larger than 65535 bytes\n");
const BOTH_CHANNELS: Refusal =
    Refusal::unprocessable("either \"channel\" or \"channels\" must be given, not both\n");
const BAD_CHANNELS: Refusal =
    Refusal::unprocessable("\"channels\" must be a list of at least one string\n");
const BAD_EVENT: Refusal = Refusal::unprocessable(
    "\"event\" must be a string of 1 to 128 bytes without control characters\n",
);
const BAD_ID: Refusal = Refusal::unprocessable(
    "\"id\" must be a whole number, or a string of 1 to 128 bytes without control characters\n",
);
const BAD_TTL: Refusal = Refusal::unprocessable("\"ttl\" must be a number of seconds, 0 or more\n");
const BAD_STORE: Refusal = Refusal::unprocessable("\"store\" must be true or false\n");
const BAD_EXCEPT: Refusal = Refusal::unprocessable(
    "\"except\" must be the id of a connection, a string of 1 to 128 bytes\n",
);
const TOO_MANY_CHANNELS: Refusal =
    Refusal::too_large("\"channels\" has more names than channels_per_publication_max\n");

/// A publication as its publisher sends it.
#[derive(Debug, PartialEq, Eq)]
pub struct Publication<'a> {
    /// Its channels.
    pub channels: Channels<'a>,
    /// The message as JSON text without insignificant whitespace.
    pub payload: Cow<'a, [u8]>,
    /// What kind of message it is.
    pub event: Option<Cow<'a, str>>,
    /// By which a message that is published again is recognised.
    pub id: Option<Cow<'a, str>>,
    /// How long it is stored at most.
    pub ttl: Option<Millis>,
    /// Whether it is stored; none: as its channel is configured.
    pub store: Option<bool>,
    /// The connection that does not get it.
    pub except: Option<Cow<'a, str>>,
}

/// The channels of a publication, with valid names.
#[derive(Debug, PartialEq, Eq)]
pub enum Channels<'a> {
    /// `channel`
    One(Cow<'a, str>),
    /// `channels`, each once.
    Several(Vec<Cow<'a, str>>),
}

/// A string of which a part of the body is borrowed if it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members as they are in the body. Others are ignored.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    channel: Option<Text<'a>>,
    #[serde(borrow)]
    channels: Option<&'a RawValue>,
    #[serde(borrow)]
    message: &'a RawValue,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    ttl: Option<&'a RawValue>,
    #[serde(borrow)]
    store: Option<&'a RawValue>,
    #[serde(borrow)]
    except: Option<&'a RawValue>,
}

impl<'a> Publication<'a> {
    /// Parses and checks a publication to at most `channels_max` channels. Members that are not
    /// known, and `null` for one that may be missing, are ignored.
    ///
    /// # Errors
    /// 400, 413 or 422, with a text that describes the mistake.
    pub fn parse(body: &'a [u8], channels_max: usize) -> Result<Publication<'a>, Refusal> {
        let members: Members<'a> = parse_object(body).map_err(|fault| match fault {
            BadBody::Syntax => Refusal::BAD_JSON,
            BadBody::Shape => NOT_A_PUBLICATION,
        })?;
        let payload = compact(members.message.get())?;
        let channels = match (members.channel, members.channels) {
            (Some(Text(channel)), None) => Channels::One(channel),
            (None, Some(channels)) => Channels::Several(several(channels, channels_max)?),
            (Some(_), Some(_)) => return Err(BOTH_CHANNELS),
            (None, None) => return Err(NOT_A_PUBLICATION),
        };
        if !channels.iter().all(|name| is_channel_name(name.as_bytes())) {
            return Err(Refusal::BAD_CHANNEL);
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(PAYLOAD_TOO_LARGE);
        }
        Ok(Publication {
            channels,
            payload,
            event: members.event.map(|value| text(value).ok_or(BAD_EVENT)).transpose()?,
            id: members.id.map(|value| id(value).ok_or(BAD_ID)).transpose()?,
            ttl: members.ttl.map(|value| ttl(value).ok_or(BAD_TTL)).transpose()?,
            store: members.store.map(|value| parsed(value).ok_or(BAD_STORE)).transpose()?,
            except: members.except.map(|value| text(value).ok_or(BAD_EXCEPT)).transpose()?,
        })
    }

    /// Makes its message.
    ///
    /// # Errors
    /// 413: a wire format cannot hold it.
    pub(super) fn admit(&self, context: &Context<'_>) -> Result<Draft, Refusal> {
        let draft = self.draft(context);
        let longest = self.channels.iter().map(str::len).max().unwrap_or_default();
        if context.can_encode(longest, &draft) {
            Ok(draft)
        } else {
            Err(Refusal::MESSAGE_TOO_LARGE)
        }
    }

    /// The message to be published.
    pub(super) fn draft(&self, context: &Context<'_>) -> Draft {
        let is_always_stored = context.config().push_stream.store_api_messages;
        let storing = match self.store {
            Some(is_stored) => Storing::always_if(is_stored),
            None if is_always_stored => Storing::Always,
            None => Storing::InHistories,
        };
        let bytes = |text: &Option<Cow<'_, str>>| text.as_ref().map(|text| text.as_bytes().into());
        Draft {
            text: (&*self.payload).into(),
            is_json: true,
            event_id: bytes(&self.id),
            event_type: bytes(&self.event),
            storing,
            ttl: self.ttl,
            except: self.except.as_ref().and_then(|id| context.subscriber(id)),
            ..Draft::default()
        }
    }
}

impl<'a> Channels<'a> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Channels::One(name) => std::slice::from_ref(name),
            Channels::Several(names) => names,
        }
        .iter()
        .map(|name| &**name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = ChannelName> {
        self.iter().map(|name| name.as_bytes().into())
    }
}

fn parsed<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

/// The names of a list, each once, in the order in which they are named first.
fn several(value: &RawValue, count_max: usize) -> Result<Vec<Cow<'_, str>>, Refusal> {
    let list = value.get().as_bytes();
    let names: Vec<Text<'_>> =
        parse_array(list, count_max.saturating_add(1)).map_err(|_| BAD_CHANNELS)?;
    if names.is_empty() {
        return Err(BAD_CHANNELS);
    }
    if names.len() > count_max {
        return Err(TOO_MANY_CHANNELS);
    }
    let mut seen = HashSet::new();
    let is_new: Vec<bool> = names.iter().map(|Text(name)| seen.insert(&**name)).collect();
    let names = names.into_iter().zip(is_new).filter(|(_, is_new)| *is_new);
    Ok(names.map(|(Text(name), _)| name).collect())
}

/// A short text. It becomes a line of an event stream and a header field, so it has no control
/// characters.
fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let Text(text) = parsed(value)?;
    let is_short = (1..=TEXT_BYTES_MAX).contains(&text.len());
    (is_short && !text.chars().any(char::is_control)).then_some(text)
}

/// An id: a text, or a whole number as it is spelled.
fn id(value: &RawValue) -> Option<Cow<'_, str>> {
    let spelling = value.get();
    let digits = spelling.strip_prefix('-').unwrap_or(spelling);
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_whole && spelling.len() <= TEXT_BYTES_MAX { Some(spelling.into()) } else { text(value) }
}

/// A lifetime, rounded up to a millisecond. One that is too long for the clock does not end.
fn ttl(value: &RawValue) -> Option<Millis> {
    let seconds: f64 = parsed(value)?;
    // The conversion saturates.
    (seconds >= 0.0).then(|| Millis((seconds * 1000.0).ceil() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(body: &str) -> Result<String, u16> {
        match Publication::parse(body.as_bytes(), 256) {
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
        assert_eq!(
            Publication::parse(body.as_bytes(), 256).unwrap().channels,
            Channels::One("a".into())
        );
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
        assert_eq!(
            Publication::parse(b"{\"channel\":\"a\",\"message\":\"\xff\"}", 256)
                .unwrap_err()
                .status
                .0,
            400
        );
        assert_eq!(
            Publication::parse(b"{\"channel\":\"a\",\"message\":1,\"x\":\"\xff\"}", 256)
                .unwrap_err()
                .status
                .0,
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

    fn parse(members: &str) -> Result<Publication<'_>, (u16, &'static str)> {
        Publication::parse(members.as_bytes(), 256)
            .map_err(|refusal| (refusal.status.0, refusal.text))
    }

    #[test]
    fn every_member_is_read() {
        let publication = parse(
            r#"{"channels":["a","b","\u0061"],"message":1,"event":"created","id":"x-1","ttl":1.5,
                "store":false,"except":"c1","other":{}}"#,
        );
        let expected = Publication {
            channels: Channels::Several(vec!["a".into(), "b".into()]),
            payload: b"1".as_slice().into(),
            event: Some("created".into()),
            id: Some("x-1".into()),
            ttl: Some(Millis(1500)),
            store: Some(false),
            except: Some("c1".into()),
        };
        assert_eq!(publication.unwrap(), expected);
        let empty = r#"{"channel":"a","channels":null,"message":null,"event":null,"id":null,
                        "ttl":null,"store":null,"except":null}"#;
        let expected = Publication {
            channels: Channels::One("a".into()),
            payload: b"null".as_slice().into(),
            event: None,
            id: None,
            ttl: None,
            store: None,
            except: None,
        };
        assert_eq!(parse(empty).unwrap(), expected);
    }

    #[test]
    fn members_of_another_kind_are_422_and_say_which() {
        let long = format!("\"{}\"", "x".repeat(129));
        let texts = [
            "1.5",
            "true",
            "[]",
            "{}",
            "\"\"",
            "\"a\\nb\"",
            "\"\\u0000\"",
            "\"\\ud800\"",
            "\"\\u0085\"",
            &long,
        ];
        let cases: [(&str, &[&str], Refusal); 6] = [
            ("event", &texts, BAD_EVENT),
            ("id", &texts, BAD_ID),
            ("except", &texts, BAD_EXCEPT),
            (
                "ttl",
                &["-1", "-0.001", "1e999", "\"1\"", "\"1m\"", "true", "[1]", "{}", "\"NaN\""],
                BAD_TTL,
            ),
            ("store", &["0", "1", "\"true\"", "[]", "{}"], BAD_STORE),
            (
                "channels",
                &[
                    "[]",
                    "\"a\"",
                    "{}",
                    "1",
                    "[1]",
                    "[null]",
                    "[\"a\",1]",
                    "[[\"a\"]]",
                    "[\"\\ud800\"]",
                ],
                BAD_CHANNELS,
            ),
        ];
        for (member, values, refusal) in cases {
            for value in values {
                let channel = if member == "channels" { "" } else { r#""channel":"a","# };
                let body = format!(r#"{{{channel}"message":1,"{member}":{value}}}"#);
                assert_eq!(parse(&body), Err((422, refusal.text)), "{body}");
            }
        }
        let twice = r#"{"channel":"a","message":1,"id":"1","id":"1"}"#;
        assert_eq!(parse(twice), Err((422, NOT_A_PUBLICATION.text)));
        let both = r#"{"channel":"a","channels":["a"],"message":1}"#;
        assert_eq!(parse(both), Err((422, BOTH_CHANNELS.text)));
        let bad_name = r#"{"channels":["a","b c"],"message":1}"#;
        assert_eq!(parse(bad_name), Err((400, Refusal::BAD_CHANNEL.text)));
    }

    #[test]
    fn numbers_are_read_as_ids_and_lifetimes() {
        let id = |value: &str| {
            let body = format!(r#"{{"channel":"a","message":1,"id":{value}}}"#);
            parse(&body).unwrap().id.unwrap().into_owned()
        };
        assert_eq!(id("7"), "7");
        assert_eq!(id("-12345678901234567890123"), "-12345678901234567890123");
        assert_eq!(id("\"7\""), "7");
        let ttl = |value: &str| {
            let body = format!(r#"{{"channel":"a","message":1,"ttl":{value}}}"#);
            parse(&body).unwrap().ttl.unwrap().0
        };
        assert_eq!([ttl("0"), ttl("-0"), ttl("60"), ttl("0.0001")], [0, 0, 60_000, 1]);
        assert_eq!([ttl("1e300"), ttl("18446744073709551616")], [u64::MAX; 2]);
    }

    #[test]
    fn nesting_is_no_reason_to_fail() {
        let nested = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        for member in ["id", "event", "except", "ttl", "store", "channels", "more"] {
            let body = format!(r#"{{"channel":"a","message":1,"{member}":{nested}}}"#);
            let status = parse(&body).map_err(|(status, _)| status).map(drop);
            let expected = if member == "more" { Ok(()) } else { Err(422) };
            assert_eq!(status, expected, "{member}");
        }
    }
}
