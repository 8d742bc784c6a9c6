use super::*;
use crate::config::Config;
use crate::hub::{HubSettings, Maker, Subscriptions};
use crate::time::{Moment, Now, UnixMillis};
use std::ops::Range;

const NOW: Now = Now { monotonic: Moment(0), unix: UnixMillis(0) };

/// A hub with one channel per count, with that many members, numbered consecutively over all
/// channels, and a message pending on each channel.
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
        // The hub needs the subscriber's own list only when it leaves.
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
    // The publications stay pending until these visits are made.
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
    assert_eq!(fanout.backlog_bytes() * 2, before, "the first message is delivered");
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
    // The member that joined later moves to the first vacated position, another one to the
    // second.
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
    assert_eq!(fanout.backlog_bytes() * 2, before, "the first message is delivered");
    assert_eq!(fanout.next_released(), Some(SubscriberId(0)));
}
