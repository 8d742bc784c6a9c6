//! Message templates (push-stream spec, section 17): text with `~placeholders~`, compiled once and
//! filled with a message in one pass. Inserted values are not searched for placeholders.

use super::expansion::Expansion;
use crate::message::Message;
use crate::time::http_date;
use std::borrow::Cow;

/// A compiled template. Equal templates format equally, so that it can be part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    /// All literal text, concatenated.
    literals: Box<[u8]>,
    parts: Box<[Part]>,
    /// How often each placeholder occurs, by its number, to compute the length of the
    /// output in advance.
    counts: [usize; PLACEHOLDERS.len()],
}

/// A placeholder, and where the literal text before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Part {
    literal_end: usize,
    placeholder: Placeholder,
}

/// A placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Placeholder {
    Id,
    Channel,
    Text,
    Size,
    Tag,
    Time,
    EventId,
    EventType,
}

/// Every placeholder as it is written, in the order of the enum.
const PLACEHOLDERS: [(&[u8], Placeholder); 8] = [
    (b"~id~", Placeholder::Id),
    (b"~channel~", Placeholder::Channel),
    (b"~text~", Placeholder::Text),
    (b"~size~", Placeholder::Size),
    (b"~tag~", Placeholder::Tag),
    (b"~time~", Placeholder::Time),
    (b"~event-id~", Placeholder::EventId),
    (b"~event-type~", Placeholder::EventType),
];

impl Template {
    /// Finds the placeholders, in any letter case. Everything else is literal, including
    /// unknown `~words~`.
    pub fn compile(source: &[u8]) -> Template {
        let mut literals = Vec::with_capacity(source.len());
        let mut parts = Vec::new();
        let mut counts = [0; PLACEHOLDERS.len()];
        let mut rest = source;
        while let Some((byte, after)) = rest.split_first() {
            if let Some((length, placeholder)) = Placeholder::at_start_of(rest) {
                parts.push(Part { literal_end: literals.len(), placeholder });
                counts[placeholder as usize] += 1;
                rest = &rest[length..];
            } else {
                literals.push(*byte);
                rest = after;
            }
        }
        Template { literals: literals.into(), parts: parts.into(), counts }
    }

    /// Appends the formatted message. `text` is a separate argument because EventSource formats
    /// line by line: it replaces `~text~`, and its length replaces `~size~`.
    pub fn write(&self, message: &Message, text: &[u8], out: &mut Vec<u8>) {
        let fields = Fields::of(message);
        out.reserve(self.length(&fields, text.len()));
        self.fill(&fields, text, out);
    }

    /// Like [`Template::write`], for clients that accept only UTF-8: invalid bytes in names become
    /// U+FFFD. The text of the message is not changed: its UTF-8 is up to the publisher.
    pub fn write_utf_8(&self, message: &Message, text: &[u8], out: &mut Vec<u8>) {
        let fields = Fields::utf_8(message);
        out.reserve(self.length(&fields, text.len()));
        self.fill(&fields, text, out);
    }

    /// Upper bound of the size of a formatted message.
    pub(super) fn expansion(&self) -> Expansion {
        const NUMBER_BYTES_MAX: usize = 20;
        const TIME_BYTES: usize = 29;
        let count = |placeholder: Placeholder| self.counts[placeholder as usize];
        let numbers =
            [Placeholder::Id, Placeholder::Size, Placeholder::Tag].map(count).iter().sum::<usize>();
        Expansion {
            fixed: self.literals.len()
                + numbers * NUMBER_BYTES_MAX
                + count(Placeholder::Time) * TIME_BYTES,
            texts: count(Placeholder::Text),
            channels: count(Placeholder::Channel),
            events: count(Placeholder::EventId).max(count(Placeholder::EventType)),
        }
    }

    /// The number of bytes that [`Template::fill`] appends for a text of this length.
    pub(super) fn length(&self, fields: &Fields, text_length: usize) -> usize {
        let mut length = self.literals.len();
        for (_, placeholder) in PLACEHOLDERS {
            let count = self.counts[placeholder as usize];
            if count > 0 {
                length += count * fields.length(placeholder, text_length);
            }
        }
        length
    }

    /// Like [`Template::write`], for a caller that has reserved the room.
    pub(super) fn fill(&self, fields: &Fields, text: &[u8], out: &mut Vec<u8>) {
        let size = Decimal::of(text.len() as i64);
        let mut literal_start = 0;
        for part in &self.parts {
            out.extend_from_slice(&self.literals[literal_start..part.literal_end]);
            out.extend_from_slice(match part.placeholder {
                Placeholder::Id => fields.id.digits(),
                Placeholder::Channel => &fields.channel,
                Placeholder::Text => text,
                Placeholder::Size => size.digits(),
                Placeholder::Tag => fields.tag.digits(),
                Placeholder::Time => &fields.time,
                Placeholder::EventId => &fields.event_id,
                Placeholder::EventType => &fields.event_type,
            });
            literal_start = part.literal_end;
        }
        out.extend_from_slice(&self.literals[literal_start..]);
    }
}

