//! Replays of stored messages to a connection (push-stream spec, section 9). A replay may be far
//! larger than a queue may be, and many clients may resume at once. So a replay holds only its
//! position in the store; its pieces are encoded as the queue drains, and shared by all replays of
//! the same messages.

use super::checksum::StreamChecksum;
use super::merge::merge;
use crate::hub::{Hub, Stretch};
use crate::message::Message;
use crate::transports::{Coding, FormatId, Formats, Frame, PaddingRule};
use flate2::Crc;
use std::collections::HashMap;
use std::rc::Rc;

/// A piece ends before a message id that is a multiple of this, so that replays that began at
/// different messages soon share pieces.
const PIECE_IDS: i64 = 64;
/// A piece also ends after this many bytes of text, whatever their compressed size: compressing
/// them takes 1.3 ms.
const PIECE_TEXT_BYTES_MAX: usize = 64 * 1024;
/// Approximate memory of a piece besides its bytes.
const PIECE_COST: usize = 128;
/// Pieces that no queue holds are kept for the next replays, up to this size or the size of the
/// pieces in queues, whichever is more.
const UNUSED_BYTES_MAX: usize = 1024 * 1024;

/// The messages of a replay that are still to be sent.
pub struct Replay {
    format: FormatId,
    /// In reverse order: the next one is the last element.
    stretches: Vec<Stretch>,
    order: Order,
    layout: ReplayLayout,
    /// Checksum of the compressed stream, if that ends after this replay.
    stream_end: Option<Box<StreamChecksum>>,
}

/// Several messages of a replay as bytes.
#[derive(Clone)]
pub struct Part {
    pub(crate) frame: Frame,
    /// Checksum of the messages, if they go into a compressed stream.
    pub(crate) checksum: Option<Rc<Crc>>,
}

/// A message was removed from the store before the client had read up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// What a replay adds to each of its messages.
pub enum ReplayLayout {
    /// Nothing.
    Plain,
    /// Padding that brings each message up to a size (push-stream spec, section 18).
    Padded {
        /// Kind and coding of the padding.
        rule: PaddingRule,
        /// Minimum size of a message with its padding, in bytes.
        size: u32,
    },
    /// A comma in front of each message but the first (JSONP).
    CommaSeparated {
        /// The coding of the answer.
        coding: Coding,
        /// Whether no message has been written yet.
        is_first: bool,
    },
}

/// In which order a replay sends the messages of several channels.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// One channel after the other.
    ByChannel,
    /// Merged by position, as they were published.
    Merged,
}

/// What replays that share a piece have in common: channel, first message, format and commas.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    /// Serial number of the channel.
    serial: u64,
    /// Id of the first message.
    next: i64,
    /// [`Stretch::gap_count`]: a piece that was made before a message expired still has it.
    gap_count: u32,
    format: FormatId,
    commas: Commas,
}

/// The commas of a JSONP answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Commas {
    None,
    /// In front of each message but the first.
    Between,
    /// In front of each message.
    Before,
}

impl Replay {
    /// A replay of these stretches, in this order.
    pub fn new(format: FormatId, mut stretches: Vec<Stretch>, layout: ReplayLayout) -> Replay {
        stretches.reverse();
        Replay { format, stretches, order: Order::ByChannel, layout, stream_end: None }
    }

    /// A replay of these stretches in the order of publication over all channels.
    pub fn merged(format: FormatId, stretches: Vec<Stretch>, layout: ReplayLayout) -> Replay {
        Replay { format, stretches, order: Order::Merged, layout, stream_end: None }
    }

    pub(crate) fn format(&self) -> FormatId {
        self.format
    }

    /// The compressed stream ends after this replay: its trailer is made when the checksum is
    /// complete.
    pub(crate) fn end_stream(&mut self, checksum: Box<StreamChecksum>) {
        self.stream_end = Some(checksum);
    }

    /// Checksum of the compressed stream, if that ends after this replay.
    pub(crate) fn stream_end(&mut self) -> Option<&mut Box<StreamChecksum>> {
        self.stream_end.as_mut()
    }

