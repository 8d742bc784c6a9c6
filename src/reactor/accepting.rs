//! Pauses of accepting, and when to log them: a server at its limit pauses ten times a second, but
//! logs that at most once a minute.

use crate::time::{Millis, Moment};

/// Length of a pause, when a connection limit is reached or descriptors have run out.
const PAUSE: Millis = Millis(100);
/// Shortest time between two warnings.
const WARNING_INTERVAL: Millis = Millis::from_seconds(60);
/// Time without a pause after which accepting has recovered.
const RECOVERY: Millis = Millis::from_seconds(1);

/// Kind of listener. The two kinds are paused independently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Internal,
    Public,
}

/// State of the pauses of both kinds of listeners.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    internal_until: Option<Moment>,
    public_until: Option<Moment>,
    warned_at: Option<Moment>,
    /// The current shortage, if a warning about it was logged.
    shortage: Option<Shortage>,
}

#[derive(Debug)]
struct Shortage {
    began: Moment,
    last_pause: Moment,
    pause_count: u64,
}

impl Pauses {
    /// Whether listeners of this kind may accept again.
    pub(super) fn is_over(&self, kind: Kind, now: Moment) -> bool {
        let until = match kind {
            Kind::Internal => self.internal_until,
            Kind::Public => self.public_until,
        };
        until.is_none_or(|until| until <= now)
    }

    /// Pauses listeners of this kind. Returns whether to log a warning.
    pub(super) fn begin(&mut self, kind: Kind, now: Moment) -> bool {
        let until = match kind {
            Kind::Internal => &mut self.internal_until,
            Kind::Public => &mut self.public_until,
        };
        *until = Some(now + PAUSE);
        if let Some(shortage) = &mut self.shortage {
            shortage.last_pause = now;
            shortage.pause_count += 1;
        }
        let is_due = self.warned_at.is_none_or(|at| at + WARNING_INTERVAL <= now);
        if is_due {
            self.warned_at = Some(now);
            self.shortage.get_or_insert(Shortage { began: now, last_pause: now, pause_count: 1 });
        }
        is_due
    }

    /// The log line for the end of a shortage, once it is over; none without a warning before.
    pub(super) fn recovered(
        &mut self,
        now: Moment,
        has_room: impl FnOnce() -> bool,
    ) -> Option<String> {
        let shortage = self
            .shortage
            .take_if(|shortage| shortage.last_pause + RECOVERY <= now && has_room())?;
        let seconds = now.since(shortage.began).whole_seconds();
        Some(format!(
            "accept resumed: there is room for connections again, after {seconds} s and {} pauses",
            shortage.pause_count
        ))
    }

    /// When the next pause ends, or when to check next whether the shortage is over.
    pub(super) fn next_wake(&self, now: Moment) -> Option<Moment> {
        let later = |until: Option<Moment>| until.filter(|until| *until > now);
        let recovery = self.shortage.as_ref().map(|shortage| shortage.last_pause + RECOVERY);
        // Recovery also needs room, which is checked once a second.
        let recovery = recovery.map(|at| if at > now { at } else { now + RECOVERY });
        [later(self.internal_until), later(self.public_until), recovery].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_at_its_limit_warns_once_a_minute() {
        let mut pauses = Pauses::default();
        let warned: Vec<u64> = (0..3000)
            .map(|pause| pause * 100)
            .filter(|at| pauses.begin(Kind::Public, Moment(*at)))
            .collect();
        assert_eq!(warned, [0, 60_000, 120_000, 180_000, 240_000]);
    }

    #[test]
    fn a_recovery_is_logged_once_per_warning_and_not_at_the_brink() {
        let mut pauses = Pauses::default();
        assert!(pauses.begin(Kind::Public, Moment(0)));
        assert!(!pauses.begin(Kind::Public, Moment(900)));
        assert_eq!(pauses.recovered(Moment(1800), || true), None);
        assert_eq!(pauses.recovered(Moment(1900), || false), None);
        assert_eq!(
            pauses.recovered(Moment(1900), || true).as_deref(),
            Some("accept resumed: there is room for connections again, after 1 s and 2 pauses")
        );
        assert!(!pauses.begin(Kind::Public, Moment(3000)));
        assert_eq!(pauses.recovered(Moment(9000), || true), None, "no warning was logged for it");
        assert!(pauses.begin(Kind::Public, Moment(60_000)));
    }

    #[test]
    fn public_pauses_do_not_hold_up_internal_listeners() {
        let mut pauses = Pauses::default();
        pauses.begin(Kind::Public, Moment(5));
        assert!(pauses.is_over(Kind::Internal, Moment(5)));
        assert!(!pauses.is_over(Kind::Public, Moment(104)));
        assert_eq!(pauses.next_wake(Moment(5)), Some(Moment(105)));
        assert!(pauses.is_over(Kind::Public, Moment(105)));
        assert_eq!(pauses.next_wake(Moment(105)), Some(Moment(1005)));
    }
}
