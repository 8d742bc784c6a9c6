//! Checks the syntax of `allowed_origins` (RFC 6454, section 6.2).

/// Checks one origin: `*`, or `scheme://host[:port]` and nothing more, in lower case as browsers
/// send it.
///
/// # Errors
/// The reason why the text is refused.
pub(super) fn check(origin: &str) -> Result<(), String> {
    if origin == "*" || is_origin(origin) {
        return Ok(());
    }
    Err(format!(
        "\"{origin}\" is not an origin; write https://example.org, with :port if needed, or *"
    ))
}

fn is_origin(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte)
        });
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = port.is_none_or(|port| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
    });
    is_scheme && is_host(host) && is_port
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let is_letter = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte)
            };
            !host.is_empty() && host.bytes().all(is_letter)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn origins_have_a_scheme_and_a_host_and_nothing_behind() {
        for good in [
            "*",
            "https://example.org",
            "http://localhost:8080",
            "https://[::1]:1",
            "https://[::1]",
            "chrome-extension://abc",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "example.org",
            "https://",
            "https://example.org/",
            "https://Example.org",
            "https://a:b",
            "https://a:",
            "https://a:70000",
            "https://a:+1",
            "https://*.example.org",
            "https://a b",
            "://a",
            "null",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
