//! Compares the messages of the events channel with what has happened.

use super::draw::EVENTS;
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Audit {
    /// Subscriptions in the order in which they began.
    subscribed: Vec<String>,
    /// How many of them the watcher has received an event of.
    told: usize,
    counts: BTreeMap<String, i64>,
    is_listening: bool,
    pub is_over: bool,
    last_id: i64,
    pub told_count: u64,
}

impl Audit {
    /// The watcher has subscribed.
    pub fn begin(&mut self) {
        self.is_listening = true;
    }

    pub fn subscribe(&mut self, channel: &str) {
        if self.is_listening {
            self.subscribed.push(channel.to_owned());
        }
    }

    /// The watcher has read an event.
    pub fn take(&mut self, id: i64, text: &str) {
        assert!(self.last_id == 0 || id == self.last_id + 1, "event {id} follows {}", self.last_id);
        self.last_id = id;
        self.told_count += 1;
        let parts: Vec<&str> = text.split('"').collect();
        let ["{", "type", ": ", kind, ", ", "channel", ": ", channel, "}"] = parts[..] else {
            panic!("an event looks like this: {text}");
        };
        assert_ne!(channel, EVENTS, "the events channel does not tell of itself");
        let count = self.counts.entry(channel.to_owned()).or_insert(0);
        match kind {
            // A deleted channel is destroyed later, when a new one with its name may exist.
            "channel_created" | "channel_destroyed" => {}
            "client_subscribed" => {
                assert_eq!(self.subscribed.get(self.told).map(String::as_str), Some(channel));
                self.told += 1;
                *count += 1;
            }
            "client_unsubscribed" => {
                *count -= 1;
                assert!(*count >= 0, "more leave {channel} than came");
            }
            _ => panic!("an unknown event: {text}"),
        }
    }

    /// Called when all clients have read everything.
    pub fn assert_complete(&self) {
        let is_complete = !self.is_listening || self.is_over || self.told == self.subscribed.len();
        assert!(is_complete, "the watcher is not told of every subscription");
    }
}
