//! Events, things that happened to channels (push-stream spec, section 21), and the queue of those
//! that are still to be published.

use crate::message::ChannelName;
use std::collections::VecDeque;

/// What a waiting event counts for besides its channel's name: its place in the queue, and that it
/// may be the last that holds the name.
const EVENT_COST: usize = 64;
/// Room that an empty queue keeps.
const IDLE_CAPACITY: usize = 64;

/// Something that happened to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The channel's name.
    pub channel: ChannelName,
}

/// What can happen to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The channel was created.
    ChannelCreated,
    /// The channel was removed: idle for too long, or swept after it was deleted.
    ChannelDestroyed,
    /// A subscription began.
    ClientSubscribed,
    /// A subscription ended.
    ClientUnsubscribed,
}

impl EventKind {
    /// The event's name in messages, also their event type.
    pub fn word(self) -> &'static str {
        match self {
            EventKind::ChannelCreated => "channel_created",
            EventKind::ChannelDestroyed => "channel_destroyed",
            EventKind::ClientSubscribed => "client_subscribed",
            EventKind::ClientUnsubscribed => "client_unsubscribed",
        }
    }
}

impl Event {
    fn cost(&self) -> usize {
        EVENT_COST + self.channel.len()
    }

    /// The text of the message. Channel ids are inserted unchanged, except for what would break the
    /// JSON (section 27): invalid UTF-8 becomes U+FFFD.
    pub fn text(&self) -> String {
        let mut text = format!("{{\"type\": \"{}\", \"channel\": \"", self.kind.word());
        for character in String::from_utf8_lossy(&self.channel).chars() {
            match character {
                '"' | '\\' => text.extend(['\\', character]),
                '\0'..' ' => text.push_str(&format!("\\u{:04x}", u32::from(character))),
                _ => text.push(character),
            }
        }
        text.push_str("\"}");
        text
    }
}

/// Events that are still to be published, in the order in which they happened.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queue: VecDeque<Event>,
    bytes: usize,
    /// Events so far, with those that have been published.
    raised: u64,
}

impl Waiting {
    pub(super) fn push(&mut self, event: Event) {
        self.raised += 1;
        self.bytes += event.cost();
        self.queue.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.queue.pop_front()?;
        self.bytes -= event.cost();
        if self.queue.is_empty() {
            self.queue.shrink_to(IDLE_CAPACITY);
        }
        Some(event)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Memory that they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Events so far, with those that have been published.
    pub(super) fn raised(&self) -> u64 {
        self.raised
    }

    /// Events that are not waiting any more.
    pub(super) fn published(&self) -> u64 {
        self.raised - self.queue.len() as u64
    }

    /// Drops all of them: there is no events channel any more.
    pub(super) fn clear(&mut self) {
        (self.queue, self.bytes) = (VecDeque::new(), 0);
    }

    pub(super) fn assert_consistent(&self) {
        let bytes: usize = self.queue.iter().map(Event::cost).sum();
        assert_eq!(self.bytes, bytes, "waiting events are counted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_events_leaves_no_room_behind() {
        let mut waiting = Waiting::default();
        let event = Event { kind: EventKind::ChannelCreated, channel: b"a".as_slice().into() };
        (0..10_000).for_each(|_| waiting.push(event.clone()));
        assert_eq!(waiting.bytes, 10_000 * (EVENT_COST + 1));
        let count = std::iter::from_fn(|| waiting.pop()).count();
        assert_eq!((count, waiting.bytes), (10_000, 0));
        assert!(waiting.queue.capacity() <= 2 * IDLE_CAPACITY);
    }

    #[test]
    fn the_text_is_json_whatever_bytes_an_id_has() {
        let text = |id: &[u8]| Event { kind: EventKind::ChannelCreated, channel: id.into() }.text();
        let expected =
            |id: &str| format!("{{\"type\": \"channel_created\", \"channel\": \"{id}\"}}");
        assert_eq!(text("a\"\\\n/é".as_bytes()), expected("a\\\"\\\\\\u000a/é"));
        assert_eq!(text(b"a\xff\xc3(b\xe2\x82"), expected("a\u{fffd}\u{fffd}(b\u{fffd}"));
    }
}
