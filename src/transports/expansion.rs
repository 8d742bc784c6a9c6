//! Upper bound of the size of a message in one template.

/// The sizes of a message that the size of its encodings depends on.
#[derive(Clone, Copy, Debug)]
pub struct MessageSizes<'a> {
    /// The payload.
    pub text: &'a [u8],
    /// Whether the payload is JSON, on one line.
    pub is_json: bool,
    /// Length of the channel's name in bytes.
    pub channel: usize,
    /// Length of event id and event type together, in bytes.
    pub event: usize,
}

/// What one template, or the largest of several, adds to the payload and how often it repeats it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expansion {
    /// Bytes of literals, and of all numbers and times at their longest.
    pub(super) fixed: usize,
    /// Number of `~text~` placeholders.
    pub(super) texts: usize,
    /// Number of `~channel~` placeholders.
    pub(super) channels: usize,
    /// Number of `~event-id~` or of `~event-type~` placeholders, whichever is larger.
    pub(super) events: usize,
}

/// An invalid byte in a name may be replaced by U+FFFD, which has three bytes.
const NAME_BYTES_MAX: usize = 3;

impl Expansion {
    /// The larger value of each field.
    pub(super) fn max(self, other: Expansion) -> Expansion {
        Expansion {
            fixed: self.fixed.max(other.fixed),
            texts: self.texts.max(other.texts),
            channels: self.channels.max(other.channels),
            events: self.events.max(other.events),
        }
    }

    /// Upper bound of a message's bytes if the template is applied `count` times.
    pub(super) fn bytes(self, count: usize, sizes: &MessageSizes<'_>) -> usize {
        let names = self
            .channels
            .saturating_mul(sizes.channel)
            .saturating_add(self.events.saturating_mul(sizes.event));
        let each = names.saturating_mul(NAME_BYTES_MAX).saturating_add(self.fixed);
        let texts = self.texts.saturating_mul(sizes.text.len());
        each.saturating_mul(count).saturating_add(texts)
    }
}
