//! Method, path and start of each request in progress, kept until its line is written: with the
//! access log to the end of a stream, otherwise to the answer. Without the access log and the level
//! debug nothing is kept.

use super::connection::ConnectionId;
use crate::time::Moment;
use std::collections::HashMap;

/// Requests in progress that have a line to come, by connection.
#[derive(Default)]
pub(super) struct OpenRequests(HashMap<ConnectionId, Entry>);

/// A request in progress.
pub(super) struct Entry {
    /// Method and path. The query may hold secrets and is left out.
    pub(super) what: Box<str>,
    pub(super) began: Moment,
    pub(super) is_stream: bool,
}

impl OpenRequests {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Entry> {
        self.0.get(&id)
    }

    pub(super) fn insert(&mut self, id: ConnectionId, entry: Entry) {
        self.0.insert(id, entry);
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Entry> {
        if self.0.is_empty() { None } else { self.0.remove(&id) }
    }
}