    /// Makes the next piece; `None`: the replay is complete.
    ///
    /// # Errors
    /// The next message is no longer stored.
    pub(crate) fn next(
        &mut self,
        hub: &Hub,
        formats: &mut Formats,
        pieces: &mut Pieces,
        bytes_max: usize,
    ) -> Result<Option<Part>, Gone> {
        if self.order == Order::Merged && self.stretches.len() > 1 {
            return self.next_merged(hub, formats, pieces, bytes_max).map(Some);
        }
        let Some(stretch) = self.stretches.pop() else { return Ok(None) };
        let mut messages = hub.stored(&stretch).ok_or(Gone)?;
        let commas = self.layout.commas();
        let (format, layout) = (self.format, &mut self.layout);
        let checksum = formats.is_gzipped(format).then(Crc::new);
        let mut write = |message: &Message, out: &mut Vec<u8>, sum: Option<&mut Crc>| {
            layout.write(format, message, formats, out, sum);
        };
        let (made, count) = match commas {
            Some(commas) => {
                let Stretch { serial, next, gap_count, .. } = stretch;
                let key = Key { serial, next, gap_count, format, commas };
                pieces.piece(key, stretch.last, messages.clone(), bytes_max, checksum, &mut write)
            }
            None => {
                let piece = Piece::make(messages.clone(), bytes_max, checksum, &mut write);
                (piece.part, piece.count)
            }
        };
        layout.begin();
        if let Some(rest) = messages.nth(count) {
            self.stretches.push(Stretch { next: rest.id, ..stretch });
        }
        Ok(Some(made))
    }

    /// The next piece of several channels, merged. It is shared by all replays of exactly the same
    /// stretches: clients that come back after a restart of a proxy have the same cursor.
    fn next_merged(
        &mut self,
        hub: &Hub,
        formats: &mut Formats,
        pieces: &mut Pieces,
        bytes_max: usize,
    ) -> Result<Part, Gone> {
        let (format, commas) = (self.format, self.layout.commas());
        let key = commas.map(|commas| MergedKey {
            stretches: self.stretches.clone().into(),
            format,
            commas,
        });
        if let Some(known) = key.as_ref().and_then(|key| pieces.merged.get(key)) {
            self.stretches.clone_from(&known.rest);
            self.layout.begin();
            return Ok(known.part.clone());
        }
        let layout = &mut self.layout;
        let mut write = |message: &Message, out: &mut Vec<u8>| {
            layout.write(format, message, formats, out, None);
        };
        let piece = MergedPiece::make(hub, &self.stretches, bytes_max, &mut write)?;
        self.layout.begin();
        self.stretches.clone_from(&piece.rest);
        let part = piece.part.clone();
        if let Some(key) = key {
            pieces.insert_merged(key, piece);
        }
        Ok(part)
    }
}

impl ReplayLayout {
    /// The commas of its next piece. `None`: pieces with padding are not shared, as it depends on
    /// the location and the client.
    fn commas(&self) -> Option<Commas> {
        match self {
            ReplayLayout::Plain => Some(Commas::None),
            ReplayLayout::CommaSeparated { is_first: true, .. } => Some(Commas::Between),
            ReplayLayout::CommaSeparated { is_first: false, .. } => Some(Commas::Before),
            ReplayLayout::Padded { .. } => None,
        }
    }

    /// A message has been written.
    fn begin(&mut self) {
        if let ReplayLayout::CommaSeparated { is_first, .. } = self {
            *is_first = false;
        }
    }

    /// Appends a message with its comma or padding; adds what goes into a gzip stream to `sum`.
    fn write(
        &mut self,
        format: FormatId,
        message: &Message,
        formats: &mut Formats,
        out: &mut Vec<u8>,
        mut sum: Option<&mut Crc>,
    ) {
        if let ReplayLayout::CommaSeparated { coding, is_first } = self
            && !std::mem::replace(is_first, false)
        {
            coding.write(b",", formats.compressor(), out);
        }
        let bytes = formats.write(format, message, out, sum.as_deref_mut());
        if let (Some(bytes), ReplayLayout::Padded { rule, size }) = (bytes, self)
            && let Some(filling) = rule.filling(bytes, *size)
        {
            let filled = formats.filling(filling, rule.coding);
            out.extend_from_slice(&filled.frame);
            if let (Some(sum), Some(filled)) = (sum, &filled.checksum) {
                sum.combine(filled);
            }
        }
    }
}

