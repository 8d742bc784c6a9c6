//! The messages that push-stream subscribers must receive, as lists: what was published, what is
//! stored, what each subscriber is still missing. It does not depend on sockets and bytes.

use crate::patience::Patience;
use rpushd::time::{Millis, Moment, Now};
use std::collections::{BTreeMap, VecDeque};

/// An expired message may still be delivered until the sweep after this time (section 20.1).
const SWEEP_MAX: Millis = Millis(6000);

pub struct Message {
    pub channel: String,
    pub text: String,
    at: Now,
    /// `None`: there was no room for its channel.
    pub id: Option<i64>,
}

impl Message {
    /// Its time (section 1.1).
    pub fn second(&self) -> u64 {
        self.at.unix_seconds()
    }
}

/// The cursor of a subscriber (section 9.1).
#[derive(Clone, Copy, Debug)]
pub enum Seen {
    Nothing,
    After(usize),
    /// Everything from this second on.
    Since(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Message(usize),
    Deleted { channel: String, text: String },
}

/// A message that a subscriber must receive.
#[derive(Clone, Debug)]
pub struct Expected {
    pub what: What,
    /// It has expired, but need not have been swept yet.
    pub is_optional: bool,
}

/// One subscriber: its channels, and the messages that it has not received yet.
#[derive(Debug)]
pub struct Live {
    pub channels: Vec<String>,
    pub expected: VecDeque<Expected>,
    /// The first message ends it.
    pub is_single: bool,
    pub is_answered: bool,
    /// It waits for nothing more, or the server has been made to end it.
    pub may_end: bool,
    pub since: Moment,
    /// Number of messages that it has received.
    pub taken_count: u64,
    /// It has received its old messages: all further ones were published after it subscribed.
    pub has_caught_up: bool,
    pub patience: Patience,
}

pub struct Model {
    pub messages: Vec<Message>,
    stored: BTreeMap<String, VecDeque<usize>>,
    /// The id of each channel's last message.
    latest: BTreeMap<String, i64>,
    ttl: Millis,
    stored_max: usize,
    /// Only a deletion ends a channel with publications: unused ones do not live long enough to
    /// expire.
    keeps_channels: bool,
    /// When the server last had an opportunity to sweep.
    pub swept_at: Moment,
}

impl Model {
    pub fn new(ttl: Millis, stored_max: usize, keeps_channels: bool) -> Model {
        Model {
            messages: Vec::new(),
            stored: BTreeMap::new(),
            latest: BTreeMap::new(),
            ttl,
            stored_max,
            keeps_channels,
            swept_at: Moment::START,
        }
    }

    /// Records a publication with this id.
    pub fn publish(
        &mut self,
        channel: &str,
        text: &str,
        is_stored: bool,
        id: Option<i64>,
        now: Now,
    ) -> usize {
        let number = self.messages.len();
        if let Some(id) = id {
            let previous = self.latest.insert(channel.to_owned(), id).unwrap_or(0);
            let may_restart = !self.keeps_channels;
            let follows = id == previous + 1 || may_restart && id == 1;
            assert!(follows, "message {id} of {channel} follows {previous}");
        }
        let (channel, text) = (channel.to_owned(), text.to_owned());
        self.messages.push(Message { channel: channel.clone(), text, at: now, id });
        if is_stored {
            let stored = self.stored.entry(channel).or_default();
            stored.push_back(number);
            if stored.len() > self.stored_max {
                stored.pop_front();
            }
        }
        number
    }

    pub fn delete(&mut self, channel: &str) {
        self.stored.remove(channel);
        self.latest.remove(channel);
    }

    /// Whether the channel certainly exists because it has stored messages.
    pub fn has_stored(&self, channel: &str, now: Now) -> bool {
        self.stored.get(channel).and_then(VecDeque::back).is_some_and(|last| {
            let expires = self.messages[*last].at.monotonic + self.ttl;
            expires > now.monotonic
        })
    }

