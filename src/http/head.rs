//! Parses a request's head: request line and header fields. Refuses every head that RFC 9112
//! does not allow.

use super::{Framing, Status};
use std::mem::MaybeUninit;

/// Upper bound of the configurable number of header fields; the parser keeps them on the stack.
pub const HEADER_COUNT_MAX: usize = 128;

/// Limits of one head.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// Bytes of the whole head; 431 beyond.
    pub head_bytes_max: usize,
    /// Bytes of the request target; 414 beyond.
    pub target_bytes_max: usize,
    /// Number of header fields; 431 beyond.
    pub header_count_max: usize,
}

/// The supported versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// A parsed head, which borrows the input.
#[derive(Debug)]
pub struct Head<'a> {
    /// The method; case matters.
    pub method: &'a str,
    /// The path of the target, neither decoded nor normalised.
    pub path: &'a str,
    /// The text after the first question mark; empty without one.
    pub query: &'a str,
    /// Version of the request line.
    pub version: Version,
    /// Host and port from the target's authority or the Host field; empty if there is neither.
    pub host: &'a str,
    /// How the body is delimited.
    pub framing: Framing,
    /// Whether the client allows the connection to be reused.
    pub keeps_alive: bool,
    /// Whether it has `Expect: 100-continue`.
    pub expects_continue: bool,
    fields: &'a [httparse::Header<'a>],
}

/// Storage for the fields of a head while it is in use: on the caller's stack, and not copied
/// with the head.
pub struct HeadStorage<'a>([MaybeUninit<httparse::Header<'a>>; HEADER_COUNT_MAX]);

impl Default for HeadStorage<'_> {
    fn default() -> Self {
        HeadStorage([const { MaybeUninit::uninit() }; HEADER_COUNT_MAX])
    }
}

impl<'a> Head<'a> {
    /// The values of a field, in order. Names match in any letter case.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.fields;
        fields
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .map(|field| trim(field.value))
    }

    /// The first value of a field.
    pub fn value(&self, name: &str) -> Option<&'a [u8]> {
        self.values(name).next()
    }

    /// All fields as name and value.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.fields.iter().map(|field| (field.name, trim(field.value)))
    }

    /// Whether a comma-separated field contains a token, in any letter case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.values(name).any(|value| {
            value
                .split(|&byte| byte == b',')
                .any(|item| trim(item).eq_ignore_ascii_case(token.as_bytes()))
        })
    }

    /// The raw value of the first query argument with this name. An argument without a value is
    /// empty; `None`: there is no such argument.
    pub fn argument(&self, name: &str) -> Option<&'a str> {
        if self.query.is_empty() {
            return None;
        }
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        })
    }
}

/// Parses a head at the start of `input`. `Ok(None)`: it is incomplete; call again with more
/// input and with `scanned` as this call left it. `Ok(Some((head, length)))`: its length is
/// `length` bytes.
///
/// # Errors
/// The status of the response (400, 414, 417, 431, 501, 505); the end of the request is unknown.
pub fn parse_head<'a>(
    input: &'a [u8],
    scanned: &mut usize,
    limits: &HeadLimits,
    storage: &'a mut HeadStorage<'a>,
) -> Result<Option<(Head<'a>, usize)>, Status> {
    match find_end(input, *scanned) {
        End::After(length) => {
            check_beginning(&input[..length], limits)?;
            parse_complete(&input[..length], limits, storage).map(|head| Some((head, length)))
        }
        End::Missing => {
            *scanned = input.len();
            check_beginning(input, limits)?;
            Ok(None)
        }
        End::LoneLineFeed(at) => {
            // The first fault decides, as it does when the head arrives byte by byte.
            check_beginning(&input[..at], limits)?;
            Err(Status::BAD_REQUEST)
        }
    }
}

/// Number of bytes of empty lines before a request line, which are skipped (RFC 9112, section 2.2).
pub fn empty_lines(input: &[u8]) -> usize {
    input.chunks_exact(2).take_while(|pair| pair == b"\r\n").count() * 2
}

/// Where a head ends.
enum End {
    /// The length of the head, including its empty line.
    After(usize),
    Missing,
    /// There is a line feed at this position without a carriage return before it.
    LoneLineFeed(usize),
}

