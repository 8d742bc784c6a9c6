//! Input of WebSocket clients: frames, messages to publish, the close (push-stream spec, sections
//! 15.3 and 15.5; RFC 6455).

use super::connection::{ConnectionId, Phase};
use super::lines::SlowConsumer;
use super::publish_task::{CreateMissing, Progress, PublishError, PublishTask};
use super::state::State;
use crate::broker::Transport;
use crate::hub::{Draft, Maker, Storing};
use crate::time::Now;
use crate::transports::Frame;
use crate::websocket::{self, CloseCode, Event, Rules};
use std::collections::VecDeque;

/// Close reason for a message that a wire format cannot hold; publisher locations answer with the
/// same text.
const MESSAGE_TOO_LARGE: &str = "Message is too large in the templates of its readers.";

/// Largest message of a client of the signed API: a payload of 64 KiB, or a token and many names.
const COMMAND_BYTES_MAX: usize = 96 * 1024;

impl State {
    /// Reads frames from the client; returns how many bytes it used. It stops while a message of
    /// the client waits for room, or when the connection's share of the turn is spent, and at a
    /// command of a client of the signed API, which it returns.
    pub(super) fn read_frames(
        &mut self,
        id: ConnectionId,
        input: &[u8],
        now: Now,
    ) -> (usize, Option<String>) {
        let mut unread = input;
        let mut command = None;
        while !self.connections[id].flags.is_paused() {
            let is_full = self.takes_commands(id) && !self.has_outbox_room(id);
            if (self.turn.is_connection_share_spent() || is_full) && !unread.is_empty() {
                self.pause(id);
                break;
            }
            self.turn.work.frames += 1;
            // A message is inflated, copied and encoded in one step.
            let bytes_max =
                self.config.limits.websocket_message_bytes_max.min(self.memory.single_bytes_max());
            let connection = &mut self.connections[id];
            let Phase::Subscriber(subscriber) = &mut connection.phase else { break };
            let Transport::WebSocket { reader, is_deflated, awaits_pong, .. } =
                &mut subscriber.transport
            else {
                break;
            };
            *awaits_pong &= input.is_empty();
            let bytes_max = match subscriber.profile.control {
                Some(_) => bytes_max.min(COMMAND_BYTES_MAX),
                None => bytes_max,
            };
            let rules = Rules {
                accepts_deflated: *is_deflated,
                keeps_texts: subscriber.profile.takes_messages,
                message_bytes_max: bytes_max,
            };
            let event = reader.next(&mut unread, rules, &mut self.inflater, now.monotonic);
            // This includes messages that are refused because of what they inflated to.
            self.turn.work.bytes += 2 * self.inflater.take_bytes();
            match event {
                None => break,
                Some(Ok(Event::Text(text))) if self.takes_commands(id) => {
                    self.turn.work.bytes += 3 * text.len() as u64;
                    command = Some(text);
                    break;
                }
                Some(Ok(event)) => self.handle_frame(id, event, now),
                Some(Err(violation)) => {
                    let reason = violation.explain();
                    let frame = websocket::close(violation.close_code(), reason);
                    self.close_websocket(id, frame.into(), reason, now);
                }
            }
        }
        (input.len() - unread.len(), command)
    }

    /// Whether messages of this client are commands of the signed API.
    fn takes_commands(&self, id: ConnectionId) -> bool {
        match &self.connections[id].phase {
            Phase::Subscriber(subscriber) => subscriber.profile.control.is_some(),
            _ => false,
        }
    }

