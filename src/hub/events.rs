//! What the server publishes about itself on the events channel (push-stream spec, section 21).

use super::{ChannelId, Event, EventKind, Hub, Maker, account};
use crate::message::ChannelName;
use crate::time::Now;

impl Hub {
    pub(super) fn raise(&mut self, kind: EventKind, channel: ChannelId) {
        if self.events_channel.is_some_and(|events| events != channel) {
            let name = self.channels[channel.0 as usize].name.clone();
            self.events.push(Event { kind, channel: name });
        }
    }

    pub(super) fn raise_named(&mut self, kind: EventKind, channel: ChannelName) {
        if self.events_channel.is_some() {
            self.events.push(Event { kind, channel });
        }
    }

    /// The events channel, if there is one.
    pub fn events_channel(&self) -> Option<ChannelId> {
        self.events_channel
    }

    /// The next event to be published, with the events channel.
    pub fn next_event(&mut self) -> Option<(ChannelId, Event)> {
        let channel = self.events_channel?;
        self.events.pop().map(|event| (channel, event))
    }

    /// Whether events are still to be published.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Memory that the events take that are still to be published.
    pub fn event_bytes(&self) -> usize {
        self.events.bytes()
    }

    /// How many events there have been.
    pub fn events_raised(&self) -> u64 {
        self.events.raised()
    }

    /// Whether none of the first `count` events is still to be published.
    pub fn has_passed_events(&self, count: u64) -> bool {
        self.events.published() >= count
    }

    /// Finds or creates the events channel of the settings.
    pub(super) fn make_events_channel(&mut self, now: Now) {
        let id: ChannelName = self.settings.events_channel_id.as_slice().into();
        self.events_channel = None;
        if id.is_empty() {
            return self.events.clear();
        }
        let channel = match self.find(&id) {
            Some(channel) => channel,
            None => {
                self.account.charge_always(account::channel_cost(&id));
                self.insert(id, Maker::Application, now)
            }
        };
        self.adopt(channel);
        self.events_channel = Some(channel);
        // The events channel is never removed: cancel its deadline.
        self.schedule(channel, now.monotonic);
    }

    /// Whether this is the name of the events channel.
    pub fn is_events_channel(&self, name: &[u8]) -> bool {
        !self.settings.events_channel_id.is_empty() && name == self.settings.events_channel_id
    }
}
