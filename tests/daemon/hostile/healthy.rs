//! A channel whose publisher and subscriber do nothing wrong, and how late its messages come.

use crate::support::{Next, Publisher, Stream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Between two messages.
const INTERVAL: Duration = Duration::from_millis(50);
const CHANNEL: &str = "healthy";

/// The channel in use.
pub struct Healthy {
    is_over: Arc<AtomicBool>,
    publishing: JoinHandle<()>,
    receiving: JoinHandle<Measured>,
}

/// What the subscriber saw; every message came, and in order.
#[derive(Debug)]
pub struct Measured {
    pub received: usize,
    /// From before a publication was sent until its message was received.
    pub worst: Duration,
}

impl Healthy {
    pub fn start(public: &str, internal: &str) -> Healthy {
        let mut stream = Stream::open(public, CHANNEL);
        let mut publisher = Publisher::connect(internal);
        let is_over = Arc::new(AtomicBool::new(false));
        let published: Arc<Mutex<Vec<Instant>>> = Arc::default();
        let (times, ended) = (Arc::clone(&published), Arc::clone(&is_over));
        let publishing = thread::spawn(move || {
            let begin = Instant::now();
            for number in 0.. {
                let due = begin + number * INTERVAL;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if ended.load(Ordering::SeqCst) {
                    return publisher.publish(CHANNEL, "\"end\"");
                }
                times.lock().unwrap().push(Instant::now());
                publisher.publish(CHANNEL, &number.to_string());
            }
        });
        let receiving = thread::spawn(move || {
            let mut measured = Measured { received: 0, worst: Duration::ZERO };
            loop {
                match stream.next() {
                    Next::Message(text) if text == "\"end\"" => break,
                    Next::Message(text) => assert_eq!(text, measured.received.to_string()),
                    other => panic!("{other:?} after {} messages", measured.received),
                }
                let delay = published.lock().unwrap()[measured.received].elapsed();
                measured.worst = measured.worst.max(delay);
                measured.received += 1;
            }
            assert_eq!(measured.received, published.lock().unwrap().len(), "all were received");
            measured
        });
        Healthy { is_over, publishing, receiving }
    }

    pub fn stop(self) -> Measured {
        self.is_over.store(true, Ordering::SeqCst);
        self.publishing.join().expect("every publication is taken");
        self.receiving.join().expect("every message is received, in order")
    }
}
