//! A message during fan-out, with its encodings so far.

use super::{Encoded, FormatId, Formats};
use crate::message::Message;
use std::rc::Rc;

/// A message and its encodings, each made on first use.
#[derive(Debug)]
pub struct Publication {
    /// The message.
    pub message: Rc<Message>,
    made: Vec<(FormatId, Option<Encoded>)>,
}

impl Publication {
    /// A publication without encodings.
    pub fn new(message: Rc<Message>) -> Publication {
        Publication { message, made: Vec::new() }
    }

    /// The message in this format. `None`: the format cannot hold it. If it is encoded now, its
    /// length is added to `made`.
    pub fn encoded(
        &mut self,
        format: FormatId,
        formats: &mut Formats,
        made: &mut usize,
    ) -> Option<&Encoded> {
        let at = self.made.iter().position(|(made, _)| *made == format).unwrap_or_else(|| {
            let encoded = formats.encode(format, &self.message);
            *made += encoded.as_ref().map_or(0, |encoded| encoded.frame.len());
            self.made.push((format, encoded));
            self.made.len() - 1
        });
        self.made[at].1.as_ref()
    }

    /// Total size of all encodings made so far.
    pub fn made_bytes(&self) -> usize {
        let encodings = self.made.iter().filter_map(|(_, encoded)| encoded.as_ref());
        encodings.map(|encoded| encoded.frame.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::Template;
    use super::super::{Coding, Payload, WireFormat};
    use super::*;

    fn message(text: &[u8]) -> Rc<Message> {
        Rc::new(Message::special(7, b"a".as_slice().into(), text))
    }

    #[test]
    fn a_format_is_made_once_and_shared() {
        let mut formats = Formats::default();
        let chunked = WireFormat { payload: Payload::Framed, coding: Coding::Chunked };
        let framed = formats.intern(chunked.clone());
        let text = formats.intern(WireFormat {
            payload: Payload::Text(Template::compile(b"<~id~>")),
            coding: Coding::Identity,
        });
        assert_eq!(formats.intern(chunked), framed);
        let mut publication = Publication::new(message(b"hello"));
        let first = publication.encoded(framed, &mut formats, &mut 0).unwrap().clone();
        assert_eq!(*first.frame, *b"7\r\n\0\x05hello\r\n");
        assert_eq!(*publication.encoded(text, &mut formats, &mut 0).unwrap().frame, *b"<7>");
        let again = publication.encoded(framed, &mut formats, &mut 0).unwrap();
        assert!(first.frame.ptr_eq(&again.frame));
    }

    #[test]
    fn a_payload_beyond_its_length_field_cannot_be_framed() {
        let mut formats = Formats::default();
        let format = WireFormat { payload: Payload::Framed, coding: Coding::Chunked };
        let framed = formats.intern(format);
        assert!(
            Publication::new(message(&[0; 65_535])).encoded(framed, &mut formats, &mut 0).is_some()
        );
        assert!(
            Publication::new(message(&[0; 65_536])).encoded(framed, &mut formats, &mut 0).is_none()
        );
    }
}
