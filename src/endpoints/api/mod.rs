//! The rpushd API (rpushd spec, sections 2 to 6).

pub mod origin;
pub mod publish;
pub mod query;
mod refusal;
pub mod stream;

pub use refusal::Refusal;

use crate::http::Head;

/// One of the API's endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// `GET /healthz`
    Health,
    /// `POST /api/publish`
    Publish,
    /// `GET /api/stats`
    Stats,
    /// `POST /api/stream/{channel}`, with the raw path segment.
    Stream(&'a str),
}

impl<'a> Endpoint<'a> {
    /// The endpoint of a path. Paths are compared as they are, never normalised.
    pub fn of_path(path: &'a str) -> Option<Endpoint<'a>> {
        match path {
            "/healthz" => Some(Endpoint::Health),
            "/api/publish" => Some(Endpoint::Publish),
            "/api/stats" => Some(Endpoint::Stats),
            _ => {
                let segment = path.strip_prefix("/api/stream/")?;
                let is_one = !segment.is_empty() && !segment.contains('/');
                is_one.then_some(Endpoint::Stream(segment))
            }
        }
    }

    /// The endpoint of a request's path: at the root, or, if it is a public one, under the prefix
    /// that proxies may leave in place. An empty prefix is none.
    pub fn find(path: &'a str, public_prefix: &str) -> Option<Endpoint<'a>> {
        let at_root = Endpoint::of_path(path);
        if at_root.is_some() || public_prefix.is_empty() {
            return at_root;
        }
        let endpoint = Endpoint::of_path(path.strip_prefix(public_prefix)?)?;
        (!endpoint.is_privileged()).then_some(endpoint)
    }

    /// Whether the endpoint answers this method; else what to put into `Allow`.
    ///
    /// # Errors
    /// The methods that it does answer.
    pub fn check_method(self, method: &str) -> Result<(), &'static str> {
        match (self, method) {
            (Endpoint::Health | Endpoint::Stats, "GET" | "HEAD") => Ok(()),
            (Endpoint::Health | Endpoint::Stats, _) => Err("GET,HEAD"),
            (Endpoint::Publish | Endpoint::Stream(_), "POST") => Ok(()),
            (Endpoint::Publish | Endpoint::Stream(_), _) => Err("POST"),
        }
    }

    /// Whether it is hidden on public listeners once there is an internal one, and never found
    /// under the public prefix.
    pub fn is_privileged(self) -> bool {
        matches!(self, Endpoint::Publish | Endpoint::Stats)
    }
}

/// Whether the body is declared as JSON: `application/json` or `application/…+json`, whatever the
/// parameters and letter case.
pub fn has_json_content_type(head: &Head<'_>) -> bool {
    let mut values = head.values("content-type");
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let essence = value.split(|&byte| byte == b';').next().unwrap_or(value).trim_ascii();
    let Some(subtype) = essence
        .split_at_checked("application/".len())
        .filter(|(kind, _)| kind.eq_ignore_ascii_case(b"application/"))
        .map(|(_, subtype)| subtype.to_ascii_lowercase())
    else {
        return false;
    };
    let is_token = subtype
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte));
    is_token && (subtype == b"json" || subtype.len() > 5 && subtype.ends_with(b"+json"))
}

/// Whether this is a channel of the API: 1 to 191 characters of `A-Z a-z 0-9 : - _ .`
pub fn is_channel_name(name: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b":-_.".contains(byte);
    (1..=191).contains(&name.len()) && name.iter().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeadLimits, HeadStorage, parse_head};

    #[test]
    fn paths_are_compared_as_they_are() {
        assert_eq!(Endpoint::of_path("/healthz"), Some(Endpoint::Health));
        assert_eq!(Endpoint::of_path("/api/stream/a%2Fb"), Some(Endpoint::Stream("a%2Fb")));
        for path in [
            "/",
            "/healthz/",
            "/Healthz",
            "//healthz",
            "/api/../healthz",
            "/api/publish/",
            "/api/stream",
            "/api/stream/",
            "/api/stream/a/",
            "/api/stream/a/b",
            "/api/stream//a",
        ] {
            assert_eq!(Endpoint::of_path(path), None, "{path}");
        }
    }

    #[test]
    fn only_public_endpoints_are_found_under_the_prefix() {
        let find = |path| Endpoint::find(path, "/push-daemon");
        assert_eq!(find("/healthz"), Some(Endpoint::Health));
        assert_eq!(find("/api/stats"), Some(Endpoint::Stats));
        assert_eq!(find("/push-daemon/healthz"), Some(Endpoint::Health));
        assert_eq!(find("/push-daemon/api/stream/a"), Some(Endpoint::Stream("a")));
        for path in [
            "/push-daemon",
            "/push-daemon/",
            "/push-daemon/api/publish",
            "/push-daemon/api/stats",
            "/push-daemon//healthz",
            "/push-daemon/push-daemon/healthz",
            "/push-daemon/../healthz",
            "/push-daemonhealthz",
            "/Push-Daemon/healthz",
            "/other/healthz",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
        assert_eq!(Endpoint::find("/push-daemon/healthz", ""), None);
    }

    #[test]
    fn content_types_are_json_or_not() {
        let limits = HeadLimits { head_bytes_max: 999, target_bytes_max: 99, header_count_max: 9 };
        let is_json = |fields: &str| {
            let text = format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
            let mut storage = HeadStorage::default();
            let head = parse_head(text.as_bytes(), &mut 0, &limits, &mut storage);
            let (head, _) = head.unwrap().unwrap();
            has_json_content_type(&head)
        };
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/a.b+JSON"]
        {
            assert!(is_json(&format!("Content-Type: {json}\r\n")), "{json}");
        }
        for other in
            ["", "json", "text/json", "application/jsonx", "application/+json", "application/"]
        {
            assert!(!is_json(&format!("Content-Type: {other}\r\n")), "{other}");
        }
        assert!(!is_json(""));
        assert!(!is_json("Content-Type: application/json\r\nContent-Type: application/json\r\n"));
    }

    #[test]
    fn channel_names_have_an_alphabet_and_a_length() {
        assert!(is_channel_name(b"aZ09:-_."));
        assert!(is_channel_name(&[b'a'; 191]));
        assert!(!is_channel_name(&[b'a'; 192]));
        for name in [&b""[..], b"a b", b"a/b", b"\xc3\xa4", b"a\0"] {
            assert!(!is_channel_name(name), "{name:?}");
        }
    }
}
