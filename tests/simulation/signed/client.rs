//! A client that follows the protocol: it keeps the last cursor that it has received, whatever
//! carried it, and resumes from there.
//!
//! A channel that a WebSocket client adds while it is connected has a cursor of its own until the
//! answer: its stored messages may be older than what came on other channels.

use super::Fault;
use super::book::Book;
use super::model::{Model, Point};
use super::wire::{Item, Reader};
use crate::coverage::Coverage;
use crate::random::Random;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Events,
    WebSocket,
    Poll,
    Framed,
}

/// One channel that the client wants.
pub struct Wanted {
    pub book: Book,
    pub state: State,
}

/// How a channel is subscribed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// With the connection.
    Shared,
    /// To be added to the connection, from this cursor.
    Apart(Option<String>),
    /// The same, and the server has not answered yet.
    Asked(Option<String>, u64),
    /// To be removed, and the server has not answered yet.
    Leaving,
}

/// A reset whose reason is to be checked once everything has been read.
pub struct Suspicion {
    channel: String,
    reason: String,
    after: Point,
    bound: Point,
}

pub struct Client {
    pub transport: Transport,
    pub wanted: BTreeMap<String, Wanted>,
    /// The last cursor that it has received.
    pub cursor: Option<String>,
    /// Its socket, while it is connected.
    pub number: Option<usize>,
    pub reader: Reader,
    /// The id of its connection, once it was greeted.
    pub connection: Option<String>,
    /// A polling request has no answer yet.
    pub is_asking: bool,
    pub wants_refresh: bool,
    /// Its request was refused: it connects again, with a fresh token.
    pub is_refused: bool,
    /// What its request had as cursor.
    pub resumed_after: Option<String>,
    /// No message up to the time when it was subscribed is later; `None`: it is not yet.
    pub joined_before: Option<Point>,
    has_received: bool,
    last: Option<Point>,
    suspicions: Vec<Suspicion>,
    /// Texts that are not delivered to it, as it is their sender.
    pub excepted: BTreeSet<String>,
    fault: Option<Fault>,
}

impl Client {
    pub fn new(transport: Transport, fault: Option<Fault>) -> Client {
        Client {
            transport,
            wanted: BTreeMap::new(),
            cursor: None,
            number: None,
            reader: Reader::new(transport),
            connection: None,
            is_asking: false,
            wants_refresh: false,
            is_refused: false,
            resumed_after: None,
            joined_before: None,
            has_received: false,
            last: None,
            suspicions: Vec::new(),
            excepted: BTreeSet::new(),
            fault,
        }
    }

    /// A new connection begins.
    pub fn begin(&mut self, number: usize) {
        self.number = Some(number);
        self.reader = Reader::new(self.transport);
        (self.is_asking, self.wants_refresh, self.is_refused) = (false, false, false);
        (self.last, self.joined_before, self.connection) = (None, None, None);
        self.suspicions.clear();
    }

    /// The connection is lost.
    pub fn lose(&mut self) {
        self.number = None;
        self.suspicions.clear();
        self.wanted.retain(|_, wanted| wanted.state != State::Leaving);
        for wanted in self.wanted.values_mut() {
            if let State::Asked(cursor, _) = &mut wanted.state {
                wanted.state = State::Apart(cursor.take());
            }
        }
    }

    /// The channels of its next request, and its cursor.
    pub fn request(&mut self) -> (Vec<&str>, Option<&str>) {
        if self.wanted.values().all(|wanted| wanted.state != State::Shared) {
            let first = self.wanted.values_mut().next().expect("it wants a channel");
            let State::Apart(cursor) = &first.state else { panic!("it is not connected") };
            self.cursor = cursor.clone();
            first.state = State::Shared;
        }
        self.resumed_after = self.cursor.clone();
        (self.has_received, self.joined_before) = (false, None);
        self.is_asking = true;
        let shared = self.wanted.iter().filter(|(_, wanted)| wanted.state == State::Shared);
        (shared.map(|(name, _)| name.as_str()).collect(), self.cursor.as_deref())
    }

