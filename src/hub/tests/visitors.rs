//! Channels that only visitors use, and what is evicted for what.

use super::*;

/// A hub with room for this number of idle visitors' channels with names of two bytes.
fn small_hub(idle_channels: usize) -> Hub {
    Hub::new(HubSettings { store_bytes_max: 16 * idle_channels * 272, ..settings() }, at(0))
}

fn visit(hub: &mut Hub, name: &str, seconds: u64) -> Result<ChannelId, CreateError> {
    let made = hub.find_or_create(name.as_bytes(), Maker::Visitor, at(seconds));
    hub.assert_consistent();
    made
}

fn is_there(hub: &Hub, names: &[&str]) -> Vec<bool> {
    names.iter().map(|name| hub.find(name.as_bytes()).is_some()).collect()
}

#[test]
fn the_longest_idle_channel_of_a_visitor_is_evicted_for_the_next() {
    let mut hub = small_hub(3);
    for (second, name) in ["v1", "v2", "v3"].iter().enumerate() {
        visit(&mut hub, name, second as u64).unwrap();
    }
    // It is used again.
    visit(&mut hub, "v1", 5).unwrap();
    visit(&mut hub, "v4", 6).unwrap();
    assert_eq!(is_there(&hub, &["v1", "v2", "v3", "v4"]), [true, false, true, true]);
    assert_eq!(hub.accounted_bytes(), 3 * 272);
    sweep_until(&mut hub, 100);
    assert_eq!((hub.channel_count(), hub.accounted_bytes(), hub.visitor_bytes()), (0, 0, 0));
}

#[test]
fn channels_used_at_the_same_time_do_not_evict_each_other() {
    let mut hub = small_hub(3);
    for name in ["v1", "v2", "v3", "v4", "v5"] {
        visit(&mut hub, name, 1).unwrap();
    }
    assert_eq!(hub.channel_count(), 5);
    for second in 2..5 {
        visit(&mut hub, "v6", second).unwrap();
        visit(&mut hub, "v7", second).unwrap();
    }
    assert_eq!(is_there(&hub, &["v4", "v5", "v6", "v7"]), [false, true, true, true]);
}

#[test]
fn a_channel_with_a_subscriber_or_a_message_is_not_evicted() {
    let mut hub = small_hub(1);
    let heard = visit(&mut hub, "v1", 0).unwrap();
    let mut subscriptions = Subscriptions::default();
    hub.subscribe(SubscriberId(0), &mut subscriptions, heard, 1, at(0)).unwrap();
    let stores = visit(&mut hub, "v2", 0).unwrap();
    hub.publish(stores, &stored(b"x"), at(0)).unwrap();
    hub.assert_consistent();
    visit(&mut hub, "v3", 5).unwrap();
    visit(&mut hub, "v4", 6).unwrap();
    assert_eq!(is_there(&hub, &["v1", "v2", "v3", "v4"]), [true, true, false, true]);
    hub.unsubscribe_next(&mut subscriptions, at(7));
    hub.assert_consistent();
    assert_eq!(is_there(&hub, &["v1", "v2", "v4"]), [true, true, false]);
    // The message has expired.
    sweep_until(&mut hub, 16);
    visit(&mut hub, "v5", 17).unwrap();
    assert_eq!(is_there(&hub, &["v1", "v2", "v5"]), [false, false, true]);
}

#[test]
fn channels_that_only_visitors_use_have_half_of_the_account() {
    let mut hub = Hub::new(HubSettings { store_bytes_max: 10 * 272, ..settings() }, at(0));
    let mut subscriptions = Subscriptions::default();
    for name in ["v1", "v2", "v3", "v4", "v5"] {
        let channel = visit(&mut hub, name, 0).unwrap();
        hub.subscribe(SubscriberId(0), &mut subscriptions, channel, 1, at(0)).unwrap();
    }
    assert_eq!(visit(&mut hub, "v6", 1), Err(CreateError::Full));
    hub.unsubscribe_next(&mut subscriptions, at(2)).unwrap();
    visit(&mut hub, "v6", 3).unwrap();
    assert_eq!(is_there(&hub, &["v1", "v2", "v5", "v6"]), [false, true, true, true]);
}

#[test]
fn a_poll_creates_a_channel_only_while_nothing_has_to_be_evicted() {
    let mut hub = small_hub(2);
    for (second, name) in [b"p1", b"p2", b"p3", b"p4"].into_iter().enumerate() {
        hub.create_if_room(name, at(second as u64));
        hub.assert_consistent();
    }
    assert_eq!(is_there(&hub, &["p1", "p2", "p3", "p4"]), [true, true, false, false]);
    let mut full = Hub::new(HubSettings { max_channels: Some(1), ..settings() }, at(0));
    full.create_if_room(b"p1", at(0));
    full.create_if_room(b"p2", at(1));
    assert_eq!(is_there(&full, &["p1", "p2"]), [true, false]);
}

