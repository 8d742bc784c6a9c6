//! Upper bound of the size of a message in every format in use, known before it is encoded, so that
//! a publication can be refused for it.

use super::expansion::{Expansion, MessageSizes};
use super::wire_format::{Payload, WireFormat};
use super::{envelope, event_stream};

/// A text with more lines counts as if every other byte ended one.
const LINES_COUNTED_MAX: usize = 256;

/// The largest expansions of all formats in use.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expansions {
    /// Of templates that are applied to the whole payload.
    whole: Expansion,
    /// Of templates that are applied to each line.
    per_line: Option<Expansion>,
    /// Whether subscribers of the signed API may get it.
    has_envelopes: bool,
}

impl Expansions {
    /// Adds a format in use.
    pub(super) fn add(&mut self, format: &WireFormat) {
        match &format.payload {
            // No larger than its payload.
            Payload::Framed => {}
            Payload::Text(template)
            | Payload::WebSocket(template)
            | Payload::WebSocketDeflated(template) => {
                self.whole = self.whole.max(template.expansion());
            }
            Payload::Envelope(_) => self.has_envelopes = true,
            Payload::EventStream(template) => {
                let other = template.expansion();
                self.per_line = Some(self.per_line.map_or(other, |known| known.max(other)));
            }
        }
    }

    /// Upper bound of the largest encoding of a message. It is computed for each channel, so that
    /// no more than [`LINES_COUNTED_MAX`] lines are counted.
    pub(super) fn bytes_max(&self, sizes: &MessageSizes<'_>) -> usize {
        let envelope = if self.has_envelopes { envelope::bytes_about(sizes) } else { 0 };
        let whole = self.whole.bytes(1, sizes).max(sizes.text.len()).max(envelope);
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
        if self.has_envelopes && !envelope::fits(bytes_max, sizes) {
            return false;
        }
        let Some(per_line) = self.per_line else {
            return self.whole.bytes(1, sizes) <= bytes_max;
        };
        let lines_at_most = sizes.text.len().div_ceil(2);
        self.whole.bytes(1, sizes) <= bytes_max
            && (per_line.bytes(lines_at_most, sizes) <= bytes_max
                || per_line.bytes(event_stream::line_count(sizes.text), sizes) <= bytes_max)
    }
}
