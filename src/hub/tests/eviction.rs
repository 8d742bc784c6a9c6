//! Stored messages that give way when memory is short.

use super::*;

/// Removes messages once; returns the numbers of those that are left in each channel.
fn left(hub: &mut Hub, channels: &[ChannelId]) -> Vec<usize> {
    assert!(hub.evict_history(at(100)) > 0);
    hub.assert_consistent();
    channels.iter().map(|channel| hub.stored_count(*channel)).collect()
}

fn fill(hub: &mut Hub, name: &[u8], count: usize, seconds: u64) -> ChannelId {
    let channel = hub.find_or_create(name, Maker::Application, at(seconds)).unwrap();
    let draft =
        Draft { text: b"x".as_slice().into(), storing: Storing::Always, ..Draft::default() };
    (0..count).for_each(|_| drop(hub.publish(channel, &draft, at(seconds)).unwrap()));
    channel
}

#[test]
fn channels_without_subscribers_lose_the_older_half_first_and_the_longest_unused_of_them_before() {
    let mut hub =
        Hub::new(HubSettings { message_ttl: Millis::from_seconds(1000), ..settings() }, at(0));
    let watched = fill(&mut hub, b"watched", 2, 0);
    let mut subscriptions = Subscriptions::default();
    hub.subscribe(SubscriberId(1), &mut subscriptions, watched, 1, at(0)).unwrap();
    let unused = fill(&mut hub, b"unused", 4, 0);
    let recent = fill(&mut hub, b"recent", 2, 100);
    let channels = [watched, unused, recent];
    assert_eq!(left(&mut hub, &channels), [2, 2, 2]);
    assert_eq!(left(&mut hub, &channels), [2, 1, 2]);
    assert_eq!(left(&mut hub, &channels), [2, 0, 2]);
    assert_eq!(left(&mut hub, &channels), [2, 0, 1]);
    assert_eq!(left(&mut hub, &channels), [2, 0, 0]);
    assert_eq!(left(&mut hub, &channels), [1, 0, 0]);
    assert_eq!(left(&mut hub, &channels), [0, 0, 0]);
    assert_eq!(hub.evict_history(at(100)), 0);
    assert_eq!(hub.history_bytes(), 0);
}

#[test]
fn a_channel_changes_its_place_with_its_subscribers_and_publications() {
    let mut hub =
        Hub::new(HubSettings { message_ttl: Millis::from_seconds(1000), ..settings() }, at(0));
    let [first, second] = [b"first".as_slice(), b"second"].map(|name| fill(&mut hub, name, 1, 0));
    let mut subscriptions = Subscriptions::default();
    hub.subscribe(SubscriberId(1), &mut subscriptions, first, 1, at(0)).unwrap();
    hub.assert_consistent();
    hub.unsubscribe_next(&mut subscriptions, at(0)).unwrap();
    hub.assert_consistent();
    // It came to the end of the list when its subscriber left.
    assert_eq!(left(&mut hub, &[first, second]), [1, 0]);
    fill(&mut hub, b"second", 1, 0);
    fill(&mut hub, b"first", 1, 0);
    assert_eq!(left(&mut hub, &[first, second]), [2, 0]);
}

#[test]
fn a_full_account_finds_the_messages_that_give_way_among_any_number_of_channels() {
    let settings = HubSettings {
        channels_max: 2_000,
        store_bytes_max: 1_000 * (271 + 4 + 400 + 169),
        refuses_when_full: false,
        ..settings()
    };
    let mut hub = Hub::new(settings, at(0));
    for number in 0..1_000 {
        let channel = fill(&mut hub, format!("{number:04}").as_bytes(), 1, 0);
        let mut subscriptions = Subscriptions::default();
        // Should there be no room for a subscriber, the channel stays without one.
        let _ = hub.subscribe(SubscriberId(number), &mut subscriptions, channel, 1, at(0));
    }
    for number in 0..1_000 {
        let channel = fill(&mut hub, format!("{number:04}").as_bytes(), 1, 1);
        assert!(hub.stored_count(channel) > 0, "its newest message is stored");
    }
    assert_eq!(hub.unstored_count(), 0);
}

#[test]
fn what_gave_way_is_a_gap_for_a_client_that_resumes_before_it() {
    let mut hub = Hub::new(settings(), at(0));
    let channel = fill(&mut hub, b"a", 4, 0);
    let resume = |after| Resume { after: Some(Position(after)), ..Resume::default() };
    assert!(!matches!(hub.resume(channel, &resume(0)), Resumed::Gap(_)));
    while hub.stored_count(channel) == 4 {
        hub.evict_history(at(100));
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
    let draft =
        Draft { text: b"x".as_slice().into(), storing: Storing::Always, maker, ..Draft::default() };
    assert_eq!(hub.unstored_count(), 0);
    assert_eq!(hub.publish(channel, &draft, at(0)).unwrap().id, 4);
    assert_eq!(hub.unstored_count(), 1);
    assert_eq!(hub.stored_count(channel), 2);
    hub.assert_consistent();
}

#[test]
fn subscribers_and_channels_find_room_in_an_account_full_of_messages() {
    let settings = HubSettings { store_bytes_max: 20_000, refuses_when_full: false, ..settings() };
    let mut hub = Hub::new(settings, at(0));
    let full = fill(&mut hub, b"full", 116, 0);
    let stored = hub.stored_count(full);
    assert!(hub.account_bytes_max() - hub.accounted_bytes() < 200);
    let mut subscriptions = Subscriptions::default();
    hub.subscribe(SubscriberId(1), &mut subscriptions, full, 1, at(1)).unwrap();
    hub.find_or_create(b"application", Maker::Application, at(1)).unwrap();
    let visitors = (0..100).filter(|number| {
        let name = format!("visitor{number}");
        let Ok(channel) = hub.find_or_create(name.as_bytes(), Maker::Visitor, at(1)) else {
            return false;
        };
        let mut own = Subscriptions::default();
        let joined = hub.subscribe(SubscriberId(2 + number), &mut own, channel, 1, at(1));
        joined.is_ok()
    });
    let visitors = visitors.count();
    hub.assert_consistent();
    assert!(hub.stored_count(full) < stored);
    assert!((20..40).contains(&visitors), "{visitors} channels and subscribers of visitors");
}
