//! Failed tokens by the network of their client: how many in a minute are answered in full.

use super::network::Network;
use super::pace::{Pace, Rate};
use crate::time::{Millis, Moment};
use std::collections::HashMap;

/// Failed tokens of a network in a minute before it is slowed.
pub(super) const FAILURES_MAX: u32 = 20;
const RATE: Rate = Rate::per(FAILURES_MAX, Millis::from_seconds(60));
/// Networks that are remembered at most. Failures of others are not counted meanwhile, so that an
/// attack from many networks takes no more memory.
pub(super) const NETWORKS_MAX: usize = 4096;
/// How often networks without recent failures are removed.
const SWEEP_INTERVAL: Millis = Millis::from_seconds(1);

/// The networks with failed tokens within the last minute.
#[derive(Debug, Default)]
pub(super) struct FailedTokens {
    paces: HashMap<Network, Pace>,
    sweep_at: Moment,
}

impl FailedTokens {
    /// Counts a failed token.
    ///
    /// # Errors
    /// There have been too many from this network; the time until one more is answered in full.
    pub(super) fn failed(&mut self, network: Network, now: Moment) -> Result<(), Millis> {
        self.sweep(now);
        if self.paces.len() >= NETWORKS_MAX && !self.paces.contains_key(&network) {
            return Ok(());
        }
        self.paces.entry(network).or_default().take(RATE, now)
    }

    /// Removes networks without recent failures, now and then. Called in each turn.
    pub(super) fn sweep(&mut self, now: Moment) {
        if self.sweep_at > now || self.paces.is_empty() {
            return;
        }
        self.sweep_at = now + SWEEP_INTERVAL;
        self.paces.retain(|_, pace| !pace.is_over(now));
        if self.paces.is_empty() {
            self.paces.shrink_to_fit();
        }
    }

    /// Number of networks that are remembered.
    pub(super) fn network_count(&self) -> usize {
        self.paces.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u32) -> Network {
        Network::V4(number.to_be_bytes())
    }

    #[test]
    fn a_network_is_slowed_after_its_failures_of_a_minute_and_others_are_not() {
        let mut failed = FailedTokens::default();
        for _ in 0..FAILURES_MAX {
            assert_eq!(failed.failed(network(1), Moment(5000)), Ok(()));
        }
        assert_eq!(failed.failed(network(1), Moment(5000)), Err(Millis(3000)));
        assert_eq!(failed.failed(network(1), Moment(7999)), Err(Millis(1)));
        assert_eq!(failed.failed(network(2), Moment(7999)), Ok(()));
        assert_eq!(failed.failed(network(1), Moment(8000)), Ok(()));
        assert_eq!(failed.failed(network(1), Moment(8000)), Err(Millis(3000)));
    }

    #[test]
    fn no_more_networks_are_remembered_than_the_limit_and_none_after_a_minute() {
        let mut failed = FailedTokens::default();
        for number in 0..NETWORKS_MAX as u32 + 100 {
            for _ in 0..FAILURES_MAX {
                assert_eq!(failed.failed(network(number), Moment(5000)), Ok(()));
            }
        }
        assert_eq!(failed.network_count(), NETWORKS_MAX);
        assert!(failed.failed(network(0), Moment(5000)).is_err());
        assert_eq!(failed.failed(network(u32::MAX), Moment(5000)), Ok(()), "it is not counted");
        failed.sweep(Moment(64_999));
        assert_eq!(failed.network_count(), NETWORKS_MAX);
        failed.sweep(Moment(66_000));
        assert_eq!((failed.network_count(), failed.paces.capacity()), (0, 0));
    }
}
