//! Status codes of close frames.

/// The status code of a close frame (RFC 6455, section 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The connection has served its purpose.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// The server stops, or the client leaves the page.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// The peer violated the protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// The receiver does not accept this type of data, such as a binary message.
    pub const UNSUPPORTED: CloseCode = CloseCode(1003);
    /// The data does not match the message type, such as a text that is not UTF-8.
    pub const INVALID_PAYLOAD: CloseCode = CloseCode(1007);
    /// The message violates the receiver's policy; also failed checks of push-stream section 15.4.
    pub const POLICY: CloseCode = CloseCode(1008);
    /// The message is larger than the receiver accepts.
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// The server is overloaded (IANA registry).
    pub const TRY_AGAIN_LATER: CloseCode = CloseCode(1013);

    /// The token of the subscription has expired (the signed subscribe API).
    pub const TOKEN_EXPIRED: CloseCode = CloseCode(4001);
    /// The subscription was ended by the application (the signed subscribe API).
    pub const REVOKED: CloseCode = CloseCode(4003);
    /// The client reads too slowly (the signed subscribe API).
    pub const TOO_SLOW: CloseCode = CloseCode(4008);

    /// Whether the code may be sent in a frame: the codes of RFC 6455, section 7.4.1, that are not
    /// reserved, the later ones of the IANA registry (1012 to 1014), and the ranges for libraries
    /// and applications.
    pub fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}
