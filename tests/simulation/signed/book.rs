//! What a client must have received on one channel, and what it has.

use super::model::{Model, Point};
use std::collections::BTreeSet;

#[derive(Default)]
pub struct Book {
    /// It must get every message after this; `None`: it does not know yet where it begins.
    pub from: Option<Point>,
    received: Vec<(Point, String)>,
    /// Messages that it need not get: after the first point, up to the second.
    excused: Vec<(Point, Point)>,
}

impl Book {
    pub fn after(from: Option<Point>) -> Book {
        Book { from, ..Book::default() }
    }

    pub fn begin(&mut self, from: Point) {
        self.from.get_or_insert(from);
    }

    /// The client has received a message.
    pub fn take(&mut self, point: Point, text: &str) {
        let from = *self.from.get_or_insert((point.0, point.1 - 1));
        let last = self.received.last().map_or(from, |last| last.0);
        assert!(point > last.max(from), "{point:?} comes after {last:?}");
        self.received.push((point, text.to_owned()));
    }

    /// The client was told that it may have missed messages up to this one.
    pub fn excuse(&mut self, last: Point) {
        if let Some(from) = self.from {
            let first = self.received.last().map_or(from, |last| last.0);
            self.excused.push((first, last));
        }
    }

    /// Whether any message of the channel in a range was not received.
    pub fn misses_any(&self, model: &Model, channel: &str, after: Point, last: Point) -> bool {
        model.between(channel, after, last).any(|(point, _)| !self.has(point))
    }

    fn has(&self, point: Point) -> bool {
        self.received.binary_search_by_key(&point, |one| one.0).is_ok()
    }

    /// Everything was received, or named by a reset, or has an excepted text.
    pub fn assert_complete(&self, model: &Model, channel: &str, excepted: &BTreeSet<String>) {
        let Some(from) = self.from else { return };
        for (point, text) in &self.received {
            let message = model.eras[point.0].messages.get(&point.1);
            let is_same = message.is_some_and(|one| one.0 == channel && one.1 == *text);
            assert!(is_same, "{point:?} on {channel} is {message:?}, received as {text:.40}");
        }
        for (point, text) in model.between(channel, from, model.bound()) {
            let is_excused =
                self.excused.iter().any(|(first, last)| *first < point && point <= *last);
            assert!(
                is_excused || self.has(point) || excepted.contains(text),
                "{point:?} on {channel} is missing: {text:.40}; from {from:?}"
            );
        }
    }
}
