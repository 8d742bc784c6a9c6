//! Stored messages that give way when memory is short.

use super::*;

/// Removes messages once; returns the numbers of those that are left in each channel.
fn left(hub: &mut Hub, channels: &[ChannelId], seconds: u64) -> Vec<usize> {
    assert!(hub.evict_history(64, at(seconds)).messages > 0);
    hub.assert_consistent();
    channels.iter().map(|channel| hub.stored_count(*channel)).collect()
}

fn fill(hub: &mut Hub, name: &[u8], count: usize, seconds: u64) -> ChannelId {
    let channel = hub.find_or_create(name, Maker::Application, at(seconds)).unwrap();
    let draft = Draft { text: b"x".as_slice().into(), is_stored: true, ..Draft::default() };
    (0..count).for_each(|_| drop(hub.publish(channel, &draft, at(seconds)).unwrap()));
    channel
}

#[test]
fn unused_channels_lose_the_older_half_first_then_those_without_subscribers_then_all() {
    let mut hub =
        Hub::new(HubSettings { message_ttl: Millis::from_seconds(1000), ..settings() }, at(0));
    let watched = fill(&mut hub, b"watched", 2, 0);
    let mut subscriptions = Subscriptions::default();
    hub.subscribe(SubscriberId(1), &mut subscriptions, watched, 1, at(0)).unwrap();
    let unused = fill(&mut hub, b"unused", 4, 0);
    let recent = fill(&mut hub, b"recent", 2, 100);
    let channels = [watched, unused, recent];
    assert_eq!(left(&mut hub, &channels, 100), [2, 2, 2]);
    assert_eq!(left(&mut hub, &channels, 100), [2, 1, 2]);
    assert_eq!(left(&mut hub, &channels, 100), [2, 0, 2]);
    assert_eq!(left(&mut hub, &channels, 100), [2, 0, 1]);
    assert_eq!(left(&mut hub, &channels, 100), [2, 0, 0]);
    assert_eq!(left(&mut hub, &channels, 100), [1, 0, 0]);
    assert_eq!(left(&mut hub, &channels, 100), [0, 0, 0]);
    assert_eq!(hub.evict_history(64, at(100)), Evicted { messages: 0, searched: 0 });
    assert_eq!(hub.history_bytes(), 0);
}

#[test]
fn a_search_looks_at_no_more_channels_than_it_may() {
    let mut hub = Hub::new(settings(), at(0));
    for number in 0..99 {
        let name = format!("empty{number}");
        hub.find_or_create(name.as_bytes(), Maker::Application, at(0)).unwrap();
    }
    fill(&mut hub, b"full", 1, 0);
    assert_eq!(hub.evict_history(10, at(0)), Evicted { messages: 0, searched: 10 });
}

#[test]
fn what_gave_way_is_a_gap_for_a_client_that_resumes_before_it() {
    let mut hub = Hub::new(settings(), at(0));
    let channel = fill(&mut hub, b"a", 4, 0);
    let resume = |after| Resume { after: Some(Position(after)), ..Resume::default() };
    assert!(!matches!(hub.resume(channel, &resume(0)), Resumed::Gap(_)));
    while hub.stored_count(channel) == 4 {
        hub.evict_history(64, at(100));
    }
    assert!(matches!(hub.resume(channel, &resume(1)), Resumed::Gap(_)));
    assert!(!matches!(hub.resume(channel, &resume(2)), Resumed::Gap(_)));
}

#[test]
fn a_message_of_the_application_displaces_older_ones_and_a_visitor_s_is_not_stored() {
    let settings =
        HubSettings { store_bytes_max: 271 + 2 * 169, refuses_when_full: false, ..settings() };
    let mut hub = Hub::new(settings, at(0));
    let channel = fill(&mut hub, b"a", 3, 0);
    assert_eq!(hub.stored_count(channel), 2);
    let maker = Maker::Visitor;
    let draft = Draft { text: b"x".as_slice().into(), is_stored: true, maker, ..Draft::default() };
    assert_eq!(hub.publish(channel, &draft, at(0)).unwrap().id, 4);
    assert_eq!(hub.stored_count(channel), 2);
    hub.assert_consistent();
}
