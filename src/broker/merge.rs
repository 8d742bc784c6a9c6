//! Merges the stored messages of several channels into the order in which they were published.

use crate::hub::{Hub, Stretch};
use crate::message::Message;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Passes the messages of all stretches to `take`, in the order of their positions, until it
/// returns false. Returns what is left of the stretches, in no order. `None`: the next message of
/// one of them is no longer stored.
pub(super) fn merge(
    hub: &Hub,
    stretches: &[Stretch],
    mut take: impl FnMut(&Message) -> bool,
) -> Option<Vec<Stretch>> {
    let mut sources = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        sources.push((*stretch, hub.stored(stretch)?.peekable()));
    }
    let first = |at: usize, message: &Message| Reverse((message.position, at));
    let mut next: BinaryHeap<_> = sources
        .iter_mut()
        .enumerate()
        .filter_map(|(at, (_, messages))| messages.peek().map(|message| first(at, message)))
        .collect();
    while let Some(Reverse((_, at))) = next.pop() {
        let (_, messages) = &mut sources[at];
        let Some(message) = messages.next() else { continue };
        let goes_on = take(message);
        next.extend(messages.peek().map(|message| first(at, message)));
        if !goes_on {
            break;
        }
    }
    let left = sources.into_iter().filter_map(|(stretch, mut messages)| {
        let next = messages.peek()?.id;
        Some(Stretch { next, ..stretch })
    });
    Some(left.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::hub::{Draft, HubSettings, Maker, Resume, Storing};
    use crate::message::Position;
    use crate::time::Now;

    #[test]
    fn messages_come_in_the_order_of_publication_and_the_rest_is_left() {
        let now = Now::default();
        let mut hub = Hub::new(HubSettings::from(&Config::default()), now);
        let channels = [b"a", b"b", b"c"]
            .map(|name| hub.find_or_create(name, Maker::Application, now).unwrap());
        for at in [0, 1, 1, 0, 2, 1] {
            let draft = Draft { storing: Storing::Always, ..Draft::default() };
            hub.publish(channels[at], &draft, now).unwrap();
        }
        let all = Resume { after: Some(Position::START), ..Resume::default() };
        let mut stretches: Vec<Stretch> =
            channels.iter().filter_map(|one| hub.resume(*one, &all).stretch()).collect();
        let mut taken = Vec::new();
        for count in [1, 4, 99] {
            let end = taken.len() + count;
            stretches = merge(&hub, &stretches, |message| {
                taken.push(message.position.0);
                taken.len() < end
            })
            .unwrap();
        }
        assert_eq!(taken, [1, 2, 3, 4, 5, 6]);
        assert_eq!(stretches, []);
    }
}
