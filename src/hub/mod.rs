//! Channels, their subscribers and their stored messages, and how long each of them lives. Knows
//! ids only: no bytes on the wire, no sockets; time comes in as an argument.
//!
//! Leaves to root: `ids`, `maker`, `retention`, `settings`, `account`, `event`, `members`,
//! `neighbours`, `short_lived`, `history`, `channel` (one channel), `age`, `names`, `recent_ids`,
//! `rates`, `history_order`, `evictable`, `totals` (all channels), `state` (the hub itself). Then
//! its operations, which share that state and call each other: `events`, `channels`, `duplicates`,
//! `visitors`, `eviction`, `shorten`, `lifecycle`, `subscriptions`, `publish`, `replay`,
//! `reconfigure`, `inspect`, `walk`, `check`.

mod account;
mod age;
mod channel;
mod channels;
mod check;
mod duplicates;
mod event;
mod events;
mod evictable;
mod eviction;
mod history;
mod history_order;
mod ids;
mod inspect;
mod lifecycle;
mod maker;
mod members;
mod names;
mod neighbours;
mod publish;
mod rates;
mod recent_ids;
mod reconfigure;
mod replay;
mod retention;
mod settings;
mod short_lived;
mod shorten;
mod state;
mod subscriptions;
mod totals;
mod visitors;
mod walk;

pub use account::Full;
pub use channels::CreateError;
pub use event::{Event, EventKind};
pub use history::{Resume, Since};
pub use ids::{ChannelId, SubscriberId};
pub use inspect::ChannelInfo;
pub use maker::Maker;
pub use members::{Left, Member, Subscriptions};
pub use publish::{Draft, Stamp, Storing};
pub use rates::Rate;
pub use replay::{Resumed, Stretch};
pub use retention::{Policy, Retention};
pub use settings::{HubSettings, IdleLife};
pub use state::Hub;
pub use totals::Totals;
pub use walk::{Walk, Walked};

#[cfg(test)]
mod tests;
