//! Makes memory give way when little of the budget is left, in the order of [`Pressure`]. Each step
//! reads the heap again, so no more gives way than is needed.

use super::connection::{Connection, ConnectionId, Phase, Purpose};
use super::lines::SlowConsumer;
use super::memory::Pressure;
use super::publish_task::SubscribeError;
use super::state::State;
use crate::http::{Response, Status};
use crate::hub::Maker;
use crate::time::{Millis, Now};
use crate::websocket::{self, CloseCode};
use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How many times stored messages are removed for one publication, which makes room for its own.
const REMOVALS_PER_PUBLICATION: usize = 4;
/// Removing a message takes as long as examining this many.
const SCANNED_PER_MESSAGE: u64 = 8;
/// Connections examined in one search for large requests or queues: about half a millisecond.
const EXAMINED_MAX: usize = 32 * 1024;
/// Connections that one search finds.
const FOUND_MAX: usize = 64;
/// A client that has read nothing for this long is slow.
const STALLED_MIN: Millis = Millis(1_000);
/// An incomplete request up to this size may wait for its end until no client is accepted either.
const SMALL_REQUEST_BYTES: usize = 4 * 1024;

impl State {
    /// Makes memory give way as far as a turn allows. Called once per turn.
    pub(super) fn relieve(&mut self, now: Now) {
        if !self.memory.is_at_least(Pressure::History) {
            return;
        }
        self.broker.pieces.remove_unused();
        self.broker.fanout.drop_unused_batches();
        // Incomplete requests have a share of their own, and so have queues that are not read.
        // Beyond it they give way before stored messages, so that clients cannot displace those.
        let share = self.memory.single_bytes_max();
        let is_search_due = self.memory.is_search_due(now.monotonic);
        if self.memory.is_at_least(Pressure::Requests) || is_search_due {
            self.shed_requests(share, now);
        }
        if is_search_due && !self.memory.is_at_least(Pressure::Consumers) {
            self.shed_consumers(share, now);
        }
        self.turn.begin_quarter();
        while !self.turn.is_quarter_spent() && self.evict_history(now) {}
        if self.memory.is_at_least(Pressure::Consumers) {
            self.shed_consumers(share, now);
        }
    }

    /// Makes room for a publication, which never fails for want of it. Returns whether to store it:
    /// while memory is short, messages of visitors displace no others.
    pub(super) fn make_room_for_history(&mut self, maker: Maker, now: Now) -> bool {
        if !self.memory.is_at_least(Pressure::History) {
            return true;
        }
        let is_application = maker == Maker::Application;
        for _ in 0..REMOVALS_PER_PUBLICATION {
            if !is_application || !self.evict_history(now) {
                break;
            }
        }
        is_application
    }

    /// Removes some stored messages if memory is short. False: it is not, or none are stored.
    fn evict_history(&mut self, now: Now) -> bool {
        if !self.memory.is_at_least(Pressure::History) {
            return false;
        }
        let removed = self.broker.hub.evict_history(now) as u64;
        self.turn.work.channels += 1;
        self.turn.work.scanned += SCANNED_PER_MESSAGE * removed;
        if removed > 0 {
            self.counters.memory_messages_evicted_total += removed;
            self.report_relief(Relief::History, now);
        }
        removed > 0
    }

    /// Refuses incomplete requests, the largest first: those beyond their share, or all if memory
    /// is as short as that. Publications, whose senders are authorised, come last.
    fn shed_requests(&mut self, share: usize, now: Now) {
        let takes_publications = self.memory.is_at_least(Pressure::Subscribers);
        let start = self.memory.next_request_index;
        let found = self.find_largest(start, |state, id| {
            let connection = &state.connections[id];
            let is_publication = matches!(
                &connection.phase,
                Phase::Body(incoming) if incoming.purpose == Purpose::Publication
            );
            let waiting = state.waiting_publications.bytes(id);
            if state.is_internal(connection.listener)
                || !takes_publications && (is_publication || waiting > 0)
            {
                return 0;
            }
            connection.unfinished_bytes() + waiting
        });
        self.memory.next_request_index = found.next_index;
        let mut left = found.bytes;
        for (bytes, id) in found.largest {
            if left <= share && !self.memory.is_at_least(Pressure::Requests) {
                return;
            }
            left -= bytes;
            self.refuse_incomplete(id, now);
        }
    }

