//! Subscribers of the signed API: their sessions, the end of their tokens, and control events.

use super::connection::{Connection, ConnectionId, Phase};
use super::lines::SlowConsumer;
use super::revocations::{Disconnected, TooMany};
use super::sessions::{Identity, Known};
use super::state::{State, clock_offset};
use crate::auth::{Denial, Grant, GrantedChannels, VerifiedBy};
use crate::broker::{End, Transport};
use crate::hub::ChannelId;
use crate::time::{Millis, Moment, Now};
use crate::transports::control::retry_delay;
use crate::transports::{Control, FormatId, GoodbyeReason, ResetReason};

/// The age at which a connection ends differs by up to one part in this many of
/// `connection_age_max`.
const AGE_JITTER_SHARE: u64 = 10;
/// Smaller moves of the wall clock add up before the ends of tokens follow.
const CLOCK_MOVE_MIN: Millis = Millis(1_000);
/// Why a subscription does not get a fresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshError {
    /// No connection has this id, or it is no subscriber any more.
    NotFound,
    /// The token is of another subject, or does not grant all of its channels.
    OtherClaims,
}

impl State {
    /// Begins the session of a subscriber with its token. Returns the id of the connection.
    pub(super) fn begin_session(&mut self, id: ConnectionId, grant: &Grant, now: Now) -> String {
        let ages_at = match &self.connections[id].phase {
            // A plain stream and a polling request do not end because of their age.
            Phase::Subscriber(subscriber) if subscriber.profile.control.is_some() => {
                self.age_end(id, now)
            }
            _ => None,
        };
        let identity = Identity { ages_at, ..self.identity_for(id, grant) };
        self.end_session(id);
        if self.config.limits.connections_per_subject_max > 0
            && let Some(subject) = &grant.subject
        {
            self.guard.subjects.add(subject.as_str().into());
        }
        let session = self.sessions.begin(identity);
        self.connections[id].session = session;
        self.count_subject(id);
        self.sessions.id(id, session)
    }

    /// Ends the session of a connection.
    pub(super) fn end_session(&mut self, id: ConnectionId) {
        self.count_subject_end(id);
        let mut session = std::mem::take(&mut self.connections[id].session);
        let identity = self.sessions.identity(session);
        if let Some(subject) = identity.and_then(|identity| identity.subject) {
            self.guard.subjects.remove(subject);
        }
        self.sessions.end(&mut session);
    }

    /// When a subscription with this grant ends, and why.
    pub(super) fn end_of(&self, id: ConnectionId, grant: &Grant, now: Now) -> (Moment, End) {
        earlier_end(expiry_of(grant, now), self.age_end(id, now))
    }

    /// When a connection that begins now is as old as one may be.
    fn age_end(&self, id: ConnectionId, now: Now) -> Option<Moment> {
        let age_max = self.config.limits.connection_age_max;
        if age_max == Millis(0) {
            return None;
        }
        let share = u128::from(id.0.wrapping_mul(0x9e37_79b9));
        let jitter = (u128::from(age_max.0 / AGE_JITTER_SHARE) * share) >> 32;
        Some(now.monotonic + (age_max - Millis(jitter as u64)))
    }

    /// Gives a subscriber of the signed API a fresh token: it ends with that one.
    ///
    /// # Errors
    /// It is not found, or the token is not for it; nothing has changed.
    pub(super) fn refresh(
        &mut self,
        connection: &str,
        grant: &Grant,
        now: Now,
    ) -> Result<(), RefreshError> {
        let id = self.find_session(connection).ok_or(RefreshError::NotFound)?;
        self.refresh_connection(id, grant, now)
    }

    /// The same, for a connection that asks itself.
    pub(super) fn refresh_connection(
        &mut self,
        id: ConnectionId,
        grant: &Grant,
        now: Now,
    ) -> Result<(), RefreshError> {
        let mut session = self.connections[id].session;
        let identity = self.sessions.identity(session);
        let subject = identity.and_then(|identity| identity.subject);
        if grant.subject.as_deref() != subject || !self.grants_all(id, grant, now) {
            return Err(RefreshError::OtherClaims);
        }
        let ages_at = identity.and_then(|identity| identity.ages_at);
        let identity = Identity { ages_at, ..self.identity_for(id, grant) };
        self.sessions.set_identity(&mut session, identity);
        let connection = &mut self.connections[id];
        connection.session = session;
        let (ends_at, end) = earlier_end(expiry_of(grant, now), ages_at);
        if let Phase::Subscriber(subscriber) = &mut connection.phase {
            subscriber.end_at(ends_at, end);
        }
        self.rearm(id);
        Ok(())
    }

