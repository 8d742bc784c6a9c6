//! One client: its script, its manners, its socket, and what it was answered so far.

use crate::model::Cursor;
use crate::patience::Patience;
use crate::random::Random;
use crate::response::ResponseReader;
use crate::script::{Outcome, Request, Script, Until};
use crate::transport::{Decoder, Transport};
use rpushd::time::Millis;
use std::collections::VecDeque;

pub struct Client {
    pub listener: u16,
    pub state: State,
    pub script: Script,
    /// The newest secret when the script was written.
    pub secret: u32,
    pub manners: Manners,
    pub socket: Socket,
    pub answers: Answers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// In the listener's backlog.
    Waiting,
    Open(u32),
    /// The server has closed its socket.
    Over,
}

/// How it behaves.
pub struct Manners {
    /// Bytes sent at once, at most.
    pub slice_max: usize,
    /// Bytes read at once, at most; 0: it never reads.
    pub read_max: usize,
    pub ending: Ending,
    /// How often it is its turn: once in so many steps.
    pub laziness: usize,
}

/// What it does when it has sent everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Stays,
    HalfCloses,
    /// At a random moment, also in the middle of a request.
    Aborts,
}

/// Both directions of a connection as the two kernels hold it.
pub struct Socket {
    /// Bytes of the script that were sent, and those that the server has read.
    pub sent: usize,
    pub received: usize,
    pub has_finished: bool,
    pub is_broken: bool,
    /// Bytes that the kernels take before the client reads.
    pub window: usize,
    pub in_flight: usize,
    pub read: u64,
    /// When its oldest bytes came that the server has not read, among all that came; none: it has
    /// read all of them.
    pub arrived: Option<u64>,
    /// The reactor has not been told yet that bytes or the end have come.
    pub has_event: bool,
    /// As the reactor keeps them.
    pub is_readable: bool,
    pub is_listed: bool,
    /// The turn whose events it was last listed for, and not because it wanted input again.
    pub listed_in: Option<u64>,
    /// The server was told that nothing more fits, and not yet that something does.
    pub is_blocked: bool,
    /// The server has heard of the end of input, or of the break.
    pub is_end_known: bool,
    /// When the server closed its sending side.
    pub shut_at: Option<Millis>,
}

/// What the server has said to this client.
pub struct Answers {
    /// Bytes that the server has queued and no kernel has taken.
    pub queued: VecDeque<u8>,
    /// In how many frames it did so, when last looked at.
    pub queued_frames: usize,
    /// All bytes that it ever queued.
    pub total: u64,
    pub reader: ResponseReader,
    /// The answer that is being read is for a request, or for none (a time-out).
    pub count: usize,
    /// Where the answers end in what the server said; of each request.
    pub ends: Vec<u64>,
    /// Where `100 Continue` ends, and for which request it was.
    pub interims: Vec<(usize, u64)>,
    pub stream: Option<Stream>,
    /// An answer has said that the connection ends.
    pub closes: bool,
    pub is_anything: bool,
    /// It has taken too long; the end may come after what is queued.
    pub is_late: bool,
    pub last_received: Millis,
    pub last_request_byte: Millis,
    /// First byte of the request that is not answered yet.
    pub request_began: Option<Millis>,
    /// The same without empty lines before it.
    pub request_line_began: Millis,
    pub last_answer: Millis,
    pub last_taken: Millis,
    /// When the server last had no room for its requests.
    pub last_waiting: Millis,
    pub queue_began: Millis,
}

pub struct Stream {
    pub cursor: Cursor,
    pub decoder: Decoder,
    pub transport: Transport,
    pub is_chunked: bool,
    pub has_ended: bool,
    pub patience: Patience,
}

impl Client {
    pub fn new(
        listener: u16,
        secret: u32,
        script: Script,
        manners: Manners,
        window: usize,
    ) -> Client {
        let socket = Socket {
            sent: 0,
            received: 0,
            has_finished: false,
            is_broken: false,
            window,
            in_flight: 0,
            read: 0,
            arrived: None,
            has_event: false,
            is_readable: false,
            is_listed: false,
            listed_in: None,
            is_blocked: false,
            is_end_known: false,
            shut_at: None,
        };
        let answers = Answers::new(Millis(0));
        Client { listener, state: State::Waiting, script, secret, manners, socket, answers }
    }

    /// The connection's id while there is one.
    pub fn id(&self) -> Option<u32> {
        match self.state {
            State::Open(id) => Some(id),
            State::Waiting | State::Over => None,
        }
    }

    /// Bytes that the client may send now.
    pub fn sendable(&self) -> usize {
        if self.socket.has_finished || self.socket.is_broken || self.state == State::Over {
            return 0;
        }
        let position = self.socket.sent;
        let closed = self
            .script
            .gates
            .iter()
            .find(|gate| gate.offset >= position && !self.is_open(&gate.until));
        closed.map_or(self.script.bytes.len(), |gate| gate.offset) - position
    }

    fn is_open(&self, until: &Until) -> bool {
        let has_read = |end: &u64| *end <= self.socket.read;
        let is_answered = |request: usize| self.answers.ends.get(request).is_some_and(has_read);
        match *until {
            Until::Answered(request) => is_answered(request),
            Until::Continued(request) => {
                let mut interims = self.answers.interims.iter();
                is_answered(request) || interims.any(|(of, end)| *of == request && has_read(end))
            }
        }
    }

    /// It has nothing more to say.
    pub fn is_done(&self) -> bool {
        self.socket.sent == self.script.bytes.len()
    }

    pub fn send(&mut self, random: &mut Random) -> usize {
        let count = self.sendable().min(random.between(1, self.manners.slice_max));
        self.socket.sent += count;
        self.socket.has_event |= count > 0;
        count
    }

    pub fn read(&mut self, count_max: usize) -> usize {
        let count = self.socket.in_flight.min(count_max);
        self.socket.in_flight -= count;
        self.socket.read += count as u64;
        count
    }

    /// The client's side is closed: it will send nothing more.
    pub fn finish(&mut self) {
        self.socket.has_finished = true;
        self.socket.has_event = true;
    }

    /// Everything is gone at once, as with a reset.
    pub fn abort(&mut self) {
        self.socket.is_broken = true;
        self.socket.has_event = true;
    }

    /// The last answer came before the end of its request's body, and the rest is still on its way.
    pub fn has_unread_body(&self) -> bool {
        let last = self.answers.ends.len().checked_sub(1);
        let request = last.and_then(|last| self.script.requests.get(last));
        request.is_some_and(|request| request.end > self.socket.received)
    }

    /// Requests that the server has received to their last byte.
    pub fn complete_requests(&self) -> usize {
        let is_complete = |request: &&Request| {
            request.end <= self.socket.received && !matches!(request.outcome, Outcome::Anything)
        };
        self.script.requests.iter().take_while(is_complete).count()
    }
}

impl Answers {
    pub fn new(now: Millis) -> Answers {
        Answers {
            queued: VecDeque::new(),
            queued_frames: 0,
            total: 0,
            reader: ResponseReader::default(),
            count: 0,
            ends: Vec::new(),
            interims: Vec::new(),
            stream: None,
            closes: false,
            is_anything: false,
            is_late: false,
            last_received: now,
            last_request_byte: now,
            request_began: None,
            request_line_began: now,
            last_answer: now,
            last_taken: now,
            last_waiting: now,
            queue_began: now,
        }
    }

    /// A stream that is still running.
    pub fn live_stream(&self) -> Option<&Stream> {
        self.stream.as_ref().filter(|stream| !stream.has_ended)
    }
}
