//! The servers and locations that the daemon takes over.

use super::scope::ScopeId;
use crate::config::Location;

/// A server with push-stream locations.
pub(super) struct ServedServer {
    pub(super) id: ScopeId,
    pub(super) locations: Vec<Location>,
    /// The level of each location, in the same order.
    pub(super) scopes: Vec<ScopeId>,
}
