//! The client of the harness: thousands of subscribers and some keep-alive publishers on one epoll
//! instance, in one thread.

use super::Outcome;
use super::ledger::{Ledger, Scanner};
use super::sys::{self, Epoll};
use super::wire::{self, Dialect, Face, Transport};
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Events per wake-up: few, so that a batch of arrivals does not delay sending for long.
const EVENT_BATCH: usize = 64;
/// Connections per source address, well below the number of ephemeral ports.
const CONNECTIONS_PER_SOURCE: usize = 5_000;
/// How many subscribers may wait for their response head at once, below the usual backlog of 128.
const CONNECT_WINDOW: usize = 100;
/// If nothing arrives for this long, everything outstanding counts as lost. An overloaded machine
/// has kept a server from running for 9 s, and the soak stops it for up to 3 s more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Subscribers and publishers of one server.
pub struct Client {
    /// Messages published and messages received.
    pub ledger: Ledger,
    /// Bytes that subscribers have read.
    pub received_bytes: u64,
    address: SocketAddr,
    dialect: Dialect,
    epoll: Epoll,
    connections: Vec<Connection>,
    /// Indices into `connections`.
    publishers: Vec<usize>,
    /// Indices into `publishers`: those that were answered and not used again since.
    free_publishers: Vec<usize>,
    waiting_count: usize,
    unanswered_count: u64,
    follows_cursors: bool,
    buffer: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    role: Role,
}

enum Role {
    Subscriber(Subscriber),
    Publisher { number: usize, answer: Vec<u8> },
    Closed,
}

struct Subscriber {
    channel: u32,
    /// Number of messages received so far.
    position: u32,
    scanner: Scanner,
    is_greeted: bool,
    polling: Option<Polling>,
}

/// What a long-polling client sends again after each answer.
struct Polling {
    request: Vec<u8>,
    /// The answer so far, if the next request names its time and tag.
    answer: Option<Vec<u8>>,
}

impl Polling {
    /// Takes received bytes. Returns the next request when it is to be sent: after a message, or,
    /// with a cursor, after a complete answer.
    fn next_request(&mut self, bytes: &[u8], has_message: bool) -> Outcome<Option<Vec<u8>>> {
        let Some(answer) = &mut self.answer else {
            return Ok(has_message.then(|| self.request.clone()));
        };
        answer.extend_from_slice(bytes);
        let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        if !answer.starts_with(b"HTTP/1.1 200") {
            return Err(refusal("long-polling subscriber", answer));
        }
        if !answer[end + 4..].ends_with(b"0\r\n\r\n") {
            return Ok(None);
        }
        let (time, tag) = (field(answer, "last-modified:"), field(answer, "etag:"));
        let cursor = format!("If-Modified-Since: {time}\r\nIf-None-Match: {tag}\r\n\r\n");
        answer.clear();
        let request = &self.request[..self.request.len() - 2];
        Ok(Some([request, cursor.as_bytes()].concat()))
    }
}

/// Subscribers to connect, and their channels.
#[derive(Clone, Copy, Debug)]
pub struct Subscription {
    /// Transport of all of them.
    pub transport: Transport,
    /// Number of subscribers.
    pub count: usize,
    /// First channel of the first subscriber.
    pub channel: u32,
    /// Difference between the first channels of successive subscribers; 0: all have the same.
    pub channel_step: u32,
    /// Number of channels of each, in sequence. Messages are expected only on the first.
    pub channels_each: u32,
}

impl Subscription {
    /// `count` subscribers to channel 0.
    pub fn to_one_channel(transport: Transport, count: usize) -> Subscription {
        Subscription { transport, count, channel: 0, channel_step: 0, channels_each: 1 }
    }
}

impl Client {
    /// A client of the server at `address`, without connections.
    pub fn new(address: SocketAddr, dialect: Dialect) -> Outcome<Client> {
        Ok(Client {
            ledger: Ledger::default(),
            received_bytes: 0,
            address,
            dialect,
            epoll: Epoll::new(EVENT_BATCH)?,
            connections: Vec::new(),
            publishers: Vec::new(),
            free_publishers: Vec::new(),
            waiting_count: 0,
            unanswered_count: 0,
            follows_cursors: false,
            buffer: vec![0; 256 * 1024],
        })
    }

    /// Long-polling clients that subscribe from now on continue after their last message. Only
    /// stored messages may be published to them.
    pub fn follow_cursors(&mut self) {
        self.follows_cursors = true;
    }

    /// Connects subscribers. Returns when each has received its response head (long-polling: when
    /// the server has read each request).
    pub fn subscribe(&mut self, wanted: Subscription) -> Outcome<()> {
        let requests: Vec<Vec<u8>> = self.subscribe_requests(wanted);
        self.subscribe_with(wanted, &requests)
    }

