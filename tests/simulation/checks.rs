//! Invariants of the world around the server: reasons for closing a connection, an idle server has
//! done everything, limits of what is queued.

use crate::client::Client;
use crate::order;
use crate::patience::Progress;
use crate::wire::{chunk, framed};
use crate::world::World;
use rpushd::config::Limits;
use rpushd::time::{Millis, Moment};

/// A deadline is late by at most this much, when time passes in small steps.
const TICK: Millis = Millis(64);
/// Overhead per queued frame, besides its bytes.
const FRAME_COST: usize = 64;
/// The size of the largest response other than a stream.
const RESPONSE_BYTES_MAX: usize = 12 * 1024;

/// Panics unless there is a reason to close this client's connection now.
pub fn may_end(world: &mut World, number: usize) {
    let client = &world.clients[number];
    let socket = &world.reactor.sockets[number];
    let (answers, limits) = (&client.answers, &world.strict);
    let now = world.reactor.now.monotonic;
    let is_mutual =
        socket.is_end_known || client.shut_at.is_some() || world.reactor.server.is_stopping();
    if is_mutual || answers.closes || answers.is_anything {
        if answers.closes && answers.count == limits.keepalive_requests_max as usize {
            world.coverage.count("ended by keepalive_requests_max", 1);
        }
        return;
    }
    if client.may_be_cut_in_body() {
        return;
    }
    let stalled_since = answers.last_taken.max(answers.queue_began);
    let is_stalled = !answers.queued.is_empty()
        && socket.is_blocked
        && now.since(stalled_since) >= limits.outbox_stall_timeout;
    let is_overflowing = match answers.live_stream() {
        Some(stream) => {
            let bytes = |payload: &[u8]| {
                let frame = framed(payload);
                if stream.is_chunked { chunk(frame).len() } else { frame.len() }
            };
            let missing: Vec<usize> = world.model.possible(&stream.cursor).map(bytes).collect();
            // The model cannot know which of several messages that arrived at once was the last.
            let smallest = missing.iter().copied().min().unwrap_or(0);
            let before_last = missing.iter().sum::<usize>() - smallest;
            // The number of frames since the last check is not known exactly.
            let frames = answers.queued_frames + missing.len();
            let cost = answers.queued.len() + before_last + frames * FRAME_COST;
            !missing.is_empty() && cost > limits.outbox_bytes_max
        }
        None => false,
    };
    let is_late = answers.is_late || is_late(client, limits, now);
    assert!(
        is_stalled || is_overflowing || is_late,
        "client {number} is cut off without a reason, with {} bytes queued",
        answers.queued.len()
    );
    world.coverage.count("idle connections closed", u64::from(is_late));
}

/// Whether the client has taken too long with its next request or with a body that is discarded.
pub fn is_late(client: &Client, limits: &Limits, now: Moment) -> bool {
    let answers = &client.answers;
    let idle_since = answers.last_request_byte.max(answers.last_answer);
    if answers.stream.is_some() {
        false
    } else if client.has_unread_body() {
        now.since(answers.last_answer) >= limits.body_total_timeout
            || now.since(answers.last_received) >= limits.body_timeout
    } else if answers.count == 0 {
        now.since(idle_since) >= limits.head_timeout
    } else {
        now.since(idle_since) >= limits.keepalive_timeout
    }
}

/// Called after the stop of the server: every stream has received its last message and its end.
pub fn streams_have_ended(world: &mut World) {
    let pairs = world.clients.iter_mut().zip(&world.reactor.sockets);
    for (number, (client, socket)) in pairs.enumerate() {
        let Some(stream) = &mut client.answers.stream else { continue };
        assert!(stream.unread.is_empty(), "client {number}: a stream ends within a message");
        // Without chunks, a stream ends with its connection, which may take a while.
        if !stream.is_chunked && !socket.is_closed() && !stream.has_ended {
            let missing = world.model.missing(&stream.cursor).count();
            assert!(socket.is_end_known || missing == 0, "client {number} misses messages");
            stream.has_ended = true;
        }
    }
}

/// Called when the server closes its sending side.
pub fn stream_has_ended(client: &Client, number: usize) {
    if let Some(stream) = &client.answers.stream {
        assert!(stream.has_ended, "client {number}: its stream is shut without its end");
    }
}

/// Called when the server reports that it has nothing to do before its next wake-up.
pub fn nothing_is_left_undone(world: &mut World) {
    let mut parked = 0;
    for (number, client, socket) in world.pairs() {
        let Some(id) = socket.id() else { continue };
        let is_blocked = socket.is_blocked && !client.answers.queued.is_empty();
        let wants_input = world.reactor.server.wants_input(id);
        assert!(is_blocked || client.answers.queued.is_empty(), "client {number} has bytes queued");
        assert!(is_blocked || !socket.is_end_known, "client {number} has left and is still there");
        if let Some(stream) = client.answers.live_stream() {
            assert_eq!(
                world.model.missing(&stream.cursor).count(),
                0,
                "client {number}: messages are forgotten"
            );
            assert!(
                !world.reactor.server.is_stopping() || is_blocked,
                "client {number} streams on"
            );
        } else if !client.answers.is_anything && !client.answers.closes {
            let is_answered = client.answers.ends.len() >= client.complete_requests();
            let is_over = client.shut_at.is_some()
                || client.answers.is_late
                || world.reactor.server.is_stopping();
            // A long list of channels is generated as its client reads it.
            let is_being_made = is_blocked && !client.answers.reader.is_between_answers();
            // The connection ends after what is queued; what came after it was dropped.
            let is_unread = world.reactor.server.unread_bytes(id) > 0;
            let is_ending = is_blocked && !is_unread && client.may_be_cut_in_body();
            let has_its_due = is_answered || is_being_made || is_ending || !wants_input || is_over;
            assert!(has_its_due, "client {number} has no answer");
            assert!(wants_input || is_blocked, "client {number} waits for nothing");
            parked += u64::from(!wants_input);
        }
        nothing_is_late(world, number, client, is_blocked, wants_input);
    }
    world.coverage.count("connections that waited for room", parked);
}

