//! Requests by scripts of web pages: from which origins they may come, and what answers tell the
//! browser (CORS; Fetch standard, section 3.2).

use crate::config::Config;
use crate::http::{Head, HeaderValue, Response, Status};

/// How long a browser may cache the answer to a preflight, in seconds.
const PREFLIGHT_SECONDS: u64 = 86_400;

/// What scripts of other origins may send to an endpoint, and how caches treat its answers.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// `Access-Control-Allow-Methods`.
    pub methods: &'static str,
    /// `Access-Control-Allow-Headers`.
    pub headers: &'static str,
    /// Whether every answer has `Vary: Origin`, also without an allowed origin: a cache could
    /// otherwise give the answer for one page, or for none, to a page that is allowed.
    pub always_varies: bool,
}

/// `POST /api/stream/{channel}`. Its token is in the body, and caches do not store its answers.
pub const STREAM: Rules = Rules { methods: "POST", headers: "content-type", always_varies: false };

/// `POST /api/refresh`, likewise.
pub const REFRESH: Rules = Rules { methods: "POST", headers: "content-type", always_varies: true };

/// `GET /api/events/{channels}` and `GET /api/poll/{channels}`.
pub const SUBSCRIBE: Rules =
    Rules { methods: "GET", headers: "authorization, last-event-id", always_varies: true };

/// What the answers to a request tell the browser.
#[derive(Clone, Debug)]
pub struct Cors {
    /// The request's origin, if it is allowed.
    origin: Option<HeaderValue>,
    /// Whether the request may have cookies.
    allows_credentials: bool,
    rules: Rules,
}

impl Cors {
    /// For a request to an endpoint with these rules. `None`: no origins are configured, so answers
    /// have no field of CORS and there are no preflights.
    pub fn of(head: &Head<'_>, rules: Rules, config: &Config) -> Option<Cors> {
        let origins = &config.allowed_origins;
        if origins.is_empty() {
            return None;
        }
        let origin = match origin(head) {
            Ok(Some(origin)) if is_listed(origin, origins) || has_star(origins) => Some(origin),
            Ok(_) | Err(Repeated) => None,
        };
        let is_listed = origin.is_some_and(|origin| is_listed(origin, origins));
        let allows_credentials = is_listed && config.tokens.cookie.is_some();
        Some(Cors { origin: origin.map(HeaderValue::from), allows_credentials, rules })
    }

    /// Whether scripts of the request's origin may read the answer.
    pub fn is_readable(&self) -> bool {
        self.origin.is_some()
    }

    /// Adds the fields that let scripts of an allowed origin read the answer.
    pub fn add_fields(&self, response: Response) -> Response {
        let fields = self.fields().into_iter();
        fields.fold(response, |response, (name, value)| response.field(name, value))
    }

    /// These fields.
    pub fn fields(&self) -> Vec<(&'static str, HeaderValue)> {
        let of_text = |text: &[u8]| HeaderValue::from(text);
        let mut fields = Vec::new();
        fields.extend(
            self.origin.iter().map(|origin| ("access-control-allow-origin", origin.clone())),
        );
        if self.allows_credentials {
            fields.push(("access-control-allow-credentials", of_text(b"true")));
        }
        if self.origin.is_some() || self.rules.always_varies {
            fields.push(("vary", of_text(b"origin")));
        }
        fields
    }

    /// The answer to a preflight: methods and header fields that a script may send.
    pub fn preflight(&self) -> Response {
        let response = Response::new(Status::NO_CONTENT)
            .field("access-control-allow-methods", self.rules.methods)
            .field("access-control-allow-headers", self.rules.headers)
            .number("access-control-max-age", PREFLIGHT_SECONDS);
        self.add_fields(response)
    }
}

/// Adds the fields of CORS, if there are any.
pub fn add_fields(response: Response, cors: Option<&Cors>) -> Response {
    match cors {
        Some(cors) => cors.add_fields(response),
        None => response,
    }
}

/// Where a request comes from, by its `Origin` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// It has no such field: it is not from a browser, or from a page of the same origin.
    Unnamed,
    /// A page of the host to which the request was sent.
    Own,
    /// A page of an origin that the configuration names.
    Listed,
    /// Another page, which `*` allows.
    Any,
    /// A page that may not send requests.
    Foreign,
}

impl Sender {
    /// The sender of a request. `Host` must be what the browser sent: a proxy that replaces it
    /// makes pages of the daemon's own host foreign, unless they are listed.
    pub fn of(head: &Head<'_>, origins: &[String]) -> Sender {
        match origin(head) {
            Ok(None) => Sender::Unnamed,
            Ok(Some(origin)) if is_listed(origin, origins) => Sender::Listed,
            Ok(Some(origin)) if is_of_host(origin, head.host) => Sender::Own,
            Ok(Some(_)) if has_star(origins) => Sender::Any,
            Ok(Some(_)) | Err(Repeated) => Sender::Foreign,
        }
    }

    /// Whether the request is accepted. WebSockets need this check: browsers let every page open
    /// one and read what it receives (RFC 6455, section 10.2).
    pub fn is_acceptable(self) -> bool {
        self != Sender::Foreign
    }

    /// Whether a cookie of the request counts. The browser adds it to requests of any page, so that
    /// page must be trusted; `*` trusts pages that have a token of their own only.
    pub fn may_use_cookie(self) -> bool {
        matches!(self, Sender::Unnamed | Sender::Own | Sender::Listed)
    }
}

