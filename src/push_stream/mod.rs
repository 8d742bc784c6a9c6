//! The small grammars of push-stream requests, as functions over bytes: what a channel path names and
//! what a tag says. They know no location, no hub and no HTTP.

pub mod channel_path;
pub mod tag;
