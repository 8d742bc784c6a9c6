//! The seam between the server and its faces: what a face has to answer, and what it may do.
//!
//! A face is one dialect in which clients ask for things. It parses a request, checks it, carries
//! it out through a [`Context`] and renders the answer. The server knows no face: it asks each one
//! whether a path is its own, in the order in which [`MakeFaces`] gives them.

use super::ConnectionId;
use super::connection::Connection;
use super::publishing::{PublishError, Publishing};
use super::{Host, Server};
use crate::auth::{self, Claims, Denial, Grant};
use crate::broker::{ChannelList, Feed, Subscriber, Work};
use crate::compression::Compressor;
use crate::config::{Config, Limits, Listener};
use crate::http::{Date, Exchange, Head, Response, Status};
use crate::hub::{ChannelId, CreateError, Draft, Full, Hub, Walk};
use crate::message::Message;
use crate::stats::Snapshot;
use crate::time::Now;
use crate::transports::{FormatId, Formats, Frame};
use std::rc::Rc;

/// A dialect in which clients ask for things. It is made from a configuration and does not change:
/// a reload makes another one in its place.
pub trait Face {
    /// What a request leads to. None: its path is not one of this face's.
    fn route(&self, context: &mut Context<'_>, head: &Head<'_>) -> Option<Next>;

    /// The face of a new configuration.
    fn reconfigured(&self, config: &Config, formats: &mut Formats) -> Box<dyn Face>;

    /// Every wire format that a new subscriber may need.
    fn formats(&self) -> Vec<FormatId>;

    /// The largest padding that a message may get, in bytes.
    fn padding_max(&self) -> u32 {
        0
    }
}

/// Makes all faces, in the order in which they are asked.
pub type MakeFaces = fn(&Config, &mut Formats) -> Vec<Box<dyn Face>>;

/// What a request's head leads to.
pub enum Next {
    /// An answer, with its body, whatever the request's own body holds.
    Answer(Response, Vec<u8>),
    /// The request's body is needed first.
    Read {
        /// What it is needed for.
        handler: Box<dyn BodyHandler>,
        /// A longer body is refused.
        bytes_max: usize,
    },
    /// The request has been carried out: its answer is queued, or comes later (long-polling). The
    /// request has no body, or the connection ends with the answer.
    Done,
}

/// A request that waits for its body.
pub trait BodyHandler {
    /// The body is complete.
    fn complete(self: Box<Self>, context: &mut Context<'_>, body: &[u8]);

    /// The answer to a body that is larger than allowed.
    fn too_large(&self) -> (Response, Vec<u8>);

    /// Whether the request publishes: its body is then only completed while there is room for a
    /// publication.
    fn is_publication(&self) -> bool;
}

/// A request that waits until its publication has reached all its channels: there may be no room
/// for it at once, so its answer may come in a later turn.
pub trait Publisher {
    /// The message was published to all channels, or there was no room for it.
    fn published(self: Box<Self>, context: &mut Context<'_>, result: Result<(), PublishError>);
}

/// One connection with its current request, and everything that a face may do about it.
pub struct Context<'a> {
    server: &'a mut Server,
    id: ConnectionId,
    /// The time of this turn.
    pub now: Now,
}

impl<'a> Context<'a> {
    pub(super) fn new(server: &'a mut Server, id: ConnectionId, now: Now) -> Context<'a> {
        Context { server, id, now }
    }

    fn connection(&self) -> &Connection {
        &self.server.connections[self.id]
    }

    fn connection_mut(&mut self) -> &mut Connection {
        &mut self.server.connections[self.id]
    }

    // What there is.

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.server.config
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.server.config.limits
    }

    /// The listener that the connection came through.
    pub fn listener(&self) -> &Listener {
        &self.server.config.listeners[usize::from(self.connection().listener.0)]
    }

    /// What the answer's framing depends on.
    pub fn exchange(&self) -> Exchange {
        self.connection().exchange
    }

    /// The value of the `Date` field.
    pub fn date(&self) -> Date {
        self.server.date
    }

    /// Channels, subscriptions and stored messages.
    pub fn hub(&self) -> &Hub {
        &self.server.broker.hub
    }

    /// The same, to make and remove channels.
    pub fn hub_mut(&mut self) -> &mut Hub {
        &mut self.server.broker.hub
    }

    /// The wire formats and what makes them.
    pub fn formats(&mut self) -> &mut Formats {
        &mut self.server.broker.formats
    }

    /// Compresses answers.
    pub fn compressor(&mut self) -> &mut Compressor {
        self.server.broker.formats.compressor()
    }

    /// The work of this turn, to which a face adds what its requests cost.
    pub fn work(&mut self) -> &mut Work {
        &mut self.server.turn.work
    }

    /// What the core cannot know by itself.
    pub fn host(&self) -> &Host {
        &self.server.host
    }

    /// When the server started.
    pub fn started(&self) -> Now {
        self.server.started
    }

    /// When the configuration in force was taken.
    pub fn configured(&self) -> Now {
        self.server.configured
    }

    /// Connections that receive messages.
    pub fn subscriber_count(&self) -> usize {
        self.server.subscriber_count
    }