/// The request has several `Origin` fields, which no browser sends.
struct Repeated;

fn origin<'a>(head: &Head<'a>) -> Result<Option<&'a [u8]>, Repeated> {
    let mut values = head.values("origin");
    let first = values.next();
    if values.next().is_some() { Err(Repeated) } else { Ok(first) }
}

fn has_star(origins: &[String]) -> bool {
    origins.iter().any(|one| one == "*")
}

fn is_listed(origin: &[u8], origins: &[String]) -> bool {
    origin != b"*" && origins.iter().any(|one| one.as_bytes() == origin)
}

/// Whether an origin is that of a page of this host. A `Host` without a port is that of a server on
/// the default port of its scheme, which origins do not show (RFC 6454, section 6.2).
fn is_of_host(origin: &[u8], host: &str) -> bool {
    let of_scheme = |scheme: &str, port: &str| {
        let authority = origin.strip_prefix(scheme.as_bytes())?;
        let host = host.strip_suffix(port).unwrap_or(host);
        Some(!host.is_empty() && authority.eq_ignore_ascii_case(host.as_bytes()))
    };
    of_scheme("https://", ":443").or_else(|| of_scheme("http://", ":80")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeadLimits, HeadStorage, parse_head};

    fn sender(host: &str, fields: &str, origins: &[&str]) -> Sender {
        let limits = HeadLimits { head_bytes_max: 999, target_bytes_max: 99, header_count_max: 9 };
        let text = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
        let mut storage = HeadStorage::default();
        let head = parse_head(text.as_bytes(), &mut 0, &limits, &mut storage);
        let (head, _) = head.unwrap().unwrap();
        let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Sender::of(&head, &origins)
    }

    #[test]
    fn a_sender_is_known_by_its_origin_the_host_and_the_list() {
        let origin = |origin: &str| format!("Origin: {origin}\r\n");
        let listed = ["https://example.org"];
        for (host, of, expected) in [
            ("push.test", "https://example.org", Sender::Listed),
            ("push.test", "https://push.test", Sender::Own),
            ("push.test", "http://push.test", Sender::Own),
            ("PUSH.test", "https://push.test", Sender::Own),
            ("push.test:443", "https://push.test", Sender::Own),
            ("push.test:80", "http://push.test", Sender::Own),
            ("push.test:8443", "https://push.test:8443", Sender::Own),
            ("[::1]:8080", "http://[::1]:8080", Sender::Own),
            ("push.test:80", "https://push.test", Sender::Foreign),
            ("push.test:443", "http://push.test", Sender::Foreign),
            ("push.test:8443", "https://push.test", Sender::Foreign),
            ("push.test", "https://push.test:8443", Sender::Foreign),
            ("push.test", "https://push.test.evil.test", Sender::Foreign),
            ("push.test", "https://evil.test", Sender::Foreign),
            ("push.test", "ftp://push.test", Sender::Foreign),
            ("push.test", "null", Sender::Foreign),
            ("push.test", "*", Sender::Foreign),
            ("push.test", "", Sender::Foreign),
        ] {
            assert_eq!(sender(host, &origin(of), &listed), expected, "{of} to {host}");
        }
        assert_eq!(sender("push.test", "", &listed), Sender::Unnamed);
        let twice = origin("https://example.org").repeat(2);
        assert_eq!(sender("push.test", &twice, &["https://example.org", "*"]), Sender::Foreign);
    }

    #[test]
    fn a_star_accepts_any_page_without_its_cookies() {
        for (of, expected) in [
            ("https://example.org", Sender::Listed),
            ("https://push.test", Sender::Own),
            ("https://evil.test", Sender::Any),
            ("null", Sender::Any),
        ] {
            let fields = format!("Origin: {of}\r\n");
            let sender = sender("push.test", &fields, &["*", "https://example.org"]);
            assert_eq!(sender, expected, "{of}");
            assert!(sender.is_acceptable());
            assert_eq!(sender.may_use_cookie(), expected != Sender::Any, "{of}");
        }
        assert!(!Sender::Foreign.is_acceptable() && !Sender::Foreign.may_use_cookie());
        assert!(Sender::Unnamed.is_acceptable() && Sender::Unnamed.may_use_cookie());
    }

    #[test]
    fn answers_that_caches_may_store_vary_with_the_origin_also_without_one() {
        let rules = Rules { methods: "GET", headers: "authorization", always_varies: true };
        let none = Cors { origin: None, allows_credentials: false, rules };
        let text = |response: Response| String::from_utf8(response.finish()).unwrap();
        let answer = text(none.add_fields(Response::new(Status::OK)));
        assert_eq!(answer, "HTTP/1.1 200 OK\r\nvary: origin\r\n\r\n");
        let origin = Some(HeaderValue::from(&b"https://example.org"[..]));
        let some = Cors { origin, allows_credentials: true, rules };
        assert_eq!(
            text(some.preflight()),
            "HTTP/1.1 204 No Content\r\n\
             access-control-allow-methods: GET\r\n\
             access-control-allow-headers: authorization\r\n\
             access-control-max-age: 86400\r\n\
             access-control-allow-origin: https://example.org\r\n\
             access-control-allow-credentials: true\r\n\
             vary: origin\r\n\r\n"
        );
    }
}
