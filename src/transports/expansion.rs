//! Upper bound of a message's size in a template, known before the message is encoded, so that a
//! publication can be refused for it.

use super::event_stream;

/// The sizes of a message that its encodings depend on.
#[derive(Clone, Copy, Debug)]
pub struct MessageSizes<'a> {
    /// The text.
    pub text: &'a [u8],
    /// Bytes of the channel's name.
    pub channel: usize,
    /// Bytes of event id and event type together.
    pub event: usize,
}

/// What one template, or the largest of several, puts around and in place of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expansion {
    /// Literal bytes, and all numbers and times at their longest.
    pub(super) fixed: usize,
    /// How often the text comes.
    pub(super) texts: usize,
    /// How often the channel's name comes.
    pub(super) channels: usize,
    /// How often the event id or the event type comes.
    pub(super) events: usize,
}

/// A byte that is not UTF-8 may be replaced by as many.
const NAME_BYTES_MAX: usize = 3;

impl Expansion {
    /// The smallest one that is not below either.
    pub(super) fn max(self, other: Expansion) -> Expansion {
        Expansion {
            fixed: self.fixed.max(other.fixed),
            texts: self.texts.max(other.texts),
            channels: self.channels.max(other.channels),
            events: self.events.max(other.events),
        }
    }

    /// Bytes of a message at most, if the template is applied so often.
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
    /// Of templates that are applied to a whole text.
    pub(super) whole: Expansion,
    /// Of templates that are applied to each line.
    pub(super) per_line: Option<Expansion>,
}

impl Expansions {
    /// Whether no encoding of a message is larger than `bytes_max`. Lines are only counted if the
    /// text could have too many.
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
