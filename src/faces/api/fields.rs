//! Header fields that several endpoints check or send.

use crate::http::{Head, Response};

/// Whether the body is declared as JSON: `application/json` or `application/…+json`. Parameters and
/// letter case are ignored; a repeated `Content-Type` is not accepted.
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

/// Whether the body is declared as this type. Parameters and letter case are ignored; a repeated
/// `Content-Type` is not accepted.
pub(super) fn has_content_type(head: &Head<'_>, kind: &str) -> bool {
    let mut values = head.values("content-type");
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let essence = value.split(|&byte| byte == b';').next().unwrap_or(value);
    essence.trim_ascii().eq_ignore_ascii_case(kind.as_bytes())
}

/// Whether the client prefers an answer with a representation of what it has caused (RFC 7240,
/// section 4.2). Of several such preferences, the first one counts.
pub(super) fn wants_representation(head: &Head<'_>) -> bool {
    let preferences = head.values("prefer").flat_map(|value| value.split(|&byte| byte == b','));
    let mut wanted = preferences.filter_map(|preference| {
        let preference = preference.split(|&byte| byte == b';').next()?;
        let at = preference.iter().position(|&byte| byte == b'=')?;
        let (name, value) = (preference[..at].trim_ascii(), preference[at + 1..].trim_ascii());
        let value =
            value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        name.eq_ignore_ascii_case(b"return").then(|| value.eq_ignore_ascii_case(b"representation"))
    });
    wanted.next().unwrap_or(false)
}

/// Adds the fields that keep caches from storing an answer (section 5.2).
pub(super) fn no_cache(response: Response) -> Response {
    response
        .field("cache-control", "no-cache, no-store, must-revalidate, no-transform")
        .field("pragma", "no-cache")
        .field("expires", "0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeadLimits, HeadStorage, parse_head};

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
}
