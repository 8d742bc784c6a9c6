//! What a verified subscribe token grants.

use super::VerifiedBy;

/// What a verified token grants to its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The channels to which its bearer may subscribe: the claim `channel` first, then the entries
    /// of `channels`. As many as fit a token.
    pub channels: Vec<GrantedChannels>,
    /// The last second in which the token is valid, since 1970 UTC (claim `exp`).
    pub expires_at: u64,
    /// Who its bearer is (claim `sub`).
    pub subject: Option<String>,
    /// The id of the token (claim `jti`).
    pub id: Option<String>,
    /// When it was issued, in seconds since 1970 UTC (claim `iat`).
    pub issued_at: Option<u64>,
    /// Whether its bearer may publish to these channels (`publish` in the claim `scope`).
    pub publishes: bool,
    /// The key that verified the token.
    pub key: VerifiedBy,
}

/// One channel, or all channels whose names begin in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantedChannels {
    /// The channel with this name. A `*` in it has no meaning.
    Name(String),
    /// All channels whose names begin with this text; empty: all channels.
    Prefix(String),
}

impl Grant {
    /// Whether its bearer may subscribe to this channel.
    pub fn allows(&self, channel: &str) -> bool {
        self.channels.iter().any(|granted| granted.include(channel))
    }

    /// Whether it names this channel, instead of a prefix of its name.
    pub fn names(&self, channel: &str) -> bool {
        let is_name = |granted: &GrantedChannels| match granted {
            GrantedChannels::Name(name) => name == channel,
            GrantedChannels::Prefix(_) => false,
        };
        self.channels.iter().any(is_name)
    }

    /// Whether it is no longer valid, at a time in seconds since 1970 UTC.
    pub fn is_expired(&self, now: u64) -> bool {
        self.expires_at < now
    }
}

impl GrantedChannels {
    /// The name or the prefix.
    pub fn text(&self) -> &str {
        match self {
            GrantedChannels::Name(text) | GrantedChannels::Prefix(text) => text,
        }
    }

    /// An entry of the claim `channels`: a name, or a prefix with a `*` at its end. The bare `*` is
    /// the prefix of length 0. It grants what the entries `A*` to `z*`, one for each first
    /// character, grant anyway, so refusing it would protect nothing.
    ///
    /// `None`: it is empty, or has a `*` before its end. Such an entry grants no channel, and its
    /// author expected otherwise.
    pub fn of_entry(entry: &str) -> Option<GrantedChannels> {
        let (text, granted): (_, fn(String) -> GrantedChannels) = match entry.strip_suffix('*') {
            Some(prefix) => (prefix, GrantedChannels::Prefix),
            None => (entry, GrantedChannels::Name),
        };
        (!entry.is_empty() && !text.contains('*')).then(|| granted(text.to_owned()))
    }

    /// Whether it grants this channel.
    pub fn include(&self, channel: &str) -> bool {
        match self {
            GrantedChannels::Name(name) => name == channel,
            GrantedChannels::Prefix(prefix) => channel.starts_with(prefix.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_at_the_end_of_an_entry_is_a_prefix_and_elsewhere_an_error() {
        let name = |text: &str| Some(GrantedChannels::Name(text.to_owned()));
        let prefix = |text: &str| Some(GrantedChannels::Prefix(text.to_owned()));
        for (entry, expected) in [
            ("news", name("news")),
            ("news:*", prefix("news:")),
            ("*", prefix("")),
            ("", None),
            ("**", None),
            ("*news", None),
            ("news:*:1", None),
            ("news:**", None),
        ] {
            assert_eq!(GrantedChannels::of_entry(entry), expected, "{entry}");
        }
    }

    #[test]
    fn a_grant_includes_its_names_and_prefixes_only() {
        let names = ["news", "news:1", "news:", "new", "News:1", "n"];
        for (entry, expected) in [
            ("news", [true, false, false, false, false, false]),
            ("news:*", [false, true, true, false, false, false]),
            ("news*", [true, true, true, false, false, false]),
            ("*", [true; 6]),
        ] {
            let granted = GrantedChannels::of_entry(entry).unwrap();
            assert_eq!(names.map(|name| granted.include(name)), expected, "{entry}");
        }
        // The claim `channel` is a name, whatever its last character.
        assert!(!GrantedChannels::Name("news*".to_owned()).include("news"));
    }
}
