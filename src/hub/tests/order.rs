//! The one order of all messages: stamps, positions, and the floors below which messages are
//! missing.

use super::*;
use crate::hub::channel::Channel;
use crate::message::Message;

#[test]
fn a_stamp_is_decided_before_anything_is_stored_and_taken_by_storing() {
    let tight = HubSettings { store_bytes_max: 271 + 169, ..settings() };
    let mut hub = Hub::new(tight, at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    let first = Stamp { id: 1, time: 1_000_001, tag: 1, position: Position(1) };
    assert_eq!(hub.stamp(channel, at(1)), first);
    assert_eq!(hub.stamp(channel, at(1)), first, "asking changes nothing");
    assert_eq!((hub.totals().published, hub.stored_count(channel)), (0, 0));
    let message = hub.store(channel, &stored(b"x"), first, at(1)).unwrap();
    assert_eq!((message.id, message.time, message.tag), (1, 1_000_001, 1));
    assert_eq!((hub.totals().published, hub.stored_count(channel)), (1, 1));
    let second = Stamp { id: 2, time: 1_000_001, tag: 2, position: Position(2) };
    assert_eq!(hub.stamp(channel, at(1)), second);
    assert_eq!(hub.store(channel, &stored(b"x"), second, at(1)), Err(Full));
    assert_eq!(hub.stamp(channel, at(1)), second, "a refused message takes no stamp");
    hub.assert_consistent();
}

#[test]
fn a_stamp_from_elsewhere_moves_the_order_on() {
    let mut hub = Hub::new(settings(), at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    let stamp = Stamp { id: 7, time: 1_000_009, tag: 3, position: Position(20) };
    let message = hub.store(channel, &stored(b"x"), stamp, at(1)).unwrap();
    assert_eq!((message.id, message.time, message.tag), (7, 1_000_009, 3));
    let next = Stamp { id: 8, time: 1_000_009, tag: 4, position: Position(21) };
    assert_eq!(hub.stamp(channel, at(2)), next);
    hub.assert_consistent();
}

#[test]
fn positions_order_all_messages_of_all_channels() {
    let watched = HubSettings { events_channel_id: b"EV".to_vec(), ..settings() };
    let mut hub = Hub::new(watched, at(0));
    let events = hub.find(b"EV").unwrap();
    let one = hub.find_or_create(b"one", Maker::Application, at(0)).unwrap();
    let two = hub.find_or_create(b"two", Maker::Visitor, at(0)).unwrap();
    let not_stored = Draft { storing: Storing::Never, ..stored(b"x") };
    let mut positions = Vec::new();
    // The clock is set back in between.
    for (channel, draft, second) in [
        (one, stored(b"x"), 5),
        (two, not_stored, 5),
        (events, stored(b"x"), 3),
        (one, stored(b"x"), 0),
    ] {
        positions.push(hub.publish(channel, &draft, at(second)).unwrap().position.0);
        hub.assert_consistent();
    }
    assert_eq!(positions, [1, 2, 3, 4]);
}

fn floor(hub: &Hub, channel: ChannelId) -> u64 {
    hub.channels[channel.0 as usize].floor.0
}

#[test]
fn a_floor_is_the_last_message_that_left_the_store_or_never_was_in_it() {
    let mut hub = Hub::new(HubSettings { max_stored_messages: Some(2), ..settings() }, at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    let other = hub.find_or_create(b"b", Maker::Application, at(0)).unwrap();
    let mut floors = Vec::new();
    for (target, is_stored) in
        [(channel, true), (other, true), (channel, true), (channel, true), (channel, false)]
    {
        hub.publish(
            target,
            &Draft { storing: Storing::always_if(is_stored), ..stored(b"x") },
            at(0),
        )
        .unwrap();
        hub.assert_consistent();
        floors.push(floor(&hub, channel));
    }
    // With the fourth message the first one leaves; the fifth is not stored at all.
    assert_eq!(floors, [0, 0, 0, 1, 5]);
    sweep_until(&mut hub, 16);
    assert_eq!((hub.totals().stored, floor(&hub, channel), floor(&hub, other)), (0, 5, 2));
    hub.publish(channel, &stored(b"x"), at(17)).unwrap();
    assert_eq!(floor(&hub, channel), 5);
    sweep_until(&mut hub, 32);
    assert_eq!(floor(&hub, channel), 6);
}

#[test]
fn a_channel_created_later_has_the_last_message_of_all_removed_channels_as_its_floor() {
    let mut hub = Hub::new(settings(), at(0));
    let mut create = |name: &[u8]| hub.find_or_create(name, Maker::Application, at(0)).unwrap();
    let (kept, deleted, idle) = (create(b"kept"), create(b"deleted"), create(b"idle"));
    for (channel, is_stored) in [(deleted, true), (idle, false), (kept, true)] {
        hub.publish(
            channel,
            &Draft { storing: Storing::always_if(is_stored), ..stored(b"x") },
            at(0),
        )
        .unwrap();
    }
    let created = |hub: &mut Hub, name: &[u8], seconds| {
        let channel = hub.find_or_create(name, Maker::Application, at(seconds)).unwrap();
        hub.assert_consistent();
        let floor = floor(hub, channel);
        // It goes without ever having had a message, which is no loss.
        hub.delete(channel, at(seconds));
        floor
    };
    assert_eq!(created(&mut hub, b"new", 1), 0);
    hub.delete(deleted, at(1));
    assert_eq!(created(&mut hub, b"new", 1), 1);
    assert_eq!(created(&mut hub, b"deleted", 1), 1);
    hub.publish(kept, &stored(b"x"), at(2)).unwrap();
    sweep_until(&mut hub, 31);
    assert_eq!(hub.find(b"idle"), None);
    assert_eq!(created(&mut hub, b"idle", 31), 2);
    assert_eq!(floor(&hub, kept), 4, "its own messages have expired");
    sweep_until(&mut hub, 100);
    assert_eq!(created(&mut hub, b"kept", 100), 4);
}

#[test]
fn an_evicted_channel_of_a_visitor_leaves_its_last_position() {
    let mut hub = Hub::new(HubSettings { max_channels: Some(1), ..settings() }, at(0));
    let channel = hub.find_or_create(b"v", Maker::Visitor, at(0)).unwrap();
    hub.publish(channel, &Draft { storing: Storing::Never, ..stored(b"x") }, at(0)).unwrap();
    let channel = hub.find_or_create(b"w", Maker::Visitor, at(1)).unwrap();
    assert_eq!((hub.find(b"v"), floor(&hub, channel)), (None, 1));
    hub.assert_consistent();
}

#[test]
fn channels_and_messages_stay_small() {
    assert!(size_of::<Channel>() <= 104, "{}", size_of::<Channel>());
    assert!(size_of::<Message>() <= 96, "{}", size_of::<Message>());
}

/// `up to date`, or the requested messages, one letter each, after `gap: ` if others are missing.
fn resumed(hub: &Hub, channel: ChannelId, resume: &Resume<'_>) -> String {
    match hub.resume(channel, resume) {
        Resumed::UpToDate => "up to date".to_owned(),
        Resumed::From(_) => texts(hub, channel, resume),
        Resumed::Gap(_) => format!("gap: {}", texts(hub, channel, resume)),
    }
}

fn after(position: u64) -> Resume<'static> {
    Resume { after: Some(Position(position)), ..Resume::default() }
}

#[test]
fn a_cursor_by_position_finds_a_gap_only_where_something_was_missed() {
    let mut hub = Hub::new(HubSettings { max_stored_messages: Some(2), ..settings() }, at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    let other = hub.find_or_create(b"b", Maker::Application, at(0)).unwrap();
    let quiet = hub.find_or_create(b"c", Maker::Application, at(0)).unwrap();
    for (target, text) in [(channel, b"1"), (other, b"2"), (channel, b"3"), (channel, b"4")] {
        hub.publish(target, &stored(text), at(0)).unwrap();
    }
    let all = |hub: &Hub, channel| [0, 1, 2, 3, 4, 9].map(|at| resumed(hub, channel, &after(at)));
    assert_eq!(
        all(&hub, channel),
        ["gap: 34", "34", "34", "4", "up to date", "up to date"],
        "message 1 has left"
    );
    let up_to_date = "up to date";
    assert_eq!(all(&hub, other), ["2", "2", up_to_date, up_to_date, up_to_date, up_to_date]);
    assert_eq!(all(&hub, quiet), [up_to_date; 6]);
    hub.publish(channel, &Draft { storing: Storing::Never, ..stored(b"5") }, at(0)).unwrap();
    assert_eq!(resumed(&hub, channel, &after(3)), "gap: 4");
    assert_eq!(resumed(&hub, channel, &after(4)), "gap: ");
    assert_eq!(resumed(&hub, channel, &after(5)), up_to_date);
    sweep_until(&mut hub, 16);
    assert_eq!(resumed(&hub, channel, &after(4)), "gap: ");
    assert_eq!([1, 2].map(|at| resumed(&hub, other, &after(at))), ["gap: ", up_to_date]);
    hub.delete(channel, at(17));
    let again = hub.find_or_create(b"a", Maker::Application, at(17)).unwrap();
    assert_eq!([4, 5].map(|at| resumed(&hub, again, &after(at))), ["gap: ", up_to_date]);
    let newest = Resume { backtrack: 9, ..after(0) };
    assert_eq!(
        resumed(&hub, again, &newest),
        up_to_date,
        "the newest messages follow on no cursor"
    );
    assert_eq!(resumed(&hub, again, &Resume::default()), up_to_date);
}

#[test]
fn a_cursor_by_time_or_event_id_finds_a_gap_unless_all_later_messages_are_stored() {
    let mut hub = Hub::new(HubSettings { max_stored_messages: Some(3), ..settings() }, at(0));
    let channel = hub.find_or_create(b"a", Maker::Application, at(0)).unwrap();
    let by_time = |second: u8| {
        let since = Some(Since { time: 1_000_000 + u64::from(second), tag: Some(1) });
        Resume { since, ..Resume::default() }
    };
    fn by_event(id: &[u8]) -> Resume<'_> {
        Resume { event_id: Some(id), ..Resume::default() }
    }
    assert_eq!(resumed(&hub, channel, &by_time(0)), "up to date");
    for second in 1..=3 {
        let text = [b'0' + second];
        let draft = Draft { event_id: Some(text[..].into()), ..stored(&text) };
        hub.publish(channel, &draft, at(second.into())).unwrap();
    }
    assert_eq!(
        [0, 1, 3].map(|second| resumed(&hub, channel, &by_time(second))),
        ["123", "23", "up to date"]
    );
    hub.publish(channel, &stored(b"4"), at(4)).unwrap();
    assert_eq!(
        [0, 1, 2, 4].map(|second| resumed(&hub, channel, &by_time(second))),
        ["gap: 234", "gap: 234", "34", "up to date"]
    );
    assert_eq!(
        [b"3", b"2", b"1"].map(|id| resumed(&hub, channel, &by_event(id))),
        ["4", "34", "gap: "]
    );
    // With both, the time is used when the event id is of no stored message.
    let both = Resume { event_id: Some(b"1"), ..by_time(2) };
    assert_eq!(resumed(&hub, channel, &both), "34");
    sweep_until(&mut hub, 16);
    assert_eq!(resumed(&hub, channel, &by_time(4)), "gap: ", "it may be one that was not seen");
}
