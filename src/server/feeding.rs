//! Answers that may be larger than the queue's limit, replays and lists: they are made piece by
//! piece as the client reads.

use super::connection::ConnectionId;
use super::lines::SlowConsumer;
use super::state::State;
use crate::broker::{ChannelList, Feed, Gone, Listing, StreamChecksum};
use crate::http::Response;
use crate::hub::Walk;
use crate::time::Now;
use crate::transports::Coding;
use std::rc::Rc;

/// Approximate maximum size of a piece, unless one message is larger.
const PIECE_BYTES_MAX: usize = 64 * 1024;
/// After this much work in one call no further piece is begun. A single piece may take as long if
/// it is compressed.
const FEED_NANOSECONDS: u64 = 500_000;
/// A list up to this size is made at once, even if `outbox_bytes_max` is larger: it is about the
/// work of one turn.
const SHORT_BYTES_MAX: usize = 256 * 1024;

impl State {
    /// Begins a feed. What is queued later follows after its last part.
    pub(super) fn begin_feed(&mut self, id: ConnectionId, feed: Feed, now: Now) {
        self.connections[id].outbox.begin_feed(feed);
        self.feed_more(id, now);
        self.request_write(id);
    }

    /// Makes more pieces of the feed, if most of those made before are written.
    pub(super) fn feed_more(&mut self, id: ConnectionId, now: Now) {
        let begun = self.turn.work.nanoseconds();
        while self.turn.work.nanoseconds() - begun < FEED_NANOSECONDS {
            if !self.feed_piece(id, now) {
                return;
            }
        }
    }

    /// Makes one more piece. False: no more for now. A client that reads so slowly that messages of
    /// its replay have left the store is closed like any slow consumer.
    fn feed_piece(&mut self, id: ConnectionId, now: Now) -> bool {
        let piece_bytes = self.config.limits.outbox_bytes_max.min(PIECE_BYTES_MAX);
        let connection = &mut self.connections[id];
        let Some(feed) = connection.outbox.feed_due(piece_bytes) else { return false };
        let part = self.broker.next_part(feed, piece_bytes, &mut self.turn.work, now);
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
                    && let Some(checksum) = replay.stream_end()
                {
                    let end = [&checksum.trailer()[..], Coding::Gzip.end()].concat();
                    self.push(id, end.into(), now);
                }
                false
            }
            Err(Gone) => {
                self.close_slow(id, SlowConsumer::Gone, now);
                self.end_step(now);
                false
            }
        }
    }

    /// Maximum size of a list that is made at once instead of as it is read.
    pub(super) fn short_list_bytes_max(&self) -> usize {
        self.config.limits.outbox_bytes_max.min(SHORT_BYTES_MAX)
    }

    /// Whether one more list may be made as it is read.
    pub(super) fn has_place_for_listing(&self) -> bool {
        // The broker holds one of the counts.
        Rc::strong_count(&self.broker.listings) <= self.config.limits.listings_max
    }

    /// Answers with a list that is made as it is read. `head` has the fields that frame its body
    /// already.
    pub(super) fn answer_listing(
        &mut self,
        id: ConnectionId,
        head: Response,
        list: Box<dyn ChannelList>,
        walk: Walk,
        now: Now,
    ) {
        let exchange = self.connections[id].exchange;
        let (coding, place) = (Coding::of(exchange), self.broker.listings.clone());
        self.log_answer(id, head.status(), "", now);
        self.push(id, head.finish().into(), now);
        if !exchange.is_head {
            let listing = Listing::new(list, walk, coding, place);
            self.begin_feed(id, Feed::Listing(Box::new(listing)), now);
            self.push(id, coding.end().into(), now);
        }
        self.end_exchange(id, now);
    }
}
