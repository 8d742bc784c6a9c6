//! Brings messages from their publication to the queues of their subscribers: publish, fan out,
//! deliver, replay. Knows channels and wire formats, but no request, face or socket.

mod checksum;
mod delivery;
mod fanout;
mod feed;
mod listing;
mod merge;
mod outbox;
mod pending;
mod replay;
mod state;
mod subscriber;
mod work;

pub use checksum::StreamChecksum;
pub use delivery::{Recipient, Tally};
pub use feed::Feed;
pub use listing::{ChannelList, Listing};
pub use outbox::{Left, Outbox, Overflow};
pub use replay::{Gone, Part, Replay, ReplayLayout};
pub use state::Broker;
pub use subscriber::{End, Subscriber, Transport};
pub use work::Work;
