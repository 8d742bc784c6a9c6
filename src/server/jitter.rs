//! Small differences in time between clients, so that they do not all come back at once.

use crate::time::Millis;

/// A generator of such differences: SplitMix64, from a seed. Not for secrets.
#[derive(Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Jitter {
        Jitter(seed)
    }

    /// Any time from 0 up to and including this span.
    pub(super) fn up_to(&mut self, span: Millis) -> Millis {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let random = mixed ^ (mixed >> 31);
        // The high bits of the product: less than the span plus one.
        Millis(((u128::from(random) * (u128::from(span.0) + 1)) >> 64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_times_of_a_span_occur_and_no_others() {
        let mut jitter = Jitter::new(7);
        let mut seen = [0; 11];
        (0..1100).for_each(|_| seen[jitter.up_to(Millis(10)).0 as usize] += 1);
        assert!(seen.iter().all(|count| (50..150).contains(count)), "{seen:?}");
        assert_eq!(jitter.up_to(Millis(0)), Millis(0));
        jitter.up_to(Millis::FOREVER);
    }

    #[test]
    fn the_seed_determines_the_times() {
        let times = |seed| {
            let mut jitter = Jitter::new(seed);
            [(); 4].map(|()| jitter.up_to(Millis(1_000_000)).0)
        };
        assert_eq!(times(1), times(1));
        assert_ne!(times(1), times(2));
    }
}
