//! The interface between the server and its faces: what a face implements, and what it may call.
//!
//! A face is one dialect of requests and answers. It parses a request, checks it, carries it out
//! through a [`Context`] and renders the answer. The server knows no face: it offers a request to
//! each one, in the order of [`MakeFaces`], until one accepts the path.

use super::connection::{Connection, ConnectionId};
use super::guard::Busy;
use super::host::Host;
use super::publish_task::{Outcome, PublishError, PublishTask, SubscribeError};
use super::state::State;
use crate::auth::{self, Claims, Denial, Grant};
use crate::broker::{ChannelList, Feed, Subscriber, Work};
use crate::compression::Compressor;
use crate::config::{Config, Limits, Listener};
use crate::http::{Date, Exchange, Head, Response, Status};
use crate::hub::{ChannelId, CreateError, Draft, Hub, Walk};
use crate::message::Message;
use crate::stats::Snapshot;
use crate::time::{Millis, Now};
use crate::transports::{FormatId, Formats, Frame};
use std::rc::Rc;

/// A dialect of requests and answers. It is made from a configuration and does not change; a reload
/// replaces it.
pub trait Face {
    /// Handles the head of a request. `None`: its path does not belong to this face.
    fn route(&self, context: &mut Context<'_>, head: &Head<'_>) -> Option<Next>;

    /// The face that replaces this one after a reload.
    fn reconfigured(&self, config: &Config, formats: &mut Formats) -> Box<dyn Face>;

    /// All wire formats that new subscribers may use.
    fn formats(&self) -> Vec<FormatId>;

    /// Carries out a message of a WebSocket client whose profile has control events. `None`: it is
    /// not of this face.
    fn command(&self, _: &mut Context<'_>, _: &str) -> Option<Next> {
        None
    }

    /// The largest padding that a message may get, in bytes.
    fn padding_max(&self) -> u32 {
        0
    }
}

/// Makes all faces, in the order in which requests are offered to them.
pub type MakeFaces = fn(&Config, &mut Formats) -> Vec<Box<dyn Face>>;

/// What comes next for a request, after its head or its body.
pub enum Next {
    /// Send this answer and its body. If the request has a body that is not read, it is dropped.
    Answer(Response, Vec<u8>),
    /// Read the request's body; only after its head.
    Read {
        /// Gets the body.
        handler: Box<dyn BodyHandler>,
        /// A longer body is refused.
        bytes_max: usize,
    },
    /// The answer comes later: after the message is published to all its channels, which may have
    /// no room at once. Until then the connection is paused.
    Later {
        /// What is published, and to which channels.
        task: PublishTask,
        /// Makes the answer, or the next publication.
        handler: Box<dyn PublicationHandler>,
    },
    /// Nothing: the answer is queued already, or the connection is a subscriber, whose answer is
    /// made by deliveries. The request has no body, or the connection is closed after the answer.
    Done,
}

/// A request whose body is being read.
pub trait BodyHandler {
    /// Carries out the request with its complete body.
    fn complete(self: Box<Self>, context: &mut Context<'_>, body: &[u8]) -> Next;

    /// The answer to a body that is larger than allowed.
    fn too_large(&self) -> (Response, Vec<u8>);

    /// Whether the request publishes. If so, [`BodyHandler::complete`] is not called before there
    /// is room for a publication (back-pressure).
    fn is_publication(&self) -> bool;
}

/// What [`Context::publish_to`] has done.
pub enum Published {
    /// The message is published, or cannot be.
    Ended(Result<Vec<Outcome>, PublishError>),
    /// The channel has no room yet: return this task as [`Next::Later`].
    NotYet(PublishTask),
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRefusal {
    /// What is wrong with it.
    pub denial: Denial,
    /// There have been too many failures from the client's address, so it is to be slowed. A good
    /// token would still be accepted.
    pub slowed: Option<Busy>,
}

/// A request that is answered after its message has been published ([`Next::Later`]).
pub trait PublicationHandler {
    /// What comes next: the answer, or the next publication of the same request. The message was
    /// published to all channels, or publishing failed at one of them.
    fn published(
        self: Box<Self>,
        context: &mut Context<'_>,
        result: Result<Vec<Outcome>, PublishError>,
    ) -> Next;
}

/// One connection with its current request, and everything that a face may do with it.
pub struct Context<'a> {
    pub(super) state: &'a mut State,
    pub(super) id: ConnectionId,
    /// The time of this turn.
    pub now: Now,
}

impl<'a> Context<'a> {
    pub(super) fn new(state: &'a mut State, id: ConnectionId, now: Now) -> Context<'a> {
        Context { state, id, now }
    }

    fn connection(&self) -> &Connection {
        &self.state.connections[self.id]
    }

    fn connection_mut(&mut self) -> &mut Connection {
        &mut self.state.connections[self.id]
    }

    // State.

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.state.config
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.state.config.limits
    }

