//! How the subscribers of one kind are served between their messages.

use super::fillings::Filling;
use super::long_poll::LongPollAnswers;
use super::padding;
use super::{Coding, Control, ControlForm, Encoded, FormatId, Formats, Frame};
use crate::message::Position;
use crate::time::Millis;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What all subscribers of one location and coding share, or all streams of the rpushd API in one
/// coding: everything that the core needs to know to serve them.
pub struct Profile {
    /// The wire format of their messages.
    pub format: FormatId,
    /// Sent when nothing else was for [`Profile::heartbeat_interval`].
    pub heartbeat: Option<Encoded>,
    /// [`Millis::FOREVER`]: no heartbeats. The interval of the rpushd API's streams follows a
    /// reload.
    pub heartbeat_interval: Cell<Millis>,
    /// Each live message starts the interval anew (push-stream spec, section 19). Otherwise
    /// heartbeats keep their own time.
    pub restarts_heartbeat: bool,
    /// The padding of a stream's messages, for user agents that need it.
    pub padding: Option<PaddingRule>,
    /// The last item of a response.
    pub goodbye: Option<Encoded>,
    /// What ends the response's body, or the WebSocket.
    pub end: Frame,
    /// A subscription ends after this time.
    pub time_to_live: Option<Millis>,
    /// A WebSocket client may publish to its channels.
    pub takes_messages: bool,
    /// How control events are carried; none: it is not of the signed subscribe API.
    pub control: Option<ControlForm>,
    /// A client is warned this long before its token expires. It follows a reload.
    pub expiring_before: Cell<Millis>,
    /// The last heartbeat with a cursor, shared by all that are up to date.
    pub cursor_heartbeat: RefCell<Option<(Position, Encoded)>>,
    /// `reload_ends_subscribers` ends its subscriptions.
    pub ends_at_reload: bool,
    /// How its long-polling requests are answered; none: there are none.
    pub long_poll: Option<Rc<dyn LongPollAnswers>>,
}

/// How items are padded (push-stream spec, section 18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaddingRule {
    /// Comments of an event stream instead of line ends.
    pub is_comment: bool,
    /// The coding of the stream.
    pub coding: Coding,
    /// The greatest minimum size of any padding in the whole configuration.
    pub size_max: u32,
}

impl PaddingRule {
    /// What brings an item of `bytes` bytes up to the wanted size; none if it needs nothing.
    pub fn filling(&self, bytes: usize, wanted: u32) -> Option<Filling> {
        let size = padding::size(bytes, wanted, self.size_max);
        (size > 0).then_some(Filling { is_comment: self.is_comment, size })
    }
}

impl Profile {
    /// A heartbeat with the cursor of a subscriber that has been given every message up to this
    /// position. `None`: its heartbeats carry none.
    pub fn heartbeat_with_cursor(
        &self,
        position: Position,
        formats: &mut Formats,
    ) -> Option<Encoded> {
        let form = self.control?;
        let mut last = self.cursor_heartbeat.borrow_mut();
        if let Some((at, encoded)) = &*last
            && *at == position
        {
            return Some(encoded.clone());
        }
        let heartbeat = Control::Heartbeat { cursor: formats.cursor(position) };
        let encoded = form.encode(&heartbeat, formats.compressor());
        *last = Some((position, encoded.clone()));
        Some(encoded)
    }

    /// Every wire format that a subscriber with this profile may still need.
    pub fn formats(&self) -> impl Iterator<Item = FormatId> {
        let of_answers = self.long_poll.iter().flat_map(|answers| answers.formats());
        of_answers.chain([self.format])
    }
}
