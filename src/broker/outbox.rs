//! The queue of one connection's socket: shared frames in order, with at most one feed (a replay or
//! list that is made as the queue drains) between them. Slow consumers are found here: the limit on
//! queued bytes, and the time of the last progress.

use super::feed::Feed;
use crate::time::Moment;
use crate::transports::{FormatId, Frame};
use std::collections::VecDeque;
use std::io::IoSlice;

/// The queue costs more than its limit: a slow consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

/// A queue of frames. It allocates nothing while it is empty or holds a single frame.
#[derive(Default)]
pub struct Outbox {
    frames: Frames,
    /// Bytes of the first frame that are already sent.
    offset: u32,
    /// Bytes at the front that do not count towards the limit: a feed's frames, and those queued
    /// before it. [`Outbox::feed_due`] bounds them.
    exempt: u32,
    bytes: usize,
    /// When bytes were last sent, or queued while the queue was empty.
    progress_at: Moment,
}

#[derive(Default)]
enum Frames {
    #[default]
    None,
    One(Frame),
    /// Boxed, because every inline byte is paid for by idle connections too.
    Many(Box<Queue>),
}

#[derive(Default)]
struct Queue {
    /// Frames that can be written now.
    front: VecDeque<Frame>,
    /// Frames at the front that do not count towards the limit.
    exempt_count: u32,
    fed: Option<Box<Fed>>,
}

struct Fed {
    /// Makes the next frames, piece by piece.
    feed: Feed,
    /// Frames queued since the feed began, to be written after its end.
    behind: VecDeque<Frame>,
}

/// What a queue holds after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// Frames, and no feed.
    Something,
    /// A feed, which may now have room for its next piece.
    Feed,
}

/// Memory of a queued frame besides its bytes: 16 bytes of reference counts, up to 24 of allocator
/// overhead, and 16 to 32 in the queue. A pong of 2 bytes takes 64.
pub(crate) const FRAME_COST: usize = 64;

/// Frames examined for the memory of one queue.
const EXAMINED_MAX: usize = 32;

