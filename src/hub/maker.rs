//! Who causes a channel or a message, which decides what it may take of the memory account.

/// On whose behalf a channel or a message is created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Maker {
    /// The application: it publishes to the channel, or has signed a subscribe token for it.
    #[default]
    Application,
    /// A subscriber of a location, which can name any channel; also when it
    /// publishes through its WebSocket.
    Visitor,
}
