//! Old messages on their way to a connection (push-stream spec, section 9). A replay may be far larger than
//! a queue may be, and many may come back at once; so each one only remembers where in the store it is, and
//! pieces of it are made as its queue drains, once for all who are sent the same.

use super::feed::Gone;
use crate::endpoints::push_stream::Location;
use crate::hub::{Hub, Stretch};
use crate::message::Message;
use crate::transports::{Coding, FormatId, Formats, Frame};
use flate2::Crc;
use std::collections::HashMap;
use std::rc::Rc;

/// A piece ends before an id that is a multiple of this: whoever comes from somewhere else soon shares.
const PIECE_IDS: i64 = 64;
/// About what a piece takes besides its bytes.
const PIECE_COST: usize = 128;
/// Pieces that nobody has queued are kept up to this size or, while more than that is queued, as much
/// again: for whoever comes next.
const UNUSED_BYTES_MAX: usize = 1024 * 1024;

/// What is left of a replay: one channel after the other.
pub(super) struct Replay {
    format: FormatId,
    /// The next one last.
    stretches: Vec<Stretch>,
    dressing: Dressing,
}

/// What stands between the messages.
pub(super) enum Dressing {
    /// Nothing: everybody of this format is sent the same.
    None,
    /// Each message is filled up to a size (push-stream spec, section 18).
    Padded { location: Rc<Location>, coding: Coding, size: u32, size_max: u32 },
    /// A comma in front of each message but the first (JSONP).
    Listed { coding: Coding, is_first: bool },
}

impl Replay {
    /// Stretches in the order in which they are to be sent.
    pub(super) fn new(format: FormatId, mut stretches: Vec<Stretch>, dressing: Dressing) -> Replay {
        stretches.reverse();
        Replay { format, stretches, dressing }
    }

    pub(super) fn format(&self) -> FormatId {
        self.format
    }

    /// Adds all that it will say to the check sum of a compressed stream. What follows can then be said,
    /// and even the stream be ended, before the replay has been made.
    pub(super) fn add_to_sum(&self, hub: &Hub, formats: &mut Formats, sum: &mut Crc) {
        for message in messages(&self.stretches, hub) {
            let Some(bytes) = formats.add_to_sum(self.format, message, sum) else { continue };
            if let Dressing::Padded { location, coding, size, size_max } = &self.dressing
                && let Some(filling) = location.padding_for(bytes, *size, *size_max)
                && let Some(filled) = formats.filling(filling, *coding).check_sum
            {
                sum.combine(&filled);
            }
        }
    }

    /// How many bytes all that it will say has, as far as the messages stay in the store.
    pub(super) fn length(&mut self, hub: &Hub, formats: &mut Formats) -> usize {
        let (mut length, mut bytes) = (0, Vec::new());
        for message in messages(&self.stretches, hub) {
            bytes.clear();
            self.dressing.write(self.format, message, formats, &mut bytes);
            length += bytes.len();
        }
        if let Dressing::Listed { is_first, .. } = &mut self.dressing {
            *is_first = true;
        }
        length
    }

    /// The next piece; none: that was all.
    pub(super) fn next(
        &mut self,
        hub: &Hub,
        formats: &mut Formats,
        pieces: &mut Pieces,
        bytes_max: usize,
    ) -> Result<Option<Frame>, Gone> {
        let Some(stretch) = self.stretches.pop() else { return Ok(None) };
        let mut messages = hub.stored(&stretch).ok_or(Gone)?;
        let (frame, count) = match &mut self.dressing {
            Dressing::None => {
                pieces.piece(stretch, self.format, messages.clone(), formats, bytes_max)
            }
            dressing => {
                let piece = Piece::make(messages.clone(), bytes_max, |message, out| {
                    dressing.write(self.format, message, formats, out);
                });
                (piece.frame, piece.count)
            }
        };
        if let Some(rest) = messages.nth(count) {
            self.stretches.push(Stretch { next: rest.id, ..stretch });
        }
        Ok(Some(frame))
    }
}

/// All that is left to be sent, as far as it is stored.
fn messages<'a>(stretches: &[Stretch], hub: &'a Hub) -> impl Iterator<Item = &'a Rc<Message>> {
    stretches.iter().rev().filter_map(|stretch| hub.stored(stretch)).flatten()
}

