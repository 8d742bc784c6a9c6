//! Push-stream locations (push-stream spec): requests -> verbs of the hub, and the module's own
//! answers.

mod answer;
mod asked;
mod expression;
mod fields;
pub mod gzip;
mod location;
mod path;
pub mod publisher;
mod refusal;
mod request;
pub mod subscriber;

pub use answer::{Answer, Answers, begin_unsized};
pub use asked::Asked;
pub use fields::{cors, no_cache};
pub use location::{Location, Locations, Match, Wire};
pub use path::{NormalPath, normalize};
pub use refusal::Refusal;
pub use request::Request;
