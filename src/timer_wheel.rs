//! A timer wheel: one ring of buckets, one entry per key, linked through the keys. Has no clock and
//! does not know what a key represents.

use crate::time::{Millis, Moment};

const NONE: u32 = u32::MAX;
/// A power of two. One bit per bucket marks those with entries, 64 bits per word.
const BUCKETS: usize = 1024;

/// Deadlines of small integer keys (slab indices), kept with a granularity of one tick.
///
/// An entry never fires before its deadline and at most one tick after it. Entries further away
/// than one revolution stay in their bucket and are examined once per revolution.
#[derive(Debug)]
pub struct TimerWheel {
    tick: Millis,
    entries: Vec<Entry>,
    heads: Vec<u32>,
    occupied: [u64; BUCKETS / 64],
    /// The last tick that was processed.
    served: u32,
    count: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    next: u32,
    previous: u32,
    /// Tick at which it fires; `NONE`: the key has no deadline.
    due: u32,
}

impl Entry {
    const VACANT: Entry = Entry { next: NONE, previous: NONE, due: NONE };
}

impl TimerWheel {
    /// A wheel that starts at `now` and rounds deadlines up to whole ticks.
    pub fn new(tick: Millis, now: Moment) -> TimerWheel {
        assert!(tick.0 > 0, "a tick is longer than 0 ms");
        TimerWheel {
            tick,
            entries: Vec::new(),
            heads: vec![NONE; BUCKETS],
            occupied: [0; BUCKETS / 64],
            served: (now.0 / tick.0) as u32,
            count: 0,
        }
    }

    /// Number of keys that have a deadline.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no key has a deadline.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether this key has a deadline.
    pub fn is_set(&self, key: u32) -> bool {
        self.entries.get(key as usize).is_some_and(|entry| entry.due != NONE)
    }

    /// The key's deadline, rounded up to a tick; [`Moment::NEVER`] if it has none.
    pub fn due(&self, key: u32) -> Moment {
        match self.entries.get(key as usize) {
            Some(entry) if entry.due != NONE => Moment(u64::from(entry.due) * self.tick.0),
            _ => Moment::NEVER,
        }
    }

    /// Sets the key's deadline and replaces any other; [`Moment::NEVER`] removes it.
    pub fn set(&mut self, key: u32, due: Moment) {
        self.cancel(key);
        if due == Moment::NEVER {
            return;
        }
        let index = key as usize;
        if index >= self.entries.len() {
            self.entries.resize(index + 1, Entry::VACANT);
        }
        let latest = u64::from(NONE - 1);
        let due = due.0.div_ceil(self.tick.0).clamp(u64::from(self.served) + 1, latest) as u32;
        let bucket = bucket_of(due);
        let head = self.heads[bucket];
        self.entries[index] = Entry { next: head, previous: NONE, due };
        if head != NONE {
            self.entries[head as usize].previous = key;
        }
        self.heads[bucket] = key;
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
        self.count += 1;
    }

    /// Sets the key's deadline unless it already has an earlier one.
    pub fn bring_forward(&mut self, key: u32, due: Moment) {
        if due < Moment(self.due(key).0.saturating_sub(self.tick.0 - 1)) {
            self.set(key, due);
        }
    }

    /// Removes the key's deadline, if it has one.
    pub fn cancel(&mut self, key: u32) {
        let Some(&Entry { next, previous, due }) = self.entries.get(key as usize) else { return };
        if due == NONE {
            return;
        }
        let bucket = bucket_of(due);
        match previous {
            NONE => self.heads[bucket] = next,
            _ => self.entries[previous as usize].next = next,
        }
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
        if self.heads[bucket] == NONE {
            self.occupied[bucket / 64] &= !(1 << (bucket % 64));
        }
        self.entries[key as usize] = Entry::VACANT;
        self.count -= 1;
    }

    /// Returns the memory of keys that have no deadline and are greater than all others.
    pub fn shrink(&mut self) {
        let is_set = |entry: &Entry| entry.due != NONE;
        let end = self.entries.iter().rposition(is_set).map_or(0, |last| last + 1);
        self.entries.truncate(end);
        self.entries.shrink_to_fit();
    }

    /// Appends every key whose deadline has passed to `expired` and removes its deadline.
    pub fn advance(&mut self, now: Moment, expired: &mut Vec<u32>) {
        let target = (now.0 / self.tick.0).min(u64::from(NONE - 1)) as u32;
        while self.served < target {
            let Some(distance) = self.distance_to_occupied() else {
                self.served = target;
                return;
            };
            let tick = self.served.saturating_add(distance);
            if tick > target {
                self.served = target;
                return;
            }
            self.served = tick;
            self.expire_bucket(bucket_of(tick), target, expired);
        }
    }

    /// When to call [`TimerWheel::advance`] next: no deadline is earlier.
    pub fn next_due(&self) -> Option<Moment> {
        let distance = self.distance_to_occupied()?;
        Some(Moment(u64::from(self.served.saturating_add(distance)) * self.tick.0))
    }

