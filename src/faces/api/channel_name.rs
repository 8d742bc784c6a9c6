//! Syntax of channel names in the API (rpushd spec, section 3).

/// Whether the API accepts this channel name: 1 to 191 characters of `A-Z a-z 0-9 : - _ .`
pub fn is_channel_name(name: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b":-_.".contains(byte);
    (1..=191).contains(&name.len()) && name.iter().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

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
