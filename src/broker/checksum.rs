//! The checksum that ends a compressed stream (RFC 1952), kept while a replay is still being made:
//! what is queued behind the replay has its own sum until then, and sums are combined.

use crate::transports::gzip_stream;
use flate2::Crc;

/// The checksum of one stream.
#[derive(Default)]
pub struct StreamChecksum {
    sum: Crc,
    /// Of what is queued behind a replay in progress.
    behind: Option<Crc>,
}

impl StreamChecksum {
    /// Something was queued.
    pub(crate) fn add(&mut self, item: &Crc) {
        self.behind.as_mut().unwrap_or(&mut self.sum).combine(item);
    }

    /// What is queued from now on comes behind a replay.
    pub fn begin_replay(&mut self) {
        self.behind = Some(Crc::new());
    }

    /// A piece of the replay was made.
    pub(crate) fn add_piece(&mut self, piece: &Crc) {
        self.sum.combine(piece);
    }

    /// The replay has been made.
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
        checksum.add(&gzip_stream::check_sum(b"head"));
        checksum.begin_replay();
        checksum.add(&gzip_stream::check_sum(b"live"));
        checksum.add_piece(&gzip_stream::check_sum(b"old"));
        checksum.end_replay();
        checksum.add(&gzip_stream::check_sum(b"later"));
        let mut expected = StreamChecksum::default();
        expected.add(&gzip_stream::check_sum(b"headoldlivelater"));
        assert_eq!(checksum.trailer(), expected.trailer());
    }
}
