//! In which order sockets are read.

use std::collections::VecDeque;

/// Sockets read in one turn.
const READS_PER_TURN: usize = 1024;

/// Takes the next one off a list.
pub(super) type Pop = fn(&mut Readable) -> Option<u32>;

/// Connections that have something to read and are to be read.
#[derive(Default)]
pub(super) struct Readable {
    /// In the order in which it arrived.
    arrived: VecDeque<u32>,
    /// Those of internal listeners while more is asked for than a turn can do. Publishers are few
    /// and visitors may be many: without a list of their own they would wait for all that visitors
    /// ask for.
    internal: VecDeque<u32>,
    /// The last turn left something unread.
    is_overloaded: bool,
}

impl Readable {
    pub(super) fn is_empty(&self) -> bool {
        self.arrived.is_empty() && self.internal.is_empty()
    }

    /// A turn begins. `has_paused`: the last one also left requests that were read.
    pub(super) fn begin_turn(&mut self, has_paused: bool, is_internal: impl Fn(u32) -> bool) {
        let was_overloaded = self.is_overloaded;
        self.is_overloaded = has_paused || !self.is_empty();
        if self.is_overloaded && !was_overloaded {
            let is_internal = |id: &u32| is_internal(*id);
            self.internal.extend(self.arrived.iter().copied().filter(is_internal));
            self.arrived.retain(|id| !is_internal(id));
        }
    }

    /// How many there are of internal listeners in front of all others.
    pub(super) fn internal_count(&self) -> usize {
        self.internal.len()
    }

    /// How many of the others to read in one turn.
    pub(super) fn arrived_count(&self) -> usize {
        self.arrived.len().min(READS_PER_TURN)
    }

    pub(super) fn pop_internal(&mut self) -> Option<u32> {
        self.internal.pop_front()
    }

    pub(super) fn pop_arrived(&mut self) -> Option<u32> {
        self.arrived.pop_front()
    }

    pub(super) fn push(&mut self, id: u32, is_internal: bool) {
        if self.is_overloaded && is_internal {
            self.internal.push_back(id);
        } else {
            self.arrived.push_back(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_internal(id: u32) -> bool {
        id >= 100
    }

    #[test]
    fn what_arrived_earlier_is_read_earlier_until_a_turn_leaves_something_unread() {
        let mut readable = Readable::default();
        readable.begin_turn(false, is_internal);
        for id in [1, 100, 2, 3] {
            readable.push(id, is_internal(id));
        }
        assert_eq!(readable.arrived, [1, 100, 2, 3]);
        readable.arrived.pop_front();
        readable.begin_turn(false, is_internal);
        readable.push(101, true);
        readable.push(4, false);
        assert_eq!(
            (&readable.internal, &readable.arrived),
            (&[100, 101].into(), &[2, 3, 4].into())
        );
        readable.internal.clear();
        readable.arrived.clear();
        readable.begin_turn(true, is_internal);
        readable.push(102, true);
        assert_eq!(readable.internal, [102], "requests that were read wait, too");
        readable.internal.clear();
        readable.begin_turn(false, is_internal);
        readable.push(102, true);
        assert_eq!(readable.arrived, [102]);
    }
}
