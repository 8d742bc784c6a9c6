//! Tokens that the application has revoked: those of a subject, with an id, or for a channel, that
//! were issued before.

use crate::auth::Grant;
use crate::time::{Millis, Moment, Now};
use std::collections::HashMap;

/// Which subscribers are disconnected, and whose tokens are revoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Disconnected {
    /// Those whose token has this subject.
    Subject(String),
    /// Those with this token id.
    Token(String),
    /// The subscribers of this channel.
    Channel(String),
    /// The one with this id.
    Connection(String),
}

impl Disconnected {
    fn text(&self) -> &str {
        match self {
            Disconnected::Subject(text)
            | Disconnected::Token(text)
            | Disconnected::Channel(text)
            | Disconnected::Connection(text) => text,
        }
    }
}

/// There are as many revocations as `revocations_max` allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// The revocations in force.
#[derive(Default)]
pub(super) struct Revocations(HashMap<Disconnected, Revocation>);

#[derive(Clone, Copy)]
struct Revocation {
    /// Tokens that were issued in this second since 1970 UTC or before are refused.
    issued_until: u64,
    /// When it is removed.
    ends_at: Moment,
}

impl Revocations {
    /// Refuses all tokens of this kind that were issued until now, for a time.
    ///
    /// # Errors
    /// There are too many; nothing has changed.
    pub(super) fn add(
        &mut self,
        which: Disconnected,
        time_to_live: Millis,
        count_max: usize,
        now: Now,
    ) -> Result<(), TooMany> {
        if self.0.len() >= count_max && !self.0.contains_key(&which) {
            self.0.retain(|_, one| one.ends_at > now.monotonic);
            if self.0.len() >= count_max {
                return Err(TooMany);
            }
        }
        let ends_at = now.monotonic + time_to_live;
        self.0.insert(which, Revocation { issued_until: now.unix_seconds(), ends_at });
        Ok(())
    }

    /// Whether a token with this grant is refused for these channels. One that does not name the
    /// time of its issue counts as old.
    pub(super) fn refuses(&self, grant: &Grant, channels: &[&str], now: Now) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let subject = grant.subject.clone().map(Disconnected::Subject);
        let token = grant.id.clone().map(Disconnected::Token);
        let channels = channels.iter().map(|name| Disconnected::Channel((*name).to_owned()));
        let issued = grant.issued_at.unwrap_or(0);
        let mut found =
            subject.into_iter().chain(token).chain(channels).filter_map(|one| self.0.get(&one));
        found.any(|one| one.ends_at > now.monotonic && issued <= one.issued_until)
    }

    /// About the memory that they take.
    pub(super) fn bytes(&self) -> usize {
        let texts = self.0.keys().map(|which| which.text().len());
        self.0.capacity() * size_of::<(Disconnected, Revocation)>() + texts.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::VerifiedBy;
    use crate::time::UnixMillis;

    fn at(seconds: u64) -> Now {
        Now { monotonic: Moment(seconds * 1000), unix: UnixMillis(seconds * 1000) }
    }

    fn grant(issued_at: Option<u64>) -> Grant {
        Grant {
            channels: Vec::new(),
            expires_at: u64::MAX,
            subject: Some("alice".to_owned()),
            id: Some("t1".to_owned()),
            issued_at,
            publishes: false,
            key: VerifiedBy::Secret(0),
        }
    }

    #[test]
    fn tokens_issued_until_the_revocation_are_refused_until_it_ends() {
        for which in [
            Disconnected::Subject("alice".to_owned()),
            Disconnected::Token("t1".to_owned()),
            Disconnected::Channel("news".to_owned()),
        ] {
            let mut revocations = Revocations::default();
            revocations.add(which, Millis(60_000), 1, at(100)).unwrap();
            let refuses = |issued, now| revocations.refuses(&grant(issued), &["news"], at(now));
            assert!(refuses(Some(99), 100) && refuses(Some(100), 159) && refuses(None, 159));
            assert!(!refuses(Some(101), 101), "a fresh token");
            assert!(!refuses(Some(99), 160), "the revocation has ended");
        }
    }

    #[test]
    fn others_are_not_refused_and_their_number_is_limited() {
        let mut revocations = Revocations::default();
        let subject = |name: &str| Disconnected::Subject(name.to_owned());
        revocations.add(subject("bob"), Millis(10_000), 2, at(0)).unwrap();
        revocations.add(Disconnected::Channel("a".to_owned()), Millis(20_000), 2, at(0)).unwrap();
        assert!(!revocations.refuses(&grant(None), &["news"], at(1)));
        assert_eq!(revocations.add(subject("eve"), Millis(1), 2, at(9)), Err(TooMany));
        assert_eq!(revocations.add(subject("bob"), Millis(1_000), 2, at(9)), Ok(()));
        assert_eq!(revocations.add(subject("eve"), Millis(1), 2, at(10)), Ok(()));
        assert!(revocations.bytes() > 0);
    }
}
