//! Which channels store what is published through the API, and how much of it.

use crate::time::Millis;

/// Most blocks: a channel holds the number of its block in one byte.
pub const HISTORY_BLOCKS_MAX: usize = 255;

/// A `[[history]]` block. What is published through the API to its channels is stored, up to these
/// limits; at least one is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryBlock {
    /// Its channels.
    pub channels: ChannelPattern,
    /// Most messages of one channel; none: as many as the other limits allow.
    pub messages: Option<u32>,
    /// How long a message is stored; none: `message_ttl`.
    pub age: Option<Millis>,
    /// Most bytes of one channel, as the memory account counts them; none: as many as the other
    /// limits allow.
    pub bytes: Option<u64>,
}

/// Names of channels: one name, or all that begin with a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelPattern {
    /// This name.
    Exact(String),
    /// All names that begin with this, which is written with `*` after it.
    Prefix(String),
}

impl ChannelPattern {
    /// Reads a name, or a prefix with `*` after it.
    ///
    /// # Errors
    /// The reason why the text is refused.
    pub fn parse(text: &str) -> Result<ChannelPattern, String> {
        let (name, is_prefix) = match text.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        if name.contains('*') {
            return Err(format!("\"{text}\": \"*\" is allowed at the end only"));
        }
        match (name, is_prefix) {
            ("", false) => Err("must not be empty; write \"*\" for all channels".to_owned()),
            (name, false) => Ok(ChannelPattern::Exact(name.to_owned())),
            (name, true) => Ok(ChannelPattern::Prefix(name.to_owned())),
        }
    }

    /// The text that reads back to it.
    pub fn show(&self) -> String {
        match self {
            ChannelPattern::Exact(name) => name.clone(),
            ChannelPattern::Prefix(prefix) => format!("{prefix}*"),
        }
    }

    /// Whether it includes this channel.
    pub fn includes(&self, name: &[u8]) -> bool {
        match self {
            ChannelPattern::Exact(exact) => exact.as_bytes() == name,
            ChannelPattern::Prefix(prefix) => name.starts_with(prefix.as_bytes()),
        }
    }

    /// Whether it includes all channels of the other one.
    pub(super) fn covers(&self, other: &ChannelPattern) -> bool {
        match (self, other) {
            (_, ChannelPattern::Exact(name)) => self.includes(name.as_bytes()),
            (ChannelPattern::Exact(_), ChannelPattern::Prefix(_)) => false,
            (ChannelPattern::Prefix(own), ChannelPattern::Prefix(other)) => other.starts_with(own),
        }
    }
}