#[test]
fn a_channel_that_the_application_uses_is_no_longer_a_visitor_s() {
    let mut hub = small_hub(1);
    let channel = visit(&mut hub, "v1", 0).unwrap();
    hub.find_or_create(b"v1", Maker::Application, at(2)).unwrap();
    hub.assert_consistent();
    assert_eq!(hub.visitor_bytes(), 0);
    visit(&mut hub, "v2", 3).unwrap();
    visit(&mut hub, "v3", 4).unwrap();
    assert_eq!(hub.find(b"v1"), Some(channel));
    assert_eq!(is_there(&hub, &["v2", "v3"]), [false, true]);
}

#[test]
fn a_publication_to_a_known_channel_never_fails_for_visitors() {
    for charges_trash in [false, true] {
        let size = HubSettings {
            store_bytes_max: 100 * 272,
            keeps_trash_charged: charges_trash,
            ..settings()
        };
        let mut hub = Hub::new(size, at(0));
        let known = hub.find_or_create(b"kn", Maker::Application, at(0)).unwrap();
        let mut all: Vec<Subscriptions> = Vec::new();
        // The first half keeps its subscribers, the second is idle.
        for number in 0..50 {
            let channel = visit(&mut hub, &format!("{number:02}"), 0).unwrap();
            if number < 25 {
                all.push(Subscriptions::default());
                let subscriber = SubscriberId(number);
                hub.subscribe(subscriber, all.last_mut().unwrap(), channel, 1, at(0)).unwrap();
            }
        }
        let room = 100 * 272 - 272 - 25 * account::SUBSCRIBER_COST;
        for _ in 0..room / 169 {
            hub.publish(known, &stored(b"x"), at(1)).unwrap();
            hub.assert_consistent();
        }
        assert_eq!(hub.publish(known, &stored(b"x"), at(1)), Err(Full), "the account is full");
        assert!(hub.accounted_bytes() <= 100 * 272 + 25 * 272, "idle channels were evicted");
        assert_eq!(hub.channel_count(), 26);
        for subscriptions in &mut all {
            while hub.unsubscribe_next(subscriptions, at(1)).is_some() {}
        }
        sweep_until(&mut hub, 200);
        assert_eq!((hub.channel_count(), hub.accounted_bytes()), (0, 0));
    }
}

#[test]
fn visitors_have_half_of_channels_max_and_are_evicted_by_kind() {
    let few = HubSettings {
        channels_max: 4,
        max_channels: Some(3),
        max_wildcard_channels: Some(1),
        ..settings()
    };
    let mut hub = Hub::new(few, at(0));
    visit(&mut hub, "broad_a", 0).unwrap();
    visit(&mut hub, "a", 1).unwrap();
    visit(&mut hub, "b", 2).unwrap();
    assert_eq!(is_there(&hub, &["broad_a", "a", "b"]), [false, true, true]);
    for name in [b"c", b"d", b"e"] {
        hub.find_or_create(name, Maker::Application, at(3)).unwrap();
        hub.assert_consistent();
    }
    assert_eq!(is_there(&hub, &["a", "b", "c", "d", "e"]), [false, false, true, true, true]);
    assert_eq!(hub.find_or_create(b"f", Maker::Application, at(4)), Err(CreateError::TooMany));
    assert_eq!(visit(&mut hub, "f", 4), Err(CreateError::TooMany));
    visit(&mut hub, "broad_b", 4).unwrap();
    visit(&mut hub, "broad_c", 5).unwrap();
    assert_eq!(is_there(&hub, &["broad_b", "broad_c"]), [false, true]);
}

#[test]
fn events_take_no_room_from_publications_and_the_oldest_are_evicted() {
    let watched =
        HubSettings { events_channel_id: b"EV".to_vec(), store_bytes_max: 20_000, ..settings() };
    let mut hub = Hub::new(watched, at(0));
    let events = hub.find(b"EV").unwrap();
    let known = hub.find_or_create(b"kn", Maker::Application, at(0)).unwrap();
    for number in 0..1_000 {
        let text = format!("{number}");
        hub.publish(events, &stored(text.as_bytes()), at(1)).unwrap();
        hub.assert_consistent();
    }
    assert_eq!(hub.visitor_bytes(), 10_000 / 171 * 171);
    for _ in 0..(20_000 - 2 * 272) / 169 {
        hub.publish(known, &stored(b"x"), at(1)).unwrap();
        hub.assert_consistent();
    }
    assert!(hub.accounted_bytes() <= 20_000, "events were evicted");
    let last = hub.publish(events, &stored(b"last"), at(1)).unwrap();
    assert_eq!((last.id, hub.stored_count(events)), (1001, 0), "published but not stored");
    assert_eq!(hub.publish(known, &stored(b"x"), at(1)), Err(Full));
    hub.reconfigure(HubSettings { store_bytes_max: 20_000, ..settings() }, at(1));
    hub.assert_consistent();
}