impl Outbox {
    /// Whether nothing is queued and there is no feed.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0 && !self.is_fed()
    }

    /// Whether there are bytes to write now.
    pub(crate) fn is_writable(&self) -> bool {
        self.frames.first_length().is_some()
    }

    /// Queued bytes that are not sent yet.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Memory of the queue as the limit counts it: its bytes, and [`FRAME_COST`] per frame.
    pub(crate) fn cost(&self) -> usize {
        self.bytes + self.frames.count() * FRAME_COST
    }

    /// The part of [`Outbox::cost`] that does not count towards the limit.
    fn exempt_cost(&self) -> usize {
        self.exempt as usize + self.frames.exempt_count() * FRAME_COST
    }

    pub(crate) fn progress_at(&self) -> Moment {
        self.progress_at
    }

    /// Queues a frame without checking the limit: for answers, which are bounded by their requests.
    /// If there is a feed, the frame is written after its end.
    pub(crate) fn push(&mut self, frame: Frame, now: Moment) {
        if frame.is_empty() {
            return;
        }
        if u32::try_from(frame.len()).is_err() {
            // Offsets within a frame have 32 bits. For an item this large, a copy is acceptable.
            return frame.chunks(1 << 30).for_each(|piece| self.push(piece.into(), now));
        }
        if self.bytes == 0 {
            self.progress_at = now;
        }
        self.bytes += frame.len();
        self.frames.push(frame);
    }

    /// Begins a feed: frames pushed from now on are written after its end.
    pub(crate) fn begin_feed(&mut self, feed: Feed) {
        assert!(!self.is_fed(), "one feed begins after the other has ended");
        self.exempt = u32::try_from(self.bytes).unwrap_or(u32::MAX);
        let mut queue = match std::mem::take(&mut self.frames) {
            Frames::None => Box::default(),
            Frames::One(first) => Queue::of([first]),
            Frames::Many(queue) => queue,
        };
        queue.exempt_count = u32::try_from(queue.front.len()).unwrap_or(u32::MAX);
        queue.fed = Some(Box::new(Fed { feed, behind: VecDeque::new() }));
        self.frames = Frames::Many(queue);
    }

    /// Whether there is a feed.
    pub(crate) fn is_fed(&self) -> bool {
        matches!(&self.frames, Frames::Many(queue) if queue.fed.is_some())
    }

    /// The wire format that the feed still encodes messages in, if it is a replay.
    pub(crate) fn fed_format(&self) -> Option<FormatId> {
        let Frames::Many(queue) = &self.frames else { return None };
        match &queue.fed.as_ref()?.feed {
            Feed::Replay(replay) => Some(replay.format()),
            Feed::Listing(_) => None,
        }
    }

    /// The feed, if there is one.
    pub(crate) fn feed(&mut self) -> Option<&mut Feed> {
        self.feed_due(usize::MAX)
    }

    /// The feed, if it is to make its next piece: the exempt frames at the front cost less than
    /// `bytes_max`.
    pub(crate) fn feed_due(&mut self, bytes_max: usize) -> Option<&mut Feed> {
        let has_room = self.exempt_cost() < bytes_max;
        match &mut self.frames {
            Frames::Many(queue) if has_room => queue.fed.as_mut().map(|fed| &mut fed.feed),
            Frames::None | Frames::One(_) | Frames::Many(_) => None,
        }
    }

    /// Queues a piece that the feed made.
    pub(crate) fn push_fed(&mut self, frame: Frame, now: Moment) {
        let Frames::Many(queue) = &mut self.frames else { return };
        let Ok(size) = u32::try_from(frame.len()) else {
            return frame.chunks(1 << 30).for_each(|piece| self.push_fed(piece.into(), now));
        };
        if size == 0 {
            return;
        }
        if self.bytes == 0 {
            self.progress_at = now;
        }
        self.bytes += frame.len();
        self.exempt = self.exempt.saturating_add(size);
        queue.exempt_count = queue.exempt_count.saturating_add(1);
        queue.front.push_back(frame);
    }

    /// Ends the feed and returns it: all its pieces are queued.
    pub(crate) fn end_feed(&mut self) -> Option<Feed> {
        let Frames::Many(queue) = &mut self.frames else { return None };
        let mut fed = queue.fed.take()?;
        queue.front.append(&mut fed.behind);
        if queue.front.is_empty() {
            self.frames = Frames::None;
        }
        Some(fed.feed)
    }

    /// Queues a live message, unless the queue already costs more than `bytes_max`. A message that
    /// is larger than that does not count while it is being written: the limit bounds how much
    /// accumulates, not the size of a message.
    pub(crate) fn push_live(
        &mut self,
        frame: Frame,
        bytes_max: usize,
        now: Moment,
    ) -> Result<(), Overflow> {
        let cost = self.cost();
        if cost > bytes_max {
            let length = self.frames.first_length().unwrap_or(0);
            let front = Some(length - self.offset as usize).filter(|front| *front > bytes_max);
            let front_cost = front.map_or(0, |front| front + FRAME_COST);
            if cost - front_cost.max(self.exempt_cost()) > bytes_max {
                return Err(Overflow);
            }
        }
        self.push(frame, now);
        Ok(())
    }

    /// Replaces the last frame if `is_superseded` holds for it and none of it has been sent.
    /// Otherwise returns `frame`.
    pub(crate) fn supersede(
        &mut self,
        frame: Frame,
        is_superseded: impl Fn(&[u8]) -> bool,
    ) -> Result<(), Frame> {
        // An exempt frame belongs to a feed or to what was queued before it, and is not replaced.
        let is_exempt = self.exempt as usize >= self.bytes;
        match self.frames.last() {
            Some((_, is_first)) if is_exempt || is_first && self.offset > 0 => Err(frame),
            Some((last, _)) if is_superseded(last) => {
                self.bytes = self.bytes - last.len() + frame.len();
                *last = frame;
                Ok(())
            }
            Some(_) | None => Err(frame),
        }
    }

    /// The bytes that can be written now, in order.
    pub(crate) fn unsent(&self) -> impl Iterator<Item = &[u8]> {
        let offset = self.offset as usize;
        self.frames.iter().enumerate().map(move |(index, frame)| match index {
            0 => &frame[offset..],
            _ => &frame[..],
        })
    }

    /// Estimated memory of the queue, and how many frames were examined for it. A frame that
    /// several queues share counts for each with its share. Of a long queue only the first frames
    /// are examined.
    pub(crate) fn memory(&self) -> (usize, usize) {
        let (examined, mut bytes) = (self.frames.count().min(EXAMINED_MAX), 0);
        for frame in self.frames.iter().take(examined) {
            bytes += frame.share();
        }
        let frames = bytes * self.frames.count().max(1) / examined.max(1);
        let queue = match &self.frames {
            Frames::None | Frames::One(_) => 0,
            Frames::Many(queue) => {
                let fed = queue.fed.as_ref().map_or(0, |fed| fed.behind.capacity());
                size_of::<Queue>() + (queue.front.capacity() + fed) * size_of::<Frame>()
            }
        };
        (frames + queue, examined)
    }

    /// Fills `slices` with the bytes to write next, for one gathered write. Returns the number of
    /// slices filled.
    pub(crate) fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slot, bytes) in slices.iter_mut().zip(self.unsent()) {
            *slot = IoSlice::new(bytes);
            count += 1;
        }
        count
    }

    /// `count` bytes were sent.
    ///
    /// # Panics
    /// More bytes were sent than are queued.
    pub(crate) fn sent(&mut self, count: usize, now: Moment) -> Left {
        assert!(count <= self.bytes, "no more is sent than was queued");
        if count > 0 {
            self.progress_at = now;
        }
        self.bytes -= count;
        if self.bytes == 0 && !self.is_fed() {
            (self.frames, self.offset, self.exempt) = (Frames::None, 0, 0);
            return Left::Nothing;
        }
        self.exempt = self.exempt.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        let mut taken = self.offset as usize + count;
        while let Some(first) = self.frames.first_length().filter(|first| taken >= *first) {
            taken -= first;
            self.frames.pop();
        }
        self.offset = u32::try_from(taken).expect("a frame is smaller than 4 GiB");
        if self.is_fed() { Left::Feed } else { Left::Something }
    }

    /// Drops everything except the rest of a frame that is sent in part, and response heads. What
    /// is queued next follows after that.
    pub(crate) fn drop_unbegun(&mut self) {
        let (offset, progress_at) = (self.offset, self.progress_at);
        let is_kept = |(index, frame): &(usize, &Frame)| {
            *index == 0 && offset > 0 || frame.starts_with(b"HTTP/1.1 ")
        };
        let kept = self.frames.iter().enumerate().take_while(is_kept);
        let kept: Vec<Frame> = kept.map(|(_, frame)| frame.clone()).collect();
        *self = Outbox { offset, progress_at, ..Outbox::default() };
        self.bytes = kept.iter().map(|frame| frame.len()).sum::<usize>() - offset as usize;
        kept.into_iter().for_each(|frame| self.frames.push(frame));
    }

    /// Drops everything, because the connection has ended.
    pub(crate) fn clear(&mut self) {
        *self = Outbox::default();
    }

    pub(crate) fn assert_consistent(&self) {
        let mut bytes: usize = self.unsent().map(<[u8]>::len).sum();
        if let Frames::Many(queue) = &self.frames
            && let Some(fed) = &queue.fed
        {
            assert_eq!(self.exempt as usize, bytes, "a feed and what is before it are exempt");
            assert_eq!(queue.exempt_count as usize, queue.front.len(), "so are all of its frames");
            bytes += fed.behind.iter().map(|frame| frame.len()).sum::<usize>();
        }
        assert_eq!(self.bytes, bytes, "accounted bytes are queued bytes");
        assert!(self.exempt as usize <= self.bytes, "exempt bytes are queued");
        assert!(self.frames.exempt_count() <= self.frames.count(), "exempt frames are queued");
    }
}

