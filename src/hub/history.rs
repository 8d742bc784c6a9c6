//! The stored messages of one channel, and which of them a subscriber asks for (push-stream spec,
//! section 9).

use super::ChannelId;
use super::account::message_cost;
use crate::message::Message;
use crate::time::Millis;
use std::collections::VecDeque;
use std::rc::Rc;

/// What a subscriber wants of one channel's stored messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resume<'a> {
    /// The last so many; above 0 it decides alone.
    pub backtrack: u32,
    /// Everything after a point in time.
    pub since: Option<Since>,
    /// Everything after the message with this event id.
    pub event_id: Option<&'a [u8]>,
}

/// A point in the order of all messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// Seconds since 1970.
    pub time: u64,
    /// Tag within that second; none: the whole second has been seen.
    pub tag: Option<u32>,
}

/// A part of one channel's stored messages that somebody is still to be sent. It holds no message: while it
/// is not sent, it may leave the store.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// Whose.
    pub channel: ChannelId,
    /// The channel's own number, which is never used again.
    pub serial: u64,
    /// Id of the first message.
    pub next: i64,
    /// Id of the last message.
    pub last: i64,
}

/// Oldest first. A channel without stored messages owns no heap for them: most have none and pay for every
/// inline byte.
#[derive(Debug, Default)]
pub(super) struct History(Option<Box<Messages>>);

#[derive(Debug, Default)]
struct Messages {
    stored: VecDeque<Stored>,
    /// What they cost in the memory account.
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

    /// How many, from the oldest on, have expired; counted up to a maximum.
    pub(super) fn expired(&self, now: Millis, count_max: usize) -> usize {
        self.iter().take(count_max).take_while(|stored| stored.expires <= now).count()
    }

    pub(super) fn next_expiry(&self) -> Option<Millis> {
        self.iter().next().map(|stored| stored.expires)
    }

    /// What they cost in the memory account.
    pub(super) fn cost(&self) -> usize {
        self.0.as_ref().map_or(0, |messages| messages.cost)
    }

    /// Drops the oldest; returns what they cost.
    pub(super) fn drop_oldest(&mut self, count: usize) -> usize {
        let Some(messages) = &mut self.0 else { return 0 };
        let count = count.min(messages.stored.len());
        let dropped = messages.stored.drain(..count);
        let cost: usize = dropped.map(|stored| message_cost(&stored.message)).sum();
        messages.cost -= cost;
        if messages.stored.is_empty() {
            assert_eq!(messages.cost, 0, "no cost is left without messages");
            self.0 = None;
        }
        cost
    }

    /// Section 9.2: the ids of the first and the last message that is asked for.
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

    /// Where a replay begins: just at or behind the message that was seen last. Messages are in the order of
    /// their times and tags; only an event id must be looked for one by one.
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

    /// The messages from one id to another, ends included. None: the first of them is not here any more.
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

    fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.0.iter().flat_map(|messages| messages.stored.iter())
    }
}

/// Whether the message is the one at this point in time, or a later one.
fn is_at_or_after(message: &Message, since: Since) -> bool {
    message.time > since.time
        || message.time == since.time && since.tag.is_some_and(|tag| message.tag >= tag)
}

/// Whether the message where the replay starts was itself the last one seen.
fn is_seen(message: &Message, resume: &Resume<'_>) -> bool {
    let by_time = resume
        .since
        .is_some_and(|since| message.time == since.time && since.tag == Some(message.tag));
    by_time || has_event_id(message, resume)
}

fn has_event_id(message: &Message, resume: &Resume<'_>) -> bool {
    resume.event_id.is_some_and(|wanted| message.event_id.as_deref() == Some(wanted))
}
