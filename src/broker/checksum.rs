//! The checksum at the end of a gzip stream (RFC 1952). While a replay is in progress, items queued
//! behind it have a checksum of their own, which is combined with the other at the end.

use crate::transports::gzip_stream;
use flate2::Crc;

/// The checksum of one stream.
#[derive(Default)]
pub struct StreamChecksum {
    sum: Crc,
    /// Checksum of the items queued behind a replay in progress.
    behind: Option<Crc>,
}

impl StreamChecksum {
    /// Adds an item that was queued.
    pub(crate) fn add(&mut self, item: &Crc) {
        self.behind.as_mut().unwrap_or(&mut self.sum).combine(item);
    }

    /// Begins a replay: items added from now on are behind it.
    pub fn begin_replay(&mut self) {
        self.behind = Some(Crc::new());
    }

    /// Adds a piece of the replay.
    pub(crate) fn add_piece(&mut self, piece: &Crc) {
        self.sum.combine(piece);
    }

    /// Ends the replay: all its pieces are added.
    pub(crate) fn end_replay(&mut self) {
        if let Some(behind) = self.behind.take() {
            self.sum.combine(&behind);
        }
    }

    /// The chunk that ends the stream.
    pub(crate) fn trailer(&self) -> Vec<u8> {
        gzip_stream::end_chunk(&self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_queued_behind_a_replay_counts_behind_it() {
        let mut checksum = StreamChecksum::default();
        checksum.add(&gzip_stream::checksum_of(b"head"));
        checksum.begin_replay();
        checksum.add(&gzip_stream::checksum_of(b"live"));
        checksum.add_piece(&gzip_stream::checksum_of(b"old"));
        checksum.end_replay();
        checksum.add(&gzip_stream::checksum_of(b"later"));
        let mut expected = StreamChecksum::default();
        expected.add(&gzip_stream::checksum_of(b"headoldlivelater"));
        assert_eq!(checksum.trailer(), expected.trailer());
    }
}
