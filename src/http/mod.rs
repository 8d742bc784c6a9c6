//! Parses HTTP/1.1 requests and writes responses (RFC 9112). Knows no channel and no socket.

mod body;
mod exchange;
mod forwarded;
mod head;
mod header_value;
mod response;
mod status;

pub use body::{BodyError, BodyReader, Framing, Step};
pub use exchange::Exchange;
pub use forwarded::forwarded_for;
pub use head::{HEADER_COUNT_MAX, Head, HeadLimits, HeadStorage, Version, empty_lines, parse_head};
pub use header_value::HeaderValue;
pub use response::{Date, Response, chunk, last_chunk};
pub use status::Status;
