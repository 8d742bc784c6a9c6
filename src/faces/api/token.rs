//! Where the token of a subscribe request is: in the `Authorization` field, the query or a cookie.

use super::origin::Sender;
use super::query;
use super::refusal::Fault;
use crate::auth::{Claims, Denial, Grant};
use crate::http::Head;
use crate::server::Context;

/// Verifies the token of a request for these channels, and returns what it grants.
///
/// # Errors
/// 401; counted.
pub(super) fn verify(
    context: &mut Context<'_>,
    head: &Head<'_>,
    channels: &[&str],
) -> Result<Grant, Fault> {
    let config = context.config();
    let sender = Sender::of(head, &config.allowed_origins);
    let token = of_request(head, config.tokens.cookie.as_deref(), sender);
    let token = token.inspect_err(|denial| context.count_denial(*denial))?;
    let wanted = Claims { channels, now: context.now.unix_seconds() };
    Ok(context.verify(&token, &wanted)?)
}

/// The token of a request, from the first of these that is there: `Authorization: Bearer`, the
/// query argument `token`, the cookie of this name. A browser adds a cookie to the requests of any
/// page, so it counts only for pages that are trusted with it.
///
/// # Errors
/// There is none, or one of these is repeated or malformed.
pub(super) fn of_request(
    head: &Head<'_>,
    cookie: Option<&str>,
    sender: Sender,
) -> Result<String, Denial> {
    if let Some(token) = bearer(head)? {
        return Ok(token);
    }
    match query::argument(head.query, "token") {
        Ok(Some(token)) => return Ok(token),
        Ok(None) => {}
        Err(query::Repeated) => return Err(Denial::Malformed),
    }
    match cookie {
        Some(name) if sender.may_use_cookie() => {
            of_cookie(head, name)?.map(str::to_owned).ok_or(Denial::Missing)
        }
        Some(_) | None => Err(Denial::Missing),
    }
}

fn bearer(head: &Head<'_>) -> Result<Option<String>, Denial> {
    let mut values = head.values("authorization");
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else { return Ok(None) };
    if second.is_some() {
        return Err(Denial::Malformed);
    }
    // Another scheme is for another program, such as a proxy.
    let Some((scheme, token)) = value.split_at_checked("Bearer ".len()) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return Ok(None);
    }
    let token = std::str::from_utf8(token.trim_ascii()).map_err(|_| Denial::Malformed)?;
    Ok(Some(token.to_owned()))
}

/// The value of a cookie (RFC 6265, section 4.2.1).
fn of_cookie<'a>(head: &Head<'a>, name: &str) -> Result<Option<&'a str>, Denial> {
    let fields = head.values("cookie");
    let pairs = fields.flat_map(|field| field.split(|&byte| byte == b';'));
    let mut values = pairs.filter_map(|pair| {
        let at = pair.iter().position(|&byte| byte == b'=')?;
        (pair[..at].trim_ascii() == name.as_bytes()).then(|| pair[at + 1..].trim_ascii())
    });
    match (values.next(), values.next()) {
        // Another host of the domain may have set one of them.
        (_, Some(_)) => Err(Denial::Malformed),
        (Some(value), None) => std::str::from_utf8(value).map(Some).map_err(|_| Denial::Malformed),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeadLimits, HeadStorage, parse_head};

    fn token(target: &str, fields: &str, sender: Sender) -> Result<String, Denial> {
        let limits = HeadLimits { head_bytes_max: 999, target_bytes_max: 99, header_count_max: 9 };
        let text = format!("GET {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
        let mut storage = HeadStorage::default();
        let head = parse_head(text.as_bytes(), &mut 0, &limits, &mut storage);
        let (head, _) = head.unwrap().unwrap();
        of_request(&head, Some("push"), sender)
    }

    #[test]
    fn the_first_place_that_has_a_token_counts() {
        let all = "Authorization: bearer a.b.c\r\nCookie: x=1; push=g.h.i\r\n";
        let of = |target, fields| token(target, fields, Sender::Own);
        assert_eq!(of("/?token=d.e.f", all).unwrap(), "a.b.c");
        assert_eq!(of("/?token=d.e.f", "Cookie: push=g.h.i\r\n").unwrap(), "d.e.f");
        assert_eq!(of("/", "Cookie: x=1; push=g.h.i\r\n").unwrap(), "g.h.i");
        assert_eq!(of("/", "Authorization: Basic eA==\r\nCookie: push=g\r\n").unwrap(), "g");
        assert_eq!(of("/", "Cookie: pushed=g\r\n"), Err(Denial::Missing));
        assert_eq!(of("/", ""), Err(Denial::Missing));
    }

    #[test]
    fn what_is_repeated_is_refused() {
        let of = |target, fields| token(target, fields, Sender::Own);
        for (target, fields) in [
            ("/", "Authorization: Bearer a\r\nAuthorization: Bearer a\r\n"),
            ("/?token=a&token=a", ""),
            ("/", "Cookie: push=a; push=b\r\n"),
            ("/", "Cookie: push=a\r\nCookie: push=b\r\n"),
            ("/", "Authorization: Bearer \u{e4}\u{ff}\r\nAuthorization: x\r\n"),
        ] {
            assert_eq!(of(target, fields), Err(Denial::Malformed), "{target} {fields}");
        }
    }

    #[test]
    fn the_cookie_does_not_count_for_pages_that_are_not_trusted_with_it() {
        let of = |sender| token("/", "Cookie: push=a\r\n", sender);
        assert_eq!(of(Sender::Listed).unwrap(), "a");
        assert_eq!(of(Sender::Unnamed).unwrap(), "a");
        assert_eq!(of(Sender::Any), Err(Denial::Missing));
        assert_eq!(of(Sender::Foreign), Err(Denial::Missing));
    }
}
