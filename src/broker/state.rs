//! The state of the broker.

use super::fanout::Fanout;
use super::replay::Pieces;
use crate::hub::Hub;
use crate::transports::Formats;
use std::rc::Rc;

/// Channels with their subscribers and stored messages, pending publications and encodings.
pub struct Broker {
    /// Channels, subscriptions and stored messages.
    pub hub: Hub,
    /// The wire formats in use, and their encoder.
    pub formats: Formats,
    pub(crate) fanout: Fanout,
    /// Encoded pieces of stored messages, shared by replays in progress.
    pub(crate) pieces: Pieces,
    /// Each list of channels in progress holds a clone, so that the count is the number of lists
    /// plus one.
    pub(crate) listings: Rc<()>,
    /// The largest padding that a message may get, in bytes.
    pub padding_max: u32,
}

impl Broker {
    /// A broker without pending publications.
    pub fn new(hub: Hub, formats: Formats, padding_max: u32) -> Broker {
        Broker {
            hub,
            formats,
            fanout: Fanout::default(),
            pieces: Pieces::default(),
            listings: Rc::new(()),
            padding_max,
        }
    }
}
