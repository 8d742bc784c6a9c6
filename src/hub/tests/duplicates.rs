//! Tests of ids of publications.

use super::*;

fn hub() -> Hub {
    Hub::new(settings(), at(0))
}

#[test]
fn an_id_is_recognised_in_its_channel_within_the_window() {
    let mut hub = hub();
    hub.keep_id(Maker::Application, b"a", b"1", Position(7), at(10));
    assert_eq!(hub.duplicate(Maker::Application, b"a", b"1", at(69)), Some(Position(7)));
    assert_eq!(hub.duplicate(Maker::Application, b"a", b"1", at(70)), None);
    for (channel, id) in [(&b"a"[..], &b"2"[..]), (b"b", b"1"), (b"a1", b""), (b"", b"a1")] {
        assert_eq!(hub.duplicate(Maker::Application, channel, id, at(10)), None);
    }
    hub.keep_id(Maker::Application, b"a", b"1", Position(9), at(71));
    assert_eq!(hub.duplicate(Maker::Application, b"a", b"1", at(130)), Some(Position(9)));
    hub.assert_consistent();
}

#[test]
fn ids_of_visitors_neither_suppress_nor_displace_those_of_the_application() {
    let mut hub = hub();
    hub.keep_id(Maker::Application, b"a", b"1", Position(1), at(0));
    for id in 0..10_u8 {
        hub.keep_id(Maker::Visitor, b"a", &[id], Position(2), at(0));
    }
    let duplicate = |maker, id: &[u8]| hub.duplicate(maker, b"a", id, at(1));
    assert_eq!(duplicate(Maker::Application, b"1"), Some(Position(1)));
    assert_eq!(duplicate(Maker::Application, &[9]), None);
    assert_eq!(duplicate(Maker::Visitor, &[9]), Some(Position(2)));
    assert_eq!(duplicate(Maker::Visitor, b"1"), None);
}

#[test]
fn the_oldest_id_makes_room_for_a_new_one() {
    let mut hub = hub();
    for (second, id) in (0..).zip([b"1", b"2", b"3", b"4"]) {
        hub.keep_id(Maker::Application, b"a", id, Position(1), at(second));
        hub.assert_consistent();
    }
    let known = [b"1", b"2", b"3", b"4"]
        .map(|id| hub.duplicate(Maker::Application, b"a", id, at(4)).is_some());
    assert_eq!(known, [false, true, true, true]);
}

#[test]
fn without_a_window_or_a_number_no_id_is_kept() {
    for settings in [
        HubSettings { publication_id_window: Millis(0), ..settings() },
        HubSettings { publication_ids_max: 0, ..settings() },
    ] {
        let mut hub = Hub::new(settings, at(0));
        hub.keep_id(Maker::Application, b"a", b"1", Position(1), at(0));
        assert_eq!(hub.duplicate(Maker::Application, b"a", b"1", at(0)), None);
        assert_eq!(hub.next_sweep(), None);
    }
}

#[test]
fn the_memory_of_ids_is_counted_and_returns_after_the_window() {
    let mut hub = Hub::new(HubSettings { publication_ids_max: 1000, ..settings() }, at(0));
    for number in 0..5000_u32 {
        hub.keep_id(Maker::Application, b"a", &number.to_be_bytes(), Position(1), at(0));
    }
    for number in 0..1000_u32 {
        let longest = [number.to_be_bytes(); 32].concat();
        hub.keep_id(Maker::Application, b"a", &longest, Position(1), at(0));
    }
    // The table may be up to four times as large as what is in it.
    let bytes = hub.channels_bytes();
    assert!((1000 * 57..1000 * 180).contains(&bytes), "{bytes}");
    sweep_until(&mut hub, 60);
    assert_eq!((hub.channels_bytes(), hub.next_sweep()), (0, None));
}

#[test]
fn a_reload_with_a_lower_number_is_followed_by_fewer_ids() {
    let mut hub = Hub::new(HubSettings { publication_ids_max: 100, ..settings() }, at(0));
    for number in 0..100_u8 {
        hub.keep_id(Maker::Application, b"a", &[number], Position(1), at(0));
    }
    hub.reconfigure(settings(), at(1));
    for number in 100..150_u8 {
        hub.keep_id(Maker::Application, b"a", &[number], Position(1), at(1));
    }
    let known =
        (0..150_u8).filter(|id| hub.duplicate(Maker::Application, b"a", &[*id], at(1)).is_some());
    assert_eq!(known.collect::<Vec<u8>>(), [147, 148, 149]);
}
