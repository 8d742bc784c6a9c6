//! Paused connections that can continue as soon as the publish backlog has room and the turn has
//! time.

use super::connection::ConnectionId;
use std::collections::VecDeque;

/// Two queues, which take turns: a publisher at an internal listener waits for at most one visitor,
/// however many are paused. The caller skips entries whose connection is no longer paused.
#[derive(Default)]
pub(super) struct Resumable {
    public: VecDeque<ConnectionId>,
    /// Connections accepted from internal listeners.
    internal: VecDeque<ConnectionId>,
    /// Whether the last one taken was an internal one.
    was_internal: bool,
}

impl Resumable {
    pub(super) fn push(&mut self, id: ConnectionId, is_internal: bool) {
        if is_internal {
            self.internal.push_back(id);
        } else {
            self.public.push_back(id);
        }
    }

    pub(super) fn pop(&mut self) -> Option<ConnectionId> {
        self.was_internal =
            !self.internal.is_empty() && (!self.was_internal || self.public.is_empty());
        if self.was_internal { self.internal.pop_front() } else { self.public.pop_front() }
    }

    pub(super) fn len(&self) -> usize {
        self.public.len() + self.internal.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.public.is_empty() && self.internal.is_empty()
    }

    pub(super) fn contains(&self, id: ConnectionId) -> bool {
        self.public.contains(&id) || self.internal.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publisher_waits_for_one_visitor_however_many_wait() {
        let mut resumable = Resumable::default();
        (0..100).for_each(|id| resumable.push(ConnectionId(id), false));
        resumable.push(ConnectionId(200), true);
        resumable.push(ConnectionId(201), true);
        let order = std::iter::from_fn(|| resumable.pop()).take(6);
        assert_eq!(Vec::from_iter(order), [200, 0, 201, 1, 2, 3].map(ConnectionId));
        let has = |id| resumable.contains(ConnectionId(id));
        assert!(!resumable.is_empty() && has(99) && !has(3));
    }
}