fn nothing_is_late(
    world: &World,
    number: usize,
    client: &Client,
    is_blocked: bool,
    wants_input: bool,
) {
    let (limits, answers) = (&world.generous, &client.answers);
    let now = world.reactor.now.monotonic;
    let active = answers.last_received.max(answers.last_answer).max(answers.last_waiting);
    let idle = now.since(active.max(answers.last_taken));
    let (what, span, limit) = if is_blocked {
        let since = answers.last_taken.max(answers.queue_began);
        ("stalled", now.since(since), limits.outbox_stall_timeout)
    } else if let Some(shut) = client.shut_at {
        ("lingering", now.since(shut), limits.linger_timeout)
    } else if answers.live_stream().is_some() {
        ("without heartbeat", now.since(answers.last_taken), world.config.heartbeat)
    } else {
        let limit = limits.head_timeout.max(limits.keepalive_timeout).max(limits.body_timeout);
        ("idle", idle, limit)
    };
    assert!(span.0 <= limit.0 + TICK.0, "client {number} is {what} for {} ms", span.0);
    let undisturbed = world.leapt_at.max(answers.last_waiting).max(answers.request_line_began);
    let began = answers.request_began.filter(|_| answers.stream.is_none() && wants_input);
    let limit = Millis(limits.head_timeout.0 + limits.body_total_timeout.0 + 2 * TICK.0);
    let is_in_request =
        answers.ends.len() <= client.complete_requests() && !is_blocked && client.shut_at.is_none();
    assert!(
        !is_in_request || began.is_none_or(|began| now.since(began.max(undisturbed)) <= limit),
        "client {number} trickles for ever"
    );
}

/// Called when all clients have read everything: each that is still connected has received all its
/// messages.
pub fn everything_has_arrived(world: &World) {
    for (number, client, socket) in world.pairs() {
        let is_unread = !client.answers.queued.is_empty() || !socket.to_client.is_empty();
        assert!(!socket.is_open() || !is_unread, "client {number} has not got everything");
        let is_whole = match &client.answers.stream {
            Some(stream) => stream.unread.is_empty(),
            None => client.answers.reader.is_between_answers(),
        };
        assert!(!socket.is_open() || is_whole, "client {number} has got half of something");
    }
}

/// Called when the server has named every connection that is to be read again, before the events of
/// this turn: input that arrived before them is read before them.
pub fn no_connection_is_left_waiting(world: &mut World) {
    let server = &world.reactor.server;
    if server.is_turn_spent() || server.is_congested() || server.is_stopping() {
        return;
    }
    order::every_wanted_connection_is_listed(&world.reactor);
    let outbox_bytes_max = world.config.limits.outbox_bytes_max;
    for (number, client, socket) in world.pairs() {
        let Some(id) = socket.id() else { continue };
        let cost = client.answers.queued.len() + client.answers.queued_frames * FRAME_COST;
        let has_read = cost <= outbox_bytes_max / 2;
        let is_kept = server.unread_bytes(id) > 0 && !server.wants_input(id);
        assert!(
            !is_kept || !has_read || server.resumes_in_next_turn(id),
            "client {number}: what it has sent is read too late"
        );
    }
}

/// A pending message reaches a subscriber with an open window within a bounded number of turns,
/// independent of what other clients request.
pub fn messages_reach_free_subscribers(world: &mut World) {
    let subscriptions = world.clients.iter().filter_map(|one| one.answers.live_stream()).count();
    let turns_max = world.costs.turns_max(&world.reactor.server, subscriptions as u64);
    let (turn, is_stopping) = (world.reactor.turns, world.reactor.server.is_stopping());
    let pairs = world.clients.iter_mut().zip(&world.reactor.sockets);
    for (number, (client, socket)) in pairs.enumerate() {
        let is_open = socket.is_open() && !socket.is_broken;
        let is_free = is_open && !socket.is_blocked && !is_stopping;
        let written = client.answers.total - client.answers.queued.len() as u64;
        let queued = client.answers.queued.len() as u64;
        let Some(stream) = client.answers.stream.as_mut().filter(|stream| !stream.has_ended) else {
            continue;
        };
        if !is_free {
            stream.patience.reset();
            continue;
        }
        let taken = stream.cursor.next() as u64;
        let missing = world.model.missing(&stream.cursor).count() as u64;
        let progress = Progress { taken, missing, written, queued };
        let has_waited = stream.patience.look(turn, turns_max, number, &progress);
        world.coverage.count("turns that free subscribers waited", u64::from(has_waited));
    }
}

/// No client can make the server hold more than its limits allow.
pub fn memory_is_bounded(world: &World) {
    let limits = &world.generous;
    let payload_bytes_max = limits.body_bytes_max.min(65_535) + 16;
    let queue = limits.outbox_bytes_max + payload_bytes_max.max(RESPONSE_BYTES_MAX);
    let input = limits.head_bytes_max + world.reactor.read_bytes + limits.body_bytes_max;
    for (number, client, socket) in world.pairs() {
        let bytes = client.answers.queued.len();
        assert!(bytes <= queue || !socket.is_open(), "client {number} has {bytes} queued");
    }
    let count = world.reactor.server.connection_count();
    assert!(count <= limits.connections_max, "{count} connections");
    let bytes = world.reactor.server.buffered_bytes();
    assert!(bytes <= count * (queue + input), "{bytes} are buffered");
}