    /// The old messages of each channel, by the rule of section 9.2.
    pub fn replay(&self, path: &[(String, usize)], seen: Seen, now: Now) -> VecDeque<Expected> {
        path.iter()
            .flat_map(|(channel, backtrack)| self.old(channel, *backtrack, seen, now))
            .collect()
    }

    fn old(&self, channel: &str, backtrack: usize, seen: Seen, now: Now) -> Vec<Expected> {
        let stored = self.stored.get(channel).into_iter().flatten().copied();
        let expires = |number: usize| self.messages[number].at.monotonic + self.ttl;
        let possible: Vec<usize> =
            stored.filter(|number| expires(*number) + SWEEP_MAX > self.swept_at).collect();
        let is_new = |number: &usize| match seen {
            Seen::Nothing => false,
            Seen::After(last) => *number > last,
            Seen::Since(second) => self.messages[*number].second() >= second,
        };
        let start = match backtrack {
            0 => possible.iter().position(is_new).unwrap_or(possible.len()),
            _ => possible.len().saturating_sub(backtrack),
        };
        let expected = |number: &usize| Expected {
            what: What::Message(*number),
            is_optional: expires(*number) <= now.monotonic,
        };
        possible[start..].iter().map(expected).collect()
    }

    pub fn text(&self, what: &What) -> String {
        match what {
            What::Message(number) => self.messages[*number].text.clone(),
            What::Deleted { text, .. } => text.clone(),
        }
    }
}

impl Live {
    pub fn new(
        path: &[(String, usize)],
        old: VecDeque<Expected>,
        is_single: bool,
        now: Now,
    ) -> Live {
        Live {
            channels: path.iter().map(|(channel, _)| channel.clone()).collect(),
            expected: old,
            is_single,
            is_answered: false,
            may_end: false,
            since: now.monotonic,
            taken_count: 0,
            has_caught_up: false,
            patience: Patience::default(),
        }
    }

    /// Its channels; one that was named twice appears twice at its first place.
    pub fn grouped(&self) -> Vec<&String> {
        let mut grouped: Vec<&String> = Vec::new();
        for channel in &self.channels {
            let last = grouped.iter().rposition(|other| *other == channel);
            grouped.insert(last.map_or(grouped.len(), |last| last + 1), channel);
        }
        grouped
    }

    /// Expects the messages of a publication to this channel.
    pub fn publish(&mut self, channel: &str, number: usize) {
        let count = self.channels.iter().filter(|one| *one == channel).count();
        for _ in 0..count {
            self.expect(What::Message(number));
        }
    }

    /// Expects the message of a deleted channel, one however often it was named, and perhaps the
    /// end.
    pub fn delete(&mut self, channel: &str, text: &str) {
        let count = self.channels.len();
        self.channels.retain(|one| one != channel);
        if self.channels.len() < count {
            self.expect(What::Deleted { channel: channel.to_owned(), text: text.to_owned() });
            self.may_end |= self.channels.is_empty();
        }
    }

    fn expect(&mut self, what: What) {
        if !self.is_answered {
            self.expected.push_back(Expected { what, is_optional: false });
            self.is_answered = self.is_single;
        }
    }

    /// Removes the received message, which must be the next one; expired messages may be left out.
    pub fn take(&mut self, is_it: impl Fn(&What) -> bool) -> Option<What> {
        // A delayed publication may outlive its channel: the same text then comes again with the
        // same id.
        let is_certain = |one: &Expected| !one.is_optional && is_it(&one.what);
        let is_certainly_there = self.expected.iter().any(is_certain);
        while let Some(next) = self.expected.pop_front() {
            if is_it(&next.what) && !(next.is_optional && is_certainly_there) {
                self.taken_count += 1;
                return Some(next.what);
            }
            if !next.is_optional {
                self.expected.push_front(next);
                return None;
            }
        }
        None
    }

    pub fn missing_count(&self) -> usize {
        self.expected.iter().filter(|one| !one.is_optional).count()
    }
}
