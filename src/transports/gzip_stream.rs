//! A gzip stream (RFC 1952) assembled from pieces that were compressed separately, so that
//! a message is compressed once however many streams it goes into. Only the checksum
//! differs per stream.

use crate::compression::{Compressor, LAST_BLOCK};
use crate::http::chunk;
use flate2::Crc;

/// Header of every stream: deflate, no name, no time.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// The first bytes of a stream.
pub fn begin() -> &'static [u8] {
    &HEADER
}

/// Compresses a piece without references to earlier data and up to a byte boundary, so that a
/// client can read it at once and any piece may follow.
pub fn piece(plain: &[u8], compressor: &mut Compressor) -> Vec<u8> {
    compressor.flushed(plain)
}

/// Appends a piece uncompressed, for data that differs per subscriber and is not worth compressing
/// (RFC 1951, section 3.2.4).
pub fn write_stored(plain: &[u8], out: &mut Vec<u8>) {
    for block in plain.chunks(usize::from(u16::MAX)) {
        let length = block.len() as u16;
        out.push(0);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
}

/// A complete stream with this text, compressed at this level.
pub fn whole(plain: &[u8], level: u32, compressor: &mut Compressor) -> Vec<u8> {
    let mut stream = HEADER.to_vec();
    compressor.finish(plain, level.min(9), &mut stream);
    write_trailer(&checksum_of(plain), &mut stream);
    stream
}

/// The last bytes of a stream whose text has this checksum.
pub fn end(checksum: &Crc) -> Vec<u8> {
    let mut end = LAST_BLOCK.to_vec();
    write_trailer(checksum, &mut end);
    end
}

fn write_trailer(checksum: &Crc, out: &mut Vec<u8>) {
    out.extend_from_slice(&checksum.sum().to_le_bytes());
    out.extend_from_slice(&checksum.amount().to_le_bytes());
}

/// The same as the chunk that is the last of a chunked body with items in it.
pub fn end_chunk(checksum: &Crc) -> Vec<u8> {
    let mut out = Vec::new();
    chunk(&end(checksum), &mut out);
    out
}

/// The checksum of this text.
pub fn checksum_of(plain: &[u8]) -> Crc {
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
        let (mut checksum, mut compressor) = (Crc::new(), Compressor::default());
        let mut stream = begin().to_vec();
        for plain in pieces {
            stream.extend_from_slice(&piece(plain, &mut compressor));
            checksum.combine(&checksum_of(plain));
            write_stored(plain, &mut stream);
            checksum.update(plain);
        }
        stream.extend_from_slice(&end(&checksum));
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(stream.as_slice()).read_to_end(&mut read).unwrap();
        assert_eq!(read, pieces.map(|plain| [plain, plain].concat()).concat());
    }

    #[test]
    fn a_whole_text_can_be_read_at_every_level() {
        let text = "hello hello hello hello ".repeat(1000);
        let mut compressor = Compressor::default();
        for level in 0..=10 {
            let packed = whole(text.as_bytes(), level, &mut compressor);
            let mut read = String::new();
            flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
        }
    }

    #[test]
    fn a_piece_can_be_read_before_the_next_one_comes() {
        let stream = [begin(), &piece(b"at once", &mut Compressor::default())].concat();
        let mut decoder = flate2::read::GzDecoder::new(stream.as_slice());
        let mut read = [0; 7];
        decoder.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"at once");
    }
}