    fn expire_bucket(&mut self, bucket: usize, target: u32, expired: &mut Vec<u32>) {
        let mut key = self.heads[bucket];
        while key != NONE {
            let Entry { next, due, .. } = self.entries[key as usize];
            if due <= target {
                self.cancel(key);
                expired.push(key);
            }
            key = next;
        }
    }

    /// Ticks from the last processed one to the next bucket with entries, 1 to `BUCKETS`.
    fn distance_to_occupied(&self) -> Option<u32> {
        if self.count == 0 {
            return None;
        }
        let start = bucket_of(self.served.wrapping_add(1));
        let words = self.occupied.len();
        for step in 0..=words {
            let index = (start / 64 + step) % words;
            let mut word = self.occupied[index];
            if step == 0 {
                word &= u64::MAX << (start % 64);
            }
            if word != 0 {
                let bucket = index * 64 + word.trailing_zeros() as usize;
                return Some(((bucket + BUCKETS - start) % BUCKETS) as u32 + 1);
            }
        }
        None
    }
}

fn bucket_of(tick: u32) -> usize {
    tick as usize % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expired(wheel: &mut TimerWheel, now: u64) -> Vec<u32> {
        let mut keys = Vec::new();
        wheel.advance(Moment(now), &mut keys);
        keys.sort_unstable();
        keys
    }

    #[test]
    fn shrinking_keeps_every_deadline_and_returns_the_memory_above_the_last() {
        let mut wheel = TimerWheel::new(Millis(64), Moment(0));
        for key in 0..1000 {
            wheel.set(key, Moment(u64::from(key) * 10 + 1));
        }
        for key in (0..1000).filter(|key| *key != 3 && *key != 70) {
            wheel.cancel(key);
        }
        wheel.shrink();
        assert_eq!((wheel.len(), wheel.entries.len()), (2, 71));
        assert!(!wheel.is_set(500));
        wheel.set(500, Moment(100));
        assert_eq!(expired(&mut wheel, 2000), [3, 70, 500]);
        wheel.shrink();
        assert_eq!(wheel.entries.capacity(), 0);
    }

    #[test]
    fn a_deadline_fires_at_its_tick_and_never_before() {
        let mut wheel = TimerWheel::new(Millis(64), Moment(0));
        wheel.set(3, Moment(100));
        assert_eq!(wheel.next_due(), Some(Moment(128)));
        assert_eq!(expired(&mut wheel, 127), [0u32; 0]);
        assert_eq!(expired(&mut wheel, 128), [3]);
        assert!(wheel.is_empty());
        assert_eq!(wheel.next_due(), None);
    }

    #[test]
    fn a_deadline_beyond_one_revolution_waits_for_its_own() {
        let mut wheel = TimerWheel::new(Millis(1), Moment(0));
        wheel.set(1, Moment(5));
        wheel.set(2, Moment(5 + BUCKETS as u64));
        assert_eq!(expired(&mut wheel, 6), [1]);
        assert_eq!(expired(&mut wheel, BUCKETS as u64), [0u32; 0]);
        assert_eq!(expired(&mut wheel, 5 + BUCKETS as u64), [2]);
    }

    #[test]
    fn a_jump_over_many_revolutions_fires_everything_that_is_due() {
        let mut wheel = TimerWheel::new(Millis(1), Moment(0));
        for key in 0..5000 {
            wheel.set(key, Moment(u64::from(key) * 3));
        }
        assert_eq!(expired(&mut wheel, 9000).len(), 3001);
        assert_eq!(wheel.len(), 1999);
        assert_eq!(expired(&mut wheel, 1_000_000).len(), 1999);
    }

    #[test]
    fn setting_again_replaces_a_deadline_and_cancelling_removes_it() {
        let mut wheel = TimerWheel::new(Millis(10), Moment(0));
        wheel.set(0, Moment(20));
        wheel.set(0, Moment(500));
        wheel.set(1, Moment(20));
        wheel.cancel(1);
        wheel.set(2, Moment::NEVER);
        assert_eq!(wheel.len(), 1);
        assert_eq!(expired(&mut wheel, 499), [0u32; 0]);
        assert_eq!(expired(&mut wheel, 500), [0]);
    }

    #[test]
    fn random_deadlines_agree_with_a_sorted_list() {
        let mut wheel = TimerWheel::new(Millis(7), Moment(0));
        let mut model: Vec<Option<u64>> = vec![None; 200];
        let (mut state, mut now) = (88172645463325252u64, 0u64);
        for _ in 0..20_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let key = (state >> 33) as usize % model.len();
            match state % 4 {
                0 | 1 => {
                    let due = now + (state >> 20) % 20_000;
                    wheel.set(key as u32, Moment(due));
                    model[key] = Some(due.div_ceil(7).max(now / 7 + 1) * 7);
                }
                2 => {
                    wheel.cancel(key as u32);
                    model[key] = None;
                }
                _ => {
                    now += (state >> 40) % 300;
                    let due: Vec<u32> = (0..200)
                        .filter(|&key| model[key as usize].is_some_and(|at| at <= now))
                        .collect();
                    due.iter().for_each(|&key| model[key as usize] = None);
                    assert_eq!(expired(&mut wheel, now), due);
                }
            }
            assert_eq!(wheel.len(), model.iter().flatten().count());
        }
    }
}
