//! The order in which sockets are read.

use std::collections::VecDeque;

/// Most sockets read in one turn, those of internal listeners not counted while overloaded.
const READS_PER_TURN: usize = 1024;

/// Takes the next connection off one of the lists.
pub(super) type Pop = fn(&mut Readable) -> Option<u32>;

/// Connections to read, because their socket is readable and the server wants their input.
#[derive(Default)]
pub(super) struct Readable {
    /// In order of arrival.
    arrived: VecDeque<u32>,
    /// Connections of internal listeners while overloaded. Publishers are few and visitors may be
    /// many: in one list, publishers would wait for all requests of visitors.
    internal: VecDeque<u32>,
    /// The last turn left connections unread or requests paused.
    is_overloaded: bool,
}

impl Readable {
    pub(super) fn is_empty(&self) -> bool {
        self.arrived.is_empty() && self.internal.is_empty()
    }

    /// Begins a turn. `has_paused`: requests read before are still paused.
    pub(super) fn begin_turn(&mut self, has_paused: bool, is_internal: impl Fn(u32) -> bool) {
        let was_overloaded = self.is_overloaded;
        self.is_overloaded = has_paused || !self.is_empty();
        if self.is_overloaded && !was_overloaded {
            let is_internal = |id: &u32| is_internal(*id);
            self.internal.extend(self.arrived.iter().copied().filter(is_internal));
            self.arrived.retain(|id| !is_internal(id));
        }
    }

    /// Number of connections of internal listeners to read before all others.
    pub(super) fn internal_count(&self) -> usize {
        self.internal.len()
    }

    /// Number of other connections to read in this turn.
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
        assert_eq!(readable.internal, [102], "paused requests are an overload, too");
        readable.internal.clear();
        readable.begin_turn(false, is_internal);
        readable.push(102, true);
        assert_eq!(readable.arrived, [102]);
    }
}
