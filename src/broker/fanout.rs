//! Publications on their way to the members of their channels.
//!
//! Publishing costs nothing per subscriber: the publication joins its channel's job, and each turn
//! walks some more of the members. Whoever is visited takes everything that is pending on its
//! channels at once, so that several publications of one turn leave in one write. A sequence number
//! per connection says what it has taken; so members may come, go and change places in the middle
//! of a walk, and be visited twice, and still everybody gets everything once and in order.

use super::pending::{PUBLICATION_COST, Pending};
use crate::hub::{ChannelId, Hub, SubscriberId};
use crate::message::Message;
use crate::transports::{FormatId, Formats, Frame};
use slab::Slab;
use std::collections::VecDeque;
use std::rc::Rc;

const NONE: u32 = u32::MAX;
/// Members of one channel that are visited before the next channel has its turn: a large fan-out
/// holds up a small one by so many writes.
const VISITS_PER_ROUND: usize = 16;
/// A batch is not made larger than this: it is a copy.
const BATCH_BYTES_MAX: usize = 256 * 1024;

#[derive(Default)]
pub(crate) struct Fanout {
    jobs: Slab<Job>,
    /// Jobs in the order in which they have their turns.
    order: VecDeque<u32>,
    /// Each channel's job.
    job_of: Vec<u32>,
    sequence: u64,
    backlog_bytes: usize,
    /// Connections that rested during a walk that has ended.
    released: VecDeque<SubscriberId>,
}

struct Job {
    channel: ChannelId,
    publications: VecDeque<Pending>,
    /// What they take in the queue of a member that has none of them.
    queue_bytes: usize,
    /// Members before this position have been visited on this walk.
    next_member: usize,
    /// Members before this position are to be visited on this walk: as many as there were when it
    /// began, less those who left. Who comes later needs nothing of it, and must not keep it from
    /// ending. None: it has not begun.
    pass_size: Option<usize>,
    /// The last publication when this walk began: at its end, everybody has it.
    pass_last: u64,
    /// The latest batch of each wire format.
    batches: Vec<Batch>,
    /// Connections whose waiting request was answered on this walk. They are read again when it
    /// ends: whoever is still to be visited comes before those who ask for more.
    held: Vec<SubscriberId>,
}

/// Several publications in one wire format, put together for all who take them at once: a burst
/// costs each subscriber one frame and one write, however many publications it has.
#[derive(Debug)]
pub(crate) struct Batch {
    format: FormatId,
    first: u64,
    last: u64,
    pub(crate) frame: Frame,
    /// Publications in it.
    pub(crate) count: u64,
    /// Publications that cannot be said in this format.
    pub(crate) skipped: u64,
}

impl Job {
    fn bytes(&self) -> usize {
        let publications: usize = self.publications.iter().map(|pending| pending.cost).sum();
        publications + self.batches.iter().map(|batch| batch.frame.len()).sum::<usize>()
    }
}

impl Fanout {
    /// The number of the latest publication: who has taken it has nothing pending.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Bytes of all publications that are pending, with everything that was made of them.
    pub(crate) fn backlog_bytes(&self) -> usize {
        self.backlog_bytes
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.order.is_empty()
    }

    /// Begins to hand a message to the members of its channel. It takes about `queue_bytes` at
    /// most in the queue of each.
    pub(crate) fn add(&mut self, channel: ChannelId, message: Rc<Message>, queue_bytes: usize) {
        self.sequence += 1;
        let pending = Pending::new(self.sequence, message, queue_bytes);
        self.backlog_bytes += pending.cost;
        let index = channel.0 as usize;
        if index >= self.job_of.len() {
            self.job_of.resize(index + 1, NONE);
        }
        if let Some(job) = self.jobs.get_mut(self.job_of[index] as usize) {
            if job.pass_size.is_none() {
                job.pass_last = self.sequence;
            }
            job.queue_bytes += pending.queue_bytes;
            job.publications.push_back(pending);
            return;
        }
        let key = self.jobs.insert(Job {
            channel,
            queue_bytes: pending.queue_bytes,
            publications: VecDeque::from([pending]),
            next_member: 0,
            pass_size: None,
            pass_last: self.sequence,
            batches: Vec::new(),
            held: Vec::new(),
        });
        let key = u32::try_from(key).expect("fewer jobs than channels");
        self.job_of[index] = key;
        self.order.push_back(key);
    }

