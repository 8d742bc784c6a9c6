//! What all subscribe endpoints share: the channels, the cursor, and joining the channels without a
//! gap or with a reset that is exact.

use super::channel_name::is_channel_name;
use super::query::{self, Repeated};
use super::refusal::{Fault, Refusal};
use crate::auth::Grant;
use crate::broker::{Feed, Replay, ReplayLayout};
use crate::http::Head;
use crate::hub::{ChannelId, Maker, Resume, Resumed, Stretch};
use crate::message::{Cursor, Position};
use crate::server::Context;
use crate::time::Millis;
use crate::transports::{Control, ControlForm, FormatId, ResetReason};
use std::collections::HashSet;

/// A reset names no more channels than this, so that it fits a frame.
const CHANNELS_PER_RESET: usize = 64;
const REPEATED: Refusal = Refusal::bad_request("an argument is repeated\n");
const TOO_MANY: Refusal =
    Refusal::bad_request("there are more channels than channels_per_subscriber_max\n");
const RAW_NEEDS_ONE: Refusal = Refusal::bad_request("raw=1 allows one channel only\n");
const BAD_LAST: Refusal = Refusal::bad_request("\"last\" is a number\n");

/// Where a subscriber begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// With what is published from now on.
    Now,
    /// After this cursor.
    Cursor(Cursor),
    /// After a cursor that is none of this server.
    Unknown,
}

/// What a subscriber requests.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Distinct names.
    pub(super) channels: Vec<String>,
    pub(super) since: Since,
    /// The newest stored messages of each channel, this many; used without a cursor only.
    pub(super) last: u32,
}

/// What a subscriber gets first.
pub(super) struct Joined {
    channels: Vec<ChannelId>,
    /// From here it resumes if it receives nothing else, not even a reset.
    pub(super) before: Cursor,
    /// From here it resumes if it receives the resets and nothing else.
    pub(super) cursor: Cursor,
    /// From here it resumes when it has received all stored messages.
    latest: Cursor,
    /// The channels on which it may have missed messages, and why.
    pub(super) reset: Option<(Vec<String>, ResetReason)>,
    /// The stored messages that it gets.
    pub(super) stretches: Vec<Stretch>,
}

impl Since {
    /// Reads the text of a cursor.
    pub(super) fn of_text(text: &[u8]) -> Since {
        if text.is_empty() {
            return Since::Now;
        }
        Cursor::parse(text).map_or(Since::Unknown, Since::Cursor)
    }
}

impl Wanted {
    /// Reads a GET request: the channels in its path, `Last-Event-ID` or `cursor`, `last` and
    /// `raw`. Returns also whether only payloads are wanted.
    pub(super) fn of_request(
        context: &Context<'_>,
        head: &Head<'_>,
        segment: &str,
    ) -> Result<(Wanted, bool), Refusal> {
        let channels = channels(segment, context.limits().channels_per_subscriber_max)?;
        let query = head.query;
        let argument = |name| query::argument(query, name).map_err(|Repeated| REPEATED);
        let cursor = argument("cursor")?;
        let since = match (head.value("last-event-id"), &cursor) {
            (Some(id), _) if !id.is_empty() => Since::of_text(id),
            (_, Some(cursor)) if !cursor.is_empty() => Since::of_text(cursor.as_bytes()),
            (_, Some(_) | None) => Since::Now,
        };
        let last = match argument("last")? {
            Some(last) => last.parse().map_err(|_| BAD_LAST)?,
            None => 0,
        };
        let is_raw = argument("raw")?.is_some_and(|raw| raw == "1");
        if is_raw && channels.len() > 1 {
            return Err(RAW_NEEDS_ONE);
        }
        Ok((Wanted { channels, since, last }, is_raw))
    }

    /// The names as they are needed to verify a token.
    pub(super) fn names(&self) -> Vec<&str> {
        self.channels.iter().map(String::as_str).collect()
    }
}

/// Asks for a place for a stream. Ask when its token is verified, and before anything is created.
///
/// # Errors
/// 429 or 503: there is none now.
pub(super) fn admit(context: &mut Context<'_>, grant: &Grant) -> Result<(), Fault> {
    // The budget of connects per second is shared by all, so it is asked last.
    admit_subject(context, grant)?;
    Ok(context.admit_stream()?)
}

/// The same, for a polling request.
///
/// # Errors
/// 429: there is none now.
pub(super) fn admit_poll(context: &mut Context<'_>, grant: &Grant) -> Result<(), Fault> {
    context.admit_long_poll()?;
    admit_subject(context, grant)
}

fn admit_subject(context: &mut Context<'_>, grant: &Grant) -> Result<(), Fault> {
    match &grant.subject {
        Some(subject) => Ok(context.admit_subject(subject)?),
        None => Ok(()),
    }
}

