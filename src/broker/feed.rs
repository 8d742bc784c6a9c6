//! Answers that may be larger than a queue: they are made piece by piece as the queue drains.

use super::Broker;
use super::listing::Listing;
use super::replay::{Gone, Part, Replay};
use super::work::Work;
use crate::time::Now;

/// Makes the remaining pieces of an answer.
pub enum Feed {
    /// Stored messages.
    Replay(Replay),
    /// A list of channels.
    Listing(Box<Listing>),
}

impl Broker {
    /// Makes the next piece of a feed, of about `bytes_max` bytes; `None`: the feed is complete.
    ///
    /// # Errors
    /// The next message of a replay is no longer stored.
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
