//! The small grammars of push-stream requests, as functions over bytes: channel paths and tags.
//! They know no location, no hub and no HTTP.

pub mod channel_path;
pub mod tag;
