//! Answers that are larger than a queue may be, and so are made as the queue drains.

use super::Broker;
use super::listing::Listing;
use super::replay::{Gone, Part, Replay};
use super::work::Work;
use crate::time::Now;

/// Where the rest of an answer comes from.
pub enum Feed {
    /// Old messages.
    Replay(Replay),
    /// A list of many channels.
    Listing(Box<Listing>),
}

impl Broker {
    /// Makes the next piece of a feed; none: that was all.
    ///
    /// # Errors
    /// Messages that it still has to send have left the store.
    pub fn next_part(
        &mut self,
        feed: &mut Feed,
        bytes_max: usize,
        work: &mut Work,
        now: Now,
    ) -> Result<Option<Part>, Gone> {
        let part = match feed {
            Feed::Replay(replay) => {
                replay.next(&self.hub, &mut self.formats, &mut self.pieces, bytes_max)
            }
            Feed::Listing(listing) => {
                let piece = listing.next(&self.hub, self.formats.compressor(), bytes_max, now);
                Ok(piece.map(|(frame, walked)| {
                    work.add_walked(walked);
                    work.bytes += frame.len() as u64;
                    Part { frame, checksum: None }
                }))
            }
        };
        work.encoded += 1;
        work.add_made(self.formats.take_made());
        part
    }
}
