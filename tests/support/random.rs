//! Reproducible randomness for tests (SplitMix64): the same seed gives the same numbers everywhere.

/// A sequence of numbers, determined by its seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        // Neighbouring seeds must not lead to the same sequence, one number shifted.
        Random(Random(seed ^ 0x5851_f42d_4c95_7f2d).number())
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end`, excluding `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// A number between both ends, including them.
    pub fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last - first + 1)
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// Small numbers as often as large ones: draws an order of magnitude, then a number within it.
    pub fn magnitude(&mut self, last: usize) -> usize {
        let bits = last.ilog2() as usize;
        let end = 1usize << self.between(0, bits);
        self.between(1, end.min(last))
    }
}