    /// Whether the grant includes all channels of the connection, and is revoked for none.
    fn grants_all(&self, id: ConnectionId, grant: &Grant, now: Now) -> bool {
        let hub = &self.broker.hub;
        let mut channels = hub.channels_of(&self.connections[id].subscriptions);
        channels.all(|(channel, _)| {
            std::str::from_utf8(&hub.name(channel)).is_ok_and(|name| {
                grant.allows(name) && !self.revocations.refuses(grant, &[name], now)
            })
        })
    }

    /// What is kept of a grant for the connection. A WebSocket client may ask for more channels
    /// later, so all are kept, unless it is subscribed to exactly these.
    fn identity_for(&self, id: ConnectionId, grant: &Grant) -> Identity {
        let mut identity = Identity::from(grant);
        let Phase::Subscriber(subscriber) = &self.connections[id].phase else { return identity };
        if !subscriber.is_websocket() {
            return identity;
        }
        let is_known = |granted: &GrantedChannels| match granted {
            GrantedChannels::Name(name) => self.is_subscribed_to(id, name),
            GrantedChannels::Prefix(_) => false,
        };
        if grant.publishes || !grant.channels.iter().all(is_known) {
            identity.channels.clone_from(&grant.channels);
            identity.issued_at = grant.issued_at;
        }
        identity
    }

    /// Refuses the older tokens of what is disconnected.
    ///
    /// # Errors
    /// There are too many revocations.
    pub(super) fn revoke_tokens(&mut self, which: Disconnected, now: Now) -> Result<(), TooMany> {
        let limits = &self.config.limits;
        let (age, count_max) = (limits.revocation_age, limits.revocations_max);
        self.revocations.add(which, age, count_max, now)
    }