/// The channels in a path segment, separated by commas, each once.
///
/// # Errors
/// 400: a bad escape, a bad name, or too many.
pub(super) fn channels(segment: &str, count_max: usize) -> Result<Vec<String>, Refusal> {
    let text = decode(segment)?;
    distinct(text.split(',').map(str::to_owned), count_max)
}

/// Checks channel names, and leaves out repeated ones.
///
/// # Errors
/// 400: a bad name, or too many.
pub(super) fn distinct(
    names: impl Iterator<Item = String>,
    count_max: usize,
) -> Result<Vec<String>, Refusal> {
    let (mut seen, mut channels) = (HashSet::new(), Vec::new());
    for name in names {
        if !is_channel_name(name.as_bytes()) {
            return Err(Refusal::BAD_CHANNEL);
        }
        if seen.insert(name.clone()) {
            channels.push(name);
        }
        if channels.len() > count_max {
            return Err(TOO_MANY);
        }
    }
    Ok(channels)
}

/// A path segment, percent-decoded once.
///
/// # Errors
/// 400: a bad escape, or not UTF-8.
pub(super) fn decode(segment: &str) -> Result<String, Refusal> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        decoded.push(match byte {
            b'%' => match digit().zip(digit()) {
                Some((high, low)) => (high << 4 | low) as u8,
                None => return Err(Refusal::bad_request("a broken escape in the path\n")),
            },
            _ => byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| Refusal::BAD_CHANNEL)
}

/// Subscribes the connection to the channels, and finds what is stored for it. Messages are either
/// among those or delivered later.
///
/// # Errors
/// There is no room for the channels or for a subscriber; it is subscribed to none.
pub(super) fn join(
    context: &mut Context<'_>,
    wanted: &Wanted,
    grant: &Grant,
) -> Result<Joined, Fault> {
    let joined = find(context, wanted, grant)?;
    joined.subscribe(context)?;
    Ok(joined)
}

/// Finds what is stored for a subscriber, which is not subscribed yet. Nothing must be published in
/// between.
///
/// # Errors
/// There is no room for the channels or for a subscriber.
pub(super) fn find(
    context: &mut Context<'_>,
    wanted: &Wanted,
    grant: &Grant,
) -> Result<Joined, Fault> {
    context.has_memory_for_subscriber().map_err(Refusal::from)?;
    let channels = create(context, &wanted.channels, grant)?;
    let latest = context.hub().position();
    let own = context.formats().cursor(latest);
    let (resume, reason) = resume(wanted, own);
    let (mut gaps, mut stretches) = (Vec::new(), Vec::new());
    for (name, channel) in wanted.channels.iter().zip(&channels) {
        let resumed = context.hub().resume(*channel, &resume);
        let is_gap = matches!(resumed, Resumed::Gap(_));
        if reason.is_some() || is_gap && matches!(wanted.since, Since::Cursor(_)) {
            gaps.push(name.clone());
        }
        stretches.extend(resumed.stretch());
    }
    let cursor = match (wanted.since, resume.after) {
        // It gets everything that there is with this, and is told of a gap once.
        _ if stretches.is_empty() => own,
        (Since::Cursor(_), Some(position)) => Cursor { position, ..own },
        // A client that is cut off now must not miss the newest messages, which it asked for.
        (Since::Now, _) => Cursor { position: before_first(context, &stretches, latest), ..own },
        _ => own,
    };
    let reset = (!gaps.is_empty()).then(|| (gaps, reason.unwrap_or(ResetReason::Evicted)));
    let before = match wanted.since {
        _ if reset.is_none() => cursor,
        Since::Now => own,
        Since::Cursor(cursor) => cursor,
        Since::Unknown => Cursor { epoch: own.epoch.other(), position: Position::START },
    };
    Ok(Joined { channels, before, cursor, latest: own, reset, stretches })
}

/// The position before the first message of all stretches; `latest` if there are none.
fn before_first(context: &Context<'_>, stretches: &[Stretch], latest: Position) -> Position {
    let firsts = stretches.iter().filter_map(|stretch| context.hub().stored(stretch)?.next());
    let first = firsts.map(|message| message.position).min();
    first.map_or(latest, |first| Position(first.0 - 1))
}

/// Which stored messages are requested, and why all channels have a gap, if they have.
fn resume(wanted: &Wanted, own: Cursor) -> (Resume<'static>, Option<ResetReason>) {
    let after = |position| Resume { after: Some(position), ..Resume::default() };
    let last = Resume { backtrack: wanted.last, ..Resume::default() };
    match wanted.since {
        Since::Now => (last, None),
        Since::Cursor(cursor) if cursor.epoch != own.epoch => {
            // Everything that is stored was published after the restart.
            (after(Position::START), Some(ResetReason::Restarted))
        }
        Since::Cursor(cursor) if cursor.position <= own.position => (after(cursor.position), None),
        Since::Cursor(_) | Since::Unknown => (last, Some(ResetReason::Unknown)),
    }
}

