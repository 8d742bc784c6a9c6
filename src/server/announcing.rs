//! Joins and leaves: counted as subscriptions and sessions begin and end, and announced on channels
//! of the configuration.

use super::connection::ConnectionId;
use super::presence::{Announcement, Presence};
use super::state::State;
use crate::hub::{ChannelId, CreateError, Draft, Maker, Storing};
use crate::message::ChannelName;
use crate::time::Now;

impl State {
    /// Takes the settings of a new configuration. If they have changed, all subscriptions are
    /// counted, without an announcement.
    pub(super) fn configure_presence(&mut self) {
        let count_max = self.config.limits.presence_max;
        if !self.presence.configure(self.config.presence.clone(), count_max) {
            return;
        }
        for (_, connection) in self.connections.iter() {
            let identity = self.sessions.identity(connection.session);
            let subject = identity.and_then(|identity| identity.subject);
            for (channel, _) in self.broker.hub.channels_of(&connection.subscriptions) {
                let name = self.broker.hub.name(channel);
                self.presence.add(&name, None);
                if subject.is_some() {
                    self.presence.add(&name, subject);
                }
            }
        }
        self.presence.assume_announced();
    }

    /// Counts a subscription that has begun.
    pub(super) fn count_subscription(&mut self, id: ConnectionId, channel: ChannelId) {
        if self.presence.is_on() {
            let name = self.broker.hub.name(channel);
            self.presence.add(&name, None);
            if let Some(subject) = self.subject(id) {
                self.presence.add(&name, Some(&subject));
            }
        }
    }

    /// Counts the end of a subscription. The subject comes first, as it leaves before the channel
    /// is vacated.
    pub(super) fn count_unsubscription(&mut self, id: ConnectionId, channel: ChannelId) {
        if self.presence.is_on() {
            let name = self.broker.hub.name(channel);
            if let Some(subject) = self.subject(id) {
                self.presence.remove(&name, Some(&subject));
            }
            self.presence.remove(&name, None);
        }
    }

    /// A copy of the subject of the connection's token.
    fn subject(&self, id: ConnectionId) -> Option<String> {
        let identity = self.sessions.identity(self.connections[id].session);
        identity?.subject.map(str::to_owned)
    }

    /// Counts the subject of a session that has begun, on all channels of the connection.
    pub(super) fn count_subject(&mut self, id: ConnectionId) {
        self.change_subject(id, Presence::add);
    }

    /// Counts the end of a session, which has still its subject.
    pub(super) fn count_subject_end(&mut self, id: ConnectionId) {
        self.change_subject(id, Presence::remove);
    }

    fn change_subject(&mut self, id: ConnectionId, change: Change) {
        if !self.presence.is_on() {
            return;
        }
        let connection = &self.connections[id];
        let identity = self.sessions.identity(connection.session);
        let Some(subject) = identity.and_then(|identity| identity.subject) else { return };
        for (channel, _) in self.broker.hub.channels_of(&connection.subscriptions) {
            change(&mut self.presence, &self.broker.hub.name(channel), Some(subject));
        }
    }

    /// Announces what is due, as far as there is room and time.
    pub(super) fn announce(&mut self, now: Now) {
        if !self.presence.is_on() {
            return;
        }
        self.turn.begin_quarter();
        while !self.turn.is_quarter_spent() {
            self.turn.work.expired += self.presence.settle(now) as u64;
            let Some(announcement) = self.presence.next_due(now) else { break };
            if !self.announce_one(&announcement, now) {
                break;
            }
            self.presence.announced(&announcement);
            self.end_step(now);
        }
        if self.presence.take_exceeded() {
            self.report_uncounted_presence(now);
        }
    }

    /// False: the channel has no room yet.
    fn announce_one(&mut self, announcement: &Announcement, now: Now) -> bool {
        if self.is_backlog_full() {
            return false;
        }
        let hub = &mut self.broker.hub;
        let channel = match hub.find_or_create(&announcement.to, Maker::Application, now) {
            Ok(channel) => channel,
            // The announcement is lost, as a publication that is refused for the same reason.
            Err(CreateError::TooMany) => return true,
            Err(CreateError::Full) => {
                self.report_full_store(now);
                return true;
            }
        };
        hub.keep_for_api(channel, now);
        if self.is_crowded(channel) {
            return false;
        }
        let draft = Draft {
            text: announcement.text.as_bytes().into(),
            is_json: true,
            storing: Storing::InHistories,
            ..Draft::default()
        };
        // If the memory account is full, that is logged and counted.
        let published = self.publish(channel, &draft, now);
        self.presence.published += u64::from(published.is_ok());
        true
    }
}

/// Counts a connection, or takes it back.
type Change = fn(&mut Presence, &ChannelName, Option<&str>);
