//! Whose connection it is: the address of its socket, or the one that a trusted proxy names in the request
//! in hand.

use super::Server;
use crate::http::{Head, forwarded_for};
use slab::Slab;
use std::fmt;
use std::net::IpAddr;

/// A client's address as each connection keeps it: five bytes, so that an idle one costs no more than
/// without. IPv6 addresses are kept in [`Addresses`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Client {
    kind: Kind,
    bytes: [u8; 4],
}

/// What the bytes are, and whether the socket's other end is a trusted proxy: one byte for both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// A Unix socket has no address.
    #[default]
    Unknown,
    V4,
    V6,
    UnknownByProxy,
    V4ByProxy,
    V6ByProxy,
}

impl Kind {
    fn is_by_proxy(self) -> bool {
        match self {
            Kind::Unknown | Kind::V4 | Kind::V6 => false,
            Kind::UnknownByProxy | Kind::V4ByProxy | Kind::V6ByProxy => true,
        }
    }
}

/// The IPv6 addresses of clients that are connected, 16 bytes and a link each.
#[derive(Default)]
pub(super) struct Addresses(Slab<[u8; 16]>);

impl Addresses {
    /// Keeps an address until [`Addresses::release`].
    pub(super) fn keep(&mut self, address: Option<IpAddr>, is_by_proxy: bool) -> Client {
        let (kinds, bytes) = match address.map(|address| address.to_canonical()) {
            None => ([Kind::Unknown, Kind::UnknownByProxy], [0; 4]),
            Some(IpAddr::V4(address)) => ([Kind::V4, Kind::V4ByProxy], address.octets()),
            Some(IpAddr::V6(address)) => {
                let key = self.0.insert(address.octets());
                let key = u32::try_from(key).expect("connections_max is below 2^32");
                ([Kind::V6, Kind::V6ByProxy], key.to_ne_bytes())
            }
        };
        Client { kind: kinds[usize::from(is_by_proxy)], bytes }
    }

    pub(super) fn release(&mut self, client: Client) {
        if let Kind::V6 | Kind::V6ByProxy = client.kind {
            self.0.remove(u32::from_ne_bytes(client.bytes) as usize);
        }
    }

    pub(super) fn of(&self, client: Client) -> Option<IpAddr> {
        match client.kind {
            Kind::Unknown | Kind::UnknownByProxy => None,
            Kind::V4 | Kind::V4ByProxy => Some(IpAddr::from(client.bytes)),
            Kind::V6 | Kind::V6ByProxy => {
                Some(IpAddr::from(self.0[u32::from_ne_bytes(client.bytes) as usize]))
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Client {
    pub(super) fn is_long(self) -> bool {
        matches!(self.kind, Kind::V6 | Kind::V6ByProxy)
    }
}

impl Server {
    /// Where the connection's latest request came from, trusted proxies left out. None: from a Unix socket
    /// or a proxy, and nobody named the client.
    pub(super) fn client_address(&self, id: u32) -> Option<IpAddr> {
        self.addresses.of(self.connections[id as usize].client)
    }

    /// A trusted proxy's connection carries requests of many clients: this one is of the client that its
    /// head names. Until one is named, the client is the other end of the socket.
    pub(super) fn note_client(&mut self, id: u32, head: &Head<'_>) {
        let connection = &mut self.connections[id as usize];
        if !connection.client.kind.is_by_proxy() {
            return;
        }
        let trusted = &self.config.trusted_proxies;
        let is_trusted = |address| trusted.contains(Some(address));
        let named = forwarded_for(head.values("x-forwarded-for"), is_trusted);
        // The requests of other clients that came before on this connection say nothing of this one.
        if named.is_some() || connection.requests > 1 {
            self.addresses.release(connection.client);
            connection.client = self.addresses.keep(named, true);
        }
    }
}

/// An address in a log line.
pub(super) struct Shown(pub(super) Option<IpAddr>);

impl fmt::Display for Shown {
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
            .map(|address| (address, addresses.keep(address, false)));
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
        let client = addresses.keep(Some("::ffff:192.0.2.1".parse().unwrap()), true);
        assert_eq!(addresses.of(client).unwrap().to_string(), "192.0.2.1");
        assert!(client.kind.is_by_proxy() && !client.is_long());
    }
}