/// Finds the end of the head, after its empty line. Every line feed must follow a carriage return:
/// lone ones allow request smuggling through a proxy that splits lines differently.
fn find_end(input: &[u8], searched: usize) -> End {
    for offset in memchr::memchr_iter(b'\n', &input[searched..]) {
        let at = searched + offset;
        if at == 0 || input[at - 1] != b'\r' {
            return End::LoneLineFeed(at);
        }
        if at >= 3 && input[at - 3..at] == *b"\r\n\r" {
            return End::After(at + 1);
        }
    }
    End::Missing
}

/// Refuses a head as soon as no further bytes could make it valid, and with the same status as if
/// it arrived as a whole.
fn check_beginning(input: &[u8], limits: &HeadLimits) -> Result<(), Status> {
    let line = first_line(input);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let method = line.split(|&byte| byte == b' ').next().unwrap_or(line);
    if !method.iter().all(is_token) || method.len() > 32 {
        return Err(Status::BAD_REQUEST);
    }
    let is_target_long =
        target_of(line).is_some_and(|target| target.len() > limits.target_bytes_max);
    if is_target_long || input.len() > limits.head_bytes_max {
        return Err(too_large(input, limits));
    }
    Ok(())
}

fn first_line(input: &[u8]) -> &[u8] {
    &input[..memchr::memchr(b'\r', input).unwrap_or(input.len())]
}

fn target_of(line: &[u8]) -> Option<&[u8]> {
    line.split(|&byte| byte == b' ').nth(1)
}

fn too_large(input: &[u8], limits: &HeadLimits) -> Status {
    let line = first_line(input);
    match target_of(line) {
        Some(target) if target.len() > limits.target_bytes_max => Status::URI_TOO_LONG,
        _ => Status::HEADER_FIELDS_TOO_LARGE,
    }
}

fn parse_complete<'a>(
    input: &'a [u8],
    limits: &HeadLimits,
    storage: &'a mut HeadStorage<'a>,
) -> Result<Head<'a>, Status> {
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(input, &mut storage.0) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(Status::BAD_REQUEST),
        Err(httparse::Error::Version) => return Err(version_fault(input)),
        Err(httparse::Error::TooManyHeaders) => return Err(Status::HEADER_FIELDS_TOO_LARGE),
        Err(_) => return Err(Status::BAD_REQUEST),
    }
    let (Some(method), Some(target), Some(version)) =
        (request.method, request.path, request.version)
    else {
        return Err(Status::BAD_REQUEST);
    };
    let version = if version == 0 { Version::Http10 } else { Version::Http11 };
    let fields: &'a [httparse::Header<'a>] = request.headers;
    if fields.len() > limits.header_count_max {
        return Err(Status::HEADER_FIELDS_TOO_LARGE);
    }
    let (authority, path, query) = split_target(method, target)?;
    let mut head = Head {
        method,
        path,
        query,
        version,
        host: "",
        framing: Framing::Length(0),
        keeps_alive: false,
        expects_continue: false,
        fields,
    };
    let host = check_host(&head)?;
    head.host = authority.unwrap_or(host);
    head.framing = framing(&head)?;
    head.keeps_alive = match version {
        Version::Http11 => !head.has_token("connection", "close"),
        Version::Http10 => {
            head.has_token("connection", "keep-alive") && !head.has_token("connection", "close")
        }
    };
    head.expects_continue = expects_continue(&head)?;
    Ok(head)
}

/// 505 for a version that is not supported, such as `HTTP/2.0`; 400 for anything that is
/// not a version.
fn version_fault(input: &[u8]) -> Status {
    let line = first_line(input);
    let word = line.rsplit(|&byte| byte == b' ').next().unwrap_or(line);
    match word {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Status::VERSION_NOT_SUPPORTED
        }
        _ => Status::BAD_REQUEST,
    }
}

