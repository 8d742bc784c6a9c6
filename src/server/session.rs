//! The session of a connection.

/// No identity.
pub(super) const NONE: u32 = u32::MAX;

/// The session of a connection, in eight bytes. Without a claim that is needed later it holds a
/// number only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// Number of the session; 0: the connection has none.
    pub(super) serial: u32,
    /// Key of its identity, or [`NONE`].
    pub(super) identity: u32,
}

impl Default for Session {
    fn default() -> Session {
        Session { serial: 0, identity: NONE }
    }
}

impl Session {
    /// Whether the connection has the session with this number.
    pub(super) fn has_serial(self, serial: u32) -> bool {
        self.serial != 0 && self.serial == serial
    }

    /// Whether the connection has a session.
    pub(super) fn is_some(self) -> bool {
        self.serial != 0
    }

    /// Whether an identity is kept for it.
    pub(super) fn has_identity(self) -> bool {
        self.identity != NONE
    }
}