    /// The listener that accepted the connection.
    pub fn listener(&self) -> &Listener {
        &self.state.config.listeners[usize::from(self.connection().listener.0)]
    }

    /// The properties of the request that determine the framing of its answer.
    pub fn exchange(&self) -> Exchange {
        self.connection().exchange
    }

    /// The value of the `Date` field.
    pub fn date(&self) -> Date {
        self.state.date
    }

    /// Channels, subscriptions and stored messages.
    pub fn hub(&self) -> &Hub {
        &self.state.broker.hub
    }

    /// Channels, subscriptions and stored messages, to create and remove channels.
    pub fn hub_mut(&mut self) -> &mut Hub {
        &mut self.state.broker.hub
    }

    /// The wire formats in use, and their encoder.
    pub fn formats(&mut self) -> &mut Formats {
        &mut self.state.broker.formats
    }

    /// The compressor for answers.
    pub fn compressor(&mut self) -> &mut Compressor {
        self.state.broker.formats.compressor()
    }

    /// The work done in this half of the turn. A face adds the cost of its requests.
    pub fn work(&mut self) -> &mut Work {
        &mut self.state.turn.work
    }

    /// Facts about the process and its machine.
    pub fn host(&self) -> &Host {
        &self.state.host
    }

    /// When the server started.
    pub fn started(&self) -> Now {
        self.state.started
    }

    /// When the configuration in force was loaded.
    pub fn configured(&self) -> Now {
        self.state.configured
    }

    /// Number of connections that receive messages.
    pub fn subscriber_count(&self) -> usize {
        self.state.connections.subscriber_count
    }

    /// The counters and gauges at this moment.
    pub fn snapshot(&mut self) -> Snapshot {
        self.state.snapshot(self.now)
    }

    // Answers.

    /// Queues an answer or a part of one.
    pub fn push(&mut self, frame: impl Into<Frame>) {
        self.state.push(self.id, frame.into(), self.now);
    }

    /// Begins an answer of unknown length, which in HTTP/1.0 ends with the connection. Returns what
    /// its framing depends on.
    pub fn begin_unsized(&mut self) -> Exchange {
        self.state.begin_unsized_exchange(self.id)
    }

    /// Ends the exchange after its answer is queued: continues with the next request, or closes the
    /// connection.
    pub fn end_exchange(&mut self) {
        self.state.end_exchange(self.id, self.now);
    }

    /// Has the connection closed after the answer to this request.
    pub fn close_after_answer(&mut self) {
        self.connection_mut().exchange.keeps_alive = false;
    }

    /// Closes the connection after what is queued has been written.
    pub fn drain(&mut self) {
        self.state.drain(self.id, self.now);
    }

    /// Begins a feed: its parts are made and queued as the client reads them. What is pushed later
    /// follows after the last part.
    pub fn begin_feed(&mut self, feed: Feed) {
        self.state.begin_feed(self.id, feed, self.now);
    }

    /// Logs that the request is answered with this status, and why it is refused if it is.
    pub fn log_answer(&mut self, status: Status, reason: &str) {
        self.state.log_answer(self.id, status, reason, self.now);
    }

    /// Logs that the answer is a stream, which has begun.
    pub fn log_stream_start(&mut self, status: Status) {
        self.state.log_stream_start(self.id, status, self.now);
    }

    // Lists of channels.

    /// Maximum size of a list that is made at once instead of as it is read.
    pub fn short_list_bytes_max(&self) -> usize {
        self.state.short_list_bytes_max()
    }

    /// Whether one more list may be made as it is read (`listings_max`).
    pub fn has_place_for_listing(&self) -> bool {
        self.state.has_place_for_listing()
    }

    /// Answers with a list that is made as it is read. `head` has the fields that frame its body
    /// already.
    pub fn answer_listing(&mut self, head: Response, list: Box<dyn ChannelList>, walk: Walk) {
        self.state.answer_listing(self.id, head, list, walk, self.now);
    }

    // Access.

    /// Checks that the request has a publish secret that is in force.
    ///
    /// # Errors
    /// The reason to refuse the request, which has been counted.
    pub fn authorize(&mut self, head: &Head<'_>) -> Result<(), Denial> {
        let secrets = &self.state.config.publish_secrets;
        let authorized = auth::authorize(head.values("authorization"), secrets);
        authorized.inspect_err(|denial| self.state.count_denial(*denial))
    }

    /// Counts a request that is refused without a token to verify.
    pub fn count_denial(&mut self, denial: Denial) {
        self.state.count_denial(denial);
    }

