//! For which channels joins and leaves are announced, and where.

use super::history::ChannelPattern;
use crate::time::Millis;

/// The table `[presence]`, if it names channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The channels whose joins and leaves are announced.
    pub channels: ChannelPattern,
    /// The channels that they are announced on.
    pub to: PresenceTarget,
    /// A leave that a return follows within this time is not announced.
    pub leave_delay: Millis,
}

/// One channel, or one for each channel whose joins and leaves are announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceTarget {
    before: String,
    /// What follows the name of the channel; none: it is not inserted.
    after: Option<String>,
}

/// Longest name of a channel in the API.
const NAME_BYTES_MAX: usize = 191;

impl PresenceTarget {
    /// Reads a name, in which one `*` stands for that of the announced channel.
    ///
    /// # Errors
    /// The reason why the text is refused.
    pub fn parse(text: &str) -> Result<PresenceTarget, String> {
        let (before, after) = match text.split_once('*') {
            Some((before, after)) => (before, Some(after)),
            None => (text, None),
        };
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.".contains(&byte);
        let own = [before, after.unwrap_or_default()].concat();
        if own.is_empty() || own.len() >= NAME_BYTES_MAX || !own.bytes().all(is_allowed) {
            return Err(format!(
                "\"{text}\" is not the name of a channel; write letters, digits, : - _ . and at \
                 most one \"*\", which stands for the announced channel"
            ));
        }
        Ok(PresenceTarget { before: before.to_owned(), after: after.map(str::to_owned) })
    }

    /// The text that reads back to it.
    pub fn show(&self) -> String {
        match &self.after {
            Some(after) => format!("{}*{after}", self.before),
            None => self.before.clone(),
        }
    }

    /// The channel that messages about this one are published to.
    pub fn for_channel(&self, name: &[u8]) -> Vec<u8> {
        match &self.after {
            Some(after) => [self.before.as_bytes(), name, after.as_bytes()].concat(),
            None => self.before.as_bytes().to_vec(),
        }
    }

    /// Length of the name that [`PresenceTarget::for_channel`] returns.
    fn bytes_for(&self, name: &[u8]) -> usize {
        self.before.len() + self.after.as_ref().map_or(0, |after| after.len() + name.len())
    }

    /// Whether it is the target of some channel.
    pub fn includes(&self, name: &[u8]) -> bool {
        match &self.after {
            Some(after) => {
                name.len() >= self.before.len() + after.len()
                    && name.starts_with(self.before.as_bytes())
                    && name.ends_with(after.as_bytes())
            }
            None => name == self.before.as_bytes(),
        }
    }
}

impl Presence {
    /// Whether joins and leaves of this channel are announced. Those of a channel that is a target
    /// are not: each announcement might cause another.
    pub fn announces(&self, name: &[u8]) -> bool {
        self.channels.includes(name)
            && !self.to.includes(name)
            && self.to.bytes_for(name) <= NAME_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(channels: &str, to: &str) -> Presence {
        Presence {
            channels: ChannelPattern::parse(channels).unwrap(),
            to: PresenceTarget::parse(to).unwrap(),
            leave_delay: Millis(0),
        }
    }

    #[test]
    fn each_channel_has_its_target_and_a_target_has_none() {
        let target = |channels, to, name: &str| {
            let presence = presence(channels, to);
            let target = presence.to.for_channel(name.as_bytes());
            let is_announced = presence.announces(name.as_bytes());
            is_announced.then(|| String::from_utf8(target).unwrap())
        };
        for (channels, to, name, expected) in [
            ("chat:*", "presence:*", "chat:1", Some("presence:chat:1")),
            ("chat:*", "*:presence", "chat:1", Some("chat:1:presence")),
            ("chat:*", "*:presence", "chat:1:presence", None),
            ("chat:*", "who", "chat:1", Some("who")),
            ("chat:*", "who", "news", None),
            ("*", "presence:*", "presence:a", None),
            ("*", "p:*:p", "p:p", Some("p:p:p:p")),
            ("*", "who", "who", None),
        ] {
            assert_eq!(target(channels, to, name).as_deref(), expected, "{channels} {to} {name}");
        }
        let longest = "a".repeat(NAME_BYTES_MAX - "presence:".len());
        assert_eq!(target("*", "presence:*", &longest).map(|name| name.len()), Some(191));
        assert_eq!(target("*", "presence:*", &(longest + "a")), None);
    }

    #[test]
    fn a_target_is_read_and_shown() {
        for text in ["who", "presence:*", "*:presence", "a*b"] {
            assert_eq!(PresenceTarget::parse(text).unwrap().show(), text);
        }
        for text in ["", "*", "a**", "*a*", "a b", "a/b*"] {
            assert!(PresenceTarget::parse(text).is_err(), "{text}");
        }
    }
}
