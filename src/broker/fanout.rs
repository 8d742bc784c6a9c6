//! Fan-out: passes over the members of channels that have pending publications.
//!
//! Publishing costs nothing per subscriber. A publication is added to its channel's job, and each
//! round visits some more members of each such channel. A visit delivers everything that is pending
//! on the member's channels, so that several publications leave in one write. Each connection has
//! the sequence number of the last publication that it was given. Therefore members may join, leave
//! and change places during a pass, and may be visited twice, and still each one gets every
//! publication exactly once and in order.

use super::pending::{PUBLICATION_COST, Pending};
use crate::hub::{ChannelId, Hub, SubscriberId};
use crate::message::Message;
use crate::transports::{FormatId, Formats, Frame};
use slab::Slab;
use std::collections::VecDeque;
use std::rc::Rc;

const NONE: u32 = u32::MAX;
/// Members visited in one round. A channel has at most one round before the next channel has its
/// turn, so a large fan-out delays a small one by no more visits than this.
const VISITS_PER_ROUND: usize = 16;
/// Maximum size of a batch, because making one copies its publications.
const BATCH_BYTES_MAX: usize = 256 * 1024;

/// The jobs of all channels that have pending publications.
#[derive(Default)]
pub(crate) struct Fanout {
    jobs: Slab<Job>,
    /// Keys of the jobs; the next round begins with the first one.
    order: VecDeque<u32>,
    /// Key of each channel's job, by channel id; [`NONE`]: nothing is pending.
    job_of: Vec<u32>,
    /// Sequence number of the latest publication.
    sequence: u64,
    backlog_bytes: usize,
    /// Connections that were held and may be read again: their pass has ended.
    released: VecDeque<SubscriberId>,
}

/// The fan-out of one channel: its pending publications, and the pass that delivers them.
struct Job {
    channel: ChannelId,
    /// Oldest first.
    publications: VecDeque<Pending>,
    /// Upper bound of their cost in the queue of a member that was given none of them.
    queue_bytes: usize,
    /// Position of the member to visit next; this pass has visited those before it.
    next_member: usize,
    /// Number of members that this pass visits: those at its beginning, less those that left. Later
    /// members joined after the publications of this pass, and must not prolong it. `None`: it has
    /// not begun.
    pass_size: Option<usize>,
    /// Sequence number of the last publication at the beginning of this pass. At its end, every
    /// member has been given the publications up to it.
    pass_last: u64,
    /// The latest batch of each wire format.
    batches: Vec<Batch>,
    /// Whether one of its publications may leave a member out.
    leaves_out: bool,
    /// Connections whose long-polling request was answered in this pass. They are not read until it
    /// ends, so that the members still to be visited come before new requests.
    held: Vec<SubscriberId>,
}

/// Consecutive publications in one wire format as one frame, shared by all members that are given
/// exactly these: a burst costs each member one frame and one write, whatever its length.
#[derive(Debug)]
pub(crate) struct Batch {
    format: FormatId,
    /// Sequence number of the first publication.
    first: u64,
    /// Sequence number of the last publication.
    last: u64,
    pub(crate) frame: Frame,
    /// Number of publications in the frame.
    pub(crate) count: u64,
    /// Number of publications left out: the format cannot hold them.
    pub(crate) skipped: u64,
}

impl Job {
    /// What the job counts in the backlog.
    fn bytes(&self) -> usize {
        let publications: usize = self.publications.iter().map(|pending| pending.cost).sum();
        publications + self.batches.iter().map(|batch| batch.frame.len()).sum::<usize>()
    }
}

impl Fanout {
    /// Sequence number of the latest publication: a connection that was given it has nothing
    /// pending.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The publish backlog in bytes: all pending publications with their encodings, batches and
    /// answers.
    pub(crate) fn backlog_bytes(&self) -> usize {
        self.backlog_bytes
    }

