//! Request paths as nginx sees them: percent-decoded once, slashes merged, dot segments resolved.

use std::borrow::Cow;

/// The path that locations are matched against. None: a broken escape, a NUL, or a way above the root.
pub fn normalize(raw: &str) -> Option<Cow<'_, [u8]>> {
    if !raw.starts_with('/') {
        return None;
    }
    // Most paths are clean already.
    let is_special = |pair: &[u8]| matches!(pair, [_, b'%' | 0] | [b'/', b'/' | b'.']);
    if !raw.as_bytes().windows(2).any(is_special) {
        return Some(Cow::Borrowed(raw.as_bytes()));
    }
    clean(&decode(raw)?).map(Cow::Owned)
}

fn clean(decoded: &[u8]) -> Option<Vec<u8>> {
    let mut path = Vec::with_capacity(decoded.len());
    let mut segments = decoded.split(|&byte| byte == b'/').peekable();
    segments.next();
    path.push(b'/');
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"" | b"." => {}
            b".." => {
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
    Some(path)
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
            ("/", "/"),
            ("/sub/a", "/sub/a"),
            ("/sub//a///b", "/sub/a/b"),
            ("/sub/a/", "/sub/a/"),
            ("/sub/./a/../b", "/sub/b"),
            ("/sub/a/..", "/sub/"),
            ("/a%2Fb%20c", "/a/b c"),
            ("/a%2520b", "/a%20b"),
        ];
        for (raw, path) in rows {
            assert_eq!(normalize(raw).as_deref(), Some(path.as_bytes()), "{raw}");
        }
        for refused in ["", "a", "*", "/..", "/a/../..", "/%", "/%4", "/%zz", "/a%00"] {
            assert_eq!(normalize(refused), None, "{refused}");
        }
    }
}
