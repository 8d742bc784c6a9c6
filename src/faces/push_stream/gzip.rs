//! Compression of bodies whose size is known (push-stream spec, section 5.5; nginx `gzip`).

use crate::compression::Compressor;
use crate::config::Gzip;
use crate::http::{Head, Response, Version};
use crate::stats::push_stream::Format;
use crate::transports::gzip_stream;

/// Whether the client accepts gzip and the location's settings allow it for this request.
pub fn is_accepted(settings: &Gzip, head: &Head<'_>) -> bool {
    settings.is_on
        && (head.version == Version::Http11 || settings.includes_http_1_0)
        && head.values("accept-encoding").any(accepts_gzip)
}

/// Whether an `Accept-Encoding` value contains `gzip` or `*` with a weight other than 0 (RFC 9110,
/// section 12.5.3).
fn accepts_gzip(value: &[u8]) -> bool {
    value.split(|&byte| byte == b',').any(|item| {
        let mut words = item.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let coding = words.next().unwrap_or_default();
        let is_named = coding.eq_ignore_ascii_case(b"gzip") || coding == b"*";
        let is_refused = words.any(|parameter| {
            let weight = parameter.strip_prefix(b"q=").or(parameter.strip_prefix(b"Q="));
            weight.is_some_and(|weight| weight.iter().all(|byte| matches!(byte, b'0' | b'.')))
        });
        is_named && !is_refused
    })
}

/// Adds the content type of statistics. Compresses the body if the client accepts it and the
/// settings cover its type and size.
pub fn compress(
    response: Response,
    body: Vec<u8>,
    format: Format,
    settings: &Gzip,
    is_accepted: bool,
    compressor: &mut Compressor,
) -> (Response, Vec<u8>) {
    let response = response.field("Content-Type", format.content_type());
    if !is_accepted || !settings.covers(format.content_type(), body.len()) {
        return (response, body);
    }
    let compressed = gzip_stream::whole(&body, settings.level, compressor);
    (response.field("Content-Encoding", "gzip"), compressed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_where_it_is_wanted_and_pays() {
        for (value, is_named) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("br", false),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(value.as_bytes()), is_named, "{value}");
        }
        let settings = Gzip { types: vec!["application/json".to_owned()], ..Gzip::default() };
        assert!(settings.covers("application/json; charset=utf-8", 20));
        assert!(settings.covers("text/html", 20));
        assert!(!settings.covers("text/html", 19));
        assert!(!settings.covers("text/plain", 20));
    }
}
