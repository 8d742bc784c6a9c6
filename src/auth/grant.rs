//! What a verified subscribe token grants.

/// What a verified token grants to its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Names of the channels to which its bearer may subscribe.
    pub channels: Vec<String>,
    /// The last second in which the token is valid, since 1970 UTC (claim `exp`).
    pub expires_at: u64,
    /// Who its bearer is (claim `sub`), if that claim is present and a string.
    pub subject: Option<String>,
    /// Index of the key that verified the token, in the list of current keys.
    pub key: usize,
}

impl Grant {
    /// Whether its bearer may subscribe to this channel.
    pub fn allows(&self, channel: &str) -> bool {
        self.channels.iter().any(|granted| granted == channel)
    }

    /// Whether it is no longer valid, at a time in seconds since 1970 UTC.
    pub fn is_expired(&self, now: u64) -> bool {
        self.expires_at < now
    }
}