    /// Whether so much is pending on a channel that it would fill a large part of each member's
    /// queue.
    pub(crate) fn is_crowded(&self, channel: ChannelId, bytes_max: usize) -> bool {
        let key = self.job_of.get(channel.0 as usize).copied().unwrap_or(NONE);
        self.jobs.get(key as usize).is_some_and(|job| job.queue_bytes > bytes_max)
    }

    /// What is pending on a channel, oldest first.
    pub(crate) fn pending(&mut self, channel: ChannelId) -> Option<&mut VecDeque<Pending>> {
        let key = *self.job_of.get(channel.0 as usize)?;
        self.jobs.get_mut(key as usize).map(|job| &mut job.publications)
    }

    /// Everything that is pending on a channel after a given publication, as one frame. None: it is
    /// only one, or too much to be copied.
    pub(crate) fn batch(
        &mut self,
        channel: ChannelId,
        delivered: u64,
        format: FormatId,
        formats: &mut Formats,
    ) -> Option<&Batch> {
        let key = *self.job_of.get(channel.0 as usize)?;
        let job = self.jobs.get_mut(key as usize)?;
        let start = job.publications.partition_point(|entry| entry.sequence <= delivered);
        let (first, last) =
            (job.publications.get(start)?.sequence, job.publications.back()?.sequence);
        if first == last {
            return None;
        }
        let is_made =
            |batch: &Batch| batch.format == format && batch.first == first && batch.last == last;
        if let Some(at) = job.batches.iter().position(is_made) {
            return Some(&job.batches[at]);
        }
        let mut size = 0;
        for entry in job.publications.range_mut(start..) {
            let encoded = entry.encoded(format, formats, &mut self.backlog_bytes);
            size += encoded.map_or(0, |one| one.frame.len());
            // Nothing is copied before that is known: everybody who is visited asks again.
            if size > BATCH_BYTES_MAX {
                return None;
            }
        }
        let mut batch = Batch { format, first, last, frame: Frame::from([]), count: 0, skipped: 0 };
        let mut bytes = Vec::with_capacity(size);
        for entry in job.publications.range_mut(start..) {
            match entry.encoded(format, formats, &mut self.backlog_bytes) {
                Some(encoded) => {
                    bytes.extend_from_slice(&encoded.frame);
                    batch.count += 1;
                }
                None => batch.skipped += 1,
            }
        }
        batch.frame = bytes.into();
        self.backlog_bytes += batch.frame.len();
        if let Some(at) = job.batches.iter().position(|other| other.format == format) {
            self.backlog_bytes -= job.batches.swap_remove(at).frame.len();
        }
        job.batches.push(batch);
        job.batches.last()
    }

    /// The sequence of the first publication on this channel after a given one.
    pub(crate) fn first_after(&self, channel: ChannelId, delivered: u64) -> Option<u64> {
        let key = *self.job_of.get(channel.0 as usize)?;
        let pending = &self.jobs.get(key as usize)?.publications;
        let start = pending.partition_point(|entry| entry.sequence <= delivered);
        pending.get(start).map(|entry| entry.sequence)
    }

    /// Counts encodings that were made while messages were delivered.
    pub(crate) fn count_encoded(&mut self, bytes: usize) {
        self.backlog_bytes += bytes;
    }

