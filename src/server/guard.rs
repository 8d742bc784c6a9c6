//! What the limits against storms of clients and single visitors count, and why a client has to
//! wait.

use super::counts::Counts;
use super::failed_tokens::FailedTokens;
use super::jitter::Jitter;
use super::network::Network;
use super::pace::{Pace, Rate};
use crate::http::Status;
use crate::time::{Millis, Moment};

/// The longest time after which a refused client is asked to come back.
const WAIT_MAX: Millis = Millis::from_seconds(60);
/// The shortest time after which a client beyond a limit of connections is asked to come back, and
/// as much again may be added.
const PLACE_WAIT: Millis = Millis::from_seconds(5);

/// Counts for the limits against storms and single visitors.
#[derive(Debug)]
pub(super) struct Guard {
    /// Streams begun, against `connects_per_second_max`.
    streams: Pace,
    /// Refused streams, in the order in which they are asked to come back.
    refused: Pace,
    /// Subscribers by the network of their client; empty without `connections_per_address_max`.
    pub(super) addresses: Counts<Network>,
    /// Subscribers by the subject of their token; empty without `connections_per_subject_max`.
    pub(super) subjects: Counts<Box<str>>,
    pub(super) failed_tokens: FailedTokens,
    pub(super) jitter: Jitter,
}

impl Guard {
    /// Nothing is counted. Clients come back at times that depend on the seed.
    pub(super) fn new(seed: u64) -> Guard {
        Guard {
            streams: Pace::default(),
            refused: Pace::default(),
            addresses: Counts::default(),
            subjects: Counts::default(),
            failed_tokens: FailedTokens::default(),
            jitter: Jitter::new(seed),
        }
    }

    /// Takes a place in the budget of streams per second. Clients for which there is none are asked
    /// to come back one after the other, at the pace at which there will be places.
    pub(super) fn begin_stream(&mut self, per_second: u32, now: Moment) -> Result<(), Busy> {
        let rate = Rate::per(per_second, Millis::from_seconds(1));
        let Err(_) = self.streams.take(rate, now) else { return Ok(()) };
        let turn = self.refused.queue(rate, WAIT_MAX, now);
        Err(self.busy(Limit::Rate, turn, Millis(1000 + turn.0 / 4)))
    }

    /// Whether there may be one more subscriber with this subject.
    pub(super) fn admit_subject(&mut self, subject: &str, max: u32) -> Result<(), Busy> {
        let has_place = max == 0 || self.subjects.of(subject) < max;
        if has_place { Ok(()) } else { Err(self.no_place(Limit::Subject)) }
    }

    /// Why a client beyond a limit of connections is refused.
    pub(super) fn no_place(&mut self, limit: Limit) -> Busy {
        self.busy(limit, PLACE_WAIT, PLACE_WAIT)
    }

    /// Counts a failed token of a client.
    pub(super) fn token_failed(&mut self, network: Network, now: Moment) -> Result<(), Busy> {
        let failed = self.failed_tokens.failed(network, now);
        failed.map_err(|wait| self.busy(Limit::FailedTokens, wait, wait))
    }

    /// Asks a client to wait for this time, and up to `spread` more.
    fn busy(&mut self, limit: Limit, wait: Millis, spread: Millis) -> Busy {
        let milliseconds = wait.0 + self.jitter.up_to(spread).0;
        Busy { limit, retry_after_seconds: milliseconds.div_ceil(1000).max(1) }
    }
}

/// A client has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// Why.
    pub limit: Limit,
    /// How long it is asked to wait (`Retry-After`).
    pub retry_after_seconds: u64,
}

/// What a client has exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `connects_per_second_max`, which all clients share.
    Rate,
    /// `connections_per_address_max`.
    Address,
    /// `connections_per_subject_max`.
    Subject,
    /// Failed tokens of its address.
    FailedTokens,
}

impl Busy {
    /// The status of the answer: 503 if it is no fault of this client, otherwise 429 (RFC 6585,
    /// section 4).
    pub fn status(self) -> Status {
        match self.limit {
            Limit::Rate => Status::SERVICE_UNAVAILABLE,
            Limit::Address | Limit::Subject | Limit::FailedTokens => Status::TOO_MANY_REQUESTS,
        }
    }

    /// The reason, as a line for the client.
    pub fn text(self) -> &'static str {
        match self.limit {
            Limit::Rate => "too many clients connect at once; try again later\n",
            Limit::Address => "too many connections from this address\n",
            Limit::Subject => "too many connections of this subject\n",
            Limit::FailedTokens => "too many bad tokens from this address\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_a_place_again_when_one_of_its_connections_has_ended() {
        let mut guard = Guard::new(1);
        for _ in 0..2 {
            assert_eq!(guard.admit_subject("alice", 2), Ok(()));
            guard.subjects.add("alice".into());
        }
        let busy = guard.admit_subject("alice", 2).unwrap_err();
        assert_eq!((busy.limit, busy.status()), (Limit::Subject, Status::TOO_MANY_REQUESTS));
        assert!((5..=10).contains(&busy.retry_after_seconds));
        assert_eq!(guard.admit_subject("bob", 2), Ok(()));
        assert_eq!(guard.admit_subject("alice", 0), Ok(()), "there is no limit");
        guard.subjects.remove("alice");
        assert_eq!(guard.admit_subject("alice", 2), Ok(()));
    }
}
