//! `POST /api/publish` (rpushd spec, section 4): one publication or several in one request.

use super::fields::{has_content_type, has_json_content_type, wants_representation};
use super::publication::{Channels, Publication};
use super::publish_batch::{Batch, is_list};
use super::publish_result::Results;
use super::query::{self, Repeated};
use super::refusal::{Fault, Refusal, refuse, refused};
use crate::http::{Head, Response};
use crate::server::{
    BodyHandler, Context, CreateMissing, Next, Outcome, PublicationHandler, PublishError,
    PublishTask, Published,
};

/// Routes a publish request. The secret is checked before the body is read.
pub(super) fn route(context: &mut Context<'_>, head: &Head<'_>) -> Result<Next, Fault> {
    context.authorize(head)?;
    let has_json = has_json_content_type(head);
    let has_lines = !has_json && has_content_type(head, "application/x-ndjson");
    if !has_json && !has_lines {
        return Err(Refusal::NOT_JSON_TYPE.into());
    }
    let bytes_max = context.limits().body_bytes_max;
    let wants_result = wants_result(head)?;
    let handler: Box<dyn BodyHandler> = match (has_lines, wants_result) {
        // The usual request needs no memory for its options.
        (false, false) => Box::new(Publish),
        (has_lines, wants_result) => Box::new(PublishWith { has_lines, wants_result }),
    };
    Ok(Next::Read { handler, bytes_max })
}

/// Whether the publisher wants to know what its publications have come to.
fn wants_result(head: &Head<'_>) -> Result<bool, Refusal> {
    // The usual request has no argument.
    if head.query.is_empty() {
        return Ok(wants_representation(head));
    }
    match query::argument(head.query, "result") {
        Ok(Some(word)) if matches!(&*word, "1" | "true" | "yes" | "on") => Ok(true),
        Ok(_) => Ok(wants_representation(head)),
        Err(Repeated) => Err(Refusal::bad_request("result is given more than once\n")),
    }
}

/// A publish request without options that waits for its body.
struct Publish;

/// A publish request that waits for its body.
struct PublishWith {
    /// Whether each line of the body is a publication.
    has_lines: bool,
    wants_result: bool,
}

impl BodyHandler for Publish {
    fn complete(self: Box<Self>, context: &mut Context<'_>, body: &[u8]) -> Next {
        publish(context, body, false)
    }

    fn too_large(&self) -> (Response, Vec<u8>) {
        refuse(Refusal::BODY_TOO_LARGE, None)
    }

    fn is_publication(&self) -> bool {
        true
    }
}

impl BodyHandler for PublishWith {
    fn complete(self: Box<Self>, context: &mut Context<'_>, body: &[u8]) -> Next {
        if self.has_lines {
            let batch = Batch::of_lines(body, context, self.wants_result);
            publish_all(context, batch, self.wants_result)
        } else {
            publish(context, body, self.wants_result)
        }
    }

    fn too_large(&self) -> (Response, Vec<u8>) {
        Publish.too_large()
    }

    fn is_publication(&self) -> bool {
        true
    }
}

/// Carries out a request with a JSON body.
fn publish(context: &mut Context<'_>, body: &[u8], wants_result: bool) -> Next {
    if is_list(body) {
        let batch = Batch::of_list(body, context, wants_result);
        return publish_all(context, batch, wants_result);
    }
    let channels_max = context.limits().channels_per_publication_max;
    let admitted = Publication::parse(body, channels_max)
        .and_then(|publication| Ok((publication.admit(context)?, publication)));
    let (draft, publication) = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => return refused(refusal, None),
    };
    let mut task = PublishTask::new(draft, CreateMissing::ForApi);
    task.outcomes = wants_result.then(Vec::new);
    let handler = || Box::new(PublishedOne { wants_result });
    match &publication.channels {
        Channels::One(channel) => match context.publish_to(channel.as_bytes(), task) {
            Published::Ended(result) => answer_one(context, result, wants_result),
            Published::NotYet(task) => Next::Later { task, handler: handler() },
        },
        Channels::Several(_) => {
            task.channels = publication.channels.names().collect();
            Next::Later { task, handler: handler() }
        }
    }
}

/// The answer to a request with one publication.
fn answer_one(
    context: &mut Context<'_>,
    result: Result<Vec<Outcome>, PublishError>,
    wants_result: bool,
) -> Next {
    match result {
        Ok(outcomes) => Results::of(&outcomes, wants_result, context.formats().epoch()).answer(),
        Err(error) => refused(not_published(context, error), None),
    }
}

/// Why a message is not published, which is logged and counted.
fn not_published(context: &mut Context<'_>, error: PublishError) -> Refusal {
    if let PublishError::Channel(error) = error {
        context.report_not_created(error);
    }
    Refusal::FULL
}

/// A request with one publication that is not published to all its channels yet: there may be no
/// room for it at once (back-pressure).
struct PublishedOne {
    wants_result: bool,
}

impl PublicationHandler for PublishedOne {
    fn published(
        self: Box<Self>,
        context: &mut Context<'_>,
        result: Result<Vec<Outcome>, PublishError>,
    ) -> Next {
        answer_one(context, result, self.wants_result)
    }
}

/// Carries out a request with several publications, one after the other.
fn publish_all(context: &mut Context<'_>, batch: Result<Batch, Fault>, wants_result: bool) -> Next {
    match batch {
        Ok(batch) => Box::new(PublishedSome {
            batch,
            results: Results::of(&[], wants_result, context.formats().epoch()),
        })
        .next(context),
        Err(fault) => refused(fault, None),
    }
}

/// A request with several publications, of which some are published.
struct PublishedSome {
    batch: Batch,
    results: Results,
}

impl PublishedSome {
    /// Continues with the next publication, or answers after the last one.
    fn next(mut self: Box<Self>, context: &mut Context<'_>) -> Next {
        let has_begun = self.batch.has_begun();
        let Some((draft, channels)) = self.batch.next(context) else {
            return self.results.answer();
        };
        let task = PublishTask {
            channels: channels.into(),
            has_begun,
            kept_bytes: self.batch.bytes() + self.results.bytes(),
            outcomes: self.results.is_wanted().then(Vec::new),
            ..PublishTask::new(draft, CreateMissing::ForApi)
        };
        Next::Later { task, handler: self }
    }
}

impl PublicationHandler for PublishedSome {
    fn published(
        mut self: Box<Self>,
        context: &mut Context<'_>,
        result: Result<Vec<Outcome>, PublishError>,
    ) -> Next {
        match result {
            Ok(outcomes) => {
                self.results.add(&outcomes);
                self.next(context)
            }
            Err(error) => {
                let refusal = not_published(context, error);
                refused(Fault::RefusedMessage(refusal, self.batch.number()), None)
            }
        }
    }
}
