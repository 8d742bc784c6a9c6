//! From a subscriber's request to its channels and old messages: the steps of all modes
//! (push-stream spec, sections 8 and 9).

use super::seen::{self, Seen};
use super::{Asked, Refusal, channels, cors, explain, no_cache};
use crate::http::Response;
use crate::hub::{ChannelId, CreateError, Maker, Resume, Stretch};
use crate::push_stream::channel_path;
use crate::server::{Context, Next};
use std::collections::HashMap;

/// A request that has passed the checks. Channels are made for it if it is going to wait for
/// messages.
pub(super) struct Checked {
    pub(super) path: Vec<u8>,
    pub(super) seen: Seen,
}

/// A subscription whose channels have been made.
pub(super) struct Joining {
    channels: Vec<(ChannelId, u32)>,
    seen: Seen,
}

impl Joining {
    /// How many channels there are; one that is named twice counts twice.
    pub(super) fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// What one of its channels is asked for.
    fn resume(&self, backtrack: u32) -> Resume<'_> {
        Resume {
            backtrack,
            since: self.seen.since(),
            event_id: self.seen.event_id.as_deref(),
            ..Resume::default()
        }
    }
}

/// Steps 3 to 6 of section 8.
pub(super) fn check_subscriber(
    context: &mut Context<'_>,
    asked: &Asked<'_>,
) -> Result<Checked, Refusal> {
    let limits = &context.config().limits;
    let path = channels::channels_path(asked.location, asked.request, limits)?;
    let seen = seen::check(
        asked.location,
        asked.request,
        &path,
        context.hub(),
        &context.config().push_stream,
        limits,
    )?;
    context.work().channels += channel_path::read(&path).count() as u64;
    Ok(Checked { path: path.into_owned(), seen })
}

/// Step 7 of section 8, for those who are going to be members of the channels.
pub(super) fn make_channels(
    context: &mut Context<'_>,
    checked: Checked,
) -> Result<Joining, Refusal> {
    let now = context.now;
    // Those that there are must not give way to those that are made.
    for wanted in channel_path::read(&checked.path) {
        if let Some(channel) = context.hub().find(wanted.id) {
            context.hub_mut().keep(channel, now);
        }
    }
    let mut channels = Vec::new();
    for wanted in channel_path::read(&checked.path) {
        context.work().channels += 1;
        let made = context.hub_mut().find_or_create(wanted.id, Maker::Visitor, now);
        let channel = made.map_err(|error| cannot_create(context, error))?;
        channels.push((channel, wanted.backtrack));
    }
    Ok(Joining { channels, seen: checked.seen })
}

/// The named channels that exist; a request without a subscription needs no others.
pub(super) fn known_channels(context: &Context<'_>, checked: &Checked) -> Joining {
    let known = channel_path::read(&checked.path)
        .filter_map(|wanted| Some((context.hub().find(wanted.id)?, wanted.backtrack)));
    Joining { channels: known.collect(), seen: checked.seen.clone() }
}

/// What is left of step 7 for those who are answered at once, and need no channel: see
/// `Hub::mention`.
pub(super) fn mention_channels(context: &mut Context<'_>, checked: &Checked) {
    let now = context.now;
    for wanted in channel_path::read(&checked.path) {
        context.work().channels += 1;
        context.hub_mut().mention(wanted.id, now);
    }
    // Channels that it has just made are events that it may have asked for.
    context.publish_events();
}

/// All old messages, channel by channel in the order of the path.
pub(super) fn old_messages(context: &mut Context<'_>, joining: &Joining) -> Vec<Stretch> {
    // A channel that is named many times is looked through once.
    let mut known = HashMap::new();
    let mut stretches = Vec::new();
    for (channel, backtrack) in &joining.channels {
        let stretch = known.entry((*channel, *backtrack)).or_insert_with(|| {
            let resume = joining.resume(*backtrack);
            let scanned = context.hub().scanned_for(*channel, &resume);
            context.work().scanned += scanned as u64;
            context.hub().asked(*channel, &resume).stretch()
        });
        stretches.extend(*stretch);
    }
    stretches
}

pub(super) fn refuse_subscriber(asked: &Asked<'_>, refusal: Refusal) -> Next {
    let response = Response::titled(refusal.status());
    let response = no_cache(cors(response, asked.origin.as_ref(), "GET"));
    Next::Answer(explain(response, refusal, false), Vec::new())
}

/// Subscribes to all channels, or to none.
pub(super) fn join_all(context: &mut Context<'_>, joining: &Joining) -> Result<(), Refusal> {
    // In the order in which the path names them first.
    let mut distinct: Vec<(ChannelId, u32)> = Vec::with_capacity(joining.channels.len());
    let mut places = HashMap::with_capacity(joining.channels.len());
    for (channel, _) in &joining.channels {
        let place = *places.entry(*channel).or_insert(distinct.len());
        match distinct.get_mut(place) {
            Some((_, times)) => *times += 1,
            None => distinct.push((*channel, 1)),
        }
    }
    for (channel, times) in distinct {
        // Only the first subscription of a connection takes memory of the account.
        context.subscribe(channel, times).map_err(|_| Refusal::Full)?;
    }
    Ok(())
}

/// A channel could not be made.
pub(super) fn cannot_create(context: &mut Context<'_>, error: CreateError) -> Refusal {
    context.note_not_created(error);
    match error {
        CreateError::TooMany => Refusal::TooManyChannels,
        CreateError::Full => Refusal::Full,
    }
}
