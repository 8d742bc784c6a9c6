//! A small blocking HTTP/1.1 client: one request per connection, over TCP or a Unix socket.

use super::challenge;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Time-out for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time without any byte after which the daemon is considered gone. Heartbeats are more frequent.
const SILENCE_MAX: Duration = Duration::from_secs(300);
const HEAD_BYTES_MAX: u64 = 64 * 1024;

/// The address of a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Tcp {
        /// Host and port.
        authority: String,
        /// Path before `/api`, without a final slash.
        prefix: String,
    },
    Unix(PathBuf),
}

impl Address {
    /// A daemon at `host:port`.
    pub fn tcp(authority: String) -> Address {
        Address::Tcp { authority, prefix: String::new() }
    }

    /// Reads `http://host[:port][/prefix]` or `unix:/path`.
    ///
    /// # Errors
    /// The reason why the text is refused.
    pub fn parse(url: &str) -> Result<Address, String> {
        if let Some(path) = url.strip_prefix("unix:") {
            return if path.starts_with('/') {
                Ok(Address::Unix(path.into()))
            } else {
                Err(format!("\"{url}\" needs an absolute path; write unix:/path"))
            };
        }
        if url.starts_with("https:") {
            return Err(format!(
                "\"{url}\": the daemon does not speak TLS; give its own http:// address"
            ));
        }
        let wrong = || format!("\"{url}\" is not a URL; write http://HOST:PORT or unix:/path");
        let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_clean = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        if authority.is_empty() || !is_clean(rest) || rest.contains(['@', '?', '#']) {
            return Err(wrong());
        }
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        Ok(Address::Tcp { authority, prefix: path.trim_end_matches('/').to_owned() })
    }

