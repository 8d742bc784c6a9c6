use super::*;
use crate::message::{Message, Position};
use crate::time::{Millis, Moment, Now, UnixMillis};

mod duplicates;
mod eviction;
mod history;
mod order;
mod visitors;

fn at(seconds: u64) -> Now {
    Now {
        monotonic: Moment::START + Millis::from_seconds(seconds),
        unix: UnixMillis((1_000_000 + seconds) * 1000),
    }
}

fn settings() -> HubSettings {
    HubSettings {
        channels_max: 100,
        max_channels: None,
        max_wildcard_channels: None,
        max_stored_messages: None,
        message_ttl: Millis::from_seconds(12),
        policies: Vec::new(),
        publication_id_window: Millis::from_seconds(60),
        publication_ids_max: 3,
        api_idle: IdleLife { ttl: Millis::from_seconds(30), counts_end_of_subscription: false },
        location_idle: IdleLife {
            ttl: Millis::from_seconds(30),
            counts_end_of_subscription: false,
        },
        wildcard_channel_prefix: b"broad_".to_vec(),
        events_channel_id: Vec::new(),
        store_bytes_max: 1_000_000,
        refuses_when_full: true,
        keeps_trash_charged: false,
    }
}

fn stored(text: &[u8]) -> Draft {
    Draft { text: text.into(), storing: Storing::Always, ..Draft::default() }
}

fn sweep_until(hub: &mut Hub, seconds: u64) {
    while let Some(next) = hub.next_sweep().filter(|next| *next <= at(seconds).monotonic) {
        let now = Now { monotonic: next, unix: UnixMillis(1_000_000_000 + next.0) };
        hub.sweep(usize::MAX, now);
        hub.assert_consistent();
    }
}

#[test]
fn ids_count_per_channel_and_tags_per_second_over_all_channels() {
    let mut hub = Hub::new(settings(), at(0));
    let one = hub.find_or_create(b"one", Maker::Application, at(0)).unwrap();
    let two = hub.find_or_create(b"two", Maker::Application, at(0)).unwrap();
    let mut seen = Vec::new();
    for (channel, second) in [(one, 0), (two, 0), (one, 0), (one, 1), (two, 0)] {
        let message = hub.publish(channel, &stored(b"x"), at(second)).unwrap();
        seen.push((message.id, message.time - 1_000_000, message.tag));
    }
    // The last one was published after the clock had been set back.
    assert_eq!(seen, [(1, 0, 1), (1, 0, 2), (2, 0, 3), (3, 1, 1), (2, 1, 2)]);
    hub.assert_consistent();
}

#[test]
fn a_sweep_removes_a_bounded_number_of_messages_and_channels_and_the_next_one_continues() {
    let mut hub = Hub::new(settings(), at(0));
    let one = hub.find_or_create(b"one", Maker::Application, at(0)).unwrap();
    for _ in 0..5 {
        hub.publish(one, &stored(b"x"), at(0)).unwrap();
    }
    hub.find_or_create(b"two", Maker::Visitor, at(0)).unwrap();
    hub.find_or_create(b"three", Maker::Visitor, at(0)).unwrap();
    let mut left = Vec::new();
    while hub.next_sweep().is_some_and(|next| next <= at(31).monotonic) && left.len() < 9 {
        assert!(hub.sweep(2, at(31)) <= 2);
        hub.assert_consistent();
        left.push((hub.totals().stored, hub.channel_count()));
    }
    assert_eq!(left, [(3, 3), (1, 3), (0, 2), (0, 0)]);
}

