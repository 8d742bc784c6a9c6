//! Which channels have subscribers, which subjects are subscribed to them, and what of it is still
//! to be announced. There is no queue of events: a change that is undone before it is announced is
//! not announced, and memory is bounded by the number of entries.

use crate::config::Presence as Settings;
use crate::message::ChannelName;
use crate::time::{Moment, Now};
use hashbrown::HashTable;
use serde::Serialize;
use slab::Slab;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};

/// Memory of an entry besides its subject: itself, and its places in the tables.
const ENTRY_BYTES: usize = size_of::<Entry>() + 48;

/// A channel with subscribers, or a subject with subscriptions to a channel.
#[derive(Debug)]
struct Entry {
    channel: ChannelName,
    /// The subject; none: the channel itself.
    subject: Option<Box<str>>,
    /// Number of connections.
    connections: u32,
    /// Whether the last message about it is that of its presence.
    is_announced: bool,
    /// Whether it is in the list of changed entries.
    is_changed: bool,
    /// Its place in the order of announcements, if there is something to announce.
    due: Option<Due>,
}

/// When something is to be announced, and its place among announcements of the same time.
type Due = (Moment, u64);

/// A message about a channel or a subject.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Announcement {
    /// The channel to publish to.
    pub(super) to: Vec<u8>,
    /// The message.
    pub(super) text: String,
    key: u32,
    is_join: bool,
}

/// The members of a message.
#[derive(Serialize)]
struct Text<'a> {
    event: &'a str,
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
}

/// The channels of the settings that have subscribers, and the subjects of these.
#[derive(Debug, Default)]
pub(super) struct Presence {
    settings: Option<Settings>,
    count_max: usize,
    entries: Slab<Entry>,
    table: HashTable<u32>,
    hasher: RandomState,
    /// Entries whose number of connections has become 0 or 1.
    changed: Vec<u32>,
    /// What is to be announced, in order.
    due: BTreeSet<(Due, u32)>,
    sequence: u64,
    /// Subscriptions that are not counted, because there were `count_max` entries. While there are
    /// any, no entry is added: otherwise a subject might have some that are counted and some that
    /// are not, and its leave would be announced too early.
    uncounted: u64,
    /// Whether the limit was reached since [`Presence::take_exceeded`].
    is_exceeded: bool,
    subject_bytes: usize,
    /// Announcements that have been published.
    pub(super) published: u64,
}

impl Presence {
    /// Takes the settings. Returns whether all subscriptions are to be counted again: then there
    /// are no entries until they are.
    pub(super) fn configure(&mut self, settings: Option<Settings>, count_max: usize) -> bool {
        let is_same = match (&self.settings, &settings) {
            (Some(old), Some(new)) => old.channels == new.channels && old.to == new.to,
            (None, None) => true,
            _ => false,
        };
        (self.settings, self.count_max) = (settings, count_max);
        if !is_same {
            let settings = self.settings.take();
            let published = self.published;
            *self = Presence { settings, count_max, published, ..Presence::default() };
        }
        !is_same
    }

    /// Whether anything is announced.
    pub(super) fn is_on(&self) -> bool {
        self.settings.is_some()
    }

