//! Normalises request paths as nginx does: percent-decodes once, merges slashes, resolves dot
//! segments.

use std::borrow::Cow;

/// A normalised path, which locations are matched against.
#[derive(Debug, PartialEq, Eq)]
pub struct NormalPath<'a> {
    /// The path, percent-decoded; it may contain any bytes but NUL.
    pub bytes: Cow<'a, [u8]>,
    /// Whether `.` or `..` segments were resolved, plain or encoded. A proxy may have applied its
    /// rules to the unresolved path, so no location answers such a request. Clients resolve dot
    /// segments before they send a request (RFC 3986, section 5.2.4).
    pub had_dot_segments: bool,
}

/// Normalises a path. `None`: it has an invalid escape or a NUL, leads above the root, or does not
/// begin with a slash.
pub fn normalize(raw: &str) -> Option<NormalPath<'_>> {
    if !raw.starts_with('/') {
        return None;
    }
    // Most paths are already in normal form.
    let is_special = |pair: &[u8]| matches!(pair, [_, b'%' | 0] | [b'/', b'/' | b'.']);
    if !raw.as_bytes().windows(2).any(is_special) {
        return Some(NormalPath { bytes: Cow::Borrowed(raw.as_bytes()), had_dot_segments: false });
    }
    clean(&decode(raw)?)
}

fn clean(decoded: &[u8]) -> Option<NormalPath<'static>> {
    let mut had_dot_segments = false;
    let mut path = Vec::with_capacity(decoded.len());
    let mut segments = decoded.split(|&byte| byte == b'/').peekable();
    segments.next();
    path.push(b'/');
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"" => {}
            b"." => had_dot_segments = true,
            b".." => {
                had_dot_segments = true;
                // Back to the slash before the last segment.
                path.pop()?;
                let parent = path.iter().rposition(|&byte| byte == b'/')?;
                path.truncate(parent + 1);
            }
            _ => {
                path.extend_from_slice(segment);
                if !is_last {
                    path.push(b'/');
                }
            }
        }
    }
    Some(NormalPath { bytes: Cow::Owned(path), had_dot_segments })
}

fn decode(raw: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                (high << 4 | low) as u8
            }
            _ => byte,
        };
        if byte == 0 {
            return None;
        }
        decoded.push(byte);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_and_cleaned_as_nginx_does() {
        let rows = [
            ("/", "/", false),
            ("/sub/a", "/sub/a", false),
            ("/sub//a///b", "/sub/a/b", false),
            ("/sub/a/", "/sub/a/", false),
            ("/a%2Fb%20c", "/a/b c", false),
            ("/a%2520b", "/a%20b", false),
            ("/.a/..b/c./...", "/.a/..b/c./...", false),
            ("/..;/a", "/..;/a", false),
            ("/%252e%252e/a", "/%2e%2e/a", false),
            ("/sub/./a/../b", "/sub/b", true),
            ("/sub/a/..", "/sub/", true),
            ("/sub/.", "/sub/", true),
            ("/sub/%2E/a", "/sub/a", true),
            ("/sub/.%2e/a", "/a", true),
            ("/sub/%2e%2E%2fa", "/a", true),
            ("/sub%2f..%2fa", "/a", true),
        ];
        for (raw, bytes, had_dot_segments) in rows {
            let expected = NormalPath { bytes: bytes.as_bytes().into(), had_dot_segments };
            assert_eq!(normalize(raw), Some(expected), "{raw}");
        }
        for refused in ["", "a", "*", "/..", "/a/../..", "/%", "/%4", "/%zz", "/a%00"] {
            assert_eq!(normalize(refused), None, "{refused}");
        }
    }
}