/// RFC 9112, section 3.2: origin-form, absolute-form, asterisk-form for OPTIONS.
fn split_target<'a>(
    method: &str,
    target: &'a str,
) -> Result<(Option<&'a str>, &'a str, &'a str), Status> {
    // Clients send no fragment, and neither '#' nor non-ASCII bytes are allowed by the grammar.
    if target.bytes().any(|byte| byte == b'#' || !byte.is_ascii_graphic()) {
        return Err(Status::BAD_REQUEST);
    }
    if target.starts_with('/') {
        let mark = memchr::memchr(b'?', target.as_bytes());
        let (path, query) = mark.map_or((target, ""), |at| (&target[..at], &target[at + 1..]));
        return Ok((None, path, query));
    }
    if target == "*" && method == "OPTIONS" {
        return Ok((None, target, ""));
    }
    let rest = match target.split_once("://") {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") =>
        {
            rest
        }
        _ => return Err(Status::BAD_REQUEST),
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    if authority.is_empty() || !is_host(authority.as_bytes()) {
        return Err(Status::BAD_REQUEST);
    }
    let (path, query) = after.split_once('?').unwrap_or((after, ""));
    Ok((Some(authority), if path.is_empty() { "/" } else { path }, query))
}

/// RFC 9112, section 3.2: exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0.
fn check_host<'a>(head: &Head<'a>) -> Result<&'a str, Status> {
    let mut hosts = head.values("host");
    let (first, second) = (hosts.next(), hosts.next());
    match (first, second) {
        (None, _) if head.version == Version::Http10 => Ok(""),
        (Some(host), None) if is_host(host) => {
            std::str::from_utf8(host).map_err(|_| Status::BAD_REQUEST)
        }
        _ => Err(Status::BAD_REQUEST),
    }
}

/// uri-host with an optional port (RFC 3986, section 3.2.2). It may be empty.
fn is_host(host: &[u8]) -> bool {
    let (name, port) = match host {
        [b'[', ..] => match host.iter().position(|&byte| byte == b']') {
            Some(end) => {
                let inner = &host[1..end];
                let is_address = inner.iter().all(|byte| {
                    byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'v' | b'V')
                });
                if inner.is_empty() || !is_address {
                    return false;
                }
                (&b""[..], &host[end + 1..])
            }
            None => return false,
        },
        _ => host.split_at(host.iter().position(|&byte| byte == b':').unwrap_or(host.len())),
    };
    is_registered_name(name)
        && match port {
            [] => true,
            [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
            _ => false,
        }
}

/// reg-name (RFC 3986, section 3.2.2): a percent sign starts an escape of two hexadecimal digits.
fn is_registered_name(mut name: &[u8]) -> bool {
    loop {
        name = match name {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            [byte, rest @ ..]
                if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte) =>
            {
                rest
            }
            _ => return false,
        };
    }
}

/// RFC 9112, section 6.3. Refuses everything that two parsers could understand differently.
fn framing(head: &Head<'_>) -> Result<Framing, Status> {
    let mut lengths = head.values("content-length");
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(Status::BAD_REQUEST);
    }
    let mut codings = head
        .values("transfer-encoding")
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(trim)
        .peekable();
    if codings.peek().is_some() {
        // Section 6.1: Transfer-Encoding is invalid in HTTP/1.0 and together with Content-Length.
        if head.version == Version::Http10 || length.is_some() {
            return Err(Status::BAD_REQUEST);
        }
        let (mut is_chunked, mut has_other) = (false, false);
        for coding in codings {
            if is_chunked || coding.is_empty() {
                return Err(Status::BAD_REQUEST);
            }
            if coding.eq_ignore_ascii_case(b"chunked") {
                is_chunked = true;
            } else {
                has_other = true;
            }
        }
        return match (is_chunked, has_other) {
            (true, false) => Ok(Framing::Chunked),
            (true, true) => Err(Status::NOT_IMPLEMENTED),
            (false, _) => Err(Status::BAD_REQUEST),
        };
    }
    let Some(length) = length else { return Ok(Framing::Length(0)) };
    if length.is_empty() || !length.iter().all(u8::is_ascii_digit) {
        return Err(Status::BAD_REQUEST);
    }
    let digits = std::str::from_utf8(length).map_err(|_| Status::BAD_REQUEST)?;
    digits.parse().map(Framing::Length).map_err(|_| Status::BAD_REQUEST)
}

/// RFC 9110, section 10.1.1.
fn expects_continue(head: &Head<'_>) -> Result<bool, Status> {
    if head.version == Version::Http10 {
        return Ok(false);
    }
    let mut expects = false;
    for value in head.values("expect") {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Status::EXPECTATION_FAILED);
        }
        expects = true;
    }
    Ok(expects)
}

/// Removes optional whitespace around a value (RFC 9110, section 5.6.3).
fn trim(value: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !is_blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}

#[cfg(test)]
mod tests;
