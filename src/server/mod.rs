//! The state machine of connections and requests: bytes and time in, bytes and deadlines out. It
//! has no socket and no clock; the reactor owns those, or a simulation in tests.
//!
//! Where to read: `seam` is what the reactor calls (see [`Server`]), `face` the interface to the
//! faces: a face sees the state through a [`Context`], and returns what comes [`Next`].
//!
//! Leaves to root: parts of the state: `host`, `turn` (its budget), `rate_limit`, `memory` (the
//! memory budget), `clients` (addresses), `session`, `connection`, `connections`, `sessions` and
//! `revocations` (of tokens), `presence`, `admission`; `network`, `counts`, `pace`, `jitter`,
//! `failed_tokens` and `guard` (limits against storms and single visitors); `publish_task` (a
//! publication in progress), `open_requests`, `resumable`, `lists` (connections with work to do);
//! `state`, which holds them all; what happens to it, as methods that call each other: `lines` and
//! `request_log` (the log), `accepting`, `announcing`, `answers`, `bodies`, `deadlines`,
//! `deletion`, `delivery`, `feeding`, `guarding`, `heads`, `lifecycle`, `long_polling`, `pausing`,
//! `publish`, `relief` (of memory), `signed` (subscribers with tokens), `snapshot`, `websocket`,
//! `writing`; `face`, `signed_face` and `subjects` (of a channel's subscribers); state and faces
//! together: `seam`, `requests` (has the faces carry out what the input holds), `reload` (replaces
//! the configuration) and `check` (for tests).

mod accepting;
mod admission;
mod announcing;
mod answers;
mod bodies;
mod check;
mod clients;
mod connection;
mod connections;
mod counts;
mod deadlines;
mod deletion;
mod delivery;
mod face;
mod failed_tokens;
mod feeding;
mod guard;
mod guarding;
mod heads;
mod host;
mod jitter;
mod lifecycle;
mod lines;
mod lists;
mod long_polling;
mod memory;
mod network;
mod open_requests;
mod pace;
mod pausing;
mod presence;
mod publish;
mod publish_task;
mod rate_limit;
mod relief;
mod reload;
mod request_log;
mod requests;
mod resumable;
mod revocations;
mod seam;
mod session;
mod sessions;
mod signed;
mod signed_face;
mod snapshot;
mod state;
mod subjects;
mod turn;
mod websocket;
mod writing;

pub use admission::Refused;
pub use connection::ConnectionId;
pub use face::{
    BodyHandler, Context, Face, MakeFaces, Next, PublicationHandler, Published, TokenRefusal,
};
pub use guard::{Busy, Limit};
pub use host::Host;
pub use publish_task::{CreateMissing, Outcome, PublishError, PublishTask, SubscribeError};
pub use revocations::{Disconnected, TooMany};
pub use seam::Server;
pub use signed::RefreshError;
pub use state::TICK;
pub use subjects::Subjects;