    /// The identity of a connection, if its token had any claim that is needed later.
    pub(super) fn identity(&self, id: ConnectionId) -> Option<Known<'_>> {
        self.sessions.identity(self.connections[id].session)
    }

    /// Whether the connection is subscribed to this channel.
    pub(super) fn is_subscribed_to(&self, id: ConnectionId, name: &str) -> bool {
        let Some(wanted) = self.broker.hub.find(name.as_bytes()) else { return false };
        let mut channels = self.broker.hub.channels_of(&self.connections[id].subscriptions);
        channels.any(|(channel, _)| channel == wanted)
    }

    /// The wire format of a subscriber's messages.
    pub(super) fn subscriber_format(&self, id: ConnectionId) -> Option<FormatId> {
        match &self.connections[id].phase {
            Phase::Subscriber(subscriber) => Some(subscriber.profile.format),
            _ => None,
        }
    }

    /// What the connection's token grants, if it grants these channels and is not revoked for them.
    /// Without an identity that is what it is subscribed to.
    pub(super) fn granted(
        &self,
        id: ConnectionId,
        channels: &[&str],
        now: Now,
    ) -> Result<Grant, Denial> {
        let known = self.identity(id);
        let grant = Grant {
            channels: known.map(|known| known.channels.to_vec()).unwrap_or_default(),
            expires_at: u64::MAX,
            subject: None,
            id: None,
            // Without a time it counts as old.
            issued_at: known.and_then(|known| known.issued_at),
            publishes: false,
            key: VerifiedBy::Secret(0),
        };
        let is_granted = |name: &&str| grant.allows(name) || self.is_subscribed_to(id, name);
        if !channels.iter().all(is_granted) {
            return Err(Denial::OtherChannel);
        }
        if self.revocations.refuses(&grant, channels, now) {
            return Err(Denial::Revoked);
        }
        Ok(grant)
    }

    /// Whether the connection's token allows to publish to this channel. A token that was added
    /// for further channels gives no permission to publish there.
    pub(super) fn may_publish(&self, id: ConnectionId, channel: &str, now: Now) -> bool {
        let Some(known) = self.identity(id) else { return false };
        let is_named = known.channels.iter().any(|granted| granted.include(channel));
        known.publishes && is_named && self.granted(id, &[channel], now).is_ok()
    }

    /// Adds the token of further channels: the subscriber ends no later than that one, and with it
    /// if it is disconnected.
    pub(super) fn add_token(&mut self, id: ConnectionId, grant: &Grant, now: Now) {
        let expiry = expiry_of(grant, now);
        if let Phase::Subscriber(subscriber) = &mut self.connections[id].phase
            && expiry < subscriber.ends_at
        {
            subscriber.end_at(expiry, End::Expiry);
        }
        let mut session = self.connections[id].session;
        let known = self.sessions.identity(session);
        if let Some(token_id) = &grant.id
            && known.is_none_or(|known| known.token_ids.iter().all(|one| **one != **token_id))
        {
            let mut identity = known.map_or_else(Identity::default, Identity::from);
            identity.token_ids.push(token_id.as_str().into());
            self.sessions.set_identity(&mut session, identity);
            self.connections[id].session = session;
        }
        self.rearm(id);
    }

    /// Ends a subscription to one channel. What was published before is queued already.
    pub(super) fn unsubscribe_from(&mut self, id: ConnectionId, name: &str, now: Now) {
        let Some(channel) = self.broker.hub.find(name.as_bytes()) else { return };
        if !self.is_subscribed_to(id, name) {
            return;
        }
        // Its token may grant exactly the channels that it is subscribed to, which are not kept.
        self.keep_channels(id);
        let connection = &mut self.connections[id];
        let mut subscriptions = std::mem::take(&mut connection.subscriptions);
        let left = self.broker.hub.unsubscribe_from(&mut subscriptions, channel, now);
        self.connections[id].subscriptions = subscriptions;
        let Some(left) = left else { return };
        self.count_unsubscription(id, left.channel);
        self.turn.work.channels += 1;
        let member_count = self.broker.hub.members(left.channel).len();
        let is_visited_later =
            self.broker.fanout.member_left(left.channel, left.position, member_count);
        if let Some(moved) = left.moved.map(ConnectionId::from)
            && moved != id
            && !is_visited_later
        {
            self.deliver_pending(moved, now);
        }
    }

    /// Keeps the names of the channels of a connection, if nothing is kept of its grant.
    fn keep_channels(&mut self, id: ConnectionId) {
        let mut session = self.connections[id].session;
        let mut identity =
            self.sessions.identity(session).map_or_else(Identity::default, Into::into);
        if !identity.channels.is_empty() {
            return;
        }
        let hub = &self.broker.hub;
        let channels = hub.channels_of(&self.connections[id].subscriptions);
        let names = channels.map(|(channel, _)| String::from_utf8_lossy(&hub.name(channel)).into());
        identity.channels = names.map(GrantedChannels::Name).collect();
        self.sessions.set_identity(&mut session, identity);
        self.connections[id].session = session;
    }

    /// The subscriber with this connection id.
    pub(super) fn find_session(&self, text: &str) -> Option<ConnectionId> {
        let (id, serial) = self.sessions.find(text)?;
        let connection = self.connections.get(id)?;
        let is_subscriber = matches!(connection.phase, Phase::Subscriber(_));
        (is_subscriber && connection.session.has_serial(serial)).then_some(id)
    }

    /// Warns the client that its token ends.
    pub(super) fn warn_of_expiry(&mut self, id: ConnectionId, now: Now) {
        let Phase::Subscriber(subscriber) = &mut self.connections[id].phase else { return };
        let ends_at = subscriber.ends_at;
        subscriber.end_at(ends_at, End::ExpiryWarned);
        // The subscription ends when the token's last second is over.
        let left = ends_at.since(now.monotonic);
        let expires = (now.unix.0.saturating_add(left.0) / 1000).saturating_sub(1);
        self.push_control(id, &Control::Expiring { expires }, now);
    }

    /// Moves the ends of tokens if the wall clock has moved against the monotonic one: it was set,
    /// or the daemon did not run for a while, which the monotonic clock leaves out. A token ends by
    /// the wall clock.
    pub(super) fn follow_wall_clock(&mut self, now: Now) {
        let moved = clock_offset(now).wrapping_sub(self.clock_offset) as i64;
        if moved.unsigned_abs() < CLOCK_MOVE_MIN.0 {
            return;
        }
        self.clock_offset = clock_offset(now);
        let span = Millis(moved.unsigned_abs());
        for id in self.connections.ids() {
            let Phase::Subscriber(subscriber) = &mut self.connections[id].phase else { continue };
            match subscriber.end() {
                End::Expiry | End::ExpiryWarned if moved > 0 => {
                    subscriber.ends_at = subscriber.ends_at - span;
                }
                End::Expiry | End::ExpiryWarned => subscriber.ends_at = subscriber.ends_at + span,
                End::TimeToLive | End::Age => continue,
            }
            self.rearm(id);
        }
    }

    /// Queues a control event, in the form of the connection's profile.
    pub(super) fn push_control(&mut self, id: ConnectionId, control: &Control<'_>, now: Now) {
        let Phase::Subscriber(subscriber) = &self.connections[id].phase else { return };
        let Some(form) = subscriber.profile.control else { return };
        let encoded = form.encode(control, self.broker.formats.compressor());
        self.push_item(id, &encoded, now);
    }

    /// Tells a subscriber of the signed API that a channel was deleted, with its stored messages.
    /// It is not subscribed to a new channel of that name: a WebSocket client may ask for it, any
    /// other client connects again, unless it has no other channel.
    pub(super) fn tell_of_deletion(
        &mut self,
        id: ConnectionId,
        channel: ChannelId,
        is_alone: bool,
        now: Now,
    ) {
        // Events may have been published since; the cursor must not be ahead of the queue.
        self.deliver_pending(id, now);
        let name = self.broker.hub.name(channel);
        let name = String::from_utf8_lossy(&name);
        let cursor = self.broker.formats.cursor(self.broker.hub.position());
        let (channels, reason) = (&[&*name][..], ResetReason::Evicted);
        self.push_control(id, &Control::Reset { channels, reason, cursor }, now);
        let Phase::Subscriber(subscriber) = &self.connections[id].phase else { return };
        if subscriber.is_websocket() {
            self.push_control(id, &Control::Unsubscribed { channels }, now);
        } else {
            let reason = if is_alone { GoodbyeReason::Revoked } else { GoodbyeReason::Age };
            self.say_goodbye(id, reason, now);
        }
    }

    /// Ends a subscriber of the signed API: with what is pending, a goodbye, and the end of the
    /// response.
    pub(super) fn say_goodbye(&mut self, id: ConnectionId, reason: GoodbyeReason, now: Now) {
        if reason == GoodbyeReason::Expired && self.connections[id].outbox.is_fed() {
            // A replay may take as long as the client wants. It resumes with a fresh token.
            self.connections[id].outbox.drop_unbegun();
        } else {
            self.deliver_pending(id, now);
        }
        self.push_goodbye(id, reason, now);
    }

    fn push_goodbye(&mut self, id: ConnectionId, reason: GoodbyeReason, now: Now) {
        let Phase::Subscriber(subscriber) = &self.connections[id].phase else { return };
        let Some(form) = subscriber.profile.control else { return };
        self.counters.expired_connections_total += u64::from(reason == GoodbyeReason::Expired);
        self.log_stream_end(id, reason.word(), now);
        let retry = retry_delay(id.0.wrapping_add(now.monotonic.0 as u32)).0;
        self.push_control(id, &Control::Goodbye { reason, retry }, now);
        self.push(id, form.end(reason).into(), now);
        self.drain(id, now);
    }

    /// Closes a slow consumer of the signed API with a goodbye in place of what it has not read: it
    /// resumes from its cursor. False: the connection cannot take a goodbye.
    pub(super) fn say_goodbye_to_slow(
        &mut self,
        id: ConnectionId,
        why: SlowConsumer,
        now: Now,
    ) -> bool {
        let Phase::Subscriber(subscriber) = &self.connections[id].phase else { return false };
        let is_signed = subscriber.profile.control.is_some();
        if !is_signed || !matches!(why, SlowConsumer::Overflow | SlowConsumer::Gone) {
            return false;
        }
        self.connections[id].outbox.drop_unbegun();
        self.push_goodbye(id, GoodbyeReason::Slow, now);
        // It may have been paused until its queue has room.
        self.resume_if_room(id);
        true
    }

    /// Puts the connections that are meant into the list of those that are ended, some in each
    /// turn. Returns their number.
    pub(super) fn disconnect(&mut self, which: &Disconnected) -> usize {
        let ids: Vec<ConnectionId> = match which {
            Disconnected::Connection(text) => self.find_session(text).into_iter().collect(),
            Disconnected::Channel(name) => {
                let members = self.broker.hub.find(name.as_bytes()).map(|channel| {
                    let members = self.broker.hub.members(channel).iter();
                    members.map(|member| ConnectionId::from(member.subscriber)).collect()
                });
                members.unwrap_or_default()
            }
            Disconnected::Subject(wanted) => self.with_identity(|one| one.subject == Some(wanted)),
            Disconnected::Token(wanted) => {
                self.with_identity(|one| one.token_ids.iter().any(|id| **id == **wanted))
            }
        };
        let signed = ids.into_iter().filter(|id| self.connections[*id].session.is_some());
        let before = self.lists.to_revoke.len();
        self.lists.to_revoke.extend(signed.map(|id| (id, self.connections[id].session)));
        self.lists.to_revoke.len() - before
    }

    fn with_identity(&mut self, is_meant: impl Fn(Known<'_>) -> bool) -> Vec<ConnectionId> {
        self.turn.work.scanned += self.connections.len() as u64;
        let identity = |connection: &Connection| self.sessions.identity(connection.session);
        let all = self.connections.iter();
        let found = all.filter(|(_, connection)| identity(connection).is_some_and(&is_meant));
        found.map(|(id, _)| id).collect()
    }

    /// Ends some of the connections that [`State::disconnect`] has found.
    pub(super) fn end_revoked(&mut self, now: Now) {
        if self.lists.to_revoke.is_empty() {
            return;
        }
        self.turn.begin_quarter();
        while !self.turn.is_quarter_spent()
            && let Some((id, session)) = self.lists.to_revoke.pop()
        {
            self.turn.work.expired += 1;
            let is_same =
                self.connections.get(id).is_some_and(|one| one.session.has_serial(session.serial));
            if is_same {
                self.revoke(id, now);
                self.end_step(now);
            }
        }
    }

    fn revoke(&mut self, id: ConnectionId, now: Now) {
        let Phase::Subscriber(subscriber) = &self.connections[id].phase else { return };
        self.counters.revoked_connections_total += 1;
        match subscriber.transport {
            Transport::Events { .. } | Transport::WebSocket { .. } => {
                // It gets nothing more, and publishes nothing more.
                self.waiting_publications.take(id);
                self.connections[id].outbox.drop_unbegun();
                self.push_goodbye(id, GoodbyeReason::Revoked, now);
            }
            Transport::Framed | Transport::Stream { .. } | Transport::LongPoll(_) => {
                self.connections[id].exchange.keeps_alive = false;
                self.end_subscriber(id, now);
            }
        }
    }
}

/// The earlier one of the ends of a token and of a connection's age, and which it is.
fn earlier_end(expiry: Moment, ages_at: Option<Moment>) -> (Moment, End) {
    match ages_at {
        Some(oldest) if oldest < expiry => (oldest, End::Age),
        Some(_) | None => (expiry, End::Expiry),
    }
}

/// The moment at which a token ends: its last second is valid to its end.
fn expiry_of(grant: &Grant, now: Now) -> Moment {
    let end = grant.expires_at.saturating_add(1).saturating_mul(1000);
    match grant.expires_at {
        // Beyond the range of the clock: it never ends.
        seconds if seconds > u64::MAX / 2000 => Moment::NEVER,
        _ => now.monotonic + Millis(end.saturating_sub(now.unix.0)),
    }
}
