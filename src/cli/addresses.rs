//! The addresses on which the daemon listens, with the ports that were assigned.

use rpushd::config::Config;
use rpushd::reactor::BoundListener;

/// The address of one listener.
pub struct Address {
    /// `127.0.0.1:45831`, `unix:/path`
    pub text: String,
    pub is_internal: bool,
}

/// The addresses of all listeners.
pub fn of(listeners: &[BoundListener], config: &Config) -> Vec<Address> {
    listeners
        .iter()
        .map(|listener| Address {
            text: listener.describe(),
            is_internal: config.listeners[usize::from(listener.id().0)].is_internal,
        })
        .collect()
}