impl Placeholder {
    /// The placeholder at the start of the text, and its length.
    fn at_start_of(text: &[u8]) -> Option<(usize, Placeholder)> {
        if text.first() != Some(&b'~') {
            return None;
        }
        PLACEHOLDERS.into_iter().find_map(|(name, placeholder)| {
            let start = text.get(..name.len())?;
            start.eq_ignore_ascii_case(name).then_some((name.len(), placeholder))
        })
    }
}

/// A message's values, rendered once for all lines of its text.
pub(super) struct Fields<'a> {
    channel: Cow<'a, [u8]>,
    event_id: Cow<'a, [u8]>,
    event_type: Cow<'a, [u8]>,
    id: Decimal,
    tag: Decimal,
    time: [u8; 29],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a Message) -> Fields<'a> {
        Fields::with_names(message, Cow::Borrowed)
    }

    fn utf_8(message: &'a Message) -> Fields<'a> {
        Fields::with_names(message, |name| match String::from_utf8_lossy(name) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })
    }

    fn with_names(message: &'a Message, read: impl Fn(&'a [u8]) -> Cow<'a, [u8]>) -> Fields<'a> {
        Fields {
            channel: read(&message.channel),
            event_id: read(message.event_id.as_deref().unwrap_or_default()),
            event_type: read(message.event_type.as_deref().unwrap_or_default()),
            id: Decimal::of(message.id),
            tag: Decimal::of(message.tag.into()),
            time: http_date::format(message.time),
        }
    }

    fn length(&self, placeholder: Placeholder, text_length: usize) -> usize {
        match placeholder {
            Placeholder::Id => self.id.digits().len(),
            Placeholder::Channel => self.channel.len(),
            Placeholder::Text => text_length,
            Placeholder::Size => Decimal::of(text_length as i64).digits().len(),
            Placeholder::Tag => self.tag.digits().len(),
            Placeholder::Time => self.time.len(),
            Placeholder::EventId => self.event_id.len(),
            Placeholder::EventType => self.event_type.len(),
        }
    }
}

/// A decimal number as text, without heap allocation: at most a sign and 19 digits.
struct Decimal {
    bytes: [u8; 20],
    start: usize,
}

impl Decimal {
    fn of(number: i64) -> Decimal {
        let mut decimal = Decimal { bytes: [0; 20], start: 20 };
        let mut rest = number.unsigned_abs();
        loop {
            decimal.push_front(b'0' + (rest % 10) as u8);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            decimal.push_front(b'-');
        }
        decimal
    }

    fn push_front(&mut self, byte: u8) {
        self.start -= 1;
        self.bytes[self.start] = byte;
    }

