//! The address of a connection's client: that of the peer or, where the peer is a trusted proxy,
//! the one in `X-Forwarded-For` of the latest request.

use slab::Slab;
use std::fmt;
use std::net::IpAddr;

/// A client's address as each connection stores it: five bytes, so that it does not make an idle
/// connection larger. IPv6 addresses are in [`Addresses`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Client {
    kind: Kind,
    bytes: [u8; 4],
}

/// The kind of address and its [`Source`], in one byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// A Unix socket has no address.
    #[default]
    Unknown,
    V4,
    V6,
    UnknownTrusted,
    V4Trusted,
    V6Trusted,
    /// A proxy that named clients before has sent a request without a client's address.
    Unnamed,
    V4Named,
    V6Named,
}

/// Where the address of a client comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The other end of the socket, which is not a trusted proxy.
    Peer,
    /// The other end of the socket, which is a trusted proxy that has named no client so far.
    TrustedPeer,
    /// A trusted proxy, which has named this client or an earlier one.
    Named,
}

/// The IPv6 addresses of connected clients. Each takes 16 bytes and a link.
#[derive(Default)]
pub(super) struct Addresses(Slab<[u8; 16]>);

impl Addresses {
    /// Stores an address until [`Addresses::release`].
    pub(super) fn keep(&mut self, address: Option<IpAddr>, source: Source) -> Client {
        let (kinds, bytes) = match address.map(|address| address.to_canonical()) {
            None => ([Kind::Unknown, Kind::UnknownTrusted, Kind::Unnamed], [0; 4]),
            Some(IpAddr::V4(address)) => {
                ([Kind::V4, Kind::V4Trusted, Kind::V4Named], address.octets())
            }
            Some(IpAddr::V6(address)) => {
                let key = self.0.insert(address.octets());
                let key = u32::try_from(key).expect("connections_max is below 2^32");
                ([Kind::V6, Kind::V6Trusted, Kind::V6Named], key.to_ne_bytes())
            }
        };
        let [of_peer, of_trusted_peer, named] = kinds;
        let kind = match source {
            Source::Peer => of_peer,
            Source::TrustedPeer => of_trusted_peer,
            Source::Named => named,
        };
        Client { kind, bytes }
    }

    pub(super) fn release(&mut self, client: Client) {
        if client.is_ipv6() {
            self.0.remove(u32::from_ne_bytes(client.bytes) as usize);
        }
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    pub(super) fn of(&self, client: Client) -> Option<IpAddr> {
        match client.kind {
            Kind::Unknown | Kind::UnknownTrusted | Kind::Unnamed => None,
            Kind::V4 | Kind::V4Trusted | Kind::V4Named => Some(IpAddr::from(client.bytes)),
            Kind::V6 | Kind::V6Trusted | Kind::V6Named => {
                Some(IpAddr::from(self.0[u32::from_ne_bytes(client.bytes) as usize]))
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Client {
    /// Where the address comes from.
    pub(super) fn source(self) -> Source {
        match self.kind {
            Kind::Unknown | Kind::V4 | Kind::V6 => Source::Peer,
            Kind::UnknownTrusted | Kind::V4Trusted | Kind::V6Trusted => Source::TrustedPeer,
            Kind::Unnamed | Kind::V4Named | Kind::V6Named => Source::Named,
        }
    }

    pub(super) fn is_ipv6(self) -> bool {
        matches!(self.kind, Kind::V6 | Kind::V6Trusted | Kind::V6Named)
    }
}

/// An address in a log line.
pub(super) struct LogAddress(pub(super) Option<IpAddr>);

impl fmt::Display for LogAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(formatter),
            None => formatter.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_they_were_and_leave_nothing_behind() {
        let mut addresses = Addresses::default();
        let kept = [None, Some("192.0.2.1"), Some("2001:db8::1"), Some("2001:db8::1")]
            .map(|text| text.map(|text| text.parse().unwrap()))
            .map(|address| (address, addresses.keep(address, Source::Peer)));
        for (address, client) in kept {
            assert_eq!(addresses.of(client), address);
        }
        assert_eq!(addresses.len(), 2);
        kept.into_iter().for_each(|(_, client)| addresses.release(client));
        assert_eq!(addresses.len(), 0);
    }

    #[test]
    fn an_ipv4_address_is_the_same_in_the_form_of_ipv6() {
        let mut addresses = Addresses::default();
        let client = addresses.keep(Some("::ffff:192.0.2.1".parse().unwrap()), Source::Named);
        assert_eq!(addresses.of(client).unwrap().to_string(), "192.0.2.1");
        assert!(!client.is_ipv6());
    }
}
