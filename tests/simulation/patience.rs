//! How long a subscriber that is free to be written to has waited, in turns.

/// One subscriber's waits: for what is pending to be queued, and for what is queued to be written.
#[derive(Debug, Default)]
pub struct Patience {
    message: Wait,
    bytes: Wait,
}

/// What a subscriber has got, and what it has not.
#[derive(Debug)]
pub struct Progress {
    /// Messages that were queued for it, and those that it is still to get.
    pub taken: u64,
    pub missing: u64,
    /// Bytes that its socket has taken, and those that are queued.
    pub written: u64,
    pub queued: u64,
}

/// Since when, and until how much has come.
#[derive(Debug, Default)]
struct Wait(Option<(u64, u64)>);

impl Wait {
    /// For how many turns it has waited.
    fn look(&mut self, turn: u64, done: u64, wanted: u64) -> u64 {
        match self.0 {
            Some((since, target)) if done < target && done < wanted => return turn - since,
            _ if done < wanted => self.0 = Some((turn, wanted)),
            _ => self.0 = None,
        }
        0
    }
}

impl Patience {
    /// Something is in the way: its window is closed, or it has old messages to take first.
    pub fn reset(&mut self) {
        *self = Patience::default();
    }

    /// Called at the end of each turn in which nothing is in the way; for how many turns the
    /// subscriber has waited.
    pub fn look(&mut self, turn: u64, progress: &Progress) -> u64 {
        let Progress { taken, missing, written, queued } = *progress;
        let message = self.message.look(turn, taken, taken + missing);
        // How much is written at once is the socket's business.
        let bytes = self.bytes.look(turn, written, written + queued.min(1));
        message.max(bytes)
    }
}