/// Several stored messages in one wire format.
struct Piece {
    part: Part,
    count: usize,
    /// Id of the last message in it.
    last: i64,
    /// Whether it ended at a limit: with more messages it would not be longer.
    is_full: bool,
}

impl Piece {
    /// Encodes messages until a limit is reached.
    fn make<'a>(
        messages: impl Iterator<Item = &'a Rc<Message>>,
        bytes_max: usize,
        mut checksum: Option<Crc>,
        write: &mut impl FnMut(&Message, &mut Vec<u8>, Option<&mut Crc>),
    ) -> Piece {
        let mut bytes = Vec::new();
        let (mut count, mut last, mut is_full) = (0, 0, false);
        let mut text_bytes = 0;
        for message in messages {
            write(message, &mut bytes, checksum.as_mut());
            (count, last) = (count + 1, message.id);
            text_bytes += message.text.len();
            is_full = bytes.len() >= bytes_max
                || text_bytes >= PIECE_TEXT_BYTES_MAX
                || (message.id + 1) % PIECE_IDS == 0;
            if is_full {
                break;
            }
        }
        let part = Part { frame: bytes.into(), checksum: checksum.map(Rc::new) };
        Piece { part, count, last, is_full }
    }

    fn cost(&self) -> usize {
        PIECE_COST + self.part.frame.len()
    }
}

/// What replays that share a merged piece have in common.
#[derive(Clone, PartialEq, Eq, Hash)]
struct MergedKey {
    stretches: Box<[Stretch]>,
    format: FormatId,
    commas: Commas,
}

/// Stored messages of several channels in one wire format, in the order of publication.
struct MergedPiece {
    part: Part,
    /// What is left of the stretches.
    rest: Vec<Stretch>,
}

impl MergedPiece {
    /// Encodes messages until a limit is reached.
    fn make(
        hub: &Hub,
        stretches: &[Stretch],
        bytes_max: usize,
        write: &mut impl FnMut(&Message, &mut Vec<u8>),
    ) -> Result<MergedPiece, Gone> {
        let (mut bytes, mut text_bytes) = (Vec::new(), 0);
        let rest = merge(hub, stretches, |message| {
            write(message, &mut bytes);
            text_bytes += message.text.len();
            bytes.len() < bytes_max && text_bytes < PIECE_TEXT_BYTES_MAX
        });
        let part = Part { frame: bytes.into(), checksum: None };
        Ok(MergedPiece { part, rest: rest.ok_or(Gone)? })
    }

    fn cost(&self, key: &MergedKey) -> usize {
        let stretches = key.stretches.len() + self.rest.capacity();
        PIECE_COST + self.part.frame.len() + stretches * size_of::<Stretch>()
    }
}

/// Encoded pieces, shared by replays in progress.
#[derive(Default)]
pub(crate) struct Pieces {
    pieces: HashMap<Key, Piece>,
    merged: HashMap<MergedKey, MergedPiece>,
    bytes: usize,
    /// Above this size, unused pieces are removed.
    sweep_bytes: usize,
}

