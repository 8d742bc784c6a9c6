//! EventSource formatting (push-stream spec, section 14; WHATWG HTML, section 9.2): messages,
//! headers and footers as lines of an event stream. Chunks and padding are added by the caller.

use super::expansion::Expansion;
use super::template::{Fields, Template};
use crate::message::Message;

/// Sent as a ping, in place of the ping message.
pub const PING: &[u8] = b": -1\n";

/// The header of the stream: each line as a comment. A blank header becomes `: \n`, so that
/// something is sent; one that begins with `: ` is already formatted and stays unchanged.
pub fn header(template: &[u8]) -> Vec<u8> {
    let comments = comments(template);
    if comments.is_empty() { b": \n".to_vec() } else { comments }
}

/// The footer of the stream: like [`header`], but blank stays blank.
pub fn footer(template: &[u8]) -> Vec<u8> {
    comments(template)
}

fn comments(template: &[u8]) -> Vec<u8> {
    if template.starts_with(b": ") {
        return template.to_vec();
    }
    let mut comments = Vec::new();
    for line in Lines(template) {
        comments.extend_from_slice(b": ");
        comments.extend_from_slice(line);
        comments.push(b'\n');
    }
    comments
}

/// Appends the `data:` lines of a text; of an empty one, an empty line.
pub(super) fn write_data(text: &[u8], out: &mut Vec<u8>) {
    let mut write = |line: &[u8]| {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    };
    if line_count_up_to(1, text) == 0 {
        write(b"");
    }
    Lines(text).for_each(write);
}

/// A message template of an EventSource location.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventTemplate(Template);

impl EventTemplate {
    /// Compiles the template `M` as `data: M\n`; one that begins with `data: ` is already formatted
    /// and stays unchanged.
    pub fn compile(source: &[u8]) -> EventTemplate {
        if source.starts_with(b"data: ") {
            return EventTemplate(Template::compile(source));
        }
        EventTemplate(Template::compile(&[b"data: ", source, b"\n"].concat()))
    }

    /// Upper bound of the size of one formatted line.
    pub(super) fn expansion(&self) -> Expansion {
        self.0.expansion()
    }

    /// The message in up to three pieces, each for a chunk of its own. The last one is the data.
    pub fn pieces<'a>(&'a self, message: &'a Message) -> impl Iterator<Item = Piece<'a>> {
        let id = message.event_id.as_deref().map(|id| Piece::Id(first_line(id)));
        let event = message.event_type.as_deref().map(|kind| Piece::Event(first_line(kind)));
        let data = Piece::Data(Data::of(&self.0, message));
        id.into_iter().chain(event).chain([data])
    }
}

/// A part of a formatted message, not written yet.
pub enum Piece<'a> {
    /// `id: EVENT-ID\n`.
    Id(&'a [u8]),
    /// `event: EVENT-TYPE\n`.
    Event(&'a [u8]),
    /// The `data:` lines and the empty line that dispatches the event. Padding is computed
    /// from its length.
    Data(Data<'a>),
}

impl Piece<'_> {
    /// Length in bytes when written.
    pub fn length(&self) -> usize {
        match self {
            Piece::Id(id) => b"id: ".len() + id.len() + 1,
            Piece::Event(kind) => b"event: ".len() + kind.len() + 1,
            Piece::Data(data) => data.length,
        }
    }

    /// Appends exactly [`Piece::length`] bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.reserve(self.length());
        match self {
            Piece::Id(id) => {
                out.extend_from_slice(b"id: ");
                out.extend_from_slice(id);
            }
            Piece::Event(kind) => {
                out.extend_from_slice(b"event: ");
                out.extend_from_slice(kind);
            }
            Piece::Data(data) => {
                for line in Lines(&data.message.text) {
                    data.template.fill(&data.fields, line, out);
                }
            }
        }
        out.push(b'\n');
    }
}

/// The data part of a message that is to be written, and its length.
pub struct Data<'a> {
    template: &'a Template,
    message: &'a Message,
    fields: Fields<'a>,
    length: usize,
}

impl<'a> Data<'a> {
    fn of(template: &'a Template, message: &'a Message) -> Data<'a> {
        let fields = Fields::of(message);
        let lines = Lines(&message.text).map(|line| template.length(&fields, line.len()));
        let length = lines.sum::<usize>() + 1;
        Data { template, message, fields, length }
    }
}

/// Number of `data:` lines of an event with this text.
pub(super) fn line_count(text: &[u8]) -> usize {
    Lines(text).count()
}

/// The same, but no more than `max`.
pub(super) fn line_count_up_to(max: usize, text: &[u8]) -> usize {
    Lines(text).take(max).count()
}

/// The non-empty lines of a text. NUL is a byte like any other: in the module it ends the
/// splitting, which lets a publisher forge `event:`, `id:` and `retry:` fields after it.
#[derive(Clone, Copy)]
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        // CR LF is two line ends with an empty line between them. Consecutive line ends are skipped
        // byte by byte: a new search for each of them takes ten times as long.
        let is_text = |byte: &u8| !matches!(byte, b'\r' | b'\n');
        let begin = self.0.iter().position(is_text);
        let Some(text) = begin.map(|begin| &self.0[begin..]) else {
            self.0 = &[];
            return None;
        };
        let end = memchr::memchr2(b'\r', b'\n', text).unwrap_or(text.len());
        self.0 = text.get(end + 1..).unwrap_or_default();
        Some(&text[..end])
    }
}

