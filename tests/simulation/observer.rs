//! Checks the bytes that the server queues for a client, as soon as they are queued, against the
//! expected answers.

use crate::client::{Client, Stream};
use crate::model::{Batch, Model};
use crate::patience::Patience;
use crate::script::{Closes, Outcome};
use crate::wire::{Event, Head, take_framed};
use rpushd::config::Limits;
use rpushd::time::Moment;

/// The circumstances of an observation.
pub struct Context<'a> {
    pub now: Moment,
    /// The lowest and the highest limits that were in force.
    pub strict: &'a Limits,
    pub accepted_secrets: &'a [u32],
    pub is_stopping: bool,
    /// Whether subscribers with the client's address were ever limited.
    pub has_address_limit: bool,
    /// The batch, if the order of events in this call is unknown.
    pub batch: Option<Batch>,
    pub client: usize,
}

/// Reads the new bytes and updates the model. Panics if they are not what is expected.
pub fn digest(client: &mut Client, model: &mut Model, fresh: &[u8], context: &Context<'_>) {
    if client.answers.queued.is_empty() {
        client.answers.queue_began = context.now;
    }
    client.answers.queued.extend(fresh);
    client.answers.total += fresh.len() as u64;
    client.answers.reader.feed(fresh);
    loop {
        let answered = client.answers.ends.len();
        let is_head = client.script.requests.get(answered).is_some_and(|one| one.is_head);
        let Some(event) = client.answers.reader.next(is_head) else { return };
        match event {
            Event::Interim => {
                let end = client.answers.total;
                client.answers.interims.push((answered, end));
            }
            Event::Head(head) => take_head(client, model, &head, context),
            Event::Data(data) => take_data(client, model, &data),
            Event::End => take_end(client, model, context),
            Event::Frame(..) => panic!("no client asks for a WebSocket"),
        }
    }
}

fn take_head(client: &mut Client, model: &mut Model, head: &Head, context: &Context<'_>) {
    let answers = &mut client.answers;
    assert!(!answers.closes, "{head:?} comes after the last answer");
    answers.count += 1;
    answers.last_answer = context.now;
    let began = answers.request_began.take();
    let request = client.script.requests.get(answers.ends.len());
    answers.is_anything |= request.is_some_and(|one| matches!(one.outcome, Outcome::Anything));
    let limits = context.strict;
    if head.status == 408 {
        answers.closes = head.closes();
        assert!(head.closes(), "a time-out ends the connection");
        let is_complete = request.is_none_or(|request| client.received >= request.end);
        assert!(!is_complete || answers.is_anything, "a complete request was timed out");
        let shortest = limits.head_timeout.min(limits.body_timeout).min(limits.body_total_timeout);
        let is_late = began.is_some_and(|began| context.now.since(began) >= shortest);
        assert!(is_late || answers.is_anything, "a request was timed out early");
        return;
    }
    if answers.is_anything {
        answers.closes = head.closes();
        return;
    }
    let Some(request) = request else { panic!("{head:?} answers no request") };
    let received = client.received;
    assert!(received > request.start, "{head:?} answers a request that did not begin");
    if received > request.end {
        answers.request_began = Some(context.now);
    }
    let is_last = limits.keepalive_requests_max > 0
        && answers.count >= limits.keepalive_requests_max as usize;
    // The request is refused before its body is read, so an Expect field decides (RFC 9110, section
    // 10.1.1).
    let is_withdrawn = head.status == 401 && !context.accepted_secrets.contains(&client.secret);
    // There have been many bad tokens from its address.
    let is_slowed = head.status == 429
        && matches!(&request.outcome, Outcome::Status(statuses) if statuses.contains(&401));
    let closes = if is_withdrawn || is_slowed { Closes::Maybe } else { request.closes };
    match (context.is_stopping || is_last, closes) {
        (true, _) | (false, Closes::Yes) => assert!(head.closes(), "{head:?} ends the connection"),
        (false, Closes::No) => assert!(!head.closes(), "{head:?} does not end the connection"),
        (false, Closes::Maybe) => {}
    }
    answers.closes = head.closes();
    match &request.outcome {
        Outcome::Anything => {}
        Outcome::Status(statuses) => {
            assert!(
                statuses.contains(&head.status) || is_withdrawn || is_slowed,
                "{head:?} instead of {statuses:?}"
            );
        }
        Outcome::Publish { channel, payload, secret } => match head.status {
            204 => model.publish(*channel, payload.clone(), context.client, context.batch),
            401 => assert!(!context.accepted_secrets.contains(secret), "a good secret is accepted"),
            _ => panic!("{head:?} to a publication"),
        },
        Outcome::Subscribe { channel, secret } => match head.status {
            200 => {
                assert!(context.accepted_secrets.contains(secret), "an old token is refused");
                answers.stream = Some(Stream {
                    cursor: model.join(*channel, context.batch),
                    unread: Vec::new(),
                    is_chunked: head.is_chunked(),
                    // A stream without chunks ends with its connection.
                    has_ended: context.is_stopping && !head.is_chunked(),
                    patience: Patience::default(),
                });
            }
            401 => assert!(!context.accepted_secrets.contains(secret), "a good token is accepted"),
            503 => assert!(
                limits.channels_max < 1000
                    || limits.store_bytes_max < 1_000_000
                    || limits.connects_per_second_max > 0,
                "there is room for a subscriber"
            ),
            429 => assert!(context.has_address_limit, "there is a place for its address"),
            _ => panic!("{head:?} to a subscription"),
        },
    }
}

fn take_data(client: &mut Client, model: &mut Model, data: &[u8]) {
    let Some(stream) = &mut client.answers.stream else { return };
    stream.unread.extend_from_slice(data);
    while let Some(payload) = take_framed(&mut stream.unread) {
        if !payload.is_empty() {
            model.take(&mut stream.cursor, &payload);
        }
    }
}

fn take_end(client: &mut Client, model: &Model, context: &Context<'_>) {
    if let Some(stream) = &mut client.answers.stream {
        assert!(context.is_stopping, "a stream ends only with the server");
        assert!(stream.unread.is_empty(), "a stream ends behind a message");
        assert_eq!(model.missing(&stream.cursor).count(), 0, "a stream ends with its last message");
        stream.has_ended = true;
    }
    let end = client.answers.total;
    client.answers.ends.push(end);
}