impl Pieces {
    /// The first piece of a stretch that ends with message id `last`, and its number of messages.
    /// It is made from `messages` unless another replay has made it already.
    fn piece<'a>(
        &mut self,
        key: Key,
        last: i64,
        messages: impl Iterator<Item = &'a Rc<Message>>,
        bytes_max: usize,
        checksum: Option<Crc>,
        write: &mut impl FnMut(&Message, &mut Vec<u8>, Option<&mut Crc>),
    ) -> (Part, usize) {
        let known = self.pieces.get(&key);
        if let Some(piece) = known
            && (piece.last == last || piece.is_full && piece.last < last)
        {
            return (piece.part.clone(), piece.count);
        }
        let known_last = known.map_or(0, |piece| piece.last);
        let piece = Piece::make(messages, bytes_max, checksum, write);
        let result = (piece.part.clone(), piece.count);
        // A replay that began earlier ends earlier: later ones need the longer piece.
        if piece.last > known_last {
            self.bytes += piece.cost();
            self.bytes -= self.pieces.insert(key, piece).map_or(0, |old| old.cost());
        }
        if self.bytes > self.sweep_bytes {
            self.remove_unused();
        }
        result
    }

    fn insert_merged(&mut self, key: MergedKey, piece: MergedPiece) {
        self.bytes += piece.cost(&key);
        self.merged.insert(key, piece);
        if self.bytes > self.sweep_bytes {
            self.remove_unused();
        }
    }

    /// Memory of all pieces.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Removes the pieces that no queue holds.
    pub(crate) fn remove_unused(&mut self) {
        self.pieces.retain(|_, piece| piece.part.frame.is_shared());
        self.merged.retain(|_, piece| piece.part.frame.is_shared());
        let merged = self.merged.iter().map(|(key, piece)| piece.cost(key));
        self.bytes = self.pieces.values().map(Piece::cost).chain(merged).sum();
        self.sweep_bytes = UNUSED_BYTES_MAX.max(2 * self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Position;
    use crate::transports::{Payload, WireFormat};

    fn message(id: i64) -> Rc<Message> {
        Rc::new(Message {
            id,
            time: 0,
            tag: 1,
            position: Position(1),
            channel: b"a".as_slice().into(),
            text: [0; 60_000].as_slice().into(),
            event_id: None,
            event_type: None,
            shares_text: false,
            is_json: false,
        })
    }

    #[test]
    fn pieces_that_no_queue_holds_are_removed_even_after_many_were_in_use() {
        let mut formats = Formats::default();
        let format =
            formats.intern(WireFormat { payload: Payload::Framed, coding: Coding::Identity });
        let mut pieces = Pieces::default();
        let mut next = 0;
        let mut make = |pieces: &mut Pieces| {
            next += 1;
            let message = message(next);
            let key = Key { serial: 1, next, gap_count: 0, format, commas: Commas::None };
            let mut write = |message: &Message, out: &mut Vec<u8>, sum: Option<&mut Crc>| {
                formats.write(format, message, out, sum);
            };
            pieces.piece(key, next, std::iter::once(&message), 1, None, &mut write).0.frame
        };
        let queued: Vec<Frame> = (0..200).map(|_| make(&mut pieces)).collect();
        assert!(pieces.bytes > 10 * UNUSED_BYTES_MAX, "all of them are in use");
        drop(queued);
        pieces.remove_unused();
        for _ in 0..200 {
            make(&mut pieces);
            assert!(pieces.bytes <= UNUSED_BYTES_MAX);
        }
    }

    #[test]
    fn a_longer_piece_replaces_a_shorter_one_and_is_kept_for_later_replays() {
        let mut formats = Formats::default();
        let format =
            formats.intern(WireFormat { payload: Payload::Framed, coding: Coding::Identity });
        let mut pieces = Pieces::default();
        let mut written = 0;
        let mut bytes_of = |pieces: &mut Pieces, next: i64, last: i64| {
            let messages: Vec<Rc<Message>> = (next..=last).map(message).collect();
            let key = Key { serial: 1, next, gap_count: 0, format, commas: Commas::None };
            let mut write = |message: &Message, out: &mut Vec<u8>, sum: Option<&mut Crc>| {
                written += 1;
                formats.write(format, message, out, sum);
            };
            let (part, _) = pieces.piece(key, last, messages.iter(), usize::MAX, None, &mut write);
            part.frame.len()
        };
        bytes_of(&mut pieces, 1, 1);
        let longer = bytes_of(&mut pieces, 1, 2);
        assert_eq!(pieces.bytes(), PIECE_COST + longer);
        let other = bytes_of(&mut pieces, 3, 3);
        assert_eq!(pieces.bytes(), 2 * PIECE_COST + longer + other);
        bytes_of(&mut pieces, 1, 2);
        assert_eq!(written, 1 + 2 + 1, "no message of a known piece is written again");
    }
}