    /// Whether nothing is pending on any channel.
    pub(crate) fn is_idle(&self) -> bool {
        self.order.is_empty()
    }

    /// Begins the fan-out of a message to the members of its channel. It costs at most about
    /// `queue_bytes` in the queue of each.
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
            leaves_out: false,
            held: Vec::new(),
        });
        let key = u32::try_from(key).expect("fewer jobs than channels");
        self.job_of[index] = key;
        self.order.push_back(key);
    }

    /// Leaves a member out of the latest publication on a channel.
    pub(crate) fn leave_out(&mut self, channel: ChannelId, member: SubscriberId) {
        let key = self.job_of.get(channel.0 as usize).copied().unwrap_or(NONE);
        let Some(job) = self.jobs.get_mut(key as usize) else { return };
        job.leaves_out = true;
        if let Some(latest) = job.publications.back_mut() {
            latest.except = Some(member);
        }
    }

    /// Whether the publications pending on a channel may cost more than `bytes_max` in the queue of
    /// each member.
    pub(crate) fn is_crowded(&self, channel: ChannelId, bytes_max: usize) -> bool {
        let key = self.job_of.get(channel.0 as usize).copied().unwrap_or(NONE);
        self.jobs.get(key as usize).is_some_and(|job| job.queue_bytes > bytes_max)
    }

    /// The publications pending on a channel, oldest first.
    pub(crate) fn pending(&mut self, channel: ChannelId) -> Option<&mut VecDeque<Pending>> {
        let key = *self.job_of.get(channel.0 as usize)?;
        self.jobs.get_mut(key as usize).map(|job| &mut job.publications)
    }

    /// All publications pending on a channel after `delivered`, as one frame. `None`: fewer than
    /// two, larger than [`BATCH_BYTES_MAX`], or this member does not get all of them.
    pub(crate) fn batch(
        &mut self,
        channel: ChannelId,
        delivered: u64,
        member: SubscriberId,
        format: FormatId,
        formats: &mut Formats,
    ) -> Option<&Batch> {
        let key = *self.job_of.get(channel.0 as usize)?;
        let job = self.jobs.get_mut(key as usize)?;
        let start = job.publications.partition_point(|entry| entry.sequence <= delivered);
        let (first, last) =
            (job.publications.get(start)?.sequence, job.publications.back()?.sequence);
        let is_left_out = |entry: &Pending| entry.except == Some(member);
        if first == last || job.leaves_out && job.publications.range(start..).any(is_left_out) {
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
            // Checked before anything is copied, because the next member visited tries again.
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

    /// Sequence number of the first publication pending on this channel after `delivered`.
    pub(crate) fn first_after(&self, channel: ChannelId, delivered: u64) -> Option<u64> {
        let key = *self.job_of.get(channel.0 as usize)?;
        let pending = &self.jobs.get(key as usize)?.publications;
        let start = pending.partition_point(|entry| entry.sequence <= delivered);
        pending.get(start).map(|entry| entry.sequence)
    }

    /// Adds encodings made during deliveries to the backlog.
    pub(crate) fn count_encoded(&mut self, bytes: usize) {
        self.backlog_bytes += bytes;
    }

    /// Updates what the backlog counts for a pending publication after an answer was made from it.
    pub(crate) fn recount(&mut self, channel: ChannelId, sequence: u64) {
        let Some(entry) = self.entry(channel, sequence) else { return };
        let (before, after) = (entry.cost, entry.actual_cost());
        entry.cost = after;
        self.backlog_bytes = self.backlog_bytes - before + after;
    }

    /// The pending publication of this sequence number.
    pub(crate) fn entry(&mut self, channel: ChannelId, sequence: u64) -> Option<&mut Pending> {
        let pending = self.pending(channel)?;
        let at = pending.binary_search_by_key(&sequence, |entry| entry.sequence).ok()?;
        pending.get_mut(at)
    }

    /// Appends the next members to visit to `visits`: [`VISITS_PER_ROUND`] of one channel or, if it
    /// has fewer left, of several. The same one may be in it twice. They must be visited before the
    /// next call, which ends the passes that have no members left.
    pub(crate) fn next_round(&mut self, hub: &Hub, visits: &mut Vec<SubscriberId>) {
        // Each job at most once per round: otherwise a pass might end before its visits are made.
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

    /// A member left `position`, the last member was moved there, and `member_count` are left. If
    /// the pass is no more than a round ahead, it goes back to that position. False: it is further
    /// ahead, and the moved member must be visited now.
    ///
    /// It goes back because each long-polling request leaves when it is visited: visiting the moved
    /// members at once would answer all requests before the first answer is written.
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
            // The moved member joined after the pass began, or the pass has not begun.
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

    /// Ends a pass: drops the publications that were pending when it began. Later ones need another
    /// pass.
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

    /// Drops the batches that no queue holds. They are made again if they are needed.
    pub(crate) fn drop_unused_batches(&mut self) {
        for (_, job) in &mut self.jobs {
            let unused = job.batches.extract_if(.., |batch| !batch.frame.is_shared());
            self.backlog_bytes -= unused.map(|batch| batch.frame.len()).sum::<usize>();
        }
    }

    /// Holds a connection whose long-polling request was answered: it is not read until this
    /// channel's pass has ended.
    pub(crate) fn hold(&mut self, id: SubscriberId, channel: ChannelId) {
        let key = self.job_of.get(channel.0 as usize).copied().unwrap_or(NONE);
        match self.jobs.get_mut(key as usize) {
            Some(job) => job.held.push(id),
            None => self.released.push_back(id),
        }
    }

    /// The next held connection that may be read again.
    pub(crate) fn next_released(&mut self) -> Option<SubscriberId> {
        self.released.pop_front()
    }

    /// Whether there is a connection for [`Fanout::next_released`].
    pub(crate) fn has_released(&self) -> bool {
        !self.released.is_empty()
    }

    /// Whether the connection is held, or in the queue of [`Fanout::next_released`]; for tests.
    pub(crate) fn is_held(&self, id: SubscriberId) -> bool {
        let held = self.jobs.iter().flat_map(|(_, job)| &job.held);
        held.chain(&self.released).any(|other| *other == id)
    }

    /// Drops the publications pending on a channel that is being removed.
    pub(crate) fn drop_channel(&mut self, channel: ChannelId) {
        let Some(slot) = self.job_of.get_mut(channel.0 as usize) else { return };
        let key = std::mem::replace(slot, NONE);
        if let Some(job) = self.jobs.try_remove(key as usize) {
            self.order.retain(|other| *other != key);
            self.released.extend(&job.held);
            self.backlog_bytes -= job.bytes();
        }
    }

    /// What the backlog counts for pending publications without their encodings and answers.
    pub(crate) fn pending_bytes(&self) -> usize {
        let pending = self.jobs.iter().flat_map(|(_, job)| &job.publications);
        let texts = pending.map(|one| &one.publication.message.text);
        texts.map(|text| PUBLICATION_COST + text.len()).sum()
    }

    /// Checks what must hold between calls; for tests.
    pub(crate) fn assert_consistent(&self) {
        let pending = self.jobs.iter().flat_map(|(_, job)| &job.publications);
        let bytes: usize = self.jobs.iter().map(|(_, job)| job.bytes()).sum();
        for one in pending {
            assert_eq!(one.cost, one.actual_cost(), "encodings are counted");
        }
        assert_eq!(self.backlog_bytes, bytes, "pending bytes are counted");
        assert_eq!(self.order.len(), self.jobs.len(), "every job is in the order");
        let known = self.job_of.iter().filter(|key| **key != NONE).count();
        assert_eq!(known, self.jobs.len(), "every job is found by its channel");
    }
}

#[cfg(test)]
mod tests;
