//! `X-Forwarded-For`: the clients of proxies. Each proxy appends the address of its own client, so
//! the list is trusted from its end, as far as trusted proxies wrote it.

use std::net::IpAddr;

/// The last address in the fields that is not a trusted proxy; the first one if all are. `None`:
/// there is no entry, or the last one is not a valid address.
pub fn forwarded_for<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut client = None;
    let values: Vec<&[u8]> = values.collect();
    for entry in values.iter().rev().flat_map(|value| value.rsplit(|&byte| byte == b',')) {
        // No trusted proxy writes an invalid entry, so the entries before it may be forged.
        let Some(address) = address(entry.trim_ascii()) else { break };
        client = Some(address);
        if !is_trusted(address) {
            break;
        }
    }
    client
}

/// Parses `192.0.2.1`, `2001:db8::1`, and with a port `192.0.2.1:80`, `[2001:db8::1]:80`. An
/// IPv4-mapped IPv6 address becomes an IPv4 address.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    let host = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None if text.matches(':').count() == 1 => text.split(':').next()?,
        None => text,
    };
    host.parse().ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(values: &[&str]) -> Option<String> {
        let is_trusted = |address: IpAddr| address.is_loopback();
        let values = values.iter().map(|value| value.as_bytes());
        forwarded_for(values, is_trusted).map(|address| address.to_string())
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_clients() {
        for (values, expected) in [
            (&[][..], None),
            (&["192.0.2.1"], Some("192.0.2.1")),
            (&["203.0.113.9, 192.0.2.1"], Some("192.0.2.1")),
            (&["203.0.113.9, 192.0.2.1, 127.0.0.1,::1"], Some("192.0.2.1")),
            (&["203.0.113.9", "192.0.2.1"], Some("192.0.2.1")),
            (&["127.0.0.2, 127.0.0.1"], Some("127.0.0.2")),
            (&["192.0.2.1:4711"], Some("192.0.2.1")),
            (&["[2001:db8::1]:4711"], Some("2001:db8::1")),
            (&["2001:db8::1"], Some("2001:db8::1")),
            (&["::ffff:192.0.2.1"], Some("192.0.2.1")),
            (&["192.0.2.1, unknown"], None),
            (&["192.0.2.1, \x1b[2J"], None),
            (&["forged, 127.0.0.1"], Some("127.0.0.1")),
            (&[""], None),
        ] {
            assert_eq!(client(values).as_deref(), expected, "{values:?}");
        }
    }
}
