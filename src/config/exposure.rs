//! Warnings about exposure to other networks: plain HTTP on a public address, and locations there
//! that allow to publish or to list channels without a secret.

use super::location::{Location, Role};
use super::{Config, ListenAddress, Listener};
use std::net::IpAddr;

pub(super) fn warnings(config: &Config) -> Vec<String> {
    let exposed = config.listeners.iter().filter(|listener| listener.address.is_exposed());
    exposed.flat_map(|listener| of_listener(config, listener)).collect()
}

fn of_listener(config: &Config, listener: &Listener) -> Vec<String> {
    let address = listener.address.show();
    let mut warnings = vec![format!(
        "{address} can be reached from other networks, and the daemon speaks plain HTTP: listen on \
         127.0.0.1 or a private address, behind a proxy that speaks TLS (rpushd.service lets in \
         private networks only: IPAddressAllow=)"
    )];
    let servers = config.servers_on(listener);
    let locations = servers.iter().flat_map(|server| &config.servers[*server].locations);
    let open = locations.filter(|location| !location.requires_secret);
    let answered = open.filter(|location| !location.is_internal || listener.is_internal);
    warnings.extend(answered.filter_map(|location| {
        Some(format!(
            "{}: location \"{}\": every client that can connect to {address} can {} without a \
             secret: set require_secret = true, or internal = true and an internal_listen on a \
             private address",
            location.origin,
            location.path,
            open_to_all(location)?,
        ))
    }));
    warnings
}

/// What the location allows every client to do that is meant for the operator's own programs only.
fn open_to_all(location: &Location) -> Option<&'static str> {
    match location.role {
        Role::Publisher { is_admin: true } => Some("publish, and delete channels,"),
        Role::Publisher { is_admin: false } => Some("publish"),
        Role::Statistics => Some("list the channels"),
        Role::Subscriber(_) => None,
    }
}

impl ListenAddress {
    /// Whether other networks can reach the address: it is not loopback, private (RFC 1918,
    /// RFC 4193, RFC 6598) or link-local. False for sockets passed by systemd, whose address is
    /// unknown here.
    fn is_exposed(&self) -> bool {
        let ListenAddress::Tcp(address) = self else { return false };
        match address.ip().to_canonical() {
            IpAddr::V4(ip) => {
                let is_shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
                !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || is_shared)
            }
            IpAddr::V6(ip) => {
                !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_exposed_unless_they_are_private() {
        let is_exposed = |text: &str| ListenAddress::parse(text, 0).unwrap().is_exposed();
        for address in
            ["0.0.0.0:1", "[::]:1", "203.0.113.1:1", "[2001:db8::1]:1", "[::ffff:203.0.113.1]:1"]
        {
            assert!(is_exposed(address), "{address}");
        }
        for address in [
            "127.0.0.2:1",
            "[::1]:1",
            "10.0.0.1:1",
            "192.168.1.1:1",
            "100.64.0.1:1",
            "169.254.0.1:1",
            "[fd00::1]:1",
            "[fe80::1]:1",
            "[::ffff:127.0.0.1]:1",
            "unix:/run/x",
            "systemd",
        ] {
            assert!(!is_exposed(address), "{address}");
        }
    }
}
