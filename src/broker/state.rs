//! What the broker has.

use super::fanout::Fanout;
use super::replay::Pieces;
use crate::hub::Hub;
use crate::transports::Formats;
use std::rc::Rc;

/// Channels, and everything between a publication and the queues of its subscribers.
pub struct Broker {
    /// Channels, subscriptions and stored messages.
    pub hub: Hub,
    /// Wire formats, and what makes them.
    pub formats: Formats,
    pub(crate) fanout: Fanout,
    /// Of replays in progress.
    pub(crate) pieces: Pieces,
    /// Shared by all lists of channels that are made as they are read.
    pub(crate) listings: Rc<()>,
    /// The largest padding that a message may get, in bytes.
    pub padding_max: u32,
}

impl Broker {
    /// A broker without publications on their way.
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