    /// Counts what was made of a pending publication since it was counted last.
    pub(crate) fn recount(&mut self, channel: ChannelId, sequence: u64) {
        let Some(entry) = self.entry(channel, sequence) else { return };
        let (before, after) = (entry.cost, entry.actual_cost());
        entry.cost = after;
        self.backlog_bytes = self.backlog_bytes - before + after;
    }

    /// One pending publication.
    pub(crate) fn entry(&mut self, channel: ChannelId, sequence: u64) -> Option<&mut Pending> {
        let pending = self.pending(channel)?;
        let at = pending.binary_search_by_key(&sequence, |entry| entry.sequence).ok()?;
        pending.get_mut(at)
    }

    /// The next members to be visited, put behind those in `visits`: [`VISITS_PER_ROUND`] of one
    /// channel or, where there are fewer, of several. Visiting the same one twice does no harm.
    /// They must be visited before this is called again, which is when a walk that has come to its
    /// end is forgotten.
    pub(crate) fn next_round(&mut self, hub: &Hub, visits: &mut Vec<SubscriberId>) {
        // Each job has one turn at most: at the next one its walk may be over.
        let mut turns = self.order.len();
        while turns > 0 && visits.len() < VISITS_PER_ROUND {
            let key = self.order[0];
            let job = &mut self.jobs[key as usize];
            let members = hub.members(job.channel);
            let size = job.pass_size.unwrap_or(usize::MAX).min(members.len());
            job.pass_size = Some(size);
            let members = members.get(job.next_member..size).unwrap_or_default();
            if members.is_empty() {
                let job_count = self.order.len();
                self.end_pass(key);
                turns -= job_count - self.order.len();
                continue;
            }
            let count = members.len().min(VISITS_PER_ROUND - visits.len());
            visits.extend(members[..count].iter().map(|member| member.subscriber));
            job.next_member += count;
            self.order.rotate_left(1);
            turns -= 1;
        }
    }

    /// A member left this place, the last one took it, and so many are left. If the walk is a few
    /// places further, it goes back; false: it is too far away, and whoever took the place must be
    /// visited now.
    ///
    /// Waiting long-polling requests all leave when they are visited. Visiting each successor at
    /// once would answer all of them before the first answer is written.
    pub(crate) fn member_left(
        &mut self,
        channel: ChannelId,
        position: usize,
        member_count: usize,
    ) -> bool {
        let key = self.job_of.get(channel.0 as usize).copied().unwrap_or(NONE);
        let Some(job) = self.jobs.get_mut(key as usize) else { return true };
        match job.pass_size {
            Some(size) if member_count < size => job.pass_size = Some(member_count),
            // Whoever took the place came later, or there is no walk yet.
            Some(_) | None => return true,
        }
        match job.next_member.saturating_sub(position) {
            0 => true,
            1..=VISITS_PER_ROUND => {
                job.next_member = position;
                true
            }
            _ => false,
        }
    }

    /// Everybody has what was pending when the walk began. What came later needs another walk.
    fn end_pass(&mut self, key: u32) {
        let job = &mut self.jobs[key as usize];
        let pass_last = job.pass_last;
        self.released.extend(job.held.drain(..));
        while job.publications.front().is_some_and(|first| first.sequence <= pass_last)
            && let Some(done) = job.publications.pop_front()
        {
            self.backlog_bytes -= done.cost;
            job.queue_bytes -= done.queue_bytes;
        }
        match job.publications.back() {
            Some(last) => {
                (job.next_member, job.pass_size, job.pass_last) = (0, None, last.sequence);
                let batches = job.batches.drain(..).map(|batch| batch.frame.len());
                self.backlog_bytes -= batches.sum::<usize>();
            }
            None => {
                self.job_of[job.channel.0 as usize] = NONE;
                let job = self.jobs.remove(key as usize);
                self.backlog_bytes -= job.bytes();
                self.order.pop_front();
            }
        }
    }

