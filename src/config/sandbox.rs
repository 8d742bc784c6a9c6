//! The settings of the `[sandbox]` table.

/// What the daemon gives up at its start. A reload changes none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// User that the daemon becomes when root has started it. None: the user `rpushd`, if there is
    /// one.
    pub user: Option<String>,
    /// Whether core dumps are allowed, and other processes of the same user may trace the daemon.
    pub allows_core_dumps: bool,
}
