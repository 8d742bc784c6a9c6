//! The bare loop: the minimum that any single-threaded epoll server must do. It accepts, reads, and
//! writes the same bytes as the server under test to every subscriber of the channel. It runs as a
//! child process, `load --yardstick TRANSPORT WRITES`.

use super::Outcome;
use super::client::content_length;
use super::sys::{self, Epoll};
use super::wire::Transport;
use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

/// When the bare loop writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Immediately, one write per publication and subscriber.
    Each,
    /// After it has collected all publications of one wake-up, one write per subscriber.
    Collected,
}

impl Writes {
    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Writes::Each => "each",
            Writes::Collected => "collected",
        }
    }
}

const LISTENER: u64 = u64::MAX;
const EVENT_BATCH: usize = 1024;

/// Runs the bare loop until the process is killed. Prints the port as the first line of standard
/// output.
pub fn serve(transport: Transport, writes: Writes) -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    sys::set_backlog(listener.as_raw_fd(), 4096)?;
    listener.set_nonblocking(true)?;
    let mut epoll = Epoll::new(EVENT_BATCH)?;
    epoll.add(listener.as_raw_fd(), LISTENER)?;
    println!("{}", listener.local_addr()?.port());
    let mut bare_loop = BareLoop {
        transport,
        writes,
        connections: Vec::new(),
        channels: Vec::new(),
        dirty_channels: Vec::new(),
    };
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let count = epoll.wait(None)?;
        for index in 0..count {
            match epoll.token(index) {
                LISTENER => bare_loop.accept(&listener, &epoll)?,
                token => bare_loop.read(token as usize, &mut buffer)?,
            }
        }
        bare_loop.flush();
    }
}

struct BareLoop {
    transport: Transport,
    writes: Writes,
    /// Indexed by file descriptor.
    connections: Vec<Option<TcpStream>>,
    /// Indexed by channel number.
    channels: Vec<Channel>,
    dirty_channels: Vec<usize>,
}

#[derive(Default)]
struct Channel {
    /// Indices into `connections`.
    subscribers: Vec<u32>,
    collected: Vec<u8>,
}

impl BareLoop {
    fn accept(&mut self, listener: &TcpListener, epoll: &Epoll) -> Outcome<()> {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            // Sockets are in blocking mode: a write waits for the client, which always reads.
            stream.set_nodelay(true)?;
            let index = stream.as_raw_fd() as usize;
            epoll.add(stream.as_raw_fd(), index as u64)?;
            if self.connections.len() <= index {
                self.connections.resize_with(index + 1, || None);
            }
            self.connections[index] = Some(stream);
        }
    }

    fn read(&mut self, index: usize, buffer: &mut [u8]) -> Outcome<()> {
        let Some(stream) = &self.connections[index] else { return Ok(()) };
        let count = match sys::receive(stream.as_raw_fd(), buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(_) | Ok(0) => {
                self.connections[index] = None;
                return Ok(());
            }
            Ok(count) => count,
        };
        let mut rest = &buffer[..count];
        while let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
            // The requests of the harness are small, so each arrives in one piece over loopback.
            let length = (end + 4 + content_length(&rest[..end])).min(rest.len());
            let (request, following) = rest.split_at(length);
            self.answer(index, request)?;
            rest = following;
        }
        Ok(())
    }

    fn answer(&mut self, index: usize, request: &[u8]) -> Outcome<()> {
        let is_publication = request.starts_with(b"POST /api/publish");
        if is_publication || request.starts_with(b"POST /publish/") {
            self.publish(request);
            return self.write(index, b"HTTP/1.1 204 No Content\r\n\r\n");
        }
        if request.starts_with(b"GET /healthz") {
            return self.write(index, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
        self.channel(channel_of(request)).subscribers.push(index as u32);
        self.write(index, self.transport.greeting())
    }

    fn publish(&mut self, request: &[u8]) {
        let from = request.iter().position(|&byte| byte == b'@').unwrap_or(request.len());
        let to = request.iter().rposition(|&byte| byte == b'~').map_or(from, |at| at + 1);
        let frame = self.transport.frame(&request[from..to]);
        let number = channel_of(request);
        let writes = self.writes;
        let channel = self.channel(number);
        if channel.subscribers.is_empty() {
            return;
        }
        match writes {
            Writes::Each => self.deliver(number, &frame),
            Writes::Collected => {
                if channel.collected.is_empty() {
                    channel.collected = frame;
                    self.dirty_channels.push(number);
                } else {
                    channel.collected.extend_from_slice(&frame);
                }
            }
        }
    }

    fn flush(&mut self) {
        while let Some(number) = self.dirty_channels.pop() {
            let bytes = std::mem::take(&mut self.channels[number].collected);
            self.deliver(number, &bytes);
        }
    }

    fn deliver(&mut self, number: usize, bytes: &[u8]) {
        let channel = &mut self.channels[number];
        for &subscriber in &channel.subscribers {
            if let Some(stream) = &mut self.connections[subscriber as usize] {
                // A subscriber that has disconnected is detected when its socket is read.
                stream.write_all(bytes).ok();
            }
        }
        if self.transport == Transport::LongPolling {
            channel.subscribers.clear();
        }
    }

    fn write(&mut self, index: usize, bytes: &[u8]) -> Outcome<()> {
        if let Some(stream) = &mut self.connections[index]
            && !bytes.is_empty()
        {
            stream.write_all(bytes)?;
        }
        Ok(())
    }

    fn channel(&mut self, number: usize) -> &mut Channel {
        if self.channels.len() <= number {
            self.channels.resize_with(number + 1, Channel::default);
        }
        &mut self.channels[number]
    }
}

/// The channel number in the first `/cNUMBER` or `"cNUMBER` of a request.
fn channel_of(request: &[u8]) -> usize {
    let starts_name =
        |window: &[u8]| matches!(window, [b'/' | b'"', b'c', digit] if digit.is_ascii_digit());
    let Some(at) = request.windows(3).position(starts_name) else { return 0 };
    let digits = request[at + 2..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |value, digit| value * 10 + usize::from(digit - b'0'))
}
