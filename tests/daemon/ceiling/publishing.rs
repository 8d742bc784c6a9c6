//! The publishing load: as fast as the daemon takes it, and every publication must be accepted.

use super::text::{name, text};
use crate::support::Publisher;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Publications that one publisher sends before it waits for their answers.
const PIPELINED: usize = 16;
/// Channels for slow consumers, their publishers, and the size of their messages.
pub const SLOW_CHANNELS: usize = 100;
const SLOW_PUBLISHERS: usize = 4;
const SLOW_TEXT_BYTES: usize = 30_000;

/// Publishers at work.
pub struct Publishing {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<u32>>>,
    slow: Vec<JoinHandle<u32>>,
}

impl Publishing {
    pub fn start(address: &str, channels: usize, publishers: usize) -> Publishing {
        let is_over = Arc::new(AtomicBool::new(false));
        let threads = (0..publishers).map(|first| {
            let (address, over) = (address.to_owned(), Arc::clone(&is_over));
            thread::spawn(move || publish_all(&address, channels, first, publishers, &over))
        });
        let threads = threads.collect();
        Publishing { is_over, threads, slow: Vec::new() }
    }

    /// Publishes to the slow consumers, too.
    pub fn add_slow(&mut self, address: &str) {
        let publishers = (0..SLOW_PUBLISHERS).map(|first| {
            let (address, over) = (address.to_owned(), Arc::clone(&self.is_over));
            thread::spawn(move || publish_slow(&address, first, &over))
        });
        self.slow = publishers.collect();
    }

    /// Returns the number of messages of each channel, and of those for slow consumers.
    pub fn stop(self) -> (Vec<u32>, u32) {
        self.is_over.store(true, Ordering::SeqCst);
        let all = self.threads.into_iter().map(|one| one.join().expect("all are accepted"));
        let counts = all.reduce(|sums, counts| {
            sums.iter().zip(&counts).map(|(sum, count)| sum + count).collect()
        });
        let slow = self.slow.into_iter().map(|one| one.join().expect("all are accepted"));
        (counts.unwrap_or_default(), slow.sum())
    }
}

/// Publishes to every channel of which the number is `first` and a multiple of `step` more.
fn publish_all(
    address: &str,
    channels: usize,
    first: usize,
    step: usize,
    is_over: &AtomicBool,
) -> Vec<u32> {
    let mut stream = BufReader::new(TcpStream::connect(address).expect("the daemon accepts"));
    stream.get_ref().set_nodelay(true).expect("a socket");
    let mut counts = vec![0; channels];
    let mut next = (first..channels).step_by(step).cycle();
    while !is_over.load(Ordering::SeqCst) {
        let mut requests = Vec::new();
        for channel in next.by_ref().take(PIPELINED) {
            let body = text(channel, counts[channel]);
            counts[channel] += 1;
            let (name, length) = (name(channel), body.len());
            requests.extend_from_slice(
                format!(
                    "POST /store?id={name} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n\
                     {body}"
                )
                .as_bytes(),
            );
        }
        stream.get_mut().write_all(&requests).expect("the daemon reads");
        for _ in 0..PIPELINED {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert_ne!(stream.read_line(&mut head).expect("an answer"), 0, "closed");
            }
            assert!(head.starts_with("HTTP/1.1 200 "), "a publication failed: {head}");
            let length = head.to_ascii_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.expect("a length").parse().expect("a number")];
            stream.read_exact(&mut body).expect("an answer");
        }
    }
    counts
}

/// Publishes to the channels of slow consumers in turn, from the one numbered `first` on.
fn publish_slow(address: &str, first: usize, is_over: &AtomicBool) -> u32 {
    let mut publisher = Publisher::connect(address);
    let text = format!("\"{}\"", "s".repeat(SLOW_TEXT_BYTES));
    let mut count = 0;
    while !is_over.load(Ordering::SeqCst) {
        let channel = (first + SLOW_PUBLISHERS * count as usize) % SLOW_CHANNELS;
        publisher.publish(&format!("slow{channel}"), &text);
        count += 1;
    }
    count
}
