//! The daemon's statistics: counters, a snapshot of them, and its rendering in the formats of both
//! faces. Knows only its own snapshot types, which the caller fills in.

mod counters;
mod escape;
mod json;
mod mode;
mod page;
mod prometheus;
pub mod push_stream;
mod report;
mod snapshot;
mod text;
mod xml;

pub use counters::Counters;
pub use mode::Mode;
pub use report::Report;
pub use snapshot::{ChannelRow, Memory, Snapshot};
