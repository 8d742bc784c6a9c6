//! Who is subscribed to a channel, as the application asks.

use super::connection::ConnectionId;
use super::face::Context;
use crate::hub::ChannelId;
use std::collections::BTreeMap;

/// The subjects of a channel's subscribers, each with its number of connections, in byte order.
pub struct Subjects<'a> {
    /// They, and how many connections of each are subscribed.
    pub connections: BTreeMap<&'a str, u32>,
    /// Whether all subscribers were examined, and no subject is left out.
    pub is_complete: bool,
}

impl Context<'_> {
    /// The subjects of the subscribers of a channel: the first `subjects_max` that are found, among
    /// the first `members_max` subscribers.
    pub fn subjects(
        &mut self,
        channel: ChannelId,
        subjects_max: usize,
        members_max: usize,
    ) -> Subjects<'_> {
        let members = self.state.broker.hub.members(channel);
        self.state.turn.work.visits += members.len().min(members_max) as u64;
        let mut subjects =
            Subjects { connections: BTreeMap::new(), is_complete: members.len() <= members_max };
        for member in members.iter().take(members_max) {
            let session = self.state.connections[ConnectionId::from(member.subscriber)].session;
            let identity = self.state.sessions.identity(session);
            let Some(subject) = identity.and_then(|identity| identity.subject) else { continue };
            let has_room = subjects.connections.len() < subjects_max;
            match subjects.connections.get_mut(subject) {
                Some(count) => *count += 1,
                None if has_room => {
                    subjects.connections.insert(subject, 1);
                }
                None => subjects.is_complete = false,
            }
        }
        subjects
    }
}
