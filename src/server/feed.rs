//! Answers that are larger than a queue may be, and so are made as the queue drains.

use super::Server;
use super::checksum::StreamChecksum;
use super::lines::SlowReader;
use super::listing::Listing;
use super::replay::{Part, Replay};
use crate::time::Now;
use crate::transports::Coding;

/// A piece is about this large at most, unless one message is larger.
pub(super) const PIECE_BYTES_MAX: usize = 64 * 1024;
/// Work in one go, after which the last piece is finished: one may take as long, if it is
/// compressed.
const FEED_NANOSECONDS: u64 = 500_000;

/// A message left the store before the reader was ready for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// Where the rest of an answer comes from.
pub enum Feed {
    /// Old messages.
    Replay(Replay),
    /// A list of many channels.
    Listing(Box<Listing>),
}

impl Server {
    /// Begins to queue what a feed makes; what is queued from now on comes behind it.
    pub(super) fn begin_feed(&mut self, id: u32, feed: Feed, now: Now) {
        self.connections[id as usize].outbox.begin_feed(feed);
        self.feed_more(id, now);
        self.request_write(id);
    }

    /// Makes more, if most of what was made before is written.
    pub(super) fn feed_more(&mut self, id: u32, now: Now) {
        let begun = self.turn.work.nanoseconds();
        while self.turn.work.nanoseconds() - begun < FEED_NANOSECONDS {
            if !self.feed_piece(id, now) {
                return;
            }
        }
    }

    /// Makes one more piece; false: no more for now. A client that reads so slowly that messages
    /// leave the store before there is room for them loses its connection, like any slow consumer.
    fn feed_piece(&mut self, id: u32, now: Now) -> bool {
        let piece_bytes = self.config.limits.outbox_bytes_max.min(PIECE_BYTES_MAX);
        let connection = &mut self.connections[id as usize];
        let Some(feed) = connection.outbox.feed_due(piece_bytes) else { return false };
        let part = match feed {
            Feed::Replay(replay) => {
                replay.next(&self.hub, &mut self.formats, &mut self.pieces, piece_bytes)
            }
            Feed::Listing(listing) => {
                let piece = listing.next(&self.hub, self.formats.compressor(), piece_bytes, now);
                Ok(piece.map(|(frame, walked)| {
                    self.turn.work.add_walked(walked);
                    self.turn.work.bytes += frame.len() as u64;
                    Part { frame, checksum: None }
                }))
            }
        };
        self.turn.work.encoded += 1;
        self.turn.work.add_made(self.formats.take_made());
        match part {
            Ok(Some(part)) => {
                if let (Some(sum), Some(checksum)) = (&part.checksum, connection.replay_checksum())
                {
                    checksum.add_piece(sum);
                }
                connection.outbox.push_fed(part.frame, now.monotonic);
                true
            }
            Ok(None) => {
                connection.replay_checksum().into_iter().for_each(StreamChecksum::end_replay);
                if let Some(Feed::Replay(mut replay)) = connection.outbox.end_feed()
                    && let Some(checksum) = replay.ends()
                {
                    let end = [&checksum.trailer()[..], Coding::Gzip.end()].concat();
                    self.push(id, end.into(), now);
                }
                false
            }
            Err(Gone) => {
                self.close_slow(id, SlowReader::Gone, now);
                self.settle(now);
                false
            }
        }
    }
}
