//! What can be asked for, one file each: a request is parsed into a verb of the hub, the answer
//! rendered in the face's own dialect. No connections here; carrying the verbs out is the server's
//! affair.

pub mod api;
pub mod push_stream;