    /// Takes what was received.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        model: &Model,
        random: &mut Random,
        coverage: &mut Coverage,
    ) {
        for item in self.reader.feed(bytes) {
            match (self.fault, &item) {
                (Some(Fault::Dropped), Item::Message { .. }) if random.one_in(30) => continue,
                (Some(Fault::Doubled), Item::Message { .. }) if random.one_in(30) => {
                    self.take(item.clone(), model, coverage);
                }
                (Some(Fault::HeartbeatAhead), Item::Heartbeat(cursor)) => {
                    let (epoch, position) = cursor.split_once('.').expect("a cursor");
                    let next = position.parse::<u64>().expect("a number") + 1;
                    if next <= model.bound().1 + 1 {
                        let ahead = Item::Heartbeat(format!("{epoch}.{next}"));
                        self.take(ahead, model, coverage);
                        continue;
                    }
                }
                (Some(Fault::FloorNotRaised), Item::Reset { reason, .. })
                    if reason == "evicted" =>
                {
                    continue;
                }
                (Some(Fault::NeedlessReset), Item::Hello { cursor, .. })
                    if self.resumed_after.is_some() =>
                {
                    let shared = self.wanted.iter().filter(|one| one.1.state == State::Shared);
                    let channels = shared.map(|(name, _)| name.clone()).collect();
                    let (cursor, reason) = (cursor.clone(), "evicted".to_owned());
                    self.take(item.clone(), model, coverage);
                    self.take(Item::Reset { channels, reason, cursor }, model, coverage);
                    continue;
                }
                _ => {}
            }
            self.take(item, model, coverage);
        }
    }

    fn take(&mut self, item: Item, model: &Model, coverage: &mut Coverage) {
        match item {
            Item::Hello { connection, cursor } => {
                self.connection = Some(connection);
                self.is_asking = false;
                self.begin_books(&cursor, model);
                self.cursor = Some(cursor);
                coverage.count("hellos", 1);
            }
            Item::Message { id, channel, text } => {
                self.take_message(id, &channel, &text, model);
                coverage.count("messages", 1);
            }
            Item::Reset { channels, reason, cursor } => {
                let what = match &*reason {
                    "restarted" => "resets after a restart",
                    "evicted" => "resets after an eviction",
                    _ => panic!("every cursor is of a server: {reason}"),
                };
                coverage.count(what, 1);
                self.take_reset(&channels, &reason, cursor, model);
            }
            Item::Heartbeat(cursor) => {
                let point = model.point(&cursor);
                assert!(self.last.is_none_or(|last| last <= point), "{cursor} is older");
                self.last = Some(point);
                self.has_received = true;
                self.cursor = Some(cursor);
                coverage.count("heartbeats", 1);
            }
            Item::Subscribed { channels, cursor, reference } => {
                let point = model.point(&cursor);
                for name in &channels {
                    let Some(wanted) = self.wanted.get_mut(name) else { continue };
                    if matches!(wanted.state, State::Asked(_, asked) if asked == reference) {
                        wanted.state = State::Shared;
                        wanted.book.begin(point);
                    }
                }
                self.cursor = Some(cursor);
                coverage.count("channels added", 1);
            }
            Item::Unsubscribed { channels } => {
                for name in channels {
                    let Some(wanted) = self.wanted.get_mut(&name) else { continue };
                    match wanted.state {
                        State::Leaving => drop(self.wanted.remove(&name)),
                        // The server has removed it: the channel was deleted.
                        State::Shared => wanted.state = State::Apart(self.cursor.clone()),
                        State::Apart(_) | State::Asked(..) => panic!("{name} is not subscribed to"),
                    }
                }
            }
            Item::Answered(cursor) => {
                self.begin_books(&cursor, model);
                self.cursor = Some(cursor);
                self.is_asking = false;
                coverage.count("polls answered", 1);
            }
            Item::Expiring => self.wants_refresh = true,
            Item::Goodbye(reason) => {
                let what = match &*reason {
                    "expired" => "goodbyes: expired",
                    "revoked" => "goodbyes: revoked",
                    "age" => "goodbyes: age",
                    "slow" => "goodbyes: slow",
                    _ => panic!("no reason for {reason}"),
                };
                coverage.count(what, 1);
            }
            Item::Refused(status) => {
                assert!([0, 401].contains(&status), "{status}");
                self.is_refused = true;
                coverage.count("refused tokens", 1);
            }
            Item::Other => {}
        }
    }

    fn begin_books(&mut self, cursor: &str, model: &Model) {
        for wanted in self.wanted.values_mut() {
            if wanted.state == State::Shared && wanted.book.from.is_none() {
                wanted.book.begin(model.point(cursor));
            }
        }
    }

    fn take_message(&mut self, id: String, channel: &str, text: &str, model: &Model) {
        let point = model.point(&id);
        let wanted = self.wanted.get_mut(channel);
        let wanted = wanted.unwrap_or_else(|| panic!("{channel} is not subscribed to"));
        self.has_received = true;
        match &mut wanted.state {
            State::Leaving => self.cursor = Some(id),
            State::Asked(cursor, _) => {
                wanted.book.take(point, text);
                *cursor = Some(id);
            }
            State::Shared => {
                wanted.book.take(point, text);
                assert!(self.last.is_none_or(|last| last < point), "{id} after {:?}", self.last);
                self.last = Some(point);
                self.cursor = Some(id);
            }
            State::Apart(_) => panic!("{channel} is not subscribed to any more"),
        }
    }

    fn take_reset(&mut self, channels: &[String], reason: &str, at: String, model: &Model) {
        // Resets at the beginning concern what was published before it was subscribed.
        let at_join = self.joined_before.filter(|_| !self.has_received);
        let mut is_shared = false;
        for name in channels {
            let wanted = self.wanted.get_mut(name);
            let wanted = wanted.unwrap_or_else(|| panic!("{name} is not subscribed to"));
            let (after, bound) = match &mut wanted.state {
                State::Asked(cursor, _) => (cursor.replace(at.clone()), model.bound()),
                State::Shared | State::Leaving => {
                    is_shared = true;
                    (self.resumed_after.clone(), at_join.unwrap_or(model.bound()))
                }
                State::Apart(_) => panic!("{name} is not subscribed to any more"),
            };
            wanted.book.excuse(bound);
            let (channel, reason) = (name.clone(), reason.to_owned());
            match after.map(|after| model.point(&after)) {
                Some(after) => {
                    self.suspicions.push(Suspicion { channel, reason, after, bound });
                }
                None => assert!(model.eras[bound.0].has_removals, "it had no cursor for {name}"),
            }
        }
        if is_shared {
            self.cursor = Some(at);
        }
    }

    /// Everything that is published has been read.
    pub fn check(&mut self, model: &Model, coverage: &mut Coverage) {
        for (name, wanted) in &self.wanted {
            if wanted.state != State::Leaving {
                wanted.book.assert_complete(model, name, &self.excepted);
            }
        }
        for Suspicion { channel, reason, after, bound } in self.suspicions.drain(..) {
            let Some(wanted) = self.wanted.get(&channel) else { continue };
            if reason == "restarted" {
                assert!(after.0 < bound.0, "{channel}: the server has not restarted");
            } else if !model.eras[bound.0].has_removals {
                let is_right = wanted.book.misses_any(model, &channel, after, bound);
                assert!(is_right, "{channel}: nothing is missing after {after:?}");
                coverage.count("resets found exact", 1);
            }
        }
    }
}
