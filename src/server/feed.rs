//! Answers that are larger than a queue may be, and so are made as the queue drains.

use super::Server;
use super::lines::SlowReader;
use super::push_stream::Listing;
use super::replay::Replay;
use crate::time::Now;

/// A piece is about this large at most, unless one message is larger.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// A message left the store before the reader was ready for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// Where the rest of an answer comes from.
pub(super) enum Feed {
    /// Old messages.
    Replay(Replay),
    /// Statistics of many channels.
    Listing(Box<Listing>),
}

impl Server {
    /// Begins to queue what a feed makes; what is queued from now on comes behind it.
    pub(super) fn begin_feed(&mut self, id: u32, feed: Feed, now: Now) {
        self.connections[id as usize].outbox.begin_feed(feed);
        self.feed_more(id, now);
        self.request_write(id);
    }

    /// Queues as much as there is room for. Whoever reads so slowly that messages leave the store before
    /// there is room for them loses its connection, like any slow reader.
    pub(super) fn feed_more(&mut self, id: u32, now: Now) {
        let bytes_max = self.config.limits.outbox_bytes_max;
        let piece_bytes = bytes_max.min(PIECE_BYTES_MAX);
        loop {
            let outbox = &mut self.connections[id as usize].outbox;
            let piece = match outbox.feed_due(bytes_max) {
                None => return,
                Some(Feed::Replay(replay)) => {
                    replay.next(&self.hub, &mut self.formats, &mut self.pieces, piece_bytes)
                }
                Some(Feed::Listing(listing)) => {
                    Ok(listing.next(&self.hub, self.formats.compressor(), piece_bytes, now))
                }
            };
            match piece {
                Ok(Some(frame)) => outbox.push_fed(frame, now.monotonic),
                Ok(None) => outbox.end_feed(),
                Err(Gone) => {
                    self.close_slow(id, SlowReader::Gone, now);
                    return self.settle(now);
                }
            }
        }
    }
}
