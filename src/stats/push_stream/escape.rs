//! Ids and hostnames in the four layouts. The module writes them unchanged and clients may rely on
//! the bytes, so only what would break a layout is escaped (push-stream spec, section 27). JSON,
//! YAML and XML are UTF-8: invalid bytes become U+FFFD there, and stay in plain text.

use super::super::page::Page;
use std::borrow::Cow;

/// The content of a JSON string: quotation marks, backslashes and control characters are escaped.
pub(super) fn json(page: &mut Page, id: &[u8]) {
    let id = &*utf_8(id);
    replace(page, id, |at| match id[at] {
        b'"' => Some("\\\""),
        b'\\' => Some("\\\\"),
        byte => control_escape(byte),
    });
}

/// Text on a line of the plain layout: CR and LF become `\r` and `\n`.
pub(super) fn plain(page: &mut Page, id: &[u8]) {
    replace(page, id, |at| match id[at] {
        b'\r' => Some("\\r"),
        b'\n' => Some("\\n"),
        _ => None,
    });
}

/// A YAML scalar: unchanged, or quoted if YAML would not parse it as one scalar.
pub(super) fn yaml(page: &mut Page, id: &[u8]) {
    if is_plain_scalar(id) {
        page.raw(&utf_8(id));
    } else {
        page.text("\"");
        json(page, id);
        page.text("\"");
    }
}

/// Text of an XML element. Control characters that XML 1.0 does not allow become U+FFFD.
pub(super) fn xml(page: &mut Page, id: &[u8]) {
    let id = &*utf_8(id);
    replace(page, id, |at| match id[at] {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        // XML forbids `>` only after `]]`.
        b'>' if id[..at].ends_with(b"]]") => Some("&gt;"),
        b'\r' => Some("&#13;"),
        b'\n' => Some("&#10;"),
        b'\t' => None,
        0..0x20 => Some("\u{fffd}"),
        _ => None,
    });
}

fn utf_8(id: &[u8]) -> Cow<'_, [u8]> {
    match String::from_utf8_lossy(id) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Writes the bytes, with those replaced for which there is a replacement.
fn replace(page: &mut Page, id: &[u8], replacement: impl Fn(usize) -> Option<&'static str>) {
    let mut copied = 0;
    for at in 0..id.len() {
        if let Some(text) = replacement(at) {
            page.raw(&id[copied..at]).text(text);
            copied = at + 1;
        }
    }
    page.raw(&id[copied..]);
}

/// Whether YAML parses the bytes without quotes as one scalar (YAML 1.2, section 7.3.3). The empty
/// id is parsed as null, which is harmless.
fn is_plain_scalar(id: &[u8]) -> bool {
    let Some((&first, rest)) = id.split_first() else { return true };
    let starts_well = match first {
        b' ' | b'\t' => false,
        b'-' | b'?' | b':' => !matches!(rest.first(), None | Some(b' ' | b'\t')),
        _ => !b",[]{}#&*!|>'\"%@`".contains(&first),
    };
    let is_comment_or_key =
        |pair: &[u8]| matches!(pair, [b':', b' ' | b'\t'] | [b' ' | b'\t', b'#']);
    starts_well
        && !id.ends_with(b":")
        && !id.ends_with(b" ")
        && !id.windows(2).any(is_comment_or_key)
        && !id.iter().any(|&byte| control_escape(byte).is_some())
}

/// The JSON escape of a control character.
fn control_escape(byte: u8) -> Option<&'static str> {
    const ESCAPES: [&str; 32] = [
        "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007",
        "\\b", "\\t", "\\n", "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f", "\\u0010", "\\u0011",
        "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019",
        "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
    ];
    ESCAPES.get(usize::from(byte)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESCAPES: [fn(&mut Page, &[u8]); 4] = [json, plain, yaml, xml];

    fn written(escape: fn(&mut Page, &[u8]), id: &[u8]) -> Vec<u8> {
        let mut page = Page::with_capacity(0);
        escape(&mut page, id);
        page.into_bytes()
    }

    #[test]
    fn harmless_ids_stay_as_they_are() {
        for id in [&b""[..], b"c1", b"a:b-c_d.e/f", b"two words, a#1", b"a>b 'c'", "é🦀".as_bytes()]
        {
            assert_eq!(ESCAPES.map(|escape| written(escape, id)), [id; 4]);
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_become_a_replacement_character_but_in_plain_text() {
        let [json, plain, yaml, xml] = ESCAPES.map(|escape| written(escape, b"\xff\xc3("));
        assert_eq!(plain, b"\xff\xc3(");
        assert_eq!([json, yaml, xml], ["\u{fffd}\u{fffd}(".as_bytes(); 3]);
    }

    #[test]
    fn what_would_break_a_layout_is_escaped_in_that_layout() {
        let rows: [(&[u8], [&str; 4]); 8] = [
            (b"a\"b", [r#"a\"b"#, "a\"b", "a\"b", "a\"b"]),
            (b"a\\b", [r"a\\b", r"a\b", r"a\b", r"a\b"]),
            (b"a\r\nb", [r"a\r\nb", r"a\r\nb", r#""a\r\nb""#, "a&#13;&#10;b"]),
            (b"\0\x1f", [r"\u0000\u001f", "\0\x1f", r#""\u0000\u001f""#, "\u{fffd}\u{fffd}"]),
            (b"<&>", ["<&>", "<&>", "<&>", "&lt;&amp;>"]),
            (b"x]]>", ["x]]>", "x]]>", "x]]>", "x]]&gt;"]),
            (b"a: b", ["a: b", "a: b", r#""a: b""#, "a: b"]),
            (b"\"", [r#"\""#, "\"", r#""\"""#, "\""]),
        ];
        for (id, expected) in rows {
            let found = ESCAPES.map(|escape| String::from_utf8(written(escape, id)).unwrap());
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn every_control_character_survives_json() {
        let controls: Vec<u8> = (0..0x20).collect();
        let quoted = [&b"\""[..], &written(json, &controls), b"\""].concat();
        assert_eq!(serde_json::from_slice::<String>(&quoted).unwrap().into_bytes(), controls);
    }

    #[test]
    fn yaml_quotes_what_it_would_not_read_as_a_scalar() {
        for id in
            ["- a", "-", "?", ": a", "a:", "a #b", " a", "a ", "[a", "#a", "&a", "'a", "@a", "a\tb"]
        {
            assert_eq!(written(yaml, id.as_bytes())[0], b'"', "{id}");
        }
        for id in ["-a", "?a", ":a", "a:b", "a#b", "a[", "a'b", "a b"] {
            assert_eq!(written(yaml, id.as_bytes()), id.as_bytes());
        }
    }
}
