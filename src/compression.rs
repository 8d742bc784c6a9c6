//! DEFLATE (RFC 1951): one compressor and one inflater for the whole daemon, each allocated on
//! first use and reset for each message. They take about 300 kB and 50 kB; allocated per message,
//! they would fragment the heap. Knows no format around the compressed data.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The last bytes of every flushed message: an empty stored block (RFC 7692, section 7.2.1).
pub const FLUSH_TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// An empty block marked as the last one (RFC 1951, section 3.2.6).
pub const LAST_BLOCK: [u8; 2] = [0x03, 0x00];
/// The first buffer for a decompressed message, unless the limit is smaller.
const INFLATED_BYTES_MIN: usize = 1024;
/// Maximum number of DEFLATE streams in one message. RFC 7692, section 7.2.3.4, lets a client end a
/// stream and begin another. An empty stream is two bytes and takes 33 ns: 8 MB of them took 130
/// ms.
const STREAMS_MAX: u32 = 1024;

/// Compression level where no setting gives one.
const LEVEL: u32 = 6;

/// Compresses messages, each independently of the others.
#[derive(Debug, Default)]
pub struct Compressor {
    leveled: Option<Box<Leveled>>,
    done: Compressed,
}

/// The amount of data that was compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compressed {
    /// Number of messages.
    pub messages: u64,
    /// Their size before compression, in bytes.
    pub bytes: u64,
}

#[derive(Debug)]
struct Leveled {
    stream: Compress,
    level: u32,
}

impl Compressor {
    /// Returns what was compressed since the last call.
    pub fn take_done(&mut self) -> Compressed {
        std::mem::take(&mut self.done)
    }

    /// Counts a message of this length and resets the stream for it.
    fn reset(&mut self, bytes: usize, level: u32) -> &mut Compress {
        self.done.messages += 1;
        self.done.bytes += bytes as u64;
        let leveled = self.leveled.get_or_insert_with(|| {
            Box::new(Leveled { stream: Compress::new(Compression::new(level), false), level })
        });
        leveled.stream.reset();
        if leveled.level != level {
            let set = leveled.stream.set_level(Compression::new(level));
            set.expect("a reset stream accepts levels 0 to 9");
            leveled.level = level;
        }
        &mut leveled.stream
    }

    /// Compresses a message up to a flush: a client can read it at once, and more data may follow.
    pub fn flushed(&mut self, plain: &[u8]) -> Vec<u8> {
        let stream = self.reset(plain.len(), LEVEL);
        let mut packed = Vec::with_capacity(plain.len() / 2 + 64);
        loop {
            let rest = &plain[stream.total_in() as usize..];
            let status = stream.compress_vec(rest, &mut packed, FlushCompress::Sync);
            // A complete flush leaves room in the output.
            if status.is_err() || packed.len() < packed.capacity() {
                return packed;
            }
            packed.reserve(packed.len().max(64));
        }
    }

    /// Like [`Compressor::flushed`], without [`FLUSH_TAIL`]. `None`: the result would not be
    /// shorter than the message.
    pub fn flushed_if_shorter(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        let stream = self.reset(plain.len(), LEVEL);
        // If it does not fit into this buffer, it is not shorter than the message.
        let mut packed = Vec::with_capacity(plain.len() + FLUSH_TAIL.len());
        stream.compress_vec(plain, &mut packed, FlushCompress::Sync).ok()?;
        // Only a complete flush ends with the tail, but compressed data may look the same: a full
        // buffer means that more output follows.
        let is_complete = stream.total_in() == plain.len() as u64
            && packed.len() < packed.capacity()
            && packed.ends_with(&FLUSH_TAIL);
        packed.truncate(packed.len().saturating_sub(FLUSH_TAIL.len()));
        (is_complete && packed.len() < plain.len()).then_some(packed)
    }

    /// Appends a whole stream, including its last block. Levels are 0 to 9.
    pub fn finish(&mut self, plain: &[u8], level: u32, packed: &mut Vec<u8>) {
        let stream = self.reset(plain.len(), level);
        packed.reserve(plain.len() / 2 + 64);
        loop {
            let rest = &plain[stream.total_in() as usize..];
            match stream.compress_vec(rest, packed, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => return,
                Ok(Status::Ok | Status::BufError) => packed.reserve(packed.len().max(64)),
                Err(error) => unreachable!("a stream that was reset can be finished: {error}"),
            }
        }
    }
}

/// Why a compressed message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateError {
    /// It is not DEFLATE, or is truncated.
    Broken,
    /// It decompresses to more bytes than allowed.
    TooBig,
}