    /// Leaves a connection that was just answered alone until this channel's walk has ended.
    pub(crate) fn hold(&mut self, id: SubscriberId, channel: ChannelId) {
        let key = self.job_of.get(channel.0 as usize).copied().unwrap_or(NONE);
        match self.jobs.get_mut(key as usize) {
            Some(job) => job.held.push(id),
            None => self.released.push_back(id),
        }
    }

    /// A connection that has rested for long enough.
    pub(crate) fn next_released(&mut self) -> Option<SubscriberId> {
        self.released.pop_front()
    }

    pub(crate) fn has_released(&self) -> bool {
        !self.released.is_empty()
    }

    pub(crate) fn is_held(&self, id: SubscriberId) -> bool {
        let held = self.jobs.iter().flat_map(|(_, job)| &job.held);
        held.chain(&self.released).any(|other| *other == id)
    }

    /// Drops what is pending on a channel that is about to end.
    pub(crate) fn drop_channel(&mut self, channel: ChannelId) {
        let Some(slot) = self.job_of.get_mut(channel.0 as usize) else { return };
        let key = std::mem::replace(slot, NONE);
        if let Some(job) = self.jobs.try_remove(key as usize) {
            self.order.retain(|other| *other != key);
            self.released.extend(&job.held);
            self.backlog_bytes -= job.bytes();
        }
    }

    /// What all pending publications cost before anything is made of them.
    pub(crate) fn pending_bytes(&self) -> usize {
        let pending = self.jobs.iter().flat_map(|(_, job)| &job.publications);
        let texts = pending.map(|one| &one.publication.message.text);
        texts.map(|text| PUBLICATION_COST + text.len()).sum()
    }