    fn digits(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Position;

    const EVERYTHING: &str = "~id~|~channel~|~text~|~size~|~tag~|~time~|~event-id~|~event-type~";

    fn message() -> Message {
        Message {
            id: 17,
            time: 1_795_315_656,
            tag: 4,
            position: Position(9),
            channel: b"room".as_slice().into(),
            text: b"hello".as_slice().into(),
            shares_text: false,
            is_json: false,
            event_id: Some(b"e1".as_slice().into()),
            event_type: Some(b"news".as_slice().into()),
        }
    }

    fn formatted(template: &str, message: &Message) -> String {
        let mut out = Vec::new();
        Template::compile(template.as_bytes()).write(message, &message.text, &mut out);
        String::from_utf8(out).expect("the tests format text")
    }

    #[test]
    fn every_placeholder_gives_its_value() {
        assert_eq!(
            formatted(EVERYTHING, &message()),
            "17|room|hello|5|4|Sun, 22 Nov 2026 02:47:36 GMT|e1|news"
        );
    }

    #[test]
    fn a_ping_has_its_id_and_text_and_nothing_else() {
        let ping = Message::special(Message::PING, b"".as_slice().into(), b"still here");
        assert_eq!(
            formatted(EVERYTHING, &ping),
            "-1||still here|10|0|Thu, 01 Jan 1970 00:00:00 GMT||"
        );
    }

    #[test]
    fn a_deletion_message_names_its_channel() {
        let channel = b"room".as_slice().into();
        let deleted = Message::special(Message::DELETED, channel, b"Channel deleted");
        assert_eq!(
            formatted(EVERYTHING, &deleted),
            "-2|room|Channel deleted|15|0|Thu, 01 Jan 1970 00:00:00 GMT||"
        );
    }

    #[test]
    fn a_timeout_message_has_no_channel() {
        let timed_out = Message::special(Message::TIMED_OUT, b"".as_slice().into(), b"Timed out");
        assert_eq!(
            formatted(EVERYTHING, &timed_out),
            "-3||Timed out|9|0|Thu, 01 Jan 1970 00:00:00 GMT||"
        );
    }

    #[test]
    fn letter_case_does_not_matter_and_placeholders_may_repeat() {
        assert_eq!(
            formatted("~ID~~Id~~tExT~,~text~ ~EVENT-id~ ~Event-Type~", &message()),
            "1717hello,hello e1 news"
        );
    }

    #[test]
    fn everything_else_is_literal() {
        assert_eq!(
            formatted("~foo~ ~ id~ ~~ ~event~ ~text ~idx~ é\n~", &message()),
            "~foo~ ~ id~ ~~ ~event~ ~text ~idx~ é\n~"
        );
        assert_eq!(formatted("", &message()), "");
    }

    #[test]
    fn a_tilde_that_begins_nothing_does_not_hide_the_placeholder_behind_it() {
        assert_eq!(formatted("~~id~~ ~foo~id~ ~id~text~", &message()), "~17~ ~foo17 17text~");
    }

    #[test]
    fn inserted_values_are_not_searched() {
        let message = Message {
            channel: b"~text~".as_slice().into(),
            text: b"~id~~channel~".as_slice().into(),
            event_id: Some(b"~tag~".as_slice().into()),
            event_type: Some(b"~id".as_slice().into()),
            ..message()
        };
        assert_eq!(
            formatted("~channel~ ~text~ ~event-id~ ~event-type~~", &message),
            "~text~ ~id~~channel~ ~tag~ ~id~"
        );
    }

    #[test]
    fn a_missing_event_id_or_type_is_empty() {
        let message = Message { event_id: None, event_type: None, ..message() };
        assert_eq!(formatted("<~event-id~><~event-type~>", &message), "<><>");
    }

    #[test]
    fn the_templates_of_the_javascript_client_and_of_m_jpeg_are_filled() {
        assert_eq!(
            formatted(
                concat!(
                    r#"{"id":~id~,"channel":"~channel~","text":"~text~", "tag":"~tag~", "#,
                    r#""time":"~time~", "eventid":"~event-id~"}"#
                ),
                &message()
            ),
            concat!(
                r#"{"id":17,"channel":"room","text":"hello", "tag":"4", "#,
                r#""time":"Sun, 22 Nov 2026 02:47:36 GMT", "eventid":"e1"}"#
            )
        );
        assert_eq!(
            formatted("<script>p(~id~,'~channel~','~text~');</script>", &message()),
            "<script>p(17,'room','hello');</script>"
        );
        assert_eq!(
            formatted(
                "--B\nX-Timestamp: ~time~\nContent-Type: image/jpg\n\
                 Content-Length: ~size~\n\n~text~",
                &message()
            ),
            "--B\nX-Timestamp: Sun, 22 Nov 2026 02:47:36 GMT\nContent-Type: image/jpg\n\
             Content-Length: 5\n\nhello"
        );
    }

    #[test]
    fn all_byte_values_pass_through_text_and_template() {
        let bytes: Vec<u8> = (0..=255).collect();
        let source = [&bytes[..], b"~text~"].concat();
        let mut out = Vec::new();
        Template::compile(&source).write(&message(), &bytes, &mut out);
        assert_eq!(out, [&bytes[..], &bytes[..]].concat());
    }

    #[test]
    fn invalid_utf_8_in_names_is_replaced_for_clients_that_accept_only_utf_8() {
        let message = Message {
            channel: b"a\xff".as_slice().into(),
            event_id: Some(b"\xc3(".as_slice().into()),
            event_type: Some("é".as_bytes().into()),
            ..message()
        };
        let mut out = Vec::new();
        Template::compile(b"~channel~ ~event-id~ ~event-type~ ~text~")
            .write_utf_8(&message, b"\xfe", &mut out);
        assert_eq!(out, ["a\u{fffd} \u{fffd}( é ".as_bytes(), b"\xfe"].concat());
    }

    #[test]
    fn the_text_may_be_a_part_of_the_message_and_size_is_its_length() {
        let mut out = b"before ".to_vec();
        Template::compile(b"<~id~ ~size~ ~text~>").write(&message(), b"he", &mut out);
        assert_eq!(out, b"before <17 2 he>");
    }

    #[test]
    fn room_is_made_once_and_no_more_than_needed() {
        let mut message = message();
        for id in [i64::MIN, -10, 0, 9, 10, i64::MAX] {
            message.id = id;
            let mut out = Vec::new();
            Template::compile(EVERYTHING.repeat(1000).as_bytes()).write(
                &message,
                b"0123456789",
                &mut out,
            );
            assert_eq!(out.capacity(), out.len());
        }
    }

    #[test]
    fn numbers_of_all_lengths_are_written_as_the_standard_library_does() {
        for number in [i64::MIN, -1000, -1, 0, 1, 9, 10, 99, 100, i64::MAX] {
            assert_eq!(Decimal::of(number).digits(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn equal_sources_make_equal_templates_and_other_ones_do_not() {
        assert_eq!(Template::compile(b"a~ID~"), Template::compile(b"a~id~"));
        assert_ne!(Template::compile(b"a~id~"), Template::compile(b"~id~a"));
        assert_ne!(Template::compile(b"a~id~"), Template::compile(b"a~tag~"));
    }
}