    /// Closes connections that do not read what is queued for them: those beyond their share, or
    /// all if memory is as short as that. The first is the one that frees most: a message that
    /// other queues hold, too, counts in part. A client that has read something within a second is
    /// not slow, unless memory is shorter still.
    fn shed_consumers(&mut self, share: usize, now: Now) {
        let takes_all = self.memory.is_at_least(Pressure::Subscribers);
        let frames = Cell::new(0);
        let start = self.memory.next_consumer_index;
        let found = self.find_largest(start, |state, id| {
            let connection = &state.connections[id];
            let is_stalled = connection.outbox.progress_at() + STALLED_MIN <= now.monotonic;
            let is_slow = connection.flags.is_blocked && (is_stalled || takes_all);
            if is_slow && !state.is_internal(connection.listener) {
                let (bytes, examined) = connection.outbox.memory();
                frames.set(frames.get() + examined as u64);
                bytes
            } else {
                0
            }
        });
        self.turn.work.scanned += frames.get();
        self.memory.next_consumer_index = found.next_index;
        let mut left = found.bytes;
        for (bytes, id) in found.largest {
            if left <= share && !self.memory.is_at_least(Pressure::Consumers) {
                return;
            }
            left -= bytes;
            self.counters.memory_consumers_closed_total += 1;
            self.report_relief(Relief::Consumers, now);
            self.close_slow(id, SlowConsumer::Memory, now);
        }
    }

    /// Searches the connections with the largest size, from this index on. A size of 0 is none.
    fn find_largest(
        &mut self,
        start: usize,
        size: impl Fn(&State, ConnectionId) -> usize,
    ) -> Found {
        let end = self.connections.index_end();
        let examined = end.min(EXAMINED_MAX);
        self.turn.work.scanned += examined as u64;
        // A heap of the largest ones; its top, the smallest of them, is removed when there are too
        // many.
        let mut largest = BinaryHeap::with_capacity(FOUND_MAX + 1);
        let mut sum = 0;
        for index in start..start + examined {
            let id = ConnectionId::of_index(index % end);
            if self.connections.get(id).is_none_or(Connection::is_condemned) {
                continue;
            }
            let bytes = size(self, id);
            if bytes > 0 {
                sum += bytes;
                largest.push(Reverse((bytes, id)));
                if largest.len() > FOUND_MAX {
                    largest.pop();
                }
            }
        }
        let largest = largest.into_sorted_vec().into_iter().map(|Reverse(one)| one).collect();
        Found { largest, bytes: sum, next_index: (start + examined) % end.max(1) }
    }

    /// Called after input of a connection was read: refuses what it has sent of an incomplete
    /// request if there is no memory to keep it.
    pub(super) fn refuse_if_short(&mut self, id: ConnectionId, now: Now) {
        if !self.memory.is_at_least(Pressure::Subscribers) {
            return;
        }
        let connection = &self.connections[id];
        let is_publication = matches!(
            &connection.phase,
            Phase::Body(incoming) if incoming.purpose == Purpose::Publication
        );
        let may_wait = (is_publication || connection.unfinished_bytes() <= SMALL_REQUEST_BYTES)
            && !self.memory.is_at_least(Pressure::Connections);
        if !may_wait && !self.is_internal(connection.listener) {
            self.refuse_incomplete(id, now);
        }
    }

