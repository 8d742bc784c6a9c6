//! The steps that all subscriber modes share: checks, channels, old messages, subscribing
//! (push-stream spec, sections 8 and 9).

use super::channels::check_id;
use super::cursor::Cursor;
use super::{Location, Refusal, Request, RoutedRequest, channels, cors, explain, no_cache};
use crate::config::{Level, Limits, PushStream};
use crate::http::Response;
use crate::hub::{ChannelId, CreateError, Hub, Maker, Resume, Stretch};
use crate::push_stream::channel_path::{self, PathChannel};
use crate::server::{Context, Next};
use std::collections::HashMap;

/// A request that has passed the checks, before its channels are looked up or created.
pub(super) struct CheckedRequest {
    pub(super) path: Vec<u8>,
    pub(super) cursor: Cursor,
}

/// Channels that a request names, each with its backtrack, and the client's cursor.
pub(super) struct RequestedChannels {
    channels: Vec<(ChannelId, u32)>,
    cursor: Cursor,
}

impl RequestedChannels {
    /// The number of channels; a channel that the path names twice counts twice.
    pub(super) fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// Which stored messages of a channel with this backtrack are requested.
    fn resume(&self, backtrack: u32) -> Resume<'_> {
        Resume {
            backtrack,
            since: self.cursor.since(),
            event_id: self.cursor.event_id.as_deref(),
            ..Resume::default()
        }
    }
}

/// Checks a subscriber's request (steps 3 to 6 of section 8).
pub(super) fn check_subscriber(
    context: &mut Context<'_>,
    routed: &RoutedRequest<'_>,
) -> Result<CheckedRequest, Refusal> {
    let limits = &context.config().limits;
    let path = channels::channels_path(routed.location, routed.request, limits)?;
    check_channels(
        routed.location,
        routed.request,
        &path,
        context.hub(),
        &context.config().push_stream,
        limits,
    )?;
    context.work().channels += channel_path::read(&path).count() as u64;
    let cursor = Cursor::of_request(routed.location, routed.request);
    Ok(CheckedRequest { path: path.into_owned(), cursor })
}

/// Checks the channels of a path (steps 3 to 6 of section 8). Creates none.
///
/// # Errors
/// The first check that fails.
fn check_channels(
    location: &Location,
    request: &Request<'_>,
    path: &[u8],
    hub: &Hub,
    push_stream: &PushStream,
    limits: &Limits,
) -> Result<(), Refusal> {
    let channels = channel_path::read(path).map(|wanted| (wanted, hub.find(wanted.id)));
    let channels: Vec<_> = channels.collect();
    if channels.is_empty() {
        return Err(Refusal::NoChannel);
    }
    let subscriber = &location.settings.subscriber;
    let allows_events = request.choose(
        &location.settings.conditions,
        |level: &Level| level.allow_connections_to_events_channel.as_ref(),
        Some(&subscriber.allow_connections_to_events_channel),
    );
    let mut wildcard_count = 0;
    for (PathChannel { id, .. }, channel) in &channels {
        check_id(id, push_stream, limits)?;
        let is_wildcard = hub.is_wildcard(id);
        wildcard_count += usize::from(is_wildcard);
        let stored = channel.map_or(0, |channel| hub.stored_count(channel));
        if subscriber.authorized_channels_only && !is_wildcard && stored == 0 {
            return Err(Refusal::CannotCreateChannels);
        }
        // Subscriptions before this request, as in the module: a path that names a channel twice
        // passes with one free place and takes two.
        let members = channel.map_or(0, |channel| hub.subscription_count(channel));
        if push_stream.max_subscribers_per_channel.is_some_and(|max| members >= max as usize) {
            return Err(Refusal::TooManySubscribers);
        }
        if hub.is_events_channel(id) && allows_events != Some(&true) {
            return Err(Refusal::EventsChannelNotAllowed);
        }
    }
    if let Some(max) = subscriber.wildcard_channel_max_qtd {
        let is_alone = wildcard_count == channels.len();
        if wildcard_count > 0 && (wildcard_count > max as usize || is_alone) {
            return Err(Refusal::TooManyWildcardChannels);
        }
    }
    Ok(())
}

