//! How much is published to each channel per second, over the last ten seconds. Only channels with
//! publications in this or the previous interval take memory: most have none for hours.

use super::ChannelId;
use crate::time::{Millis, Moment};
use std::collections::HashMap;

const INTERVAL: Millis = Millis(10_000);

/// Publications per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Messages per second.
    pub messages: f64,
    /// Bytes of their texts per second.
    pub bytes: f64,
}

/// What was published to one channel in one interval. Numbers beyond 32 bits are cut.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    messages: u32,
    bytes: u32,
}

#[derive(Debug, Default)]
pub(super) struct Rates {
    /// The current interval: its number since the start of the clock.
    interval: u64,
    current: HashMap<ChannelId, Count>,
    previous: HashMap<ChannelId, Count>,
}

impl Rates {
    /// Counts a publication.
    pub(super) fn count(&mut self, channel: ChannelId, bytes: usize, now: Moment) {
        self.advance(now);
        let count = self.current.entry(channel).or_default();
        count.messages = count.messages.saturating_add(1);
        count.bytes = count.bytes.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// Begins the interval of this moment, if it has not begun.
    pub(super) fn advance(&mut self, now: Moment) {
        let interval = now.0 / INTERVAL.0;
        let is_next = interval == self.interval + 1;
        if interval <= self.interval {
            return;
        }
        self.interval = interval;
        // Most channels that were active stay so: the table is not enlarged step by step.
        let next = HashMap::with_capacity(if is_next { self.current.len() } else { 0 });
        let ended = std::mem::replace(&mut self.current, next);
        self.previous = if is_next { ended } else { HashMap::new() };
    }

    /// When [`Rates::advance`] is to be called, to return memory.
    pub(super) fn next_due(&self) -> Option<Moment> {
        let is_empty = self.current.capacity() + self.previous.capacity() == 0;
        (!is_empty).then(|| Moment((self.interval + 1).saturating_mul(INTERVAL.0)))
    }

    /// Removes a channel, whose id may be of another one later.
    pub(super) fn remove(&mut self, channel: ChannelId) {
        self.current.remove(&channel);
        self.previous.remove(&channel);
    }

    /// The rate of a channel: what was published in the current interval, and the part of the
    /// previous one that is within the last ten seconds.
    pub(super) fn of(&self, channel: ChannelId, now: Moment) -> Rate {
        let find = |counts: &HashMap<ChannelId, Count>| counts.get(&channel).copied();
        let (current, previous) = match (now.0 / INTERVAL.0).saturating_sub(self.interval) {
            0 => (find(&self.current), find(&self.previous)),
            1 => (None, find(&self.current)),
            _ => (None, None),
        };
        let (current, previous) = (current.unwrap_or_default(), previous.unwrap_or_default());
        let elapsed = (now.0 % INTERVAL.0) as f64 / INTERVAL.0 as f64;
        let seconds = INTERVAL.0 as f64 / 1000.0;
        let per_second = |current: u32, previous: u32| {
            (f64::from(current) + f64::from(previous) * (1.0 - elapsed)) / seconds
        };
        Rate {
            messages: per_second(current.messages, previous.messages),
            bytes: per_second(current.bytes, previous.bytes),
        }
    }

    /// About the memory that they take.
    pub(super) fn bytes(&self) -> usize {
        // One more byte per place in the table.
        let place = size_of::<(ChannelId, Count)>() + 1;
        (self.current.capacity() + self.previous.capacity()) * place
    }

    /// The channels that take memory; for tests.
    pub(super) fn channels(&self) -> impl Iterator<Item = ChannelId> {
        self.current.keys().chain(self.previous.keys()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: ChannelId = ChannelId(7);

    fn at(milliseconds: u64) -> Moment {
        Moment(milliseconds)
    }

    #[test]
    fn a_rate_is_that_of_the_last_ten_seconds() {
        let mut rates = Rates::default();
        for second in 0..10 {
            rates.count(CHANNEL, 100, at(10_000 + second * 1000));
        }
        let rate = |rates: &Rates, now| {
            let rate = rates.of(CHANNEL, at(now));
            assert!((rate.bytes - rate.messages * 100.0).abs() < 1e-9);
            (rate.messages * 1000.0).round() / 1000.0
        };
        assert_eq!(rate(&rates, 19_999), 1.0);
        assert_eq!([20_000, 25_000, 29_900].map(|now| rate(&rates, now)), [1.0, 0.5, 0.01]);
        assert_eq!([30_000, 90_000].map(|now| rate(&rates, now)), [0.0, 0.0]);
        rates.count(CHANNEL, 100, at(25_000));
        assert_eq!(rate(&rates, 25_000), 0.6);
        assert_eq!(rates.of(ChannelId(8), at(25_000)), Rate::default());
    }

    #[test]
    fn a_channel_takes_memory_while_it_is_active_only() {
        let mut rates = Rates::default();
        assert_eq!((rates.bytes(), rates.next_due()), (0, None));
        (0..1000).for_each(|channel| rates.count(ChannelId(channel), 1, at(5_000)));
        assert!(rates.bytes() <= 1000 * 30, "{}", rates.bytes());
        assert_eq!(rates.next_due(), Some(at(10_000)));
        rates.advance(at(10_000));
        assert_eq!(rates.channels().count(), 1000);
        rates.advance(at(20_000));
        assert_eq!(rates.channels().count(), 0);
        rates.advance(at(30_000));
        assert_eq!((rates.bytes(), rates.next_due()), (0, None));
    }

    #[test]
    fn numbers_beyond_their_range_are_cut() {
        let mut rates = Rates::default();
        (0..3).for_each(|_| rates.count(CHANNEL, usize::MAX, at(0)));
        assert_eq!(rates.of(CHANNEL, at(0)).bytes, f64::from(u32::MAX) / 10.0);
    }
}
