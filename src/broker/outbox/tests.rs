use super::super::replay::{Replay, ReplayLayout};
use super::*;

fn feed() -> Feed {
    Feed::Replay(Replay::new(FormatId(0), Vec::new(), ReplayLayout::Plain))
}

fn text(outbox: &Outbox) -> String {
    outbox.assert_consistent();
    outbox.unsent().map(|slice| String::from_utf8_lossy(slice) + "|").collect()
}

#[test]
fn partial_writes_go_on_in_the_middle_of_a_frame() {
    let mut outbox = Outbox::default();
    for frame in [b"abc", b"def", b"ghi"] {
        outbox.push(frame.as_slice().into(), Moment(0));
    }
    outbox.sent(2, Moment(1));
    assert_eq!(text(&outbox), "c|def|ghi|");
    outbox.sent(1, Moment(2));
    outbox.sent(4, Moment(3));
    assert_eq!(text(&outbox), "hi|");
    assert_eq!((outbox.bytes(), outbox.progress_at()), (2, Moment(3)));
    outbox.sent(2, Moment(4));
    assert_eq!((text(&outbox), outbox.is_empty()), (String::new(), true));
}

#[test]
fn what_is_dropped_leaves_the_begun_frame_and_the_time_of_the_last_progress() {
    let mut outbox = Outbox::default();
    for frame in [b"abc", b"def"] {
        outbox.push(frame.as_slice().into(), Moment(0));
    }
    outbox.sent(2, Moment(1));
    outbox.drop_unbegun();
    assert_eq!((text(&outbox).as_str(), outbox.progress_at()), ("c|", Moment(1)));
    outbox.sent(1, Moment(2));
    outbox.push(b"ghi".as_slice().into(), Moment(3));
    outbox.drop_unbegun();
    assert_eq!((text(&outbox).as_str(), outbox.progress_at()), ("", Moment(3)));
}

#[test]
fn the_limit_bounds_what_piles_up_but_not_one_message_or_a_replay() {
    let frame = || Frame::from([0; 100 - FRAME_COST].as_slice());
    let push = |outbox: &mut Outbox, max| outbox.push_live(frame(), max, Moment(0));
    let mut outbox = Outbox::default();
    assert_eq!(push(&mut outbox, 150), Ok(()));
    assert_eq!(push(&mut outbox, 150), Ok(()));
    assert_eq!(push(&mut outbox, 150), Err(Overflow));
    outbox.sent(36, Moment(0));
    assert_eq!(push(&mut outbox, 150), Ok(()));
    outbox.clear();
    // Larger than the limit by itself.
    assert_eq!(push(&mut outbox, 30), Ok(()));
    assert_eq!(push(&mut outbox, 30), Ok(()));
    assert_eq!(push(&mut outbox, 30), Err(Overflow));
    outbox.clear();
    outbox.push(frame(), Moment(0));
    outbox.begin_feed(feed());
    (0..9).for_each(|_| outbox.push_fed(frame(), Moment(0)));
    assert_eq!(push(&mut outbox, 150), Ok(()));
    outbox.end_feed();
    outbox.assert_consistent();
    assert_eq!(push(&mut outbox, 150), Ok(()));
    assert_eq!(push(&mut outbox, 150), Err(Overflow));
    outbox.sent(36 * 9 + 18, Moment(0));
    assert_eq!(push(&mut outbox, 150), Err(Overflow), "live messages behind the feed count");
    outbox.sent(18 + 36, Moment(0));
    assert_eq!(push(&mut outbox, 150), Ok(()));
}

#[test]
fn a_replay_is_written_before_what_is_queued_behind_it() {
    let mut outbox = Outbox::default();
    outbox.push(b"head".as_slice().into(), Moment(0));
    outbox.begin_feed(feed());
    outbox.push(b"live".as_slice().into(), Moment(0));
    assert!(outbox.feed_due(4 + FRAME_COST).is_none(), "the front is full");
    outbox.sent(2, Moment(0));
    assert!(outbox.feed_due(4 + FRAME_COST).is_some());
    outbox.push_fed(b"one".as_slice().into(), Moment(0));
    assert_eq!(text(&outbox), "ad|one|");
    outbox.sent(5, Moment(0));
    assert_eq!((outbox.is_empty(), outbox.bytes()), (false, 4));
    outbox.push_fed(b"two".as_slice().into(), Moment(0));
    outbox.end_feed();
    assert_eq!(text(&outbox), "two|live|");
    outbox.sent(7, Moment(0));
    assert!(outbox.is_empty());
}

#[test]
fn a_frame_takes_the_place_of_one_that_it_supersedes_unless_some_of_that_was_sent() {
    let mut outbox = Outbox::default();
    let supersede = |outbox: &mut Outbox, frame: &str| {
        let result = outbox.supersede(frame.as_bytes().into(), |last| last.starts_with(b"p"));
        result.is_ok()
    };
    let push = |outbox: &mut Outbox, frame: &str| {
        outbox.push(frame.as_bytes().into(), Moment(0));
    };
    assert!(!supersede(&mut outbox, "p1"), "the queue is empty");
    push(&mut outbox, "p1");
    assert!(supersede(&mut outbox, "p22"));
    assert_eq!(text(&outbox), "p22|");
    outbox.sent(1, Moment(0));
    assert!(!supersede(&mut outbox, "p3"), "its first byte is sent");
    push(&mut outbox, "p3");
    assert!(supersede(&mut outbox, "p44"));
    assert_eq!(text(&outbox), "22|p44|");
    push(&mut outbox, "m");
    assert!(!supersede(&mut outbox, "p5"), "another frame is behind it");
    outbox.begin_feed(feed());
    assert!(!supersede(&mut outbox, "p5"));
    outbox.push_fed(b"p".as_slice().into(), Moment(0));
    push(&mut outbox, "p6");
    assert!(supersede(&mut outbox, "p7"));
    outbox.end_feed();
    assert!(supersede(&mut outbox, "p88"));
    assert_eq!(text(&outbox), "22|p44|m|p|p88|");
    outbox.clear();
    push(&mut outbox, "head");
    outbox.begin_feed(feed());
    outbox.push_fed(b"p".as_slice().into(), Moment(0));
    outbox.end_feed();
    assert!(!supersede(&mut outbox, "p9"), "the last frame belongs to a feed");
}

#[test]
fn an_idle_outbox_is_small() {
    assert!(size_of::<Outbox>() <= 48);
}
