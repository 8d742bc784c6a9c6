//! All connections, by id, with the addresses of their clients.

use super::clients::{Addresses, Client, Source};
use super::connection::{Connection, ConnectionId};
use crate::config::ListenerId;
use crate::time::Now;
use slab::Slab;
use std::net::IpAddr;
use std::ops::{Index, IndexMut};

/// Memory of a connection outside the slab: its timer, and its socket in the reactor.
const OUTSIDE_BYTES: usize = 48;

/// A slab of connections. An id is assigned again only after [`Connections::remove`].
#[derive(Default)]
pub(super) struct Connections {
    slab: Slab<Connection>,
    addresses: Addresses,
    /// Connections in a phase that receives messages.
    pub(super) subscriber_count: usize,
}

impl Connections {
    pub(super) fn insert(
        &mut self,
        listener: ListenerId,
        peer: Option<IpAddr>,
        source: Source,
        now: Now,
    ) -> ConnectionId {
        let client = self.addresses.keep(peer, source);
        ConnectionId::of_index(self.slab.insert(Connection::new(listener, client, now)))
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Connection {
        let connection = self.slab.remove(id.index());
        self.addresses.release(connection.client);
        connection
    }

    /// Returns the memory of vacant places above all others.
    pub(super) fn shrink(&mut self) {
        self.slab.shrink_to_fit();
        self.addresses.shrink();
    }

    /// The address that the connection's latest request came from, behind trusted proxies. `None`:
    /// the peer has no address (a Unix socket), or is a proxy that named clients before but none in
    /// this request.
    pub(super) fn client_address(&self, id: ConnectionId) -> Option<IpAddr> {
        self.address_of(self[id].client)
    }

    /// The address of a client of one of these connections.
    pub(super) fn address_of(&self, client: Client) -> Option<IpAddr> {
        self.addresses.of(client)
    }

    /// Replaces the address of the client.
    pub(super) fn set_client(&mut self, id: ConnectionId, address: Option<IpAddr>, source: Source) {
        let client = &mut self.slab[id.index()].client;
        self.addresses.release(*client);
        *client = self.addresses.keep(address, source);
    }

    /// Number of addresses kept outside the connections; for tests.
    pub(super) fn address_count(&self) -> usize {
        self.addresses.len()
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.slab.get(id.index())
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.slab.get_mut(id.index())
    }

    pub(super) fn contains(&self, id: ConnectionId) -> bool {
        self.slab.contains(id.index())
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    /// Memory of all connections with their timers and sockets, without their buffers and queues.
    pub(super) fn bytes(&self) -> usize {
        self.slab.capacity() * (size_of::<Connection>() + OUTSIDE_BYTES)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        self.slab.iter().map(|(index, connection)| (ConnectionId::of_index(index), connection))
    }

    /// A copy of the ids of all connections, for loops that change connections.
    pub(super) fn ids(&self) -> Vec<ConnectionId> {
        self.iter().map(|(id, _)| id).collect()
    }

    /// Upper bound of the indices of all connections, exclusive.
    pub(super) fn index_end(&self) -> usize {
        self.slab.capacity()
    }
}

impl Index<ConnectionId> for Connections {
    type Output = Connection;

    fn index(&self, id: ConnectionId) -> &Connection {
        &self.slab[id.index()]
    }
}

impl IndexMut<ConnectionId> for Connections {
    fn index_mut(&mut self, id: ConnectionId) -> &mut Connection {
        &mut self.slab[id.index()]
    }
}
