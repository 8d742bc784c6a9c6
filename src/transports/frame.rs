//! Bytes for sockets, shared by the queues that hold them.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

/// Reference counts of a frame, and what the allocator adds.
const SHARED_BYTES: usize = 24;

/// Bytes to be written to sockets. A clone shares them.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Rc<[u8]>);

impl Frame {
    /// Whether another clone holds the same bytes.
    pub fn is_shared(&self) -> bool {
        Rc::strong_count(&self.0) > 1
    }

    /// This clone's share of the memory of the frame: that of the whole, divided by the clones.
    pub fn share(&self) -> usize {
        (self.len() + SHARED_BYTES) / Rc::strong_count(&self.0)
    }

    /// Whether both are clones of the same frame. Equal bytes are not enough.
    pub fn ptr_eq(&self, other: &Frame) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Drops this clone. Returns the length of the frame if it was the last one, otherwise 0: over
    /// all clones, the bytes of a frame are returned once.
    pub fn release(self) -> usize {
        if self.is_shared() { 0 } else { self.len() }
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Frame(\"{}\")", self.escape_ascii())
    }
}

impl From<Vec<u8>> for Frame {
    fn from(bytes: Vec<u8>) -> Frame {
        Frame(bytes.into())
    }
}

impl From<&[u8]> for Frame {
    fn from(bytes: &[u8]) -> Frame {
        Frame(bytes.into())
    }
}

impl<const LENGTH: usize> From<[u8; LENGTH]> for Frame {
    fn from(bytes: [u8; LENGTH]) -> Frame {
        Frame(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_clone_releases_the_bytes() {
        let frame = Frame::from(*b"abc");
        let clones = [frame.clone(), frame.clone()];
        assert!(frame.is_shared());
        assert_eq!(clones.map(Frame::release), [0, 0]);
        assert!(!frame.is_shared());
        assert_eq!(frame.release(), 3);
    }

    #[test]
    fn equal_frames_are_not_the_same_frame() {
        let frame = Frame::from(*b"abc");
        assert_eq!(frame, Frame::from(*b"abc"));
        assert!(frame.ptr_eq(&frame.clone()) && !frame.ptr_eq(&Frame::from(*b"abc")));
    }

    #[test]
    fn a_frame_is_two_words_even_where_it_is_optional() {
        assert_eq!(size_of::<Option<Frame>>(), 2 * size_of::<usize>());
    }
}
