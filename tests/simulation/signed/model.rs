//! The model: lists of everything that was published, by start of the server.

use std::collections::BTreeMap;

/// A place in the order of all messages: the number of the server's start, and the position.
pub type Point = (usize, u64);

/// What one server has published until it was restarted.
#[derive(Default)]
pub struct Era {
    /// Its epoch, as cursors have it.
    pub epoch: String,
    /// Channel and text by position.
    pub messages: BTreeMap<u64, (String, String)>,
    /// Messages of locations, whose answers have no position, in order.
    blind: Vec<(String, String)>,
    /// How many messages were sent to be published: no position is higher.
    pub sent_count: u64,
    /// Whether a channel may have been removed: then a reset may be needless.
    pub has_removals: bool,
}

#[derive(Default)]
pub struct Model {
    pub eras: Vec<Era>,
}

impl Model {
    pub fn begin(&mut self, epoch: String) {
        self.eras.push(Era { epoch, ..Era::default() });
    }

    pub fn era(&mut self) -> &mut Era {
        self.eras.last_mut().expect("the server has started")
    }

    /// The newest position that a message may have.
    pub fn bound(&self) -> Point {
        (self.eras.len() - 1, self.eras[self.eras.len() - 1].sent_count)
    }

    /// The point that a cursor names.
    pub fn point(&self, cursor: &str) -> Point {
        let (epoch, position) = cursor.split_once('.').expect("a cursor has two parts");
        let era = self.eras.iter().position(|era| era.epoch == epoch).expect("a known epoch");
        (era, position.parse().expect("a position is a number"))
    }

    pub fn published(&mut self, cursor: &str, message: (String, String)) {
        let (era, position) = self.point(cursor);
        assert_eq!(era, self.eras.len() - 1, "a cursor of this server");
        let other = self.era().messages.insert(position, message);
        assert_eq!(other, None, "position {position} is that of one message");
    }

    pub fn published_blindly(&mut self, message: (String, String)) {
        self.era().blind.push(message);
    }

    /// Gives the messages of locations the positions that are left. Everything sent must have been
    /// answered.
    pub fn place_blind(&mut self) {
        let era = self.era();
        let blind = std::mem::take(&mut era.blind);
        let last = (era.messages.len() + blind.len()) as u64;
        let holes: Vec<u64> =
            (1..=last).filter(|position| !era.messages.contains_key(position)).collect();
        assert_eq!(holes.len(), blind.len(), "positions have no gaps");
        era.messages.extend(holes.into_iter().zip(blind));
    }

    /// The messages of a channel after a point, up to another.
    pub fn between(
        &self,
        channel: &str,
        after: Point,
        last: Point,
    ) -> impl Iterator<Item = (Point, &str)> {
        let eras = self.eras.iter().enumerate().skip(after.0).take(last.0 + 1 - after.0);
        let wanted = eras.flat_map(move |(era, one)| {
            let first = if era == after.0 { after.1 + 1 } else { 0 };
            let end = if era == last.0 { last.1 + 1 } else { u64::MAX };
            let range = one.messages.range(first..end.max(first));
            range.map(move |(position, message)| ((era, *position), message))
        });
        wanted
            .filter(move |(_, (name, _))| name == channel)
            .map(|(point, (_, text))| (point, text.as_str()))
    }
}
