//! Bytes for sockets, shared by the queues that hold them.

use std::rc::Rc;

/// Bytes to be written to sockets, shared by all connections that have them queued.
pub type Frame = Rc<[u8]>;
