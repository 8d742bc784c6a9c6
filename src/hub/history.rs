//! The stored messages of one channel, and which of them a subscriber requests
//! (push-stream spec, section 9).

use super::account::message_cost;
use crate::message::{Message, Position};
use crate::time::Millis;
use std::collections::VecDeque;
use std::rc::Rc;

/// Which of one channel's stored messages a subscriber requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resume<'a> {
    /// The last messages, this many. If above 0, the other fields are ignored.
    pub backtrack: u32,
    /// Everything after a point in time.
    pub since: Option<Since>,
    /// Everything after the message with this event id.
    pub event_id: Option<&'a [u8]>,
}

/// A position in the order of all messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// Seconds since 1970.
    pub time: u64,
    /// Tag within that second; `None`: every message of that second has been seen.
    pub tag: Option<u32>,
}

/// Stored messages, oldest first. A channel without stored messages has no heap allocation for
/// them: most channels have none, and every inline byte counts.
#[derive(Debug, Default)]
pub(super) struct History(Option<Box<Messages>>);

#[derive(Debug, Default)]
struct Messages {
    stored: VecDeque<Stored>,
    /// Their cost in the memory account.
    cost: usize,
}

#[derive(Debug)]
struct Stored {
    expires: Millis,
    message: Rc<Message>,
}

impl History {
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |messages| messages.stored.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn push(&mut self, message: Rc<Message>, expires: Millis) {
        let messages = self.0.get_or_insert_default();
        messages.cost += message_cost(&message);
        messages.stored.push_back(Stored { expires, message });
    }

    /// Number of expired messages, counted from the oldest and up to a maximum.
    pub(super) fn expired(&self, now: Millis, count_max: usize) -> usize {
        self.iter().take(count_max).take_while(|stored| stored.expires <= now).count()
    }

    pub(super) fn next_expiry(&self) -> Option<Millis> {
        self.iter().next().map(|stored| stored.expires)
    }

    /// The cost of all messages in the memory account.
    pub(super) fn cost(&self) -> usize {
        self.0.as_ref().map_or(0, |messages| messages.cost)
    }

    /// Position of the newest message; [`Position::START`] without messages.
    pub(super) fn last_position(&self) -> Position {
        let newest = self.0.as_ref().and_then(|messages| messages.stored.back());
        newest.map_or(Position::START, |stored| stored.message.position)
    }

    /// Drops the oldest messages; returns their cost and the position of the last of them.
    pub(super) fn drop_oldest(&mut self, count: usize) -> (usize, Position) {
        let Some(messages) = &mut self.0 else { return (0, Position::START) };
        let count = count.min(messages.stored.len());
        let (mut cost, mut last) = (0, Position::START);
        for stored in messages.stored.drain(..count) {
            cost += message_cost(&stored.message);
            last = stored.message.position;
        }
        messages.cost -= cost;
        if messages.stored.is_empty() {
            assert_eq!(messages.cost, 0, "no cost is left without messages");
            self.0 = None;
        }
        (cost, last)
    }

    /// Section 9.2: the ids of the first and the last requested message.
    pub(super) fn asked(&self, resume: &Resume<'_>) -> Option<(i64, i64)> {
        let start = if resume.backtrack > 0 {
            self.len().saturating_sub(resume.backtrack as usize)
        } else if resume.since.is_some() || resume.event_id.is_some() {
            match self.start(resume) {
                Some(at) if is_seen(&self.message(at), resume) => at + 1,
                Some(at) => at,
                None => return None,
            }
        } else {
            return None;
        };
        let stored = &self.0.as_ref()?.stored;
        Some((stored.get(start)?.message.id, stored.back()?.message.id))
    }

    /// Where a replay begins: at the last message that was seen, or at the first one after it.
    /// Messages are in order of time and tag, so only an event id needs a linear search.
    fn start(&self, resume: &Resume<'_>) -> Option<usize> {
        let messages = &self.0.as_ref()?.stored;
        let by_time = resume.since.map_or(messages.len(), |since| {
            messages.partition_point(|stored| !is_at_or_after(&stored.message, since))
        });
        let by_event = resume.event_id.and_then(|_| {
            let mut before = messages.range(..by_time);
            before.position(|stored| has_event_id(&stored.message, resume))
        });
        by_event.or(Some(by_time).filter(|at| *at < messages.len()))
    }

    /// The messages from one id to another, both included. `None`: the first is no longer stored.
    pub(super) fn between(
        &self,
        first: i64,
        last: i64,
    ) -> Option<impl DoubleEndedIterator<Item = &Rc<Message>> + Clone> {
        let messages = &self.0.as_ref()?.stored;
        let start = messages.binary_search_by_key(&first, |stored| stored.message.id).ok()?;
        let end = messages.partition_point(|stored| stored.message.id <= last);
        Some(messages.range(start..end.max(start)).map(|stored| &stored.message))
    }

    fn message(&self, at: usize) -> Rc<Message> {
        let messages = self.0.as_ref().expect("an index was found");
        messages.stored[at].message.clone()
    }

    /// The positions of all messages, oldest first.
    pub(super) fn positions(&self) -> impl Iterator<Item = Position> {
        self.iter().map(|stored| stored.message.position)
    }

    fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.0.iter().flat_map(|messages| messages.stored.iter())
    }
}

/// Whether the message is at this position or after it.
fn is_at_or_after(message: &Message, since: Since) -> bool {
    message.time > since.time
        || message.time == since.time && since.tag.is_some_and(|tag| message.tag >= tag)
}

/// Whether the message where the replay starts is itself the last one seen.
fn is_seen(message: &Message, resume: &Resume<'_>) -> bool {
    let by_time = resume
        .since
        .is_some_and(|since| message.time == since.time && since.tag == Some(message.tag));
    by_time || has_event_id(message, resume)
}

fn has_event_id(message: &Message, resume: &Resume<'_>) -> bool {
    resume.event_id.is_some_and(|wanted| message.event_id.as_deref() == Some(wanted))
}
