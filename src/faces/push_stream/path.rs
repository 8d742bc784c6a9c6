//! Request paths as nginx sees them: percent-decoded once, slashes merged, dot segments resolved.

use std::borrow::Cow;

/// The path that locations are matched against.
#[derive(Debug, PartialEq, Eq)]
pub struct NormalPath<'a> {
    /// Decoded and cleaned.
    pub bytes: Cow<'a, [u8]>,
    /// `.` or `..` were resolved, plain or encoded. A proxy may have compared the path with its
    /// rules before that, so no location answers such a request. Clients resolve them before they
    /// ask (RFC 3986, 5.2.4).
    pub had_dot_segments: bool,
}

/// Cleans a path. None: a broken escape, a NUL, or a way above the root.
pub fn normalize(raw: &str) -> Option<NormalPath<'_>> {
    if !raw.starts_with('/') {
        return None;
    }
    // Most paths are clean already.
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
