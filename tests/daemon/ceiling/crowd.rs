//! Many healthy subscribers, read by one thread.

use super::subscriber::{Subscriber, Transport};
use crate::support::PATIENCE;
use mio::{Events, Interest, Poll, Token};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Clients that may wait for their answer while the crowd arrives, so that the backlog suffices.
const ARRIVING_MAX: usize = 500;

const INTEREST: Interest = Interest::READABLE;

/// Subscribers that are being read.
pub struct Crowd {
    /// Number of messages of each channel; set when all are published.
    ends: Arc<Mutex<Option<Vec<u32>>>>,
    thread: JoinHandle<Received>,
}

/// What all of them have received, in order.
#[derive(Debug, Default)]
pub struct Received {
    pub messages: u64,
    pub long_polls: u64,
    pub missed_by_long_polls: u64,
    pub refused_long_polls: u64,
}

impl Crowd {
    /// Subscribes them all, evenly over the channels.
    pub fn open(address: &str, count: usize, channels: usize) -> Crowd {
        let mut poll = Poll::new().expect("epoll");
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 64 * 1024];
        let mut subscribers: Vec<Subscriber> = Vec::with_capacity(count);
        let mut waiting = 0;
        while subscribers.len() < count || waiting > 0 {
            while subscribers.len() < count && waiting < ARRIVING_MAX {
                let number = subscribers.len();
                // Each channel has subscribers of several transports.
                let channel = (number / 10 + number % 10 * channels / 10) % channels;
                let mut one = Subscriber::open(address, number, channel);
                let registry = poll.registry();
                registry.register(&mut one.socket, Token(number), INTEREST).unwrap();
                waiting += usize::from(one.transport != Transport::LongPolling);
                subscribers.push(one);
            }
            poll.poll(&mut events, Some(PATIENCE)).expect("epoll");
            assert!(!events.is_empty(), "{waiting} clients are not subscribed");
            for event in &events {
                let one = &mut subscribers[event.token().0];
                let was_subscribed = one.is_subscribed;
                one.read(&mut buffer);
                waiting -= usize::from(one.is_subscribed && !was_subscribed);
            }
        }
        let ends: Arc<Mutex<Option<Vec<u32>>>> = Arc::default();
        let wanted = Arc::clone(&ends);
        let address = address.to_owned();
        let thread = thread::spawn(move || run(&address, poll, subscribers, &wanted));
        Crowd { ends, thread }
    }

    /// Waits until each has what was published to its channel; then all leave.
    pub fn finish(self, ends: Vec<u32>) -> Received {
        *self.ends.lock().expect("the crowd goes on") = Some(ends);
        self.thread.join().expect("every message is received, in order")
    }
}

fn run(
    address: &str,
    mut poll: Poll,
    mut subscribers: Vec<Subscriber>,
    ends: &Mutex<Option<Vec<u32>>>,
) -> Received {
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 64 * 1024];
    let mut ended_at: Option<Instant> = None;
    loop {
        poll.poll(&mut events, Some(Duration::from_millis(100))).expect("epoll");
        for event in &events {
            subscribers[event.token().0].read(&mut buffer);
        }
        let now = Instant::now();
        for (number, one) in subscribers.iter_mut().enumerate() {
            if one.retry_at.is_some_and(|at| at <= now) && one.retry(address) {
                poll.registry().register(&mut one.socket, Token(number), INTEREST).unwrap();
            }
        }
        let ends = ends.lock().expect("the test goes on");
        let Some(ends) = &*ends else { continue };
        let mut late = subscribers
            .iter()
            .filter(|one| one.transport != Transport::LongPolling && one.next < ends[one.channel]);
        let Some(first) = late.next() else { break };
        let since = ended_at.get_or_insert(now);
        assert!(since.elapsed() < PATIENCE, "{first:?} and {} more: late", late.count());
    }
    let mut received = Received::default();
    for one in &subscribers {
        received.messages += u64::from(one.next - one.missed);
        if one.transport == Transport::LongPolling {
            received.long_polls += u64::from(one.next - one.missed);
            received.missed_by_long_polls += u64::from(one.missed);
            received.refused_long_polls += u64::from(one.refusals);
        }
    }
    received
}