impl Queue {
    fn of<const COUNT: usize>(frames: [Frame; COUNT]) -> Box<Queue> {
        Box::new(Queue { front: VecDeque::from(frames), ..Queue::default() })
    }
}

impl Frames {
    fn count(&self) -> usize {
        match self {
            Frames::None => 0,
            Frames::One(_) => 1,
            Frames::Many(queue) => {
                queue.front.len() + queue.fed.as_ref().map_or(0, |fed| fed.behind.len())
            }
        }
    }

    fn exempt_count(&self) -> usize {
        match self {
            Frames::None | Frames::One(_) => 0,
            Frames::Many(queue) => queue.exempt_count as usize,
        }
    }

    /// The frame that was pushed last, and whether it is also the first in the queue.
    fn last(&mut self) -> Option<(&mut Frame, bool)> {
        match self {
            Frames::None => None,
            Frames::One(frame) => Some((frame, true)),
            Frames::Many(queue) => match &mut queue.fed {
                Some(fed) => fed.behind.back_mut().map(|last| (last, false)),
                None => {
                    let is_first = queue.front.len() == 1;
                    queue.front.back_mut().map(|last| (last, is_first))
                }
            },
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Frame> {
        let (one, many) = match self {
            Frames::None => (None, None),
            Frames::One(frame) => (Some(frame), None),
            Frames::Many(queue) => (None, Some(queue.front.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    fn first_length(&self) -> Option<usize> {
        self.iter().next().map(|frame| frame.len())
    }

    fn push(&mut self, frame: Frame) {
        *self = match std::mem::take(self) {
            Frames::None => Frames::One(frame),
            Frames::One(first) => Frames::Many(Queue::of([first, frame])),
            Frames::Many(mut queue) => {
                match &mut queue.fed {
                    None => queue.front.push_back(frame),
                    Some(fed) => fed.behind.push_back(frame),
                }
                Frames::Many(queue)
            }
        };
    }

    fn pop(&mut self) {
        match self {
            Frames::None => {}
            Frames::One(_) => *self = Frames::None,
            Frames::Many(queue) => {
                queue.front.pop_front();
                queue.exempt_count = queue.exempt_count.saturating_sub(1);
                if queue.front.is_empty() && queue.fed.is_none() {
                    *self = Frames::None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