    /// Refuses a request or message that is incomplete or waits for room, and closes its
    /// connection. Does nothing if there is none.
    fn refuse_incomplete(&mut self, id: ConnectionId, now: Now) {
        let connection = &self.connections[id];
        let bytes = connection.unfinished_bytes();
        let is_waiting = self.waiting_publications.contains(id);
        let has_begun = is_waiting && self.waiting_publications.bytes(id) == 0;
        if bytes == 0 && !is_waiting || has_begun {
            return;
        }
        let reason = "no memory left for it";
        match &connection.phase {
            Phase::Subscriber(subscriber) if subscriber.is_websocket() => {
                let frame = websocket::close(CloseCode::TRY_AGAIN_LATER, reason);
                self.waiting_publications.take(id);
                self.close_websocket(id, frame.into(), reason, now);
            }
            Phase::Subscriber(_) | Phase::Draining | Phase::Lingering | Phase::Condemned { .. } => {
                // Requests behind a stream: dropped, and the connection ends with the stream.
                let connection = &mut self.connections[id];
                connection.exchange.keeps_alive = false;
                connection.input = Box::default();
            }
            Phase::Head { .. } | Phase::Body(_) => {
                self.waiting_publications.take(id);
                if self.stop_reading_body(id, now) {
                    let response = Response::new(Status::SERVICE_UNAVAILABLE).because(reason);
                    let response =
                        response.number("retry-after", SubscribeError::RETRY_AFTER_SECONDS);
                    self.respond(id, response, b"", now);
                }
            }
        }
        self.counters.memory_requests_refused_total += 1;
        self.report_relief(Relief::Requests, now);
    }

    /// Whether a new subscriber has to be refused; if so, it is counted.
    pub(super) fn refuses_subscribers(&mut self, now: Now) -> bool {
        let refuses = self.memory.is_at_least(Pressure::Subscribers);
        if refuses {
            self.counters.memory_subscribers_refused_total += 1;
            self.report_relief(Relief::Subscribers, now);
        }
        refuses
    }

    /// Counts and logs that a visitor's message is not stored.
    pub(super) fn report_visitors_message(&mut self, now: Now) {
        self.counters.memory_messages_unstored_total += 1;
        self.report_relief(Relief::Visitors, now);
    }

    /// Logs that something gives way, at most once a minute for each kind.
    fn report_relief(&mut self, relief: Relief, now: Now) {
        let memory = &mut self.memory;
        let (lines, what, advice) = match relief {
            Relief::History => (
                &mut memory.history_lines,
                "stored messages are removed",
                "raise memory in [limits], or store fewer messages",
            ),
            Relief::Requests => (
                &mut memory.requests_lines,
                "incomplete requests are refused",
                "raise memory in [limits], or let the proxy limit requests",
            ),
            Relief::Consumers => (
                &mut memory.consumers_lines,
                "slow consumers are closed",
                "raise memory in [limits], or lower outbox_bytes_max",
            ),
            Relief::Subscribers => (
                &mut memory.subscribers_lines,
                "new subscribers are refused",
                "raise memory in [limits]",
            ),
            Relief::Visitors => (
                &mut memory.visitors_lines,
                "messages of WebSocket clients are published but not stored",
                "raise memory in [limits], or store fewer messages",
            ),
        };
        if lines.take(now.monotonic).is_none() {
            return;
        }
        let (used, budget) = (memory.used(), memory.budget());
        log::warn!("memory short: {what}: {used} of {budget} bytes are in use; {advice}");
    }
}

/// What a search has found.
struct Found {
    /// Sizes and ids, largest first.
    largest: Vec<(usize, ConnectionId)>,
    /// The sizes of all, not only of the largest.
    bytes: usize,
    /// Where the next search goes on.
    next_index: usize,
}

/// What gives way, for the log.
#[derive(Clone, Copy, Debug)]
enum Relief {
    History,
    Requests,
    Consumers,
    Subscribers,
    Visitors,
}