    fn connect(&self, deadline: Option<Instant>) -> Result<Socket, ClientError> {
        let unreachable = |error: io::Error| {
            ClientError::Unreachable(format!("cannot connect to {self}: {error}"))
        };
        match self {
            Address::Unix(path) => UnixStream::connect(path).map(Socket::Unix).map_err(unreachable),
            Address::Tcp { authority, .. } => {
                let mut last = io::ErrorKind::AddrNotAvailable.into();
                for address in authority.to_socket_addrs().map_err(unreachable)? {
                    let patience = remaining(deadline)?.min(CONNECT_TIMEOUT);
                    match TcpStream::connect_timeout(&address, patience) {
                        Ok(stream) => return Ok(Socket::Tcp(stream)),
                        Err(error) => last = error,
                    }
                }
                remaining(deadline)?;
                Err(unreachable(last))
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { authority, prefix } => write!(formatter, "http://{authority}{prefix}"),
            Address::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// Why a request got no complete response.
#[derive(Debug)]
pub enum ClientError {
    /// The connection could not be established.
    Unreachable(String),
    /// The deadline has passed.
    TimedOut,
    /// An established connection failed.
    Broken(io::Error),
    /// The response is not valid HTTP/1.1.
    NotHttp(&'static str),
}

impl fmt::Display for ClientError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Unreachable(reason) => formatter.write_str(reason),
            ClientError::TimedOut => formatter.write_str("timed out"),
            ClientError::Broken(error) => write!(formatter, "the connection broke: {error}"),
            ClientError::NotHttp(reason) => write!(formatter, "the response is not HTTP: {reason}"),
        }
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> ClientError {
        match error.kind() {
            io::ErrorKind::TimedOut => ClientError::TimedOut,
            io::ErrorKind::InvalidData => ClientError::NotHttp("a chunk is malformed"),
            _ => ClientError::Broken(error),
        }
    }
}

/// A request to the daemon.
pub struct Request<'r> {
    pub method: &'static str,
    /// The target from `/api` on, with its query, percent-encoded.
    pub path: &'r str,
    /// The secret after `Bearer`.
    pub bearer: Option<&'r [u8]>,
    /// A JSON text.
    pub body: Option<&'r str>,
}

/// A response whose body is yet to be read.
pub struct Response {
    pub status: u16,
    /// Why the secret or token was refused, from `WWW-Authenticate`.
    pub denial: Option<String>,
    pub body: Body,
}

impl Response {
    /// The status and, if known, the reason, for messages.
    pub fn describe(&self) -> String {
        match &self.denial {
            Some(denial) => format!("{}: {denial}", self.status),
            None => self.status.to_string(),
        }
    }
}

impl Request<'_> {
    /// Sends the request and reads the head of the response. The deadline also applies to the body.
    pub fn send(&self, to: &Address, deadline: Option<Instant>) -> Result<Response, ClientError> {
        let mut stream = Stream { socket: to.connect(deadline)?, deadline };
        let sent = stream.write_all(&self.to_bytes(to));
        // The daemon may respond before all is sent. Without a response the send error is reported.
        let mut reader = BufReader::new(stream);
        match (read_response_head(&mut reader), sent) {
            (Ok(Head { status, denial, framing }), _) => {
                Ok(Response { status, denial, body: Body { reader, framing } })
            }
            (Err(_), Err(error)) => Err(error.into()),
            (Err(error), Ok(())) => Err(error),
        }
    }

    fn to_bytes(&self, to: &Address) -> Vec<u8> {
        let (host, prefix) = match to {
            Address::Tcp { authority, prefix } => (authority.as_str(), prefix.as_str()),
            Address::Unix(_) => ("localhost", ""),
        };
        let mut bytes = format!(
            "{} {prefix}{} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: rpushd/{}\r\n\
             Connection: close\r\n",
            self.method,
            self.path,
            env!("CARGO_PKG_VERSION"),
        )
        .into_bytes();
        if let Some(secret) = self.bearer {
            bytes.extend_from_slice(b"Authorization: Bearer ");
            bytes.extend_from_slice(secret);
            bytes.extend_from_slice(b"\r\n");
        }
        if let Some(body) = self.body {
            let length = body.len();
            let fields = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
            bytes.extend_from_slice(fields.as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.unwrap_or_default().as_bytes());
        bytes
    }
}

/// The parts of a response head that the client uses.
struct Head {
    status: u16,
    denial: Option<String>,
    framing: Framing,
}

/// Reads the head of the final response; interim responses are skipped (RFC 9110, section 15.2).
fn read_response_head(reader: &mut impl BufRead) -> Result<Head, ClientError> {
    loop {
        let mut head = Vec::new();
        let mut limited = reader.take(HEAD_BYTES_MAX);
        loop {
            let start = head.len();
            if limited.read_until(b'\n', &mut head)? == 0 {
                return Err(if head.is_empty() {
                    ClientError::Broken(io::ErrorKind::UnexpectedEof.into())
                } else {
                    ClientError::NotHttp("the head is incomplete")
                });
            }
            if matches!(&head[start..], b"\r\n" | b"\n") {
                break;
            }
        }
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut fields);
        response.parse(&head).map_err(|_| ClientError::NotHttp("the head is malformed"))?;
        match response.code {
            Some(100..200) => {}
            Some(status) => {
                let framing = Framing::of(status, response.headers)?;
                return Ok(Head { status, denial: challenge::reason(response.headers), framing });
            }
            None => return Err(ClientError::NotHttp("the status is missing")),
        }
    }
}

/// Where a body ends (RFC 9112, section 6.3).
#[derive(Debug, PartialEq, Eq)]
enum Framing {
    /// Remaining bytes of the body.
    Length(u64),
    /// Remaining bytes of the current chunk.
    Chunked(u64),
    UntilClose,
}

impl Framing {
    fn of(status: u16, fields: &[httparse::Header<'_>]) -> Result<Framing, ClientError> {
        let value = |name: &str| {
            fields
                .iter()
                .find(|field| field.name.eq_ignore_ascii_case(name))
                .map(|field| field.value)
        };
        if matches!(status, 204 | 304) {
            return Ok(Framing::Length(0));
        }
        if value("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case(b"chunked")) {
            return Ok(Framing::Chunked(0));
        }
        match value("content-length") {
            None => Ok(Framing::UntilClose),
            Some(digits) => std::str::from_utf8(digits)
                .ok()
                .and_then(|digits| digits.parse().ok())
                .map(Framing::Length)
                .ok_or(ClientError::NotHttp("the Content-Length is not a number")),
        }
    }
}

/// A body without its transfer coding. A read of 0 bytes is its proper end; truncation is an error.
pub struct Body<R = BufReader<Stream>> {
    reader: R,
    framing: Framing,
}

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.framing == Framing::Chunked(0) {
            self.framing = match self.chunk_size()? {
                0 => Framing::Length(0),
                size => Framing::Chunked(size),
            };
        }
        let (Framing::Length(left) | Framing::Chunked(left)) = &mut self.framing else {
            return self.reader.read(buffer);
        };
        if *left == 0 {
            return Ok(0);
        }
        let room = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.reader.read(&mut buffer[..room])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *left -= count as u64;
        if self.framing == Framing::Chunked(0) {
            let mut end = [0; 2];
            self.reader.read_exact(&mut end)?;
            if end != *b"\r\n" {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(count)
    }
}

impl<R: BufRead> Body<R> {
    /// Reads the size line of the next chunk, and after the last chunk the trailer, too.
    fn chunk_size(&mut self) -> io::Result<u64> {
        let line = self.line()?;
        let digits = line.split(|byte| b"; ".contains(byte)).next().unwrap_or_default();
        let size = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .ok_or(io::ErrorKind::InvalidData)?;
        if size == 0 {
            while !self.line()?.is_empty() {}
        }
        Ok(size)
    }

