//! Measures how long a subscriber that is free to be written to has waited, in turns.

/// The waiting times of one subscriber: until pending messages are queued, and until queued bytes
/// are written.
#[derive(Debug, Default)]
pub struct Patience {
    message: Wait,
    bytes: Wait,
}

/// What a subscriber has received, and what is still missing.
#[derive(Debug)]
pub struct Progress {
    /// Number of messages that were queued for it, and of those still missing.
    pub taken: u64,
    pub missing: u64,
    /// Number of bytes that its socket has accepted, and of those that are queued.
    pub written: u64,
    pub queued: u64,
}

/// The start of a wait, and the amount that ends it.
#[derive(Debug, Default)]
struct Wait(Option<(u64, u64)>);

impl Wait {
    /// The number of turns that it has waited.
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
    /// The subscriber is not free: its window is closed, or it has old messages to receive first.
    pub fn reset(&mut self) {
        *self = Patience::default();
    }

    /// Called at the end of each turn in which the subscriber is free. Panics if it has waited for
    /// more than `turns_max` turns; returns whether it has waited for more than one.
    pub fn look(&mut self, turn: u64, turns_max: u64, client: usize, progress: &Progress) -> bool {
        let Progress { taken, missing, written, queued } = *progress;
        let message = self.message.look(turn, taken, taken + missing);
        // The amount of one write depends on the socket.
        let bytes = self.bytes.look(turn, written, written + queued.min(1));
        let waited = message.max(bytes);
        assert!(
            waited <= turns_max,
            "client {client} has waited for {waited} turns of at most {turns_max}: {progress:?}"
        );
        waited > 1
    }
}
