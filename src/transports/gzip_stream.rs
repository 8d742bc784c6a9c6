//! A gzip stream (RFC 1952) put together from pieces that were each compressed alone, so that a message is
//! compressed once however many streams it goes into. Only the check sum is each stream's own.

use flate2::{Compress, Compression, Crc, FlushCompress};

/// What every stream begins with: deflate, no name, no time.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// An empty block that is marked as the last one (RFC 1951, section 3.2.6).
const LAST_BLOCK: [u8; 2] = [3, 0];

/// The first bytes of a stream.
pub fn begin() -> &'static [u8] {
    &HEADER
}

/// A piece, compressed without looking back and ended at a byte, so that a client can read it at once and
/// any other piece may follow.
pub fn piece(plain: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::default(), false);
    let mut packed = Vec::with_capacity(plain.len() / 2 + 64);
    loop {
        let read = usize::try_from(compress.total_in()).unwrap_or(plain.len());
        let status = compress.compress_vec(&plain[read..], &mut packed, FlushCompress::Sync);
        // A sync flush is complete when it leaves room in the output.
        if status.is_err() || packed.len() < packed.capacity() {
            return packed;
        }
        packed.reserve(packed.len().max(64));
    }
}

/// The last bytes of a stream that said all of this.
pub fn end(said: &Crc) -> Vec<u8> {
    let mut trailer = LAST_BLOCK.to_vec();
    trailer.extend_from_slice(&said.sum().to_le_bytes());
    trailer.extend_from_slice(&said.amount().to_le_bytes());
    trailer
}

/// The check sum of a piece.
pub fn check_sum(plain: &[u8]) -> Crc {
    let mut sum = Crc::new();
    sum.update(plain);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn pieces_compressed_alone_are_one_stream_together() {
        let large: Vec<u8> = (0..100_000u32).flat_map(|number| number.to_le_bytes()).collect();
        let pieces: [&[u8]; 4] = [b"hello ", b"", &large, b"hello again"];
        let mut said = Crc::new();
        let mut stream = begin().to_vec();
        for plain in pieces {
            stream.extend_from_slice(&piece(plain));
            said.combine(&check_sum(plain));
        }
        stream.extend_from_slice(&end(&said));
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(stream.as_slice()).read_to_end(&mut read).unwrap();
        assert_eq!(read, pieces.concat());
    }

    #[test]
    fn a_piece_can_be_read_before_the_next_one_comes() {
        let stream = [begin(), &piece(b"at once")].concat();
        let mut decoder = flate2::read::GzDecoder::new(stream.as_slice());
        let mut read = [0; 7];
        decoder.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"at once");
    }
}
