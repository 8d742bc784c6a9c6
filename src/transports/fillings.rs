//! Encoded paddings. They have few different sizes (push-stream spec, section 18), so each is
//! encoded once and shared by all subscribers.

use super::coding::Coding;
use super::encoded::Encoded;
use super::padding;
use crate::compression::Compressor;
use std::collections::HashMap;

/// Maximum total size of cached paddings; beyond it the cache is cleared.
const KEPT_BYTES_MAX: usize = 1024 * 1024;
/// Approximate overhead of a cached padding.
const FILLING_COST: usize = 128;

/// Padding that brings an item up to a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Filling {
    /// Whether it is a comment of an event stream rather than line ends.
    pub is_comment: bool,
    /// Size in bytes; never 0.
    pub size: usize,
}

impl Filling {
    fn encode(self, coding: Coding, compressor: &mut Compressor) -> Encoded {
        let mut bytes = Vec::with_capacity(self.size);
        if self.is_comment {
            padding::write_comment(self.size, &mut bytes)
        } else {
            padding::write_line_ends(self.size, &mut bytes)
        }
        coding.encode(&bytes, compressor)
    }
}

/// The cached paddings.
#[derive(Default)]
pub(super) struct Fillings {
    made: HashMap<(Filling, Coding), Encoded>,
    bytes: usize,
}

impl Fillings {
    /// The padding in one coding.
    pub(super) fn encoded(
        &mut self,
        filling: Filling,
        coding: Coding,
        compressor: &mut Compressor,
    ) -> Encoded {
        if let Some(known) = self.made.get(&(filling, coding)) {
            return known.clone();
        }
        let encoded = filling.encode(coding, compressor);
        let cost = FILLING_COST + encoded.frame.len();
        if self.bytes + cost > KEPT_BYTES_MAX {
            (self.made, self.bytes) = (HashMap::new(), 0);
        }
        if cost <= KEPT_BYTES_MAX {
            self.bytes += cost;
            self.made.insert((filling, coding), encoded.clone());
        }
        encoded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_padding_is_made_once_and_shared() {
        let (mut fillings, mut compressor) = (Fillings::default(), Compressor::default());
        for coding in [Coding::Chunked, Coding::Gzip] {
            let mut make = |is_comment| {
                let filling = Filling { is_comment, size: 500 };
                fillings.encoded(filling, coding, &mut compressor).frame
            };
            assert!(make(false).ptr_eq(&make(false)));
            assert!(make(false) != make(true));
        }
    }

    #[test]
    fn what_is_kept_stays_below_its_limit() {
        let (mut fillings, mut compressor) = (Fillings::default(), Compressor::default());
        for size in (1..=4_000_000).step_by(500_000).chain((100..=100_000).step_by(100)) {
            let filling = Filling { is_comment: true, size };
            let encoded = fillings.encoded(filling, Coding::Identity, &mut compressor);
            assert_eq!(encoded.frame.len(), size);
            let costs = fillings.made.values().map(|made| FILLING_COST + made.frame.len());
            assert_eq!(fillings.bytes, costs.sum::<usize>());
            assert!(fillings.bytes <= KEPT_BYTES_MAX);
        }
    }
}
