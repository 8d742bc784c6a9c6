//! Reads from a response why the daemon refused a secret or token (RFC 6750, section 3).

/// The `error_description` of the challenge, without control characters, as it is shown on a
/// terminal.
pub fn reason(fields: &[httparse::Header<'_>]) -> Option<String> {
    let is_challenge =
        |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case("www-authenticate");
    let value = String::from_utf8_lossy(fields.iter().find(is_challenge)?.value);
    let (_, rest) = value.split_once("error_description=\"")?;
    let (text, _) = rest.split_once('"')?;
    Some(text.chars().filter(|letter| !letter.is_control()).collect())
}

#[cfg(test)]
mod tests {

    #[test]
    fn the_reason_of_a_refusal_is_taken_from_the_challenge() {
        let reason = |value: &str| {
            let value = value.as_bytes();
            super::reason(&[httparse::Header { name: "WWW-Authenticate", value }])
        };
        assert_eq!(
            reason("Bearer error=\"e\", error_description=\"too\tlate\""),
            Some("toolate".to_owned())
        );
        assert_eq!(reason("Bearer realm=\"rpushd\""), None);
        assert_eq!(super::reason(&[]), None);
    }
}
