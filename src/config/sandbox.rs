//! The settings of the `[sandbox]` table.

/// What the daemon gives up at its start. A reload changes none of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// User that the daemon becomes when root has started it. None: the user `rpushd`, if there is
    /// one.
    pub user: Option<String>,
    /// Whether all system calls are refused that the daemon does not make while it serves.
    pub filters_system_calls: bool,
    /// Whether core dumps are allowed, and other processes of the same user may trace the daemon.
    pub allows_core_dumps: bool,
}

impl Default for Sandbox {
    fn default() -> Sandbox {
        Sandbox { user: None, filters_system_calls: true, allows_core_dumps: false }
    }
}
