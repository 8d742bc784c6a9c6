//! Status codes of close frames.

/// A status code as it stands in a close frame (RFC 6455 section 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// The server goes down, or the client leaves the page.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// The peer broke the framing rules.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// A kind of data that the receiver does not take, such as a binary message.
    pub const UNSUPPORTED: CloseCode = CloseCode(1003);
    /// The content of a message is not what its type promises, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: CloseCode = CloseCode(1007);
    /// The receiver's policy forbids it; failed checks of push-stream section 15.4.
    pub const POLICY: CloseCode = CloseCode(1008);
    /// A message is bigger than the receiver takes.
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// The server has no room for a request at the moment (IANA registry).
    pub const TRY_AGAIN_LATER: CloseCode = CloseCode(1013);

    /// Whether the code may stand in a frame: those of RFC 6455 section 7.4.1 that are not
    /// reserved, the later ones of the IANA registry (1012 to 1014), and the ranges for libraries
    /// and applications.
    pub fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}