    fn handle_frame(&mut self, id: ConnectionId, event: Event, now: Now) {
        match event {
            Event::Text(text) if !text.is_empty() => {
                // Unmasked, checked as UTF-8, and copied.
                self.turn.work.bytes += 3 * text.len() as u64;
                self.publish_message(id, text.as_bytes(), now);
            }
            Event::Text(_) | Event::TextDropped | Event::Pong => {}
            Event::Ping(payload) => {
                let frame = Frame::from(websocket::pong(&payload));
                let bytes_max = self.config.limits.outbox_bytes_max;
                let outbox = &mut self.connections[id].outbox;
                // Only the latest ping needs an answer (RFC 6455, section 5.5.3). The queue of a
                // client that pings between messages and never reads is limited as any other.
                let pushed = match outbox.supersede(frame, websocket::is_pong) {
                    Ok(()) => Ok(()),
                    Err(frame) => outbox.push_live(frame, bytes_max, now.monotonic),
                };
                match pushed {
                    Ok(()) => self.request_write(id),
                    Err(_) => self.close_slow(id, SlowConsumer::Overflow, now),
                }
            }
            // Section 15.3: binary messages are not accepted.
            Event::Binary => {
                let frame = websocket::CLOSE_EMPTY[..].into();
                self.close_websocket(id, frame, "a binary message", now);
            }
            Event::Close { code, .. } => {
                let frame = match code {
                    Some(code) => websocket::close(code, ""),
                    None => websocket::CLOSE_EMPTY.to_vec(),
                };
                self.close_websocket(id, frame.into(), "closed by the client", now);
            }
        }
    }

    /// Closes a WebSocket whose frame or message took longer to arrive than a request's body may.
    pub(super) fn time_out_frame(&mut self, id: ConnectionId, now: Now) {
        self.counters.timed_out_requests_total += 1;
        let reason = "message took too long";
        let frame = websocket::close(CloseCode::POLICY, reason);
        self.close_websocket(id, frame.into(), reason, now);
    }

    /// Queues what is pending, then the close frame, and closes the connection when both are
    /// written.
    pub(super) fn close_websocket(
        &mut self,
        id: ConnectionId,
        frame: Frame,
        reason: &str,
        now: Now,
    ) {
        self.deliver_pending(id, now);
        if matches!(self.connections[id].phase, Phase::Subscriber(_)) {
            self.log_stream_end(id, reason, now);
            self.push(id, frame, now);
            self.drain(id, now);
        }
    }

    /// Ends a message of the client that is published to all its channels, or has found no room in
    /// the memory account. Then it closes the connection, as the module does: the client must not
    /// believe that it is published.
    pub(super) fn websocket_message_published(
        &mut self,
        id: ConnectionId,
        result: Result<(), PublishError>,
        now: Now,
    ) {
        if result.is_err() {
            log::debug!("connection {id}: closed, the memory account has no room for its message");
            let reason = "no memory for the message";
            let frame = websocket::close(CloseCode::TRY_AGAIN_LATER, reason);
            self.close_websocket(id, frame.into(), reason, now);
        }
    }

    /// Prepares the reader of a WebSocket to go on after a pause, which its client does not have to
    /// answer for.
    pub(super) fn resume_frames(&mut self, id: ConnectionId, now: Now) {
        let connection = &mut self.connections[id];
        connection.since = now.monotonic;
        if let Phase::Subscriber(subscriber) = &mut connection.phase
            && let Transport::WebSocket { reader, .. } = &mut subscriber.transport
        {
            reader.resume(now.monotonic, self.config.limits.body_timeout);
        }
    }

    /// Publishes a message to every channel of the connection, in the order of the path (section
    /// 15.5).
    fn publish_message(&mut self, id: ConnectionId, text: &[u8], now: Now) {
        let connection = &self.connections[id];
        let Phase::Subscriber(subscriber) = &connection.phase else { return };
        let Transport::WebSocket { is_stored, .. } = subscriber.transport else { return };
        let hub = &self.broker.hub;
        let channels = hub.channels_of(&connection.subscriptions);
        let names = |(channel, times)| std::iter::repeat_n(hub.name(channel), times as usize);
        let channels: VecDeque<_> = channels.flat_map(names).collect();
        let maker = Maker::Visitor;
        let storing = Storing::always_if(is_stored);
        let draft = Draft { text: text.into(), storing, maker, ..Draft::default() };
        if !self.can_encode(channels.iter().map(|name| name.len()).max().unwrap_or(0), &draft) {
            let reason = MESSAGE_TOO_LARGE;
            let frame = websocket::close(CloseCode::TOO_BIG, reason);
            return self.close_websocket(id, frame.into(), reason, now);
        }
        let task = PublishTask { channels, ..PublishTask::new(draft, CreateMissing::None) };
        if let Progress::Ended(result) = self.continue_publishing(id, task, now) {
            self.websocket_message_published(id, result.map(drop), now);
        }
    }
}
