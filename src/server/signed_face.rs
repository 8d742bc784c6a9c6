//! What faces may do with subscribers of the signed API, through a [`Context`].

use super::face::Context;
use super::revocations::{Disconnected, TooMany};
use super::signed::RefreshError;
use crate::auth::{Denial, Grant};
use crate::broker::End;
use crate::hub::SubscriberId;
use crate::time::Moment;
use crate::transports::FormatId;

impl Context<'_> {
    /// Begins the session of the connection, which is a subscriber already, with its token. Returns
    /// the id by which clients and applications name the connection.
    pub fn begin_session(&mut self, grant: &Grant) -> String {
        self.state.begin_session(self.id, grant, self.now)
    }

    /// When a subscription with this grant ends, and why.
    pub fn end_of(&self, grant: &Grant) -> (Moment, End) {
        self.state.end_of(self.id, grant, self.now)
    }

    /// Adds the token of further channels: the subscriber ends no later than that one.
    pub fn add_token(&mut self, grant: &Grant) {
        self.state.add_token(self.id, grant, self.now);
    }

    /// Whether one more token with an id may be added.
    pub fn can_add_token(&self) -> bool {
        let limit = self.state.config.limits.channels_per_subscriber_max;
        self.state.identity(self.id).is_none_or(|identity| identity.token_ids.len() < limit)
    }

    /// Who publishes: the subject or, without one, the connection.
    pub fn sender(&self) -> String {
        match self.subject() {
            Some(subject) => format!("s{subject}"),
            None => {
                let session = self.state.connections[self.id].session;
                format!("c{}", self.state.sessions.id(self.id, session))
            }
        }
    }

    /// Gives the subscriber with this id a fresh token.
    ///
    /// # Errors
    /// It is not found, or the token is not for it.
    pub fn refresh(&mut self, connection: &str, grant: &Grant) -> Result<(), RefreshError> {
        self.state.refresh(connection, grant, self.now)
    }

    /// Gives this subscriber a fresh token.
    ///
    /// # Errors
    /// The token is not for it.
    pub fn refresh_own(&mut self, grant: &Grant) -> Result<(), RefreshError> {
        self.state.refresh_connection(self.id, grant, self.now)
    }

    /// Has the subscribers of the signed API that are meant disconnected, some in each turn.
    /// Returns their number.
    pub fn disconnect(&mut self, which: &Disconnected) -> usize {
        self.state.disconnect(which)
    }

    /// Refuses the tokens of these subscribers that were issued until now.
    ///
    /// # Errors
    /// There are too many revocations.
    pub fn revoke_tokens(&mut self, which: Disconnected) -> Result<(), TooMany> {
        self.state.revoke_tokens(which, self.now)
    }

    /// The subject of this subscriber's token, if it has one.
    pub fn subject(&self) -> Option<&str> {
        self.state.identity(self.id)?.subject
    }

    /// What the token of this subscriber grants for these channels.
    ///
    /// # Errors
    /// It does not grant one of them.
    pub fn granted(&self, channels: &[&str]) -> Result<Grant, Denial> {
        self.state.granted(self.id, channels, self.now)
    }

    /// Whether this subscriber's token allows to publish to this channel.
    pub fn may_publish(&self, channel: &str) -> bool {
        self.state.may_publish(self.id, channel, self.now)
    }

    /// The subscriber with this connection id. `None`: there is none, or not any more.
    pub fn subscriber(&self, connection: &str) -> Option<SubscriberId> {
        self.state.find_session(connection).map(SubscriberId::from)
    }

    /// Whether the connection is subscribed to this channel.
    pub fn is_subscribed_to(&self, channel: &str) -> bool {
        self.state.is_subscribed_to(self.id, channel)
    }

    /// Number of channels of the connection.
    pub fn channel_count(&self) -> usize {
        let subscriptions = &self.state.connections[self.id].subscriptions;
        self.state.broker.hub.channels_of(subscriptions).count()
    }

    /// The wire format of the connection's messages. `None`: it is no subscriber.
    pub fn subscriber_format(&self) -> Option<FormatId> {
        self.state.subscriber_format(self.id)
    }

    /// Queues everything that is pending on the channels of the connection. False: it is no
    /// subscriber any more, because its queue is full.
    pub fn deliver_pending(&mut self) -> bool {
        self.state.deliver_pending(self.id, self.now);
        self.subscriber_format().is_some()
    }

    /// Ends the connection's subscription to this channel, if it has one.
    pub fn unsubscribe(&mut self, channel: &str) {
        self.state.unsubscribe_from(self.id, channel, self.now);
    }
}