impl Dressing {
    fn write(
        &mut self,
        format: FormatId,
        message: &Message,
        formats: &mut Formats,
        out: &mut Vec<u8>,
    ) {
        if let Dressing::Listed { coding, is_first } = self
            && !std::mem::replace(is_first, false)
        {
            coding.write(b",", formats.compressor(), out);
        }
        let bytes = formats.write(format, message, out);
        if let (Some(bytes), Dressing::Padded { location, coding, size, size_max }) = (bytes, self)
            && let Some(filling) = location.padding_for(bytes, *size, *size_max)
        {
            out.extend_from_slice(&formats.filling(filling, *coding).frame);
        }
    }
}

/// Several stored messages in one wire format.
struct Piece {
    frame: Frame,
    count: usize,
    /// Id of the last message in it.
    last: i64,
    /// It would not be longer if there were more messages.
    is_full: bool,
}

impl Piece {
    fn make<'a>(
        messages: impl Iterator<Item = &'a Rc<Message>>,
        bytes_max: usize,
        mut write: impl FnMut(&Message, &mut Vec<u8>),
    ) -> Piece {
        let mut bytes = Vec::new();
        let (mut count, mut last, mut is_full) = (0, 0, false);
        for message in messages {
            write(message, &mut bytes);
            (count, last) = (count + 1, message.id);
            is_full = bytes.len() >= bytes_max || (message.id + 1) % PIECE_IDS == 0;
            if is_full {
                break;
            }
        }
        Piece { frame: bytes.into(), count, last, is_full }
    }

    fn cost(&self) -> usize {
        PIECE_COST + self.frame.len()
    }
}

/// The pieces that may be sent to more than one connection.
#[derive(Default)]
pub(super) struct Pieces {
    /// By channel, first message and format.
    made: HashMap<(u64, i64, FormatId), Piece>,
    bytes: usize,
    /// What it may grow to before unused pieces are looked for.
    sweep_bytes: usize,
}

impl Pieces {
    /// How a stretch begins, and how many messages that is.
    fn piece<'a>(
        &mut self,
        stretch: Stretch,
        format: FormatId,
        messages: impl Iterator<Item = &'a Rc<Message>>,
        formats: &mut Formats,
        bytes_max: usize,
    ) -> (Frame, usize) {
        let key = (stretch.serial, stretch.next, format);
        let known = self.made.get(&key);
        if let Some(piece) = known
            && (piece.last == stretch.last || piece.is_full && piece.last < stretch.last)
        {
            return (piece.frame.clone(), piece.count);
        }
        let known_last = known.map_or(0, |piece| piece.last);
        let piece = Piece::make(messages, bytes_max, |message, out| {
            _ = formats.write(format, message, out)
        });
        let result = (piece.frame.clone(), piece.count);
        // Who came earlier is sent less of it, which nobody who comes later wants.
        if piece.last > known_last {
            self.bytes += piece.cost();
            self.bytes -= self.made.insert(key, piece).map_or(0, |old| old.cost());
        }
        if self.bytes > self.sweep_bytes {
            self.forget_unused();
        }
        result
    }

    /// Forgets what is not queued for anybody.
    pub(super) fn forget_unused(&mut self) {
        self.made.retain(|_, piece| Rc::strong_count(&piece.frame) > 1);
        self.bytes = self.made.values().map(Piece::cost).sum();
        self.sweep_bytes = UNUSED_BYTES_MAX.max(2 * self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::ChannelId;
    use crate::transports::{Payload, WireFormat};

    #[test]
    fn pieces_that_nobody_has_queued_are_forgotten_even_after_many_were() {
        let mut formats = Formats::default();
        let format =
            formats.intern(WireFormat { payload: Payload::Framed, coding: Coding::Identity });
        let mut pieces = Pieces::default();
        let mut next = 0;
        let mut make = |pieces: &mut Pieces| {
            next += 1;
            let message = Rc::new(Message {
                id: next,
                time: 0,
                tag: 1,
                channel: b"a".as_slice().into(),
                text: [0; 60_000].as_slice().into(),
                event_id: None,
                event_type: None,
            });
            let stretch = Stretch { channel: ChannelId(0), serial: 1, next, last: next };
            pieces.piece(stretch, format, std::iter::once(&message), &mut formats, 1).0
        };
        let queued: Vec<Frame> = (0..200).map(|_| make(&mut pieces)).collect();
        assert!(pieces.bytes > 10 * UNUSED_BYTES_MAX, "all of them are in use");
        drop(queued);
        pieces.forget_unused();
        for _ in 0..200 {
            make(&mut pieces);
            assert!(pieces.bytes <= UNUSED_BYTES_MAX);
        }
    }
}
