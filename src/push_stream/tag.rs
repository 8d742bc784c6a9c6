//! Parses the tag of the last message that a subscriber has received (push-stream spec, section
//! 9.1, G).

/// The number in `3` or `W/3`: the value of `If-None-Match`, or of the directive that replaces it.
/// `None` for anything else: quotes, signs, spaces, an empty value, or more than 32 bits.
pub fn parse(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"W/").unwrap_or(text);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_tag_with_and_without_the_weak_mark() {
        assert_eq!(parse(b"3"), Some(3));
        assert_eq!(parse(b"W/3"), Some(3));
        assert_eq!(parse(b"0"), Some(0));
        assert_eq!(parse(b"W/007"), Some(7));
        assert_eq!(parse(b"4294967295"), Some(u32::MAX));
    }

    #[test]
    fn anything_else_is_no_tag() {
        let refused: [&[u8]; 13] = [
            b"",
            b"W/",
            b"\"3\"",
            b"W/\"3\"",
            b"-3",
            b"+3",
            b"w/3",
            b"W/W/3",
            b" 3",
            b"3 ",
            b"3a",
            b"*",
            b"4294967296",
        ];
        for text in refused {
            assert_eq!(parse(text), None, "{}", String::from_utf8_lossy(text));
        }
    }
}