#[test]
fn a_sweep_moves_expired_messages_to_the_trash() {
    let mut hub = Hub::new(settings(), at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    hub.publish(channel, &stored(b"x"), at(1)).unwrap();
    sweep_until(&mut hub, 12);
    assert_eq!(hub.totals().stored, 1);
    sweep_until(&mut hub, 16);
    assert_eq!((hub.totals().stored, hub.totals().messages_in_trash), (0, 1));
    sweep_until(&mut hub, 30);
    assert_eq!(hub.totals().messages_in_trash, 0);
    assert_eq!(hub.channel_count(), 1);
    sweep_until(&mut hub, 32);
    assert_eq!((hub.channel_count(), hub.totals().channels_in_trash), (0, 1));
    sweep_until(&mut hub, 100);
    assert_eq!(hub.totals(), Totals { published: 1, ..Totals::default() });
    assert_eq!((hub.next_sweep(), hub.accounted_bytes()), (None, 0));
}

#[test]
fn a_channel_with_a_subscriber_lives_on_and_ends_after_its_last_use() {
    let mut hub = Hub::new(settings(), at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    let mut subscriptions = Subscriptions::default();
    hub.subscribe(SubscriberId(7), &mut subscriptions, channel, 1, at(1)).unwrap();
    assert_eq!(hub.next_sweep(), None);
    let left = hub.unsubscribe_next(&mut subscriptions, at(100)).unwrap();
    assert_eq!(left, Left { channel, position: 0, moved: None });
    hub.assert_consistent();
    sweep_until(&mut hub, 101);
    assert_eq!(hub.find(b"a"), None);
}

#[test]
fn leaving_moves_the_last_member_into_the_gap() {
    let mut hub = Hub::new(settings(), at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    let other = hub.find_or_create(b"b", Maker::Application, at(0)).unwrap();
    let mut all: Vec<Subscriptions> = (0..3).map(|_| Subscriptions::default()).collect();
    for (subscriber, subscriptions) in all.iter_mut().enumerate() {
        let subscriber = SubscriberId(subscriber as u32);
        hub.subscribe(subscriber, subscriptions, channel, 2, at(0)).unwrap();
        hub.subscribe(subscriber, subscriptions, other, 1, at(0)).unwrap();
    }
    assert_eq!(hub.channels_of(&all[1]).collect::<Vec<_>>(), [(channel, 2), (other, 1)]);
    assert_eq!((hub.members(channel).len(), hub.subscription_count(channel)), (3, 6));
    assert_eq!(hub.totals().subscriptions, 9);
    let left = hub.unsubscribe_next(&mut all[0], at(0)).unwrap();
    assert_eq!(left.moved, Some(SubscriberId(2)));
    hub.assert_consistent();
    let left = hub.unsubscribe_from(&mut all[2], other, at(0)).unwrap();
    assert_eq!(left, Left { channel: other, position: 2, moved: None });
    for subscriptions in &mut all {
        while hub.unsubscribe_next(subscriptions, at(0)).is_some() {
            hub.assert_consistent();
        }
    }
    assert_eq!((hub.members(channel).len(), hub.totals().subscriptions), (0, 0));
}

#[test]
fn maxima_are_kept_for_each_kind_of_channel() {
    let limited =
        HubSettings { max_channels: Some(2), max_wildcard_channels: Some(1), ..settings() };
    let mut hub = Hub::new(limited, at(0));
    let names: [&[u8]; 6] = [b"a", b"b", b"c", b"broad_a", b"broad_b", b"a"];
    let made: Vec<bool> = names
        .iter()
        .map(|name| hub.find_or_create(name, Maker::Application, at(0)).is_ok())
        .collect();
    assert_eq!(made, [true, true, false, true, false, true]);
    let mut hub = Hub::new(HubSettings { channels_max: 1, ..settings() }, at(0));
    hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    assert_eq!(
        hub.find_or_create(b"broad_a", Maker::Application, at(0)),
        Err(CreateError::TooMany)
    );
}

#[test]
fn the_oldest_stored_message_gives_way() {
    let mut hub = Hub::new(HubSettings { max_stored_messages: Some(2), ..settings() }, at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    for text in [b"1", b"2", b"3"] {
        hub.publish(channel, &stored(text), at(0)).unwrap();
        hub.assert_consistent();
    }
    let all = Resume { backtrack: u32::MAX, ..Resume::default() };
    assert_eq!(texts(&hub, channel, &all), "23");
    assert_eq!((hub.totals().stored, hub.totals().messages_in_trash), (2, 1));
}

#[test]
fn a_full_account_refuses_until_the_trash_is_emptied() {
    let tight =
        HubSettings { store_bytes_max: 271 + 2 * 169, keeps_trash_charged: true, ..settings() };
    let mut hub = Hub::new(tight, at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    hub.publish(channel, &Draft { text: (*b"x").into(), ..Draft::default() }, at(0)).unwrap();
    hub.publish(channel, &stored(b"x"), at(0)).unwrap();
    assert_eq!(hub.publish(channel, &stored(b"x"), at(0)), Err(Full));
    assert_eq!(hub.find_or_create(b"b", Maker::Application, at(0)), Err(CreateError::Full));
    let mut subscriptions = Subscriptions::default();
    assert_eq!(hub.subscribe(SubscriberId(0), &mut subscriptions, channel, 1, at(0)), Err(Full));
    hub.assert_consistent();
    sweep_until(&mut hub, 12);
    hub.publish(channel, &stored(b"x"), at(12)).unwrap();
    sweep_until(&mut hub, 200);
    assert_eq!(hub.accounted_bytes(), 0);
}

#[test]
fn event_id_and_event_type_are_charged_with_the_text_and_given_back() {
    let mut hub = Hub::new(settings(), at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    let before = hub.accounted_bytes();
    let field = |length| Some(vec![b'x'; length].into());
    let draft = Draft { event_id: field(5_000), event_type: field(3_000), ..stored(b"x") };
    hub.publish(channel, &draft, at(0)).unwrap();
    assert!(hub.accounted_bytes() - before >= 5_000 + 3_000 + 169);
    hub.assert_consistent();
    sweep_until(&mut hub, 16);
    assert_eq!(hub.accounted_bytes(), before);
    let draft = Draft { event_id: field(1_000_000), ..stored(b"x") };
    assert_eq!(hub.publish(channel, &draft, at(16)), Err(Full));
}

#[test]
fn a_deleted_channel_frees_its_name_and_goes_with_the_sweep() {
    let mut hub = Hub::new(settings(), at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    hub.publish(channel, &stored(b"x"), at(0)).unwrap();
    hub.delete(channel, at(1));
    hub.assert_consistent();
    let totals = hub.totals();
    assert_eq!((totals.channels, totals.channels_in_delete, totals.stored), (0, 1, 1));
    assert_eq!(hub.find(b"a"), None);
    hub.find_or_create(b"a", Maker::Application, at(1)).unwrap();
    sweep_until(&mut hub, 5);
    let totals = hub.totals();
    assert_eq!((totals.channels_in_delete, totals.channels_in_trash, totals.stored), (0, 1, 0));
    assert_eq!(totals.messages_in_trash, 1);
}

#[test]
fn events_report_what_happens_to_other_channels() {
    let watched = HubSettings { events_channel_id: b"EV".to_vec(), ..settings() };
    let mut hub = Hub::new(watched, at(0));
    let channel = hub.find_or_create(b"a\"b", Maker::Application, at(0)).unwrap();
    let mut subscriptions = Subscriptions::default();
    let events = hub.find(b"EV").unwrap();
    hub.assert_consistent();
    hub.subscribe(SubscriberId(0), &mut subscriptions, events, 1, at(0)).unwrap();
    hub.subscribe(SubscriberId(0), &mut subscriptions, channel, 1, at(0)).unwrap();
    while hub.unsubscribe_next(&mut subscriptions, at(0)).is_some() {}
    hub.delete(channel, at(0));
    sweep_until(&mut hub, 100);
    let mut texts = Vec::new();
    while let Some((target, event)) = hub.next_event() {
        assert_eq!(target, events);
        texts.push(event.text());
    }
    let words =
        ["channel_created", "client_subscribed", "client_unsubscribed", "channel_destroyed"];
    let expected = words.map(|word| format!(r#"{{"type": "{word}", "channel": "a\"b"}}"#));
    assert_eq!(texts, expected);
    assert_eq!(hub.find(b"EV"), Some(events));
    hub.publish(events, &stored(b"x"), at(0)).unwrap();
    assert_eq!((hub.totals().published, hub.totals().stored), (0, 0));
    hub.assert_consistent();
}

/// The names in what is left of a list, taken in pieces of `piece` channels.
fn listed(hub: &Hub, walk: &mut Walk, piece: usize) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let mut room = piece;
        let walked = hub.walk(walk, at(0), |info| {
            names.push(String::from_utf8_lossy(info.name).into_owned());
            room -= 1;
            room > 0
        });
        if walked.is_complete {
            return names;
        }
    }
}

#[test]
fn a_list_in_pieces_is_the_whole_list() {
    let mut hub = Hub::new(settings(), at(0));
    for name in ["b", "ab", "", "B", "aa", "a"] {
        hub.find_or_create(name.as_bytes(), Maker::Application, at(0)).unwrap();
    }
    for piece in 1..8 {
        let by_name = listed(&hub, &mut Walk::by_name(), piece);
        assert_eq!(by_name, ["", "B", "a", "aa", "ab", "b"]);
        assert_eq!(listed(&hub, &mut Walk::with_prefix(b"a".to_vec()), piece), ["a", "aa", "ab"]);
        let by_age = listed(&hub, &mut hub.walk_by_age(), piece);
        assert_eq!(by_age, ["b", "ab", "", "B", "aa", "a"]);
    }
    let few = hub.few_with_prefix(b"a", 10, 35).unwrap();
    assert_eq!(few, ["ab", "aa", "a"].map(|name| hub.find(name.as_bytes()).unwrap()));
    assert_eq!(hub.few_with_prefix(b"a", 10, 34), None);
}

#[test]
fn channels_that_go_in_the_middle_of_a_list_are_left_out() {
    for is_by_age in [false, true] {
        let mut hub = Hub::new(settings(), at(0));
        for name in ["a", "b", "c", "d"] {
            hub.find_or_create(name.as_bytes(), Maker::Application, at(0)).unwrap();
        }
        let mut walk = if is_by_age { hub.walk_by_age() } else { Walk::by_name() };
        assert!(!hub.walk(&mut walk, at(0), |info| &info.name[..] != b"b").is_complete);
        for name in ["b", "c"] {
            hub.delete(hub.find(name.as_bytes()).unwrap(), at(0));
        }
        hub.find_or_create(b"c", Maker::Application, at(0)).unwrap();
        // By name the new channel is still to come; by age it was created after the list began.
        let expected: &[&str] = if is_by_age { &["d"] } else { &["c", "d"] };
        assert_eq!(listed(&hub, &mut walk, 9), expected);
    }
}

#[test]
fn a_list_by_age_finds_its_place_again_when_its_next_channel_is_gone_and_its_id_is_used_again() {
    let made = ["a", "b", "c", "d", "e"];
    let cases: [(&[&str], &str); 6] = [
        (&["c"], "de"),
        (&["c", "d"], "e"),
        (&["d", "b", "c"], "e"),
        (&["a", "b"], "cde"),
        (&["e"], "cd"),
        (&["c", "d", "e"], ""),
    ];
    for (removed, rest) in cases {
        for new_count in 0..=removed.len() {
            let mut hub = Hub::new(settings(), at(0));
            for name in made {
                hub.find_or_create(name.as_bytes(), Maker::Application, at(0)).unwrap();
            }
            let mut walk = hub.walk_by_age();
            let begun = hub.walk(&mut walk, at(0), |info| &info.name[..] != b"b");
            assert_eq!(begun, Walked { is_complete: false, listed: 2, searched: 0 });
            for name in removed {
                hub.delete(hub.find(name.as_bytes()).unwrap(), at(0));
                hub.assert_consistent();
            }
            // The new channels reuse the ids of removed ones and are newer than the list.
            for name in &["x", "y", "z"][..new_count] {
                let new = hub.find_or_create(name.as_bytes(), Maker::Application, at(0)).unwrap();
                assert!(new.0 < 5, "the id was used before");
                hub.assert_consistent();
            }
            let mut resumed = walk.clone();
            let whole = hub.walk(&mut resumed, at(0), |_| true);
            let is_searched = removed.contains(&"c");
            assert_eq!((whole.is_complete, whole.searched > 0), (true, is_searched), "{removed:?}");
            assert_eq!(listed(&hub, &mut walk, 1).concat(), rest, "without {removed:?}");
        }
    }
}

/// The stored messages that the subscriber requests, one letter each.
fn texts(hub: &Hub, channel: ChannelId, resume: &Resume<'_>) -> String {
    let Some(stretch) = hub.resume(channel, resume).stretch() else { return String::new() };
    let messages = hub.stored(&stretch).expect("nothing was removed in between");
    messages.map(|message| char::from(message.text[0])).collect()
}

#[test]
fn a_stretch_is_good_until_its_first_message_has_left_the_store() {
    let mut hub = Hub::new(HubSettings { max_stored_messages: Some(2), ..settings() }, at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    for text in [b"1", b"2"] {
        hub.publish(channel, &stored(text), at(0)).unwrap();
    }
    let all = Resume { backtrack: u32::MAX, ..Resume::default() };
    let mut stretch = hub.resume(channel, &all).stretch().unwrap();
    hub.publish(channel, &stored(b"3"), at(0)).unwrap();
    assert!(hub.stored(&stretch).is_none());
    stretch.next = 2;
    let rest: Vec<u8> = hub.stored(&stretch).unwrap().map(|message| message.text[0]).collect();
    assert_eq!(rest, b"2", "later messages are not part of it");
    hub.delete(channel, at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    for text in [b"4", b"5"] {
        hub.publish(channel, &stored(text), at(0)).unwrap();
    }
    assert!(hub.stored(&stretch).is_none(), "another channel has the id now");
}

#[test]
fn a_replay_starts_where_the_subscriber_stopped() {
    let mut hub = Hub::new(settings(), at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    for (text, id, second) in [("1", "e1", 0), ("2", "e2", 0), ("3", "e3", 1), ("4", "e4", 2)] {
        let draft = Draft { event_id: Some(id.as_bytes().into()), ..stored(text.as_bytes()) };
        hub.publish(channel, &draft, at(second)).unwrap();
    }
    let replay = |backtrack, since: Option<(u64, Option<u32>)>, event_id: Option<&str>| {
        let since = since.map(|(second, tag)| Since { time: 1_000_000 + second, tag });
        let event_id = event_id.map(str::as_bytes);
        let resume = Resume { backtrack, since, event_id, ..Resume::default() };
        texts(&hub, channel, &resume)
    };
    assert_eq!(replay(0, None, None), "");
    assert_eq!(replay(2, Some((0, None)), Some("e1")), "34");
    assert_eq!(replay(9, None, None), "1234");
    assert_eq!(replay(0, Some((0, None)), None), "34");
    assert_eq!(replay(0, Some((0, Some(0))), None), "1234");
    assert_eq!(replay(0, Some((0, Some(1))), None), "234");
    assert_eq!(replay(0, Some((1, Some(1))), None), "4");
    assert_eq!(replay(0, Some((2, None)), None), "");
    assert_eq!(replay(0, None, Some("e2")), "34");
    assert_eq!(replay(0, None, Some("e9")), "");
    assert_eq!(replay(0, Some((1, None)), Some("e1")), "234");
}

#[test]
fn messages_of_visitors_leave_a_quarter_of_the_memory_account_to_publishers() {
    let mut hub = Hub::new(HubSettings { store_bytes_max: 100_000, ..settings() }, at(0));
    let channel = hub.find_or_create(b"a", Maker::Visitor, at(0)).unwrap();
    let by_visitor = Draft { maker: Maker::Visitor, ..stored(&[b'x'; 1000]) };
    let count = (0..100).take_while(|_| hub.publish(channel, &by_visitor, at(0)).is_ok()).count();
    assert!((60..75).contains(&count), "{count}");
    for _ in 0..20 {
        hub.publish(channel, &stored(&[b'x'; 1000]), at(0)).unwrap();
    }
    assert_eq!(hub.publish(channel, &by_visitor, at(0)).unwrap_err(), Full);
}

#[test]
fn new_settings_count_the_channels_anew() {
    let watched = HubSettings { events_channel_id: b"EV".to_vec(), ..settings() };
    let mut hub = Hub::new(watched, at(0));
    let events = hub.find(b"EV").unwrap();
    hub.publish(events, &stored(b"x"), at(0)).unwrap();
    hub.find_or_create(b"broad_a", Maker::Application, at(0)).unwrap();
    let other = HubSettings { wildcard_channel_prefix: b"E".to_vec(), ..settings() };
    hub.reconfigure(other, at(1));
    hub.assert_consistent();
    let totals = hub.totals();
    assert_eq!((totals.channels, totals.wildcard_channels, totals.stored), (1, 1, 1));
    sweep_until(&mut hub, 200);
    assert_eq!((hub.channel_count(), hub.accounted_bytes()), (0, 0));
}