    /// Verifies a subscribe token with the secrets in force and returns what it grants.
    ///
    /// # Errors
    /// The reason to refuse the request, which has been counted.
    pub fn verify(&mut self, token: &str, wanted: &Claims<'_>) -> Result<Grant, TokenRefusal> {
        let verified = auth::verify(token, &self.state.token_keys, wanted);
        let verified = verified.and_then(|grant| {
            let is_refused = self.state.revocations.refuses(&grant, wanted.channels, self.now);
            if is_refused { Err(Denial::Revoked) } else { Ok(grant) }
        });
        verified.map_err(|denial| {
            self.state.count_denial(denial);
            let slowed = self.state.token_failed(self.id, self.now).err();
            if slowed.is_some() {
                // So that the next one needs a new connection, which takes longer.
                self.close_after_answer();
            }
            TokenRefusal { denial, slowed }
        })
    }

    /// Asks for a place for a stream, which stays open. Ask when the request is good and its token
    /// verified, so that bad requests take no places, and before anything is created for it.
    ///
    /// # Errors
    /// There is none now, by `connections_per_address_max` or `connects_per_second_max`; it is
    /// counted.
    pub fn admit_stream(&mut self) -> Result<(), Busy> {
        self.state.admit_stream(self.id, self.now)
    }

    /// The same for a request that waits for one message. `connects_per_second_max` is not for
    /// them: each message lets all those clients come back at once.
    ///
    /// # Errors
    /// There is no place now, by `connections_per_address_max`; it is counted.
    pub fn admit_long_poll(&mut self) -> Result<(), Busy> {
        self.state.admit_subscriber(self.id)
    }

    /// Asks for a place for a subscriber with this subject.
    ///
    /// # Errors
    /// There is none now, by `connections_per_subject_max`; it is counted.
    pub fn admit_subject(&mut self, subject: &str) -> Result<(), Busy> {
        self.state.admit_subject(subject)
    }

    /// Any time up to this span, so that clients do not all do the same at once.
    pub fn jitter(&mut self, span: Millis) -> Millis {
        self.state.guard.jitter.up_to(span)
    }

    // Messages.

    /// Subscribes the connection to the channel. It gets each message published from now on `times`
    /// times.
    ///
    /// # Errors
    /// There is no memory for a subscriber; nothing has changed. Only the first subscription of a
    /// connection can fail.
    pub fn subscribe(&mut self, channel: ChannelId, times: u32) -> Result<(), SubscribeError> {
        self.state.subscribe(self.id, channel, times, self.now)
    }

    /// Whether there is memory for one more subscriber. Ask before channels are created for it.
    ///
    /// # Errors
    /// [`SubscribeError::Short`]; it is counted.
    pub fn has_memory_for_subscriber(&mut self) -> Result<(), SubscribeError> {
        if self.state.refuses_subscribers(self.now) { Err(SubscribeError::Short) } else { Ok(()) }
    }

    /// Makes the connection a subscriber, which gets messages. Its further requests wait.
    pub fn begin_subscriber(&mut self, subscriber: Subscriber) {
        self.state.begin_subscriber(self.id, subscriber);
    }

    /// A small number that differs between connections, to spread their heartbeats over time.
    pub fn connection_number(&self) -> u32 {
        self.id.0
    }

    /// Whether every wire format can hold this publication. `channel_bytes` is the length of the
    /// longest of its channel names.
    pub fn can_encode(&self, channel_bytes: usize, draft: &Draft) -> bool {
        self.state.can_encode(channel_bytes, draft)
    }

    /// Publishes to one channel, if it has room. Most channels have, so the list of channels, which
    /// would need heap memory, stays empty.
    pub fn publish_to(&mut self, channel: &[u8], mut task: PublishTask) -> Published {
        match self.state.publish_to(channel, &mut task, self.now) {
            Ok(true) => Published::Ended(Ok(task.outcomes.unwrap_or_default())),
            Ok(false) => {
                task.channels.push_back(channel.into());
                Published::NotYet(task)
            }
            Err(reason) => Published::Ended(Err(reason)),
        }
    }

    /// Deletes a channel. Its subscribers get what is pending on it, then this message.
    pub fn delete_channel(&mut self, channel: ChannelId, message: Rc<Message>) {
        self.state.delete_channel(channel, message, self.now);
    }

    /// Publishes the events raised so far, as far as there is room and time for them.
    pub fn publish_events(&mut self) {
        self.state.end_step(self.now);
    }

    /// Reports that a channel could not be created. If the memory account is full, that is logged
    /// and counted.
    pub fn report_not_created(&mut self, error: CreateError) {
        match error {
            CreateError::TooMany => {}
            CreateError::Full => self.state.report_full_store(self.now),
        }
    }
}