    /// The counters and gauges at this moment.
    pub fn snapshot(&mut self) -> Snapshot {
        // It sums up the queues of all connections.
        self.server.turn.work.scanned += self.server.connections.len() as u64;
        self.server.snapshot(self.now)
    }

    // Answers.

    /// Queues bytes: an answer, or a part of one.
    pub fn push(&mut self, frame: impl Into<Frame>) {
        self.server.push(self.id, frame.into(), self.now);
    }

    /// Answers a request that has been read to its end, or after which the connection is closed.
    pub fn respond(&mut self, response: Response, body: &[u8]) {
        self.server.respond(self.id, response, body, self.now);
    }

    /// Begins an answer of unknown length: in HTTP/1.0 it ends with the connection.
    pub fn begin_unsized(&mut self) -> Exchange {
        self.server.begin_unsized_exchange(self.id)
    }

    /// After an answer: the next request, or the end.
    pub fn end_exchange(&mut self) {
        self.server.end_exchange(self.id, self.now);
    }

    /// The connection is closed after this request's answer.
    pub fn close_after_answer(&mut self) {
        self.connection_mut().exchange.keeps_alive = false;
    }

    /// What is queued is still written; then the connection is closed.
    pub fn drain(&mut self) {
        self.server.drain(self.id, self.now);
    }

    /// Begins to queue what a feed makes; what is pushed from now on comes after that.
    pub fn begin_feed(&mut self, feed: Feed) {
        self.server.begin_feed(self.id, feed, self.now);
    }

    /// The request is answered: for the log.
    pub fn log_answer(&mut self, status: Status, reason: &str) {
        self.server.log_answer(self.id, status, reason, self.now);
    }

    /// The request is answered by a stream: for the log.
    pub fn log_stream_start(&mut self, status: Status) {
        self.server.log_stream_start(self.id, status, self.now);
    }

    // Lists of channels.

    /// Bytes that a list may have to be made at once.
    pub fn short_list_bytes_max(&self) -> usize {
        self.server.short_list_bytes_max()
    }

    /// Whether one more list may be made as it is read (`listings_max`).
    pub fn has_place_for_listing(&self) -> bool {
        self.server.has_place_for_listing()
    }

    /// Answers with a list that is made as it is read. The head says how its body ends.
    pub fn answer_listing(&mut self, head: Response, list: Box<dyn ChannelList>, walk: Walk) {
        self.server.answer_listing(self.id, head, list, walk, self.now);
    }

    // Access.

    /// Demands the publish secret.
    ///
    /// # Errors
    /// Why the request is refused; it is counted.
    pub fn authorize(&mut self, head: &Head<'_>) -> Result<(), Denial> {
        let secrets = &self.server.config.publish_secrets;
        let authorized = auth::authorize(head.values("authorization"), secrets);
        authorized.inspect_err(|denial| self.server.count_denial(*denial))
    }

    /// Checks a subscribe token with the secrets in force; returns what it grants.
    ///
    /// # Errors
    /// Why the request is refused; it is counted.
    pub fn verify(&mut self, token: &str, wanted: &Claims<'_>) -> Result<Grant, Denial> {
        let verified = auth::verify(token, &self.server.token_keys, wanted);
        verified.inspect_err(|denial| self.server.count_denial(*denial))
    }

    // Messages.

    /// Makes the connection a member of the channel. It gets each message that is published from
    /// now on `times` times.
    ///
    /// # Errors
    /// The memory account is full; nothing has happened.
    pub fn subscribe(&mut self, channel: ChannelId, times: u32) -> Result<(), Full> {
        self.server.subscribe(self.id, channel, times, self.now)
    }

    /// From now on the connection takes messages instead of requests.
    pub fn begin_subscriber(&mut self, subscriber: Subscriber) {
        self.server.begin_subscriber(self.id, subscriber);
    }

    /// A number that differs between connections and is small: for spreading them over time.
    pub fn connection_number(&self) -> u32 {
        self.id.0
    }

    /// Whether every wire format can hold this publication, with the longest name of its channels.
    pub fn can_encode(&self, channel_bytes: usize, draft: &Draft) -> bool {
        self.server.can_encode(channel_bytes, draft)
    }

    /// Publishes to one channel, as soon as there is room, and then tells the publisher.
    pub fn publish_to(&mut self, channel: &[u8], publishing: Publishing) {
        self.server.publish_or_wait(self.id, channel, publishing, self.now);
    }

    /// Publishes to one channel after the other, as there is room, and then tells the publisher.
    pub fn publish(&mut self, publishing: Publishing) {
        self.server.continue_publishing(self.id, publishing, self.now);
    }

    /// Deletes a channel: its subscribers get what is pending, then this message.
    pub fn delete_channel(&mut self, channel: ChannelId, message: Rc<Message>) {
        self.server.delete_channel(channel, message, self.now);
    }

    /// Publishes the events that were raised so far, as far as there is room for them.
    pub fn publish_events(&mut self) {
        self.server.end_step(self.now);
    }

    /// A channel could not be made. A full store is reported and counted.
    pub fn report_not_created(&mut self, error: CreateError) {
        match error {
            CreateError::TooMany => {}
            CreateError::Full => self.server.report_full_store(self.now),
        }
    }
}
