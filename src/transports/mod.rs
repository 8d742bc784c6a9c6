//! A message -> what one kind of subscriber reads. Bytes only: no socket, no channel list, no clock.

pub mod event_stream;
pub mod padding;
pub mod template;
