//! What the answer to a request depends on besides what was asked for.

use super::{Head, Version};

/// The current request of a connection, as far as its answer's framing depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The client understands no chunks: a body of unknown length ends with the connection.
    pub is_http_1_0: bool,
    /// Another request may follow on this connection.
    pub keeps_alive: bool,
    /// Only the head of the answer is sent.
    pub is_head: bool,
}

impl Exchange {
    /// The exchange that a request's head begins.
    pub fn of(head: &Head<'_>) -> Exchange {
        Exchange {
            is_http_1_0: head.version == Version::Http10,
            keeps_alive: head.keeps_alive,
            is_head: head.method == "HEAD",
        }
    }

    /// Begins an answer of unknown length: in HTTP/1.0 it ends with the connection.
    pub fn begin_unsized(&mut self) {
        self.keeps_alive &= !self.is_http_1_0;
    }
}
