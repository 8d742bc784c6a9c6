//! Writes responses: a head with the fields in the given order, then a body of known
//! length or chunks.

use super::{Exchange, Status};
use crate::time::http_date;

/// The value of the `Date` field (RFC 9110, section 5.6.7), formatted once per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    second: u64,
    text: [u8; 29],
}

impl Date {
    /// The date of a time in seconds since 1970.
    pub fn new(second: u64) -> Date {
        Date { second, text: http_date::format(second) }
    }

    /// Updates the date; does nothing within the same second.
    pub fn refresh(&mut self, second: u64) {
        if second != self.second {
            *self = Date::new(second);
        }
    }

    /// For example `Sun, 22 Nov 2026 02:47:36 GMT`.
    pub fn as_bytes(&self) -> &[u8; 29] {
        &self.text
    }
}

/// A response that is being written. Fields are written in the order in which they are added.
#[derive(Debug)]
pub struct Response {
    status: Status,
    /// Whether field names added by the server are written `Like-This` rather than `like-this`.
    is_titled: bool,
    /// Used only in log lines.
    reason: &'static str,
    bytes: Vec<u8>,
}

impl Response {
    /// Starts with the status line, whose version is always HTTP/1.1 (RFC 9112, section 2.3).
    pub fn new(status: Status) -> Response {
        Response::begin(status, false)
    }

    /// The same, with the server's own field names written as in nginx: clients of push-stream
    /// locations compare raw bytes (push-stream spec, section 5.2).
    pub fn titled(status: Status) -> Response {
        Response::begin(status, true)
    }

    fn begin(status: Status, is_titled: bool) -> Response {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(b"HTTP/1.1 ");
        write_decimal(&mut bytes, u64::from(status.0));
        bytes.push(b' ');
        bytes.extend_from_slice(status.reason().as_bytes());
        bytes.extend_from_slice(b"\r\n");
        Response { status, is_titled, reason: "", bytes }
    }

    /// The status of the response.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Sets the reason for a refusal, for log lines.
    pub fn because(self, reason: &'static str) -> Response {
        Response { reason, ..self }
    }

    /// The reason for a refusal, for log lines; empty if the status is enough.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// Adds a field. Bytes that would break the head (CR, LF and NUL from a client, by way of a
    /// template) are removed.
    pub fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Response {
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b": ");
        let value = value.as_ref();
        self.bytes.extend(value.iter().filter(|&&byte| !matches!(byte, b'\r' | b'\n' | 0)));
        self.bytes.extend_from_slice(b"\r\n");
        self
    }

    /// Adds a field with a number.
    pub fn number(mut self, name: &str, value: u64) -> Response {
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b": ");
        write_decimal(&mut self.bytes, value);
        self.bytes.extend_from_slice(b"\r\n");
        self
    }

    /// Adds the Date field.
    pub fn date(self, date: &Date) -> Response {
        let name = if self.is_titled { "Date" } else { "date" };
        self.field(name, date.as_bytes())
    }

    /// Adds the Content-Length field, unless this status never has a body.
    pub fn content_length(self, length: usize) -> Response {
        if self.status.is_bodiless() {
            return self;
        }
        let name = if self.is_titled { "Content-Length" } else { "content-length" };
        self.number(name, length as u64)
    }

    /// Adds the Transfer-Encoding field of a body of unknown length. HTTP/1.0 has none: there the
    /// end of the connection ends the body.
    pub fn transfer_encoding(self, exchange: Exchange) -> Response {
        if exchange.is_http_1_0 {
            return self;
        }
        let name = if self.is_titled { "Transfer-Encoding" } else { "transfer-encoding" };
        self.field(name, "chunked")
    }

    /// Adds the Connection field where it differs from the default of the HTTP version, and to
    /// every titled response, as nginx does.
    pub fn connection(self, exchange: Exchange) -> Response {
        let name = if self.is_titled { "Connection" } else { "connection" };
        match (exchange.keeps_alive, exchange.is_http_1_0 || self.is_titled) {
            (false, _) => self.field(name, "close"),
            (true, true) => self.field(name, "keep-alive"),
            (true, false) => self,
        }
    }

    /// Ends the head; there is no body.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes
    }

    /// Ends the head and appends the body.
    pub fn finish_with(mut self, body: &[u8]) -> Vec<u8> {
        self.bytes.reserve(body.len() + 2);
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes.extend_from_slice(body);
        self.bytes
    }
}

/// Appends `data` as one chunk (RFC 9112, section 7.1). Appends nothing if it is empty, because an
/// empty chunk ends the body.
pub fn chunk(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    let mut digits = [0; 16];
    let (mut at, mut rest) = (digits.len(), data.len());
    while rest > 0 {
        at -= 1;
        digits[at] = b"0123456789abcdef"[rest % 16];
        rest /= 16;
    }
    out.reserve(data.len() + digits.len() - at + 4);
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// The chunk that ends a body.
pub const fn last_chunk() -> &'static [u8] {
    b"0\r\n\r\n"
}

fn write_decimal(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0; 20];
    let (mut at, mut rest) = (digits.len(), value);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_written_in_order() {
        let response = Response::new(Status::OK)
            .field("Date", Date::new(1_795_315_656).as_bytes())
            .field("X", "a\r\nb\0")
            .number("Content-Length", 10)
            .finish_with(b"0123456789");
        let expected = "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 02:47:36 GMT\r\nX: ab\r\n\
                        Content-Length: 10\r\n\r\n0123456789";
        assert_eq!(String::from_utf8(response).unwrap(), expected);
    }

    #[test]
    fn chunks_carry_their_length_in_hex() {
        let mut out = Vec::new();
        chunk(b"", &mut out);
        chunk(&[b'x'; 26], &mut out);
        out.extend_from_slice(last_chunk());
        assert_eq!(out, [b"1a\r\n".as_slice(), &[b'x'; 26], b"\r\n0\r\n\r\n"].concat());
    }
}
