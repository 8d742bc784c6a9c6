//! Upper bound of the size of a formatted message, known before it is encoded, so that a
//! publication can be refused for it.

use super::event_stream;

/// The sizes of a message that the size of its encodings depends on.
#[derive(Clone, Copy, Debug)]
pub struct MessageSizes<'a> {
    /// The payload.
    pub text: &'a [u8],
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

/// A text with more lines counts as if every other byte ended one.
const LINES_COUNTED_MAX: usize = 256;

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
    fn bytes(self, count: usize, sizes: &MessageSizes<'_>) -> usize {
        let names = self
            .channels
            .saturating_mul(sizes.channel)
            .saturating_add(self.events.saturating_mul(sizes.event));
        let each = names.saturating_mul(NAME_BYTES_MAX).saturating_add(self.fixed);
        let texts = self.texts.saturating_mul(sizes.text.len());
        each.saturating_mul(count).saturating_add(texts)
    }
}

/// The largest expansions of all formats in use.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expansions {
    /// Of templates that are applied to the whole payload.
    pub(super) whole: Expansion,
    /// Of templates that are applied to each line.
    pub(super) per_line: Option<Expansion>,
}

impl Expansions {
    /// Upper bound of the largest encoding of a message. It is computed for each channel, so that
    /// no more than [`LINES_COUNTED_MAX`] lines are counted.
    pub(super) fn bytes_max(&self, sizes: &MessageSizes<'_>) -> usize {
        let whole = self.whole.bytes(1, sizes).max(sizes.text.len());
        let Some(per_line) = self.per_line else { return whole };
        let lines = match event_stream::line_count_up_to(LINES_COUNTED_MAX, sizes.text) {
            LINES_COUNTED_MAX => sizes.text.len().div_ceil(2),
            count => count,
        };
        // Event id and event type have lines of their own.
        whole.max(per_line.bytes(lines, sizes)).saturating_add(sizes.event)
    }

    /// Whether no encoding of a message is larger than `bytes_max`. Lines are counted only if the
    /// payload could have too many.
    pub(super) fn fit(&self, bytes_max: usize, sizes: &MessageSizes<'_>) -> bool {
        let Some(per_line) = self.per_line else {
            return self.whole.bytes(1, sizes) <= bytes_max;
        };
        let lines_at_most = sizes.text.len().div_ceil(2);
        self.whole.bytes(1, sizes) <= bytes_max
            && (per_line.bytes(lines_at_most, sizes) <= bytes_max
                || per_line.bytes(event_stream::line_count(sizes.text), sizes) <= bytes_max)
    }
}
