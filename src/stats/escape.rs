//! Channel names in the formats of `/api/stats`. Names are any bytes; invalid UTF-8 becomes U+FFFD,
//! because all formats are UTF-8.

use super::page::Page;

/// A string in double quotes that is valid in JSON and in YAML, on a single line by any parser's
/// definition of a line break.
pub(super) fn quoted(page: &mut Page, name: &[u8]) {
    page.text("\"");
    for character in String::from_utf8_lossy(name).chars() {
        match character {
            '"' => page.text("\\\""),
            '\\' => page.text("\\\\"),
            '\n' => page.text("\\n"),
            '\r' => page.text("\\r"),
            '\t' => page.text("\\t"),
            // Also YAML's line breaks and non-printable characters; each of them is one
            // UTF-16 code unit.
            '\0'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => page.text(&format!("\\u{:04x}", u32::from(character))),
            _ => page.text(character.encode_utf8(&mut [0; 4])),
        };
    }
    page.text("\"");
}

/// Text of an XML element. Characters that XML 1.0 does not allow become U+FFFD.
pub(super) fn xml(page: &mut Page, name: &[u8]) {
    for character in String::from_utf8_lossy(name).chars() {
        match character {
            '&' => page.text("&amp;"),
            '<' => page.text("&lt;"),
            '>' => page.text("&gt;"),
            '"' => page.text("&quot;"),
            '\'' => page.text("&apos;"),
            // As numeric references, because a parser would otherwise turn CR into LF.
            '\t' => page.text("&#9;"),
            '\n' => page.text("&#10;"),
            '\r' => page.text("&#13;"),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => page.text("\u{fffd}"),
            _ => page.text(character.encode_utf8(&mut [0; 4])),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that are difficult for at least one format.
    const NAMES: &[&str] = &[
        "",
        "plain",
        "quote\" and \\ backslash",
        "\r\n\t\0\x1f\x7f\u{85}\u{9f}\u{2028}\u{2029}\u{feff}\u{fffe}\u{ffff}",
        "grün 🦀 <b>&amp;</b> ]]>",
    ];

    fn written(escape: fn(&mut Page, &[u8]), name: &[u8]) -> String {
        let mut page = Page::with_capacity(0);
        escape(&mut page, name);
        String::from_utf8(page.into_bytes()).expect("escaped names are UTF-8")
    }

    #[test]
    fn a_json_reader_gets_the_name_back() {
        for name in NAMES {
            let json = written(quoted, name.as_bytes());
            assert_eq!(&serde_json::from_str::<String>(&json).unwrap(), name, "{json}");
        }
    }

    #[test]
    fn a_quoted_name_shows_every_control_character_by_its_escape() {
        assert_eq!(
            written(quoted, NAMES[3].as_bytes()),
            r#""\r\n\t\u0000\u001f\u007f\u0085\u009f\u2028\u2029\ufeff\ufffe\uffff""#
        );
    }

    #[test]
    fn bytes_that_are_not_utf_8_become_the_replacement_character() {
        assert_eq!(written(quoted, b"a\xff\xfeb"), "\"a\u{fffd}\u{fffd}b\"");
        assert_eq!(written(xml, b"a\xff\xfeb"), "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn xml_has_entities_for_markup_and_no_character_that_it_forbids() {
        assert_eq!(
            written(xml, "<a b='c' d=\"e\">&\r\n\t\0\x0b\x1f\u{ffff}\x7fé".as_bytes()),
            "&lt;a b=&apos;c&apos; d=&quot;e&quot;&gt;&amp;&#13;&#10;&#9;\
             \u{fffd}\u{fffd}\u{fffd}\u{fffd}\x7fé"
        );
    }
}
