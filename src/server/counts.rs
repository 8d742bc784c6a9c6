//! Counts of connections by what they have in common: an address, a subject.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// A count for each key. A key whose count is 0 takes no memory.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counts<K: Eq + Hash>(HashMap<K, u32>);

impl<K: Eq + Hash> Default for Counts<K> {
    fn default() -> Counts<K> {
        Counts(HashMap::new())
    }
}

impl<K: Eq + Hash> Counts<K> {
    /// Adds one to the count of a key.
    pub(super) fn add(&mut self, key: K) {
        *self.0.entry(key).or_default() += 1;
    }

    /// Takes one from the count of a key. Does nothing if it is 0.
    pub(super) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        let Some(count) = self.0.get_mut(key) else { return };
        *count -= 1;
        if *count == 0 {
            self.0.remove(key);
        }
    }

    pub(super) fn of<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> u32
    where
        K: Borrow<Q>,
    {
        self.0.get(key).copied().unwrap_or(0)
    }

    /// Whether all counts are 0.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns memory that is not in use.
    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }
}

impl<K: Eq + Hash> FromIterator<K> for Counts<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Counts<K> {
        let mut counts = Counts::default();
        keys.into_iter().for_each(|key| counts.add(key));
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_counted_until_its_last_one_is_removed() {
        let mut counts: Counts<Box<str>> = ["a", "b", "a"].map(Box::from).into_iter().collect();
        assert_eq!((counts.of("a"), counts.of("b"), counts.of("c")), (2, 1, 0));
        ["a", "b", "b", "c"].iter().for_each(|key| counts.remove(*key));
        assert_eq!((counts.of("a"), counts.of("b"), counts.is_empty()), (1, 0, false));
        counts.remove("a");
        assert!(counts.is_empty());
    }
}
