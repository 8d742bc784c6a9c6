//! What the daemon serves of an nginx configuration.

use super::scope::ScopeId;
use crate::config::Location;

/// A server with push-stream locations.
pub(super) struct ServedServer {
    pub(super) id: ScopeId,
    pub(super) locations: Vec<Location>,
    /// The level of each.
    pub(super) scopes: Vec<ScopeId>,
}