    fn announces(&self, channel: &[u8]) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.announces(channel))
    }

    /// Counts a connection of a subject, or of the channel itself.
    pub(super) fn add(&mut self, channel: &ChannelName, subject: Option<&str>) {
        if !self.announces(channel) {
            return;
        }
        let key = match self.find(channel, subject) {
            Some(key) => key,
            None if self.uncounted > 0 || self.entries.len() >= self.count_max => {
                self.uncounted += 1;
                self.is_exceeded = true;
                return;
            }
            None => self.insert(channel, subject),
        };
        let entry = &mut self.entries[key as usize];
        entry.connections += 1;
        if entry.connections == 1 {
            self.note_change(key);
        }
    }

    /// Takes back what [`Presence::add`] has counted.
    pub(super) fn remove(&mut self, channel: &ChannelName, subject: Option<&str>) {
        if !self.announces(channel) {
            return;
        }
        let found = self.find(channel, subject);
        let Some(key) = found.filter(|key| self.entries[*key as usize].connections > 0) else {
            self.uncounted -= 1;
            return;
        };
        let entry = &mut self.entries[key as usize];
        entry.connections -= 1;
        if entry.connections == 0 {
            self.note_change(key);
        }
    }

    /// Treats all presences as announced: they were there before the settings changed.
    pub(super) fn assume_announced(&mut self) {
        for key in std::mem::take(&mut self.changed) {
            let entry = &mut self.entries[key as usize];
            (entry.is_announced, entry.is_changed) = (true, false);
        }
    }

    fn note_change(&mut self, key: u32) {
        if !std::mem::replace(&mut self.entries[key as usize].is_changed, true) {
            self.changed.push(key);
        }
    }

    /// Schedules what has changed. Returns how many entries it has examined.
    pub(super) fn settle(&mut self, now: Now) -> usize {
        let changed = std::mem::take(&mut self.changed);
        for key in &changed {
            let entry = &mut self.entries[*key as usize];
            entry.is_changed = false;
            if let Some(due) = entry.due.take() {
                self.due.remove(&(due, *key));
            }
            let entry = &mut self.entries[*key as usize];
            let at = match (entry.connections > 0, entry.is_announced) {
                (true, true) => continue,
                (false, false) => {
                    self.discard(*key);
                    continue;
                }
                (true, false) => now.monotonic,
                (false, true) => {
                    let delay = self.settings.as_ref().map(|one| one.leave_delay);
                    now.monotonic + delay.unwrap_or_default()
                }
            };
            self.sequence += 1;
            entry.due = Some((at, self.sequence));
            self.due.insert(((at, self.sequence), *key));
        }
        changed.len()
    }

    /// The next message that is due. [`Presence::settle`] must have been called since the last
    /// change.
    pub(super) fn next_due(&self, now: Now) -> Option<Announcement> {
        let ((at, _), key) = *self.due.first()?;
        if at > now.monotonic {
            return None;
        }
        let entry = &self.entries[key as usize];
        let event = match (entry.connections > 0, entry.subject.is_some()) {
            (true, false) => "occupied",
            (false, false) => "vacated",
            (true, true) => "joined",
            (false, true) => "left",
        };
        let channel = String::from_utf8_lossy(&entry.channel);
        let text = Text { event, channel: &channel, subject: entry.subject.as_deref() };
        let text = serde_json::to_string(&text).expect("strings are always JSON");
        let to = self.settings.as_ref()?.to.for_channel(&entry.channel);
        Some(Announcement { to, text, key, is_join: entry.connections > 0 })
    }

    /// Notes that a message was published, or cannot be.
    pub(super) fn announced(&mut self, announcement: &Announcement) {
        let key = announcement.key;
        let entry = &mut self.entries[key as usize];
        if let Some(due) = entry.due.take() {
            self.due.remove(&(due, key));
        }
        entry.is_announced = announcement.is_join;
        if entry.is_announced != (entry.connections > 0) {
            self.note_change(key);
        } else if !entry.is_announced && !entry.is_changed {
            self.discard(key);
        }
    }

    /// Whether the limit was reached since the last call.
    pub(super) fn take_exceeded(&mut self) -> bool {
        std::mem::take(&mut self.is_exceeded)
    }

    /// When something is to be announced next.
    pub(super) fn next_wake(&self) -> Option<Moment> {
        match self.changed.is_empty() {
            false => Some(Moment::START),
            true => self.due.first().map(|((at, _), _)| *at),
        }
    }

    fn hash(&self, channel: &[u8], subject: Option<&str>) -> u64 {
        self.hasher.hash_one((channel, subject))
    }

    fn find(&self, channel: &[u8], subject: Option<&str>) -> Option<u32> {
        let is_it = |key: &u32| {
            let entry = &self.entries[*key as usize];
            *entry.channel == *channel && entry.subject.as_deref() == subject
        };
        self.table.find(self.hash(channel, subject), is_it).copied()
    }

    fn insert(&mut self, channel: &ChannelName, subject: Option<&str>) -> u32 {
        self.subject_bytes += subject.map_or(0, str::len);
        let key = self.entries.insert(Entry {
            channel: channel.clone(),
            subject: subject.map(Into::into),
            connections: 0,
            is_announced: false,
            is_changed: false,
            due: None,
        });
        let key = u32::try_from(key).expect("fewer subscriptions than 2^32");
        let hash = self.hash(channel, subject);
        let (hasher, entries) = (&self.hasher, &self.entries);
        let hash_of = |key: &u32| {
            let entry = &entries[*key as usize];
            hasher.hash_one((&*entry.channel, entry.subject.as_deref()))
        };
        self.table.insert_unique(hash, key, hash_of);
        key
    }

    fn discard(&mut self, key: u32) {
        let entry = self.entries.remove(key as usize);
        self.subject_bytes -= entry.subject.as_deref().map_or(0, str::len);
        let hash = self.hash(&entry.channel, entry.subject.as_deref());
        let found = self.table.find_entry(hash, |other| *other == key);
        found.expect("every entry is found").remove();
    }

    /// About the memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.entries.len() * ENTRY_BYTES + self.subject_bytes
    }

    /// Returns memory that is not in use.
    pub(super) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
        let (hasher, entries) = (&self.hasher, &self.entries);
        self.table.shrink_to_fit(|key| {
            let entry = &entries[*key as usize];
            hasher.hash_one((&*entry.channel, entry.subject.as_deref()))
        });
    }

    /// Checks what must hold between calls; for tests. `present` has one element for each
    /// subscription, and one more for each of a connection with a subject.
    ///
    /// # Panics
    /// It does not hold.
    pub(super) fn assert_consistent<'a>(
        &self,
        present: impl Iterator<Item = (ChannelName, Option<&'a str>)>,
    ) {
        let mut counts: HashMap<(ChannelName, Option<&str>), u32> = HashMap::new();
        let announced = present.filter(|(channel, _)| self.announces(channel));
        announced.for_each(|one| *counts.entry(one).or_default() += 1);
        let all: u64 = counts.values().map(|count| u64::from(*count)).sum();
        let counted: u64 = self.entries.iter().map(|(_, one)| u64::from(one.connections)).sum();
        assert_eq!(all, counted + self.uncounted, "each subscription is counted, or known");
        assert_eq!(self.table.len(), self.entries.len(), "each entry is found");
        for (key, entry) in &self.entries {
            let one = (entry.channel.clone(), entry.subject.as_deref());
            let count = counts.get(&one).copied().unwrap_or(0);
            assert_eq!(entry.connections, count, "the connections of an entry are counted");
            let is_current = entry.is_announced == (count > 0);
            let is_due = entry.due.is_some_and(|due| self.due.contains(&(due, key as u32)));
            assert!(is_current || is_due || entry.is_changed, "a change will be announced");
            assert!(entry.due.is_none() || is_due, "what is due is in the order");
        }
        let due = self.entries.iter().filter(|(_, entry)| entry.due.is_some()).count();
        assert_eq!(self.due.len(), due, "nothing else is due");
        let bytes = self.entries.iter().filter_map(|(_, one)| one.subject.as_deref());
        let bytes: usize = bytes.map(str::len).sum();
        assert_eq!(self.subject_bytes, bytes, "subjects are counted");
    }
}