    /// Reads a line. Returns it without its end.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        (&mut self.reader).take(HEAD_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(line)
    }

    /// Reads the body as text; a long one is truncated.
    pub fn read_short_text(&mut self) -> Result<String, ClientError> {
        let mut bytes = Vec::new();
        self.take(HEAD_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A socket whose reads and writes fail after a deadline.
pub struct Stream {
    socket: Socket,
    deadline: Option<Instant>,
}

/// Time left, at most [`SILENCE_MAX`].
fn remaining(deadline: Option<Instant>) -> io::Result<Duration> {
    let Some(deadline) = deadline else { return Ok(SILENCE_MAX) };
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left.min(SILENCE_MAX)),
    }
}

impl Stream {
    /// Converts the kernel's would-block error: a time-out after the deadline, else silence.
    fn explain<T>(&self, result: io::Result<T>) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                remaining(self.deadline)?;
                Err(io::Error::other("the daemon sent nothing for too long"))
            }
            other => other,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let patience = Some(remaining(self.deadline)?);
        let result = match &mut self.socket {
            Socket::Tcp(stream) => {
                stream.set_read_timeout(patience)?;
                stream.read(buffer)
            }
            Socket::Unix(stream) => {
                stream.set_read_timeout(patience)?;
                stream.read(buffer)
            }
        };
        self.explain(result)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let patience = Some(remaining(self.deadline)?);
        let result = match &mut self.socket {
            Socket::Tcp(stream) => {
                stream.set_write_timeout(patience)?;
                stream.write(bytes)
            }
            Socket::Unix(stream) => {
                stream.set_write_timeout(patience)?;
                stream.write(bytes)
            }
        };
        self.explain(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(authority: &str, prefix: &str) -> Address {
        Address::Tcp { authority: authority.into(), prefix: prefix.into() }
    }

    #[test]
    fn urls_are_read() {
        for (url, expected) in [
            ("http://127.0.0.1:45831", tcp("127.0.0.1:45831", "")),
            ("http://example.org", tcp("example.org:80", "")),
            ("http://[::1]", tcp("[::1]:80", "")),
            ("http://[::1]:81/", tcp("[::1]:81", "")),
            ("http://h:1/push-daemon/", tcp("h:1", "/push-daemon")),
            ("unix:/run/rpushd.sock", Address::Unix("/run/rpushd.sock".into())),
        ] {
            assert_eq!(Address::parse(url).unwrap(), expected);
        }
        for url in ["", "127.0.0.1:1", "https://h", "http://", "http://u@h", "http://h x", "unix:x"]
        {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }

    fn body_of(answer: &str) -> (u16, Result<String, io::ErrorKind>) {
        let mut reader = BufReader::with_capacity(3, answer.as_bytes());
        let Head { status, framing, .. } = read_response_head(&mut reader).unwrap();
        let mut text = String::new();
        let read = Body { reader, framing }.read_to_string(&mut text);
        (status, read.map(|_| text).map_err(|error| error.kind()))
    }

    #[test]
    fn bodies_end_where_their_framing_says() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", (200, Ok("ab".into()))),
            ("HTTP/1.1 204 No Content\r\n\r\nabc", (204, Ok(String::new()))),
            ("HTTP/1.0 200 OK\r\n\r\nabc", (200, Ok("abc".into()))),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                 A;x=y\r\n0123456789\r\n1\r\na\r\n0\r\nx: y\r\n\r\nrest",
                (200, Ok("0123456789a".into())),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
                (200, Err(io::ErrorKind::UnexpectedEof)),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
                (200, Err(io::ErrorKind::UnexpectedEof)),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
                (200, Err(io::ErrorKind::InvalidData)),
            ),
        ] {
            assert_eq!(body_of(answer), expected, "{answer}");
        }
    }

    #[test]
    fn what_is_not_http_is_told_apart_from_silence() {
        let outcome =
            |text: &str| read_response_head(&mut text.as_bytes()).err().unwrap().to_string();
        let not_http = |reason: &str| format!("the response is not HTTP: {reason}");
        assert_eq!(outcome("hello\r\n\r\n"), not_http("the head is malformed"));
        assert_eq!(outcome("HTTP/1.1 200 OK\r\n"), not_http("the head is incomplete"));
        assert_eq!(outcome(""), "the connection broke: unexpected end of file");
    }
}
