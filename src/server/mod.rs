//! The state machine of connections and requests: bytes and time in, bytes and deadlines out. It
//! has no socket and no clock; the reactor owns those, or a simulation in tests.
//!
//! Where to read: `seam` is what the reactor calls (see [`Server`]), `face` the interface to the
//! faces. From leaves to root:
//!
//! - Parts: `turn` (its budget), `rate_limit`, `clients` (addresses), `connection`, `connections`,
//!   `admission`, `publish_task` (a publication in progress), `open_requests`, `resumable`, `lists`
//!   (connections with work to do), and `state`, which holds them all.
//! - What happens to that state, in files that call each other: `lines` and `request_log` (the log), `accepting`,
//!   `answers`, `deadlines`, `deletion`, `delivery`, `feeding`, `lifecycle`, `long_polling`,
//!   `pausing`, `publication`, `snapshot`, `websocket`, `writing`.
//! - `face`: a face sees the state through a [`Context`], and returns what comes [`Next`].
//! - `seam`: state and faces together. `requests` and `bodies` parse input and call the faces,
//!   `reload` replaces the configuration, `check` is for tests.

mod accepting;
mod admission;
mod answers;
mod bodies;
mod check;
mod clients;
mod connection;
mod connections;
mod deadlines;
mod deletion;
mod delivery;
mod face;
mod feeding;
mod lifecycle;
mod lines;
mod lists;
mod long_polling;
mod open_requests;
mod pausing;
mod publish;
mod publish_task;
mod rate_limit;
mod reload;
mod request_log;
mod requests;
mod resumable;
mod seam;
mod snapshot;
mod state;
mod turn;
mod websocket;
mod writing;

pub use admission::Refused;
pub use connection::ConnectionId;
pub use face::{BodyHandler, Context, Face, MakeFaces, Next, PublicationHandler};
pub use publish_task::{CreateMissing, PublishError, PublishTask};
pub use seam::Server;
pub use state::{Host, TICK};