    /// The requests of [`Client::subscribe`], for a scenario that must not measure the signing of
    /// tokens.
    pub fn subscribe_requests(&self, wanted: Subscription) -> Vec<Vec<u8>> {
        let request = |serial: u32| {
            let first = wanted.channel + serial * wanted.channel_step;
            self.dialect.subscribe(wanted.transport, first, wanted.channels_each, serial)
        };
        (0..wanted.count as u32).map(request).collect()
    }

    /// Like [`Client::subscribe`], with prepared requests.
    pub fn subscribe_with(&mut self, wanted: Subscription, requests: &[Vec<u8>]) -> Outcome<()> {
        for (serial, request) in requests.iter().enumerate() {
            let channel = wanted.channel + serial as u32 * wanted.channel_step;
            let polls = wanted.transport == Transport::LongPolling;
            self.ledger.joined(channel);
            let subscriber = Subscriber {
                channel,
                position: 0,
                scanner: Scanner::default(),
                is_greeted: polls,
                polling: polls.then(|| Polling {
                    request: request.clone(),
                    answer: self.follows_cursors.then(Vec::new),
                }),
            };
            self.waiting_count += usize::from(!polls);
            let index = self.connect(Role::Subscriber(subscriber))?;
            self.connections[index].stream.write_all(request)?;
            if polls && serial % CONNECT_WINDOW == CONNECT_WINDOW - 1 {
                self.synchronise()?;
            }
            self.poll_while(|client| client.waiting_count >= CONNECT_WINDOW)?;
        }
        self.poll_while(|client| client.waiting_count > 0)?;
        if self.waiting_count > 0 {
            return Err(format!("{} subscribers were not answered", self.waiting_count).into());
        }
        if wanted.transport == Transport::LongPolling { self.synchronise() } else { Ok(()) }
    }

    /// Opens keep-alive connections of publishers.
    pub fn connect_publishers(&mut self, count: usize) -> Outcome<()> {
        for _ in 0..count {
            let number = self.publishers.len();
            let index = self.connect(Role::Publisher { number, answer: Vec::new() })?;
            self.publishers.push(index);
        }
        Ok(())
    }

    /// Connects a subscriber that reads nothing. The ledger expects no deliveries to it.
    pub fn subscribe_without_reading(
        &mut self,
        transport: Transport,
        channel: u32,
    ) -> Outcome<TcpStream> {
        let mut stream = sys::connect_from(Ipv4Addr::LOCALHOST, self.address)?;
        stream.write_all(&self.dialect.subscribe(transport, channel, 1, 0))?;
        Ok(stream)
    }

    /// Publishes a text of `size` bytes on the connection of a publisher.
    pub fn publish(
        &mut self,
        publisher: usize,
        face: Face,
        channel: u32,
        size: usize,
    ) -> Outcome<()> {
        self.publish_due(publisher, face, channel, size, None)
    }

    /// Like [`Client::publish`], with the time from which latency is counted; `None`: now.
    pub fn publish_due(
        &mut self,
        publisher: usize,
        face: Face,
        channel: u32,
        size: usize,
        due_ns: Option<u64>,
    ) -> Outcome<()> {
        let published_ns = due_ns.unwrap_or_else(sys::monotonic_ns);
        let sequence = self.ledger.published(channel, size, published_ns);
        let request = self.dialect.publish(face, channel, &wire::text(sequence, size));
        self.unanswered_count += 1;
        self.free_publishers.retain(|&free| free != publisher);
        self.connections[self.publishers[publisher]].stream.write_all(&request)?;
        Ok(())
    }

    /// Publishes `count` messages, one in flight per publisher, and waits until all are delivered
    /// and answered.
    pub fn publish_many(
        &mut self,
        count: usize,
        face: Face,
        size: usize,
        mut next_channel: impl FnMut() -> u32,
    ) -> Outcome<()> {
        self.free_publishers = (0..self.publishers.len()).collect();
        let mut left_count = count;
        while left_count > 0 {
            while let Some(publisher) = self.free_publishers.pop().filter(|_| left_count > 0) {
                self.publish(publisher, face, next_channel(), size)?;
                left_count -= 1;
            }
            self.poll_while(|client| client.free_publishers.is_empty())?;
            if self.free_publishers.is_empty() {
                break;
            }
        }
        self.settle()
    }

    /// Reads until everything published is delivered and answered.
    ///
    /// # Errors
    /// A delivery or an answer is missing.
    pub fn settle(&mut self) -> Outcome<()> {
        self.poll_while(|client| {
            client.unanswered_count > 0 || client.ledger.outstanding_count() > 0
        })?;
        let (unanswered, missing) = (self.unanswered_count, self.ledger.outstanding_count());
        if unanswered + missing == 0 {
            return Ok(());
        }
        let faults = self.ledger.audit(false).1.join("; ");
        Err(format!("{missing} deliveries, {unanswered} answers are missing; {faults}").into())
    }