/// Decompresses messages, each independently of the others.
#[derive(Debug, Default)]
pub struct Inflater {
    stream: Option<Box<Decompress>>,
    /// Bytes decompressed since the last [`Inflater::take_bytes`], refused messages included.
    bytes: u64,
}

impl Inflater {
    /// Decompresses consecutive streams, up to the end of the last one. Never allocates much more
    /// than `bytes_max`, however large the payload would become.
    ///
    /// # Errors
    /// The payload is broken, or decompresses to more than `bytes_max` bytes.
    pub fn inflate(&mut self, payload: &[u8], bytes_max: usize) -> Result<Vec<u8>, InflateError> {
        let mut message = Vec::new();
        let inflated = self.append(payload, bytes_max, &mut message);
        self.bytes += message.len() as u64;
        inflated.map(|()| message)
    }

    /// Returns the bytes decompressed since the last call, refused messages included.
    pub fn take_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }

    fn append(
        &mut self,
        payload: &[u8],
        bytes_max: usize,
        message: &mut Vec<u8>,
    ) -> Result<(), InflateError> {
        let stream = self.stream.get_or_insert_with(|| Box::new(Decompress::new(false)));
        stream.reset(false);
        let mut rest = payload;
        let mut streams = 0;
        loop {
            if message.len() == message.capacity() {
                // One byte above the limit, so that a message of exactly the limit leaves room and
                // ends.
                let capacity = (message.capacity() * 2)
                    .max(INFLATED_BYTES_MIN)
                    .min(bytes_max.saturating_add(1));
                message.reserve_exact(capacity - message.len());
            }
            let taken_before = stream.total_in();
            let status = stream
                .decompress_vec(rest, message, FlushDecompress::None)
                .map_err(|_| InflateError::Broken)?;
            if message.len() > bytes_max {
                return Err(InflateError::TooBig);
            }
            rest = &rest[(stream.total_in() - taken_before) as usize..];
            match status {
                Status::StreamEnd if rest.is_empty() => return Ok(()),
                Status::StreamEnd if streams == STREAMS_MAX => return Err(InflateError::Broken),
                // A client may mark a block as the last one and continue (RFC 7692, section
                // 7.2.3.4).
                Status::StreamEnd => {
                    streams += 1;
                    stream.reset(false);
                }
                Status::Ok | Status::BufError => {
                    // It stopped although the output has room: the input is truncated.
                    if message.len() < message.capacity() {
                        return Err(InflateError::Broken);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_depends_on_an_earlier_one_whatever_its_level_and_its_end() {
        let text = "hello hello hello hello ".repeat(100);
        let finish = |compressor: &mut Compressor, level| {
            let mut packed = Vec::new();
            compressor.finish(text.as_bytes(), level, &mut packed);
            packed
        };
        let mut used = Compressor::default();
        for _ in 0..2 {
            for level in 0..=9 {
                let fresh = finish(&mut Compressor::default(), level);
                assert_eq!(finish(&mut used, level), fresh, "level {level}");
            }
            let fresh = Compressor::default().flushed(text.as_bytes());
            assert_eq!(used.flushed(text.as_bytes()), fresh);
            let fresh = Compressor::default().flushed_if_shorter(text.as_bytes());
            assert_eq!(used.flushed_if_shorter(text.as_bytes()), fresh);
        }
    }

    #[test]
    fn a_message_may_consist_of_many_streams_but_not_of_any_number() {
        let mut inflater = Inflater::default();
        assert_eq!(inflater.inflate(&LAST_BLOCK.repeat(1025), 1), Ok(Vec::new()));
        assert_eq!(inflater.inflate(&LAST_BLOCK.repeat(1026), 1), Err(InflateError::Broken));
    }

    #[test]
    fn what_is_decompressed_of_a_refused_message_counts_too() {
        let mut packed = Vec::new();
        Compressor::default().finish(&[b'a'; 5000], 6, &mut packed);
        let mut inflater = Inflater::default();
        assert_eq!(inflater.inflate(&packed, 5000).map(|message| message.len()), Ok(5000));
        assert_eq!(inflater.inflate(&packed, 4999), Err(InflateError::TooBig));
        assert_eq!((inflater.take_bytes(), inflater.take_bytes()), (10_000, 0));
    }

    #[test]
    fn an_inflater_that_met_broken_data_reads_the_next_message() {
        let mut packed = Vec::new();
        Compressor::default().finish(b"hello", 6, &mut packed);
        let mut inflater = Inflater::default();
        for end in 0..packed.len() {
            assert_eq!(inflater.inflate(&packed[..end], 5), Err(InflateError::Broken));
            assert_eq!(inflater.inflate(&packed, 4), Err(InflateError::TooBig));
            assert_eq!(inflater.inflate(&packed, 5), Ok(b"hello".to_vec()));
        }
    }
}