/// Cuts a value at its first line end. Ids and types come from headers, which contain none; this is
/// a second guard against forged fields.
pub(super) fn first_line(value: &[u8]) -> &[u8] {
    let end = value.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    &value[..end.unwrap_or(value.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &[u8]) -> Message {
        let channel = b"room".as_slice().into();
        Message { id: 1, ..Message::special(1, channel, text) }
    }

    fn pieces(template: &[u8], message: &Message) -> Vec<String> {
        let template = EventTemplate::compile(template);
        let written = template.pieces(message).map(|piece| {
            let mut out = Vec::new();
            piece.write(&mut out);
            assert_eq!(out.len(), piece.length());
            String::from_utf8(out).expect("the tests format text")
        });
        written.collect()
    }

    fn data(template: &str, text: &str) -> String {
        pieces(template.as_bytes(), &message(text.as_bytes())).concat()
    }

    #[test]
    fn a_plain_message_is_one_data_piece() {
        assert_eq!(pieces(b"~text~", &message(b"hello")), ["data: hello\n\n"]);
    }

    #[test]
    fn event_id_and_type_come_first_as_pieces_of_their_own() {
        let message = Message {
            event_id: Some(b"i1".as_slice().into()),
            event_type: Some(b"ty".as_slice().into()),
            ..message(b"a\nb\r\nc\rd\n\ne")
        };
        assert_eq!(
            pieces(b"~text~", &message),
            ["id: i1\n", "event: ty\n", "data: a\ndata: b\ndata: c\ndata: d\ndata: e\n\n"]
        );
    }

    #[test]
    fn an_empty_event_id_counts_as_present() {
        let message = Message { event_id: Some(b"".as_slice().into()), ..message(b"x") };
        assert_eq!(pieces(b"~text~", &message), ["id: \n", "data: x\n\n"]);
    }

    #[test]
    fn an_event_type_may_come_without_an_id() {
        let message = Message { event_type: Some(b"news".as_slice().into()), ..message(b"x") };
        assert_eq!(pieces(b"~text~", &message), ["event: news\n", "data: x\n\n"]);
    }

    #[test]
    fn an_event_id_cannot_forge_further_fields() {
        let message = Message {
            event_id: Some(b"1\ndata: forged".as_slice().into()),
            event_type: Some(b"a\rid: 9".as_slice().into()),
            ..message(b"x")
        };
        assert_eq!(pieces(b"~text~", &message), ["id: 1\n", "event: a\n", "data: x\n\n"]);
    }

    #[test]
    fn the_template_is_applied_to_each_line_with_the_length_of_the_line() {
        assert_eq!(data("<~id~ ~size~ ~text~>", "a\nb"), "data: <1 1 a>\ndata: <1 1 b>\n\n");
        assert_eq!(data("~size~", "0123456789\n1"), "data: 10\ndata: 1\n\n");
    }

    #[test]
    fn a_template_that_begins_with_data_is_used_as_it_is() {
        assert_eq!(data("data: ~text~\n", "a\nb"), "data: a\ndata: b\n\n");
        assert_eq!(data("data: ~text~", "a"), "data: a\n");
        assert_eq!(data("data:~text~", "a"), "data: data:a\n\n");
    }

    #[test]
    fn a_text_without_a_line_gives_the_empty_line_alone() {
        assert_eq!(data("~text~", ""), "\n");
        assert_eq!(data("~text~", "\r\n\n\r"), "\n");
    }

    #[test]
    fn a_backslash_and_an_n_are_no_line_end() {
        assert_eq!(data("~text~", r"a\nb\r\nc"), "data: a\\nb\\r\\nc\n\n");
    }

    #[test]
    fn a_nul_byte_forges_no_fields_because_lines_are_cut_behind_it_too() {
        assert_eq!(data("~text~", "a\nb\0c\nid: 9\n"), "data: a\ndata: b\0c\ndata: id: 9\n\n");
        assert_eq!(data("~text~", "a\n\0"), "data: a\ndata: \0\n\n");
        assert_eq!(data("~text~", "\0\revent: x"), "data: \0\ndata: event: x\n\n");
        assert_eq!(header(b"a\0\nretry: 1"), b": a\0\n: retry: 1\n");
    }

    #[test]
    fn a_deletion_message_looks_like_one_without_event_id_and_type() {
        let channel = b"room".as_slice().into();
        let deleted = Message::special(Message::DELETED, channel, b"l1\nl2");
        assert_eq!(pieces(b"~text~", &deleted), ["data: l1\ndata: l2\n\n"]);
    }

    #[test]
    fn header_lines_become_comments() {
        assert_eq!(
            header(b"header line 1\nheader line 2\rheader line 3\r\nheader line 4"),
            b": header line 1\n: header line 2\n: header line 3\n: header line 4\n"
        );
        assert_eq!(header(b"header line 1\\nheader line 2"), b": header line 1\\nheader line 2\n");
    }

    #[test]
    fn footer_lines_become_comments() {
        assert_eq!(footer(b"f1\nf2"), b": f1\n: f2\n");
        assert_eq!(footer(b"footer line 1\\nfooter line 2"), b": footer line 1\\nfooter line 2\n");
    }

    #[test]
    fn a_blank_header_is_an_empty_comment_and_a_blank_footer_nothing() {
        assert_eq!(header(b""), b": \n");
        assert_eq!(footer(b""), b"");
    }

    #[test]
    fn headers_and_footers_that_are_comments_already_stay_as_they_are() {
        assert_eq!(header(&header(b"a\nb")), b": a\n: b\n");
        assert_eq!(footer(b": a\nretry: 3000\n\n"), b": a\nretry: 3000\n\n");
    }

    #[test]
    fn room_for_many_lines_is_made_once_and_no_more_than_needed() {
        let message = message(&b"line\n".repeat(1000));
        let template = EventTemplate::compile(b"~id~ ~time~ ~size~ ~text~");
        for piece in template.pieces(&message) {
            let mut out = Vec::new();
            piece.write(&mut out);
            assert_eq!(out.capacity(), out.len());
        }
    }
}