    /// Waits until something arrives, at most for `timeout`, and reads it. Returns whether anything
    /// arrived.
    pub fn poll(&mut self, timeout: Duration) -> Outcome<bool> {
        let count = self.epoll.wait(Some(timeout))?;
        for index in 0..count {
            let connection = self.epoll.token(index) as usize;
            self.read(connection)?;
        }
        Ok(count > 0)
    }

    fn poll_while(&mut self, goes_on: impl Fn(&Client) -> bool) -> Outcome<()> {
        let (mut progress, mut progress_at) = (self.progress(), Instant::now());
        while goes_on(self) && progress_at.elapsed() < PATIENCE {
            self.poll(Duration::from_millis(100))?;
            if self.progress() != progress {
                (progress, progress_at) = (self.progress(), Instant::now());
            }
        }
        Ok(())
    }

    /// What has arrived so far, without heartbeats.
    fn progress(&self) -> (u64, u64, usize) {
        (self.ledger.delivery_count(), self.unanswered_count, self.waiting_count)
    }

    /// Makes two round trips: a server that processes events in order has then read all earlier
    /// requests.
    fn synchronise(&mut self) -> Outcome<()> {
        let mut stream = sys::connect_from(Ipv4Addr::LOCALHOST, self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        for _ in 0..2 {
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: load\r\n\r\n")?;
            std::io::Read::read(&mut stream, &mut self.buffer)?;
        }
        Ok(())
    }

    /// Long-polling: waits until the server has read the subscribers' next requests.
    pub fn synchronise_if_polling(&mut self, transport: Transport) -> Outcome<()> {
        if transport == Transport::LongPolling { self.synchronise() } else { Ok(()) }
    }

    fn connect(&mut self, role: Role) -> Outcome<usize> {
        let index = self.connections.len();
        let source = Ipv4Addr::new(127, 0, 0, 2 + (index / CONNECTIONS_PER_SOURCE) as u8);
        let stream = sys::connect_from(source, self.address)?;
        self.epoll.add(stream.as_raw_fd(), index as u64)?;
        self.connections.push(Connection { stream, role });
        Ok(index)
    }

    fn read(&mut self, index: usize) -> Outcome<()> {
        let connection = &mut self.connections[index];
        let count = match sys::receive(connection.stream.as_raw_fd(), &mut self.buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(_) => 0,
            Ok(count) => count,
        };
        let now_ns = sys::monotonic_ns();
        let bytes = &self.buffer[..count];
        if count == 0 {
            self.ledger.fault("the server closed a connection".to_owned());
            connection.role = Role::Closed;
            connection.stream.shutdown(std::net::Shutdown::Both).ok();
            self.epoll.remove(connection.stream.as_raw_fd())?;
            return Ok(());
        }
        match &mut connection.role {
            Role::Subscriber(subscriber) => {
                self.received_bytes += count as u64;
                if !subscriber.is_greeted {
                    if !bytes.starts_with(b"HTTP/1.1 200") && !bytes.starts_with(b"HTTP/1.1 101") {
                        return Err(refusal("subscriber", bytes));
                    }
                    subscriber.is_greeted = true;
                    self.waiting_count -= 1;
                }
                let Subscriber { channel, position, scanner, .. } = subscriber;
                let position_before = *position;
                scanner.scan(bytes, |found| {
                    self.ledger.delivered(*channel, position, found, now_ns);
                });
                let has_message = subscriber.position > position_before;
                if let Some(polling) = &mut subscriber.polling
                    && let Some(request) = polling.next_request(bytes, has_message)?
                {
                    connection.stream.write_all(&request)?;
                }
            }
            Role::Publisher { number, answer } => {
                answer.extend_from_slice(bytes);
                while let Some(length) = answer_length(answer)? {
                    answer.drain(..length);
                    self.unanswered_count = self.unanswered_count.saturating_sub(1);
                    self.free_publishers.push(*number);
                }
            }
            Role::Closed => {}
        }
        Ok(())
    }
}

/// Length of the first complete answer to a publication, which must be a success.
fn answer_length(bytes: &[u8]) -> Outcome<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    if !bytes.starts_with(b"HTTP/1.1 2") {
        return Err(refusal("publication", bytes));
    }
    let length = end + 4 + content_length(&bytes[..end]);
    Ok((bytes.len() >= length).then_some(length))
}

/// The `Content-Length` of a head; 0 if it has none.
pub fn content_length(head: &[u8]) -> usize {
    field(head, "content-length:").parse().unwrap_or(0)
}

/// The value of a header field; blank if it is missing. `name` is in lower case, with a colon.
fn field<'a>(head: &'a [u8], name: &str) -> &'a str {
    let value = head.split(|&byte| byte == b'\n').find_map(|line| {
        let (start, value) = line.split_at_checked(name.len())?;
        start.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
    });
    std::str::from_utf8(value.unwrap_or_default()).unwrap_or_default().trim()
}

fn refusal(who: &str, bytes: &[u8]) -> Box<dyn std::error::Error> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]);
    format!("a {who} was refused: {text}").into()
}
