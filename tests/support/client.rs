//! The client's end of a simulated connection.

use super::World;
use super::reactor::{Socket, Turns};
use rpushd::server::ConnectionId;
use std::cell::{RefCell, RefMut};
use std::io::IoSlice;
use std::rc::Rc;

/// A connected client.
pub struct Client {
    world: Rc<RefCell<World>>,
    number: usize,
}

impl Client {
    pub(super) fn new(world: Rc<RefCell<World>>, number: usize) -> Client {
        Client { world, number }
    }

    /// The id of the connection, which is open.
    pub fn id(&self) -> ConnectionId {
        self.world.borrow().reactor.sockets[self.number].id().expect("the connection is open")
    }

    /// Sends bytes and runs the daemon until it has nothing more to do.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        self.post(bytes);
        self.world.borrow_mut().run();
    }

    /// Sends bytes that arrive in the next turn, together with those that other clients have sent.
    pub fn post(&self, bytes: impl AsRef<[u8]>) {
        self.world.borrow_mut().reactor.send(self.number, bytes.as_ref());
    }

    /// Reads everything that the server has written so far.
    pub fn read(&self) -> Vec<u8> {
        std::mem::take(&mut self.socket().to_client)
    }

    /// Reads everything that the server has written so far, as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.read()).expect("the server writes UTF-8 here")
    }

    /// Sends bytes and reads what the server writes in reply.
    pub fn ask(&self, bytes: impl AsRef<[u8]>) -> String {
        self.send(bytes);
        self.text()
    }

    /// Closes the client's sending side.
    pub fn end(&self) {
        self.world.borrow_mut().reactor.end(self.number);
        self.world.borrow_mut().run();
    }

    /// Breaks the connection without notice: the server finds out when it reads or writes.
    pub fn abort(&self) {
        self.world.borrow_mut().reactor.break_off(self.number);
        self.world.borrow_mut().run();
    }

    /// From now on, the kernel accepts only `room` more bytes from the server.
    pub fn take_only(&self, room: usize) {
        self.world.borrow_mut().reactor.set_room(self.number, room);
    }

    /// Lets the kernel accept `room` more bytes, and report it.
    pub fn take_more(&self, room: usize) {
        let mut world = self.world.borrow_mut();
        let room = world.reactor.sockets[self.number].room.saturating_add(room);
        world.reactor.set_room(self.number, room);
        world.run();
    }

    /// Memory addresses of the frames that are queued for the client.
    pub fn unsent_places(&self) -> Vec<*const u8> {
        let world = self.world.borrow();
        let mut slices = [IoSlice::new(&[]); 256];
        let id = world.reactor.sockets[self.number].id().expect("it is connected");
        let count = world.reactor.server.unsent(id, &mut slices);
        slices[..count].iter().map(|slice| slice.as_ptr()).collect()
    }

    /// Whether the client sees the end of the connection after it has read everything.
    pub fn is_ended(&self) -> bool {
        let socket = self.socket();
        socket.is_shut || socket.is_closed()
    }

    /// Whether the server has closed the socket, which releases its file descriptor.
    pub fn is_closed(&self) -> bool {
        self.socket().is_closed()
    }

    /// Whether the connection ended with a reset: the bytes read may be incomplete.
    pub fn is_reset(&self) -> bool {
        self.socket().is_reset
    }

    /// Whether the server has read everything that was sent.
    pub fn is_read(&self) -> bool {
        self.socket().to_server.is_empty()
    }

    fn socket(&self) -> RefMut<'_, Socket> {
        RefMut::map(self.world.borrow_mut(), |world| &mut world.reactor.sockets[self.number])
    }
}
