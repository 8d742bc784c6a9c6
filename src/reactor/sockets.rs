//! The sockets of the connections, by connection id.

use super::socket::Socket;

/// One place per connection id; vacant while there is no such connection.
#[derive(Default)]
pub(super) struct Sockets(Vec<Option<Socket>>);

impl Sockets {
    pub(super) fn insert(&mut self, id: u32, socket: Socket) {
        let index = id as usize;
        if index >= self.0.len() {
            self.0.resize_with(index + 1, || None);
        }
        self.0[index] = Some(socket);
    }

    pub(super) fn get(&self, id: u32) -> Option<&Socket> {
        self.0.get(id as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Socket> {
        self.0.get_mut(id as usize)?.as_mut()
    }

    /// Returns the memory of vacant places above all others.
    pub(super) fn shrink(&mut self) {
        let end = self.0.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        self.0.truncate(end);
        self.0.shrink_to_fit();
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<Socket> {
        self.0.get_mut(id as usize)?.take()
    }
}
