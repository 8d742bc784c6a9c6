//! The protocol errors of WebSocket clients, with their status codes.

use super::close_code::CloseCode;

/// A violation of RFC 6455 or RFC 7692. Nothing more is read from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A frame from a client without a mask (RFC 6455 section 5.1).
    MaskMissing,
    /// A reserved bit that no negotiated extension defines (5.2; RFC 7692, section 6).
    ReservedBits,
    /// A reserved opcode (5.2).
    OpcodeReserved,
    /// A control frame without the FIN bit (5.5).
    ControlFragmented,
    /// A control frame with more than 125 bytes (5.5).
    ControlTooLong,
    /// A payload length with more bytes than needed, or above 63 bits (5.2).
    LengthNotMinimal,
    /// A continuation without a message to continue (5.4).
    ContinuationUnexpected,
    /// A new message inside a fragmented one (5.4).
    MessageInterrupted,
    /// A close frame with a truncated status code (5.5.1).
    CloseTruncated,
    /// A status code that must not be sent in a frame (7.4).
    CloseCodeInvalid,
    /// A text or a close reason that is not UTF-8 (8.1).
    TextNotUtf8,
    /// A compressed message that does not decompress (RFC 7692 section 7.2.2).
    CompressionBroken,
    /// A message above the configured size, compressed or not (10.4).
    MessageTooBig,
}

impl Violation {
    /// The status code for the close frame that ends the connection.
    pub fn close_code(self) -> CloseCode {
        match self {
            Violation::MaskMissing
            | Violation::ReservedBits
            | Violation::OpcodeReserved
            | Violation::ControlFragmented
            | Violation::ControlTooLong
            | Violation::LengthNotMinimal
            | Violation::ContinuationUnexpected
            | Violation::MessageInterrupted
            | Violation::CloseTruncated
            | Violation::CloseCodeInvalid => CloseCode::PROTOCOL_ERROR,
            Violation::TextNotUtf8 | Violation::CompressionBroken => CloseCode::INVALID_PAYLOAD,
            Violation::MessageTooBig => CloseCode::TOO_BIG,
        }
    }

    /// One line for the reason of the close frame and for the log.
    pub fn explain(self) -> &'static str {
        match self {
            Violation::MaskMissing => "frame without a mask",
            Violation::ReservedBits => "reserved bit set",
            Violation::OpcodeReserved => "reserved opcode",
            Violation::ControlFragmented => "fragmented control frame",
            Violation::ControlTooLong => "control frame above 125 bytes",
            Violation::LengthNotMinimal => "payload length not in its shortest form",
            Violation::ContinuationUnexpected => "continuation without a start",
            Violation::MessageInterrupted => "new message inside a fragmented one",
            Violation::CloseTruncated => "close frame with half a status code",
            Violation::CloseCodeInvalid => "invalid status code",
            Violation::TextNotUtf8 => "text is not UTF-8",
            Violation::CompressionBroken => "compressed data is broken",
            Violation::MessageTooBig => "message too big",
        }
    }
}