/// Finds or creates the channels of a request that is going to subscribe (step 7 of section 8).
pub(super) fn create_channels(
    context: &mut Context<'_>,
    checked: CheckedRequest,
) -> Result<RequestedChannels, Refusal> {
    let now = context.now;
    context.has_memory_for_subscriber().map_err(Refusal::from)?;
    // Keep existing channels from being evicted to make room for new ones.
    for wanted in channel_path::read(&checked.path) {
        if let Some(channel) = context.hub().find(wanted.id) {
            context.hub_mut().keep(channel, now);
        }
    }
    let mut channels = Vec::new();
    for wanted in channel_path::read(&checked.path) {
        context.work().channels += 1;
        let made = context.hub_mut().find_or_create(wanted.id, Maker::Visitor, now);
        let channel = made.map_err(|error| refuse_creation(context, error))?;
        channels.push((channel, wanted.backtrack));
    }
    Ok(RequestedChannels { channels, cursor: checked.cursor })
}

/// The channels of a request that exist. Answering at once needs no others.
pub(super) fn existing_channels(
    context: &Context<'_>,
    checked: &CheckedRequest,
) -> RequestedChannels {
    let known = channel_path::read(&checked.path)
        .filter_map(|wanted| Some((context.hub().find(wanted.id)?, wanted.backtrack)));
    RequestedChannels { channels: known.collect(), cursor: checked.cursor.clone() }
}

/// Creates missing channels for a request that is answered at once (step 7 of section 8). It does
/// not need them, so they are only created while there is room, see [`Hub::create_if_room`].
///
/// [`Hub::create_if_room`]: crate::hub::Hub::create_if_room
pub(super) fn create_idle_channels(context: &mut Context<'_>, checked: &CheckedRequest) {
    let now = context.now;
    for wanted in channel_path::read(&checked.path) {
        context.work().channels += 1;
        context.hub_mut().create_if_room(wanted.id, now);
    }
    // The request may read the events channel, which announces the channels it has just created.
    context.publish_events();
}

/// The old messages of all channels, as one range per channel, in the order of the path.
pub(super) fn old_messages(
    context: &mut Context<'_>,
    requested: &RequestedChannels,
) -> Vec<Stretch> {
    // A channel that the path repeats is searched once.
    let mut known = HashMap::new();
    let mut stretches = Vec::new();
    for (channel, backtrack) in &requested.channels {
        let stretch = known.entry((*channel, *backtrack)).or_insert_with(|| {
            let resume = requested.resume(*backtrack);
            let scanned = context.hub().scanned_for(*channel, &resume);
            context.work().scanned += scanned as u64;
            context.hub().resume(*channel, &resume).stretch()
        });
        stretches.extend(*stretch);
    }
    stretches
}

/// The answer to a refused subscriber request.
pub(super) fn refuse_subscriber(routed: &RoutedRequest<'_>, refusal: Refusal) -> Next {
    let response = Response::titled(refusal.status());
    let response = no_cache(cors(response, routed.origin.as_ref(), "GET"));
    Next::Answer(explain(response, refusal, false), Vec::new())
}

/// Subscribes the connection to all channels, or to none.
pub(super) fn subscribe_all(
    context: &mut Context<'_>,
    requested: &RequestedChannels,
) -> Result<(), Refusal> {
    // Distinct channels in the order of their first appearance in the path.
    let mut distinct: Vec<(ChannelId, u32)> = Vec::with_capacity(requested.channels.len());
    let mut places = HashMap::with_capacity(requested.channels.len());
    for (channel, _) in &requested.channels {
        let place = *places.entry(*channel).or_insert(distinct.len());
        match distinct.get_mut(place) {
            Some((_, times)) => *times += 1,
            None => distinct.push((*channel, 1)),
        }
    }
    for (channel, times) in distinct {
        // Only the first subscription of a connection is charged to the memory account, so only it
        // can fail.
        context.subscribe(channel, times).map_err(Refusal::from)?;
    }
    Ok(())
}

/// The refusal for a channel that could not be created; logs and counts a full store.
pub(super) fn refuse_creation(context: &mut Context<'_>, error: CreateError) -> Refusal {
    context.report_not_created(error);
    match error {
        CreateError::TooMany => Refusal::TooManyChannels,
        CreateError::Full => Refusal::Full,
    }
}
