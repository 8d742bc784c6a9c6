//! Thousands of streams: what they cost, what they get, and that nothing of them stays.

use crate::support::{
    Daemon, Next, PATIENCE, Publisher, Stream, descriptors, eventually, memory, open_streams, say,
    wait_for_turn,
};
use std::sync::{Condvar, Mutex};
use std::thread;

const STREAMS: usize = 5000;
const PUBLICATIONS: usize = 200;

fn kilobytes(bytes: u64) -> String {
    format!("{} kB", bytes / 1024)
}

#[test]
fn five_thousand_streams_get_everything_in_order_and_leave_nothing_behind() {
    let _turn = wait_for_turn();
    let daemon = Daemon::start(&[]);
    let (address, process) = (daemon.address(), daemon.id());
    let resident = || memory(process, "VmRSS:");
    let mut publisher = Publisher::connect(&address);
    publisher.publish("crowd", "0");
    let before = resident();
    let descriptors_before = descriptors(process);

    let mut streams = open_streams(&address, "crowd", STREAMS);
    let idle = resident();
    assert_eq!(descriptors(process), descriptors_before + STREAMS);
    for number in 0..PUBLICATIONS {
        publisher.publish("crowd", &format!("{{\"number\":{number}}}"));
    }
    for stream in &mut streams {
        for number in 0..PUBLICATIONS {
            assert_eq!(stream.next(), Next::Message(format!("{{\"number\":{number}}}")));
        }
    }
    let with = resident();
    assert_eq!(publisher.statistic("deliveries_total"), (STREAMS * PUBLICATIONS) as u64);
    assert_eq!(publisher.statistic("queued_bytes"), 0);

    drop(streams);
    eventually("all have left", || publisher.statistic("active_connections") == 1);
    assert_eq!(publisher.statistic("active_subscribers"), 0);
    assert_eq!(descriptors(process), descriptors_before);
    let after = resident();
    let each = (idle - before) / STREAMS as u64;
    say(&format!(
        "resident with no connection {}, with {STREAMS} idle streams {} ({each} bytes each), after \
         {PUBLICATIONS} publications {}, when all have left {}",
        kilobytes(before),
        kilobytes(idle),
        kilobytes(with),
        kilobytes(after),
    ));
    assert!(each < 1024, "{each} bytes for an idle subscriber");
    let kept = after.saturating_sub(before);
    assert!(kept < 1024 * STREAMS as u64, "{kept} bytes are kept");

    // Who comes again gets no second helping of memory.
    for _ in 0..2 {
        drop(open_streams(&address, "crowd", STREAMS));
        eventually("all have left", || publisher.statistic("active_connections") == 1);
    }
    let again = resident().saturating_sub(after);
    assert!(again < 256 * STREAMS as u64, "{again} bytes more after more crowds");
}

const MESSAGES: usize = 5000;
const MESSAGE_BYTES: usize = 4096;
const READERS: usize = 10;
/// How far the publisher may be ahead of the slowest of those who read, in messages: well within
/// `outbox_bytes_max`, however busy the machine is.
const LEAD: usize = 64;

fn message(number: usize) -> String {
    let mut text = format!("\"{number:08}");
    text.push_str(&"x".repeat(MESSAGE_BYTES - text.len() - 1));
    text + "\""
}

#[test]
fn a_reader_that_never_reads_is_closed_at_its_limit_and_all_others_have_everything() {
    let _turn = wait_for_turn();
    let daemon = Daemon::start(&[]);
    let (address, process) = (daemon.address(), daemon.id());
    let mut publisher = Publisher::connect(&address);
    let mut slow = Stream::open(&address, "crowd");
    let readers = open_streams(&address, "crowd", READERS);
    let before = memory(process, "VmRSS:");
    let progress = (Mutex::new([0; READERS]), Condvar::new());

    thread::scope(|scope| {
        for (index, mut reader) in readers.into_iter().enumerate() {
            let (counts, grown) = &progress;
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    assert_eq!(reader.next(), Next::Message(message(number)));
                    counts.lock().unwrap()[index] = number + 1;
                    grown.notify_one();
                }
            });
        }
        for number in 0..MESSAGES {
            publisher.publish("crowd", &message(number));
            let is_ahead =
                |counts: &mut [usize; READERS]| counts.iter().any(|count| count + LEAD < number);
            let (counts, grown) = &progress;
            let counts = counts.lock().unwrap();
            let (counts, wait) = grown.wait_timeout_while(counts, PATIENCE, is_ahead).unwrap();
            assert!(!wait.timed_out(), "a reader has stopped: {counts:?}");
        }
    });

    assert_eq!(publisher.statistic("slow_subscribers_closed_total"), 1);
    assert_eq!(publisher.statistic("active_connections"), 1);
    let grown = memory(process, "VmHWM:").saturating_sub(before);
    say(&format!(
        "with a reader that never reads and {MESSAGES} messages of {MESSAGE_BYTES} bytes the \
         daemon grew by at most {} (limit of a queue: 1024 kB)",
        kilobytes(grown)
    ));
    assert!(grown < 8 * 1024 * 1024, "the daemon grew by {grown} bytes");
    let mut seen = 0;
    while let Next::Message(text) = slow.next() {
        assert_eq!(text, message(seen));
        seen += 1;
    }
    assert!(seen < MESSAGES, "it was closed before the end");
    // What the kernel holds for it is a copy of its own: most has to wait in the queue, which is
    // shared.
    let held = seen * MESSAGE_BYTES;
    assert!(held < 1024 * 1024, "the kernel held {held} bytes");
}