/// The channels, created where they do not exist. A visitor with a token for a prefix can name any
/// number of channels, so those he creates are a visitor's; those that the application has named in
/// the token are its own.
fn create(
    context: &mut Context<'_>,
    names: &[String],
    grant: &Grant,
) -> Result<Vec<ChannelId>, Fault> {
    let now = context.now;
    let hub = context.hub_mut();
    // Keep existing channels from being evicted to make room for new ones.
    for name in names {
        if let Some(channel) = hub.find(name.as_bytes()) {
            hub.keep(channel, now);
        }
    }
    let mut channels = Vec::with_capacity(names.len());
    for name in names {
        context.work().channels += 1;
        let is_named = grant.names(name);
        let maker = if is_named { Maker::Application } else { Maker::Visitor };
        let made = context.hub_mut().find_or_create(name.as_bytes(), maker, now);
        let channel = made.map_err(|error| {
            context.report_not_created(error);
            Refusal::FULL
        })?;
        if is_named {
            context.hub_mut().keep_for_api(channel, now);
        }
        channels.push(channel);
    }
    Ok(channels)
}

impl Joined {
    /// Subscribes the connection to all channels, or to none.
    ///
    /// # Errors
    /// There is no memory for a subscriber.
    pub(super) fn subscribe(&self, context: &mut Context<'_>) -> Result<(), Fault> {
        for channel in &self.channels {
            // Only the first subscription of a connection can fail.
            context.subscribe(*channel, 1).map_err(Refusal::from)?;
        }
        Ok(())
    }

    /// Queues the resets, if there are any.
    pub(super) fn push_resets(&self, context: &mut Context<'_>, form: ControlForm) {
        let Some((channels, reason)) = &self.reset else { return };
        let mut chunks = channels.chunks(CHANNELS_PER_RESET).peekable();
        while let Some(some) = chunks.next() {
            let channels: Vec<&str> = some.iter().map(String::as_str).collect();
            // A client whose connection ends before the last reset gets all of them again.
            let cursor = if chunks.peek().is_some() { self.before } else { self.cursor };
            let reason = *reason;
            let reset = Control::Reset { channels: &channels, reason, cursor };
            let encoded = form.encode(&reset, context.compressor());
            context.push(encoded.frame);
        }
    }

    /// Begins the replay of what is stored, and sends the cursor behind it if it is the first of
    /// the connection. What is pushed later follows after it.
    pub(super) fn begin_replay(
        self,
        context: &mut Context<'_>,
        format: FormatId,
        form: Option<ControlForm>,
    ) {
        if !self.stretches.is_empty() {
            let replay = Replay::merged(format, self.stretches, ReplayLayout::Plain);
            context.begin_feed(Feed::Replay(replay));
            if let Some(form) = form {
                let heartbeat = Control::Heartbeat { cursor: self.latest };
                let encoded = form.encode(&heartbeat, context.compressor());
                context.push(encoded.frame);
            }
        }
    }
}

/// The time until the first periodic heartbeat: the interval, shortened by a share that differs
/// between groups of connections. Clients that reconnect all at once would otherwise get their
/// heartbeats all at once, too, as long as they stay. Connections of one group, neighbours in
/// memory here and in the kernel, get theirs together, which makes good use of the CPU caches.
pub(super) fn first_heartbeat_delay(interval: Millis, number: u32) -> Millis {
    const GROUP: u32 = 32;
    // The golden ratio spreads consecutive numbers evenly.
    let share = u128::from((number / GROUP).wrapping_mul(0x9e37_79b9));
    // Less than the interval, as the share is less than 2^32.
    let earlier = (u128::from(interval.0) * share) >> 32;
    Millis(interval.0 - earlier as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_heartbeat_is_within_any_interval() {
        for interval in [1, 15_000, u64::MAX] {
            for number in [0, 31, 32, 1_000, u32::MAX] {
                let first = first_heartbeat_delay(Millis(interval), number).0;
                assert!((1..=interval).contains(&first), "{first} of {interval} for {number}");
            }
        }
    }

    #[test]
    fn a_segment_is_decoded_once_and_split_at_commas() {
        let of = |segment: &str| channels(segment, 3).map_err(|refusal| refusal.status.0);
        assert_eq!(of("a%3Ab%2d").unwrap(), ["a:b-"]);
        assert_eq!(of("a,b%2Cc").unwrap(), ["a", "b", "c"]);
        assert_eq!(of("a,b,a").unwrap(), ["a", "b"]);
        for bad in ["a%2Fb", "a%253A", "a%", "a%4", "a%zz", "%00", "%c3%a4", "%ff", "a+b"] {
            assert_eq!(of(bad), Err(400), "{bad}");
        }
        for bad in ["", ",", "a,", ",a", "a,,b", "a, b", "a,b,c,d"] {
            assert_eq!(of(bad), Err(400), "{bad}");
        }
        assert_eq!(of(&"%61".repeat(191)).unwrap()[0].len(), 191);
        assert!(of(&"a".repeat(192)).is_err());
    }
}
