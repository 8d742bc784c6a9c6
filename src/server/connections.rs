//! All connections, by id.

use super::connection::{Connection, ConnectionId};
use slab::Slab;
use std::ops::{Index, IndexMut};

/// A slab of connections. An id is assigned again only after [`Connections::remove`].
#[derive(Default)]
pub(super) struct Connections(Slab<Connection>);

impl Connections {
    pub(super) fn insert(&mut self, connection: Connection) -> ConnectionId {
        ConnectionId::of_index(self.0.insert(connection))
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Connection {
        self.0.remove(id.index())
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.0.get(id.index())
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.0.get_mut(id.index())
    }

    pub(super) fn contains(&self, id: ConnectionId) -> bool {
        self.0.contains(id.index())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        self.0.iter().map(|(index, connection)| (ConnectionId::of_index(index), connection))
    }

    /// A copy of the ids of all connections, for loops that change connections.
    pub(super) fn ids(&self) -> Vec<ConnectionId> {
        self.iter().map(|(id, _)| id).collect()
    }

    /// Upper bound of the indices of all connections, exclusive.
    pub(super) fn index_end(&self) -> usize {
        self.0.capacity()
    }
}

impl Index<ConnectionId> for Connections {
    type Output = Connection;

    fn index(&self, id: ConnectionId) -> &Connection {
        &self.0[id.index()]
    }
}

impl IndexMut<ConnectionId> for Connections {
    fn index_mut(&mut self, id: ConnectionId) -> &mut Connection {
        &mut self.0[id.index()]
    }
}