    pub(crate) fn assert_consistent(&self) {
        let pending = self.jobs.iter().flat_map(|(_, job)| &job.publications);
        let bytes: usize = self.jobs.iter().map(|(_, job)| job.bytes()).sum();
        for one in pending {
            assert_eq!(one.cost, one.actual_cost(), "encodings are counted");
        }
        assert_eq!(self.backlog_bytes, bytes, "pending bytes are counted");
        assert_eq!(self.order.len(), self.jobs.len(), "every job has its turn");
        let known = self.job_of.iter().filter(|key| **key != NONE).count();
        assert_eq!(known, self.jobs.len(), "every job is found by its channel");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::hub::{HubSettings, Maker, Subscriptions};
    use crate::time::{Millis, Now};
    use std::ops::Range;

    const NOW: Now = Now { monotonic: Millis(0), unix: Millis(0) };

    /// A hub with channels of so many members each, numbered through, and a message on the way in
    /// each of them.
    fn world(member_counts: &[u32]) -> (Hub, Fanout) {
        let mut hub = Hub::new(HubSettings::from(&Config::default()), NOW);
        let mut fanout = Fanout::default();
        let mut subscriber = 0;
        for count in member_counts {
            let name = format!("{subscriber}");
            let channel = hub.find_or_create(name.as_bytes(), Maker::Application, NOW).unwrap();
            join(&mut hub, channel, subscriber..subscriber + count);
            subscriber += count;
            fanout.add(channel, message(), 100);
        }
        (hub, fanout)
    }

    fn join(hub: &mut Hub, channel: ChannelId, subscribers: Range<u32>) {
        for subscriber in subscribers {
            // The hub does not need the subscriber's end before it leaves.
            let mut subscriptions = Subscriptions::default();
            hub.subscribe(SubscriberId(subscriber), &mut subscriptions, channel, 1, NOW).unwrap();
        }
    }

    fn message() -> Rc<Message> {
        Rc::new(Message::special(1, (*b"").into(), b"x"))
    }

    fn round(fanout: &mut Fanout, hub: &Hub) -> Vec<u32> {
        let mut visits = Vec::new();
        fanout.next_round(hub, &mut visits);
        fanout.assert_consistent();
        visits.into_iter().map(|visited| visited.0).collect()
    }

    #[test]
    fn a_round_visits_members_of_several_small_channels() {
        let (hub, mut fanout) = world(&[1, 2, 1]);
        assert_eq!(round(&mut fanout, &hub), [0, 1, 2, 3]);
        // What was on its way stays until they have been visited.
        assert!(!fanout.is_idle());
        assert_eq!(round(&mut fanout, &hub), [0u32; 0]);
        assert!(fanout.is_idle());
        assert_eq!(fanout.backlog_bytes(), 0);
    }

    #[test]
    fn a_large_channel_holds_up_a_small_one_by_one_round() {
        let (hub, mut fanout) = world(&[40, 1]);
        assert_eq!(round(&mut fanout, &hub), Vec::from_iter(0..16));
        assert_eq!(round(&mut fanout, &hub), Vec::from_iter([40].into_iter().chain(16..31)));
        assert_eq!(round(&mut fanout, &hub), Vec::from_iter(31..40));
        assert_eq!(round(&mut fanout, &hub), [0u32; 0]);
        assert!(fanout.is_idle());
    }

    #[test]
    fn what_is_published_during_a_pass_has_a_pass_of_its_own() {
        let (hub, mut fanout) = world(&[20]);
        assert_eq!(round(&mut fanout, &hub), Vec::from_iter(0..16));
        fanout.add(hub.find(b"0").unwrap(), message(), 100);
        assert_eq!(round(&mut fanout, &hub), Vec::from_iter(16..20));
        let before = fanout.backlog_bytes();
        assert_eq!(round(&mut fanout, &hub), Vec::from_iter(0..16));
        assert_eq!(fanout.backlog_bytes() * 2, before, "the first message is through");
        assert_eq!(round(&mut fanout, &hub), Vec::from_iter(16..20));
        assert_eq!(round(&mut fanout, &hub), [0u32; 0]);
        assert!(fanout.is_idle());
    }

    #[test]
    fn a_member_that_joins_during_a_pass_does_not_lengthen_it() {
        let (mut hub, mut fanout) = world(&[20]);
        let channel = hub.find(b"0").unwrap();
        assert_eq!(round(&mut fanout, &hub), Vec::from_iter(0..16));
        join(&mut hub, channel, 20..30);
        assert_eq!(round(&mut fanout, &hub), Vec::from_iter(16..20));
        join(&mut hub, channel, 30..40);
        assert_eq!(round(&mut fanout, &hub), [0u32; 0]);
        assert!(fanout.is_idle());
    }

    #[test]
    fn a_pass_goes_back_to_a_member_that_moved_but_not_to_one_that_joined_later() {
        let (mut hub, mut fanout) = world(&[20]);
        let channel = hub.find(b"0").unwrap();
        assert_eq!(round(&mut fanout, &hub), Vec::from_iter(0..16));
        join(&mut hub, channel, 20..21);
        // The one that came later goes to the place of the first who leaves, one of the others to
        // the next.
        assert!(fanout.member_left(channel, 3, 20) && fanout.member_left(channel, 4, 19));
        assert_eq!(fanout.jobs[0].next_member, 4);
        assert_eq!(fanout.jobs[0].pass_size, Some(19));
    }

    #[test]
    fn a_publication_during_a_pass_that_went_back_to_its_start_does_not_lengthen_it() {
        let (hub, mut fanout) = world(&[20]);
        let channel = hub.find(b"0").unwrap();
        assert_eq!(round(&mut fanout, &hub), Vec::from_iter(0..16));
        assert!(fanout.member_left(channel, 0, 19));
        fanout.hold(SubscriberId(0), channel);
        fanout.add(channel, message(), 100);
        let before = fanout.backlog_bytes();
        round(&mut fanout, &hub);
        round(&mut fanout, &hub);
        round(&mut fanout, &hub);
        assert_eq!(fanout.backlog_bytes() * 2, before, "the first message is through");
        assert_eq!(fanout.next_released(), Some(SubscriberId(0)));
    }
}
