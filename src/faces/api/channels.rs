//! `GET /api/channels` and `GET /api/channels/{channel}`: who is subscribed, what is stored, and
//! how much is published.

use super::fields::no_cache;
use super::listing;
use super::query::{self, Repeated};
use super::refusal::{Fault, Refusal};
use super::subscription::decode;
use crate::broker::ChannelList;
use crate::http::{Head, Response, Status};
use crate::hub::{ChannelInfo, Walk};
use crate::message::{Cursor, Epoch};
use crate::server::{Context, Next};
use crate::transports::control::as_text;
use serde::Serialize;
use std::collections::BTreeMap;

/// Maximum number of subjects in an answer.
const SUBJECTS_MAX: usize = 1000;
/// Maximum number of subscribers whose subjects are counted for one request: about 4 ms of work.
const MEMBERS_MAX: usize = 65_536;

const NOT_FOUND: Refusal =
    Refusal { status: Status::NOT_FOUND, text: "there is no such channel\n" };
const TOO_MANY_LISTS: Refusal = Refusal {
    status: Status::SERVICE_UNAVAILABLE,
    text: "listings_max lists of channels are being read; try again later, or with a prefix\n",
};

/// What an answer contains about a channel.
#[derive(Serialize)]
struct Row<'a> {
    channel: &'a str,
    subscribers: usize,
    history: Stored,
    #[serde(serialize_with = "as_text")]
    cursor: Cursor,
    messages_per_second: f64,
    bytes_per_second: f64,
}

/// What a channel has stored.
#[derive(Serialize)]
struct Stored {
    messages: usize,
    bytes: usize,
}

/// The answer about one channel.
#[derive(Serialize)]
struct Details<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    subjects: BTreeMap<&'a str, u32>,
    subjects_complete: bool,
}

/// Answers with all channels, or those whose names begin with a prefix.
pub(super) fn route_all(context: &mut Context<'_>, head: &Head<'_>) -> Result<Next, Fault> {
    context.authorize(head)?;
    let prefix = match query::argument(head.query, "prefix") {
        Ok(prefix) => prefix.unwrap_or_default(),
        Err(Repeated) => {
            return Err(Refusal::bad_request("prefix is given more than once\n").into());
        }
    };
    let list = Box::new(List::begin(context.formats().epoch()));
    let walk = Walk::with_prefix(prefix.into_bytes());
    listing::answer(context, head, response(), list, walk, TOO_MANY_LISTS)
}

/// Answers with one channel.
pub(super) fn route_one(
    context: &mut Context<'_>,
    head: &Head<'_>,
    segment: &str,
) -> Result<Next, Fault> {
    context.authorize(head)?;
    let name = decode(segment)?;
    let channel = context.hub().find(name.as_bytes()).ok_or(NOT_FOUND)?;
    let epoch = context.formats().epoch();
    let row = row(&context.hub().info(channel, context.now), &name, epoch);
    let subjects = context.subjects(channel, SUBJECTS_MAX, MEMBERS_MAX);
    let details =
        Details { row, subjects: subjects.connections, subjects_complete: subjects.is_complete };
    let body = serde_json::to_vec(&details).expect("an answer is always JSON");
    context.work().bytes += body.len() as u64;
    Ok(Next::Answer(response(), body))
}

fn response() -> Response {
    no_cache(Response::new(Status::OK).field("content-type", "application/json"))
}

fn row<'a>(info: &ChannelInfo<'_>, channel: &'a str, epoch: Epoch) -> Row<'a> {
    let rate = info.rate();
    let rounded = |number: f64| (number * 100.0).round() / 100.0;
    Row {
        channel,
        subscribers: info.subscribers,
        history: Stored { messages: info.stored, bytes: info.stored_bytes },
        cursor: Cursor { epoch, position: info.newest },
        messages_per_second: rounded(rate.messages),
        bytes_per_second: rounded(rate.bytes),
    }
}

/// The list of channels as it is written.
struct List {
    text: Vec<u8>,
    is_empty: bool,
    epoch: Epoch,
}

impl List {
    fn begin(epoch: Epoch) -> List {
        List { text: b"{\"channels\":[".to_vec(), is_empty: true, epoch }
    }
}

impl ChannelList for List {
    fn add(&mut self, info: &ChannelInfo<'_>) {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.text.push(b',');
        }
        let name = String::from_utf8_lossy(info.name);
        let row = row(info, &name, self.epoch);
        serde_json::to_writer(&mut self.text, &row).expect("a row is always JSON");
    }

    fn end(&mut self) {
        self.text.extend_from_slice(b"]}");
    }

    fn bytes(&self) -> usize {
        self.text.len()
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }
}
