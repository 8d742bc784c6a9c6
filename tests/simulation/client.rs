//! One client: its script, its behaviour, and the answers so far. It has the same number as its
//! socket.

use crate::model::Cursor;
use crate::patience::Patience;
use crate::reactor::Socket;
use crate::script::{Closes, Outcome, Request, Script, Until};
use crate::wire::AnswerReader;
use rpushd::time::Moment;
use std::collections::VecDeque;

pub struct Client {
    pub script: Script,
    /// The newest secret at the time when the script was generated.
    pub secret: u32,
    pub manners: Manners,
    /// Bytes of the script that have been sent, and those that the server has read.
    pub sent: usize,
    pub received: usize,
    /// Bytes that it has read.
    pub read: u64,
    /// When the server closed its sending side.
    pub shut_at: Option<Moment>,
    pub answers: Answers,
}

/// The behaviour of a client.
pub struct Manners {
    /// The most bytes sent at once.
    pub slice_max: usize,
    /// The most bytes read at once; 0: it never reads.
    pub read_max: usize,
    pub ending: Ending,
    /// It acts once in this many steps.
    pub laziness: usize,
}

/// What it does after it has sent everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Stays,
    HalfCloses,
    /// At a random moment, also in the middle of a request.
    Aborts,
}

/// The server's output to this client.
pub struct Answers {
    /// Bytes that the server has queued and the kernel has not accepted.
    pub queued: VecDeque<u8>,
    /// Number of frames of these bytes, when last checked.
    pub queued_frames: usize,
    /// All bytes that were ever queued.
    pub total: u64,
    pub reader: AnswerReader,
    /// Number of complete answers, including one without a request (a timeout).
    pub count: usize,
    /// Where the answer to each request ends in the output.
    pub ends: Vec<u64>,
    /// Where `100 Continue` ends, and the request that it belongs to.
    pub interims: Vec<(usize, u64)>,
    pub stream: Option<Stream>,
    /// An answer has announced the end of the connection.
    pub closes: bool,
    pub is_anything: bool,
    /// It has taken too long; the end may follow after what is queued.
    pub is_late: bool,
    pub last_received: Moment,
    pub last_request_byte: Moment,
    /// First byte of the first request without an answer.
    pub request_began: Option<Moment>,
    /// The same without empty lines before it.
    pub request_line_began: Moment,
    pub last_answer: Moment,
    pub last_taken: Moment,
    /// When the client was last paused (back-pressure).
    pub last_waiting: Moment,
    pub queue_began: Moment,
}

pub struct Stream {
    pub cursor: Cursor,
    /// The received part of an incomplete frame.
    pub unread: Vec<u8>,
    pub is_chunked: bool,
    pub has_ended: bool,
    pub patience: Patience,
}

impl Client {
    pub fn new(secret: u32, script: Script, manners: Manners) -> Client {
        let answers = Answers::new(Moment(0));
        Client { script, secret, manners, sent: 0, received: 0, read: 0, shut_at: None, answers }
    }

    /// Bytes that the client may send now.
    pub fn sendable(&self, socket: &Socket) -> usize {
        if socket.has_ended || socket.is_broken || socket.is_closed() {
            return 0;
        }
        let closed = self
            .script
            .gates
            .iter()
            .find(|gate| gate.offset >= self.sent && !self.is_open(&gate.until));
        closed.map_or(self.script.bytes.len(), |gate| gate.offset) - self.sent
    }

    fn is_open(&self, until: &Until) -> bool {
        let has_read = |end: &u64| *end <= self.read;
        let is_answered = |request: usize| self.answers.ends.get(request).is_some_and(has_read);
        match *until {
            Until::Answered(request) => is_answered(request),
            Until::Continued(request) => {
                let mut interims = self.answers.interims.iter();
                is_answered(request) || interims.any(|(of, end)| *of == request && has_read(end))
            }
        }
    }

    /// Whether it has sent everything.
    pub fn is_done(&self) -> bool {
        self.sent == self.script.bytes.len()
    }

    /// Whether the last answer came before the end of its request's body, and the remaining body is
    /// still on its way.
    pub fn has_unread_body(&self) -> bool {
        let last = self.answers.ends.len().checked_sub(1);
        let request = last.and_then(|last| self.script.requests.get(last));
        request.is_some_and(|request| request.end > self.received)
    }

    /// Whether the server may close the connection after its last answer: the request was refused,
    /// and its body may be larger than the limit for discarded input.
    pub fn may_be_cut_in_body(&self) -> bool {
        let last = self.answers.ends.len().checked_sub(1);
        let request = last.and_then(|last| self.script.requests.get(last));
        request.is_some_and(|request| request.closes != Closes::No)
    }

    /// Requests that the server has received to their last byte.
    pub fn complete_requests(&self) -> usize {
        let is_complete = |request: &&Request| {
            request.end <= self.received && !matches!(request.outcome, Outcome::Anything)
        };
        self.script.requests.iter().take_while(is_complete).count()
    }
}

impl Answers {
    pub fn new(now: Moment) -> Answers {
        Answers {
            queued: VecDeque::new(),
            queued_frames: 0,
            total: 0,
            reader: AnswerReader::default(),
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

    /// Whether it has a stream that has not ended.
    pub fn live_stream(&self) -> Option<&Stream> {
        self.stream.as_ref().filter(|stream| !stream.has_ended)
    }
}
