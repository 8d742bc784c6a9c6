//! nginx configurations as users have them, imported: what they become, what is said about them,
//! and what is refused.

mod golden;
mod processes;
#[path = "../support/random.rs"]
#[allow(dead_code, reason = "what other tests draw with it is not drawn here")]
mod random;
mod refusals;
mod round_trip;
mod sample;
mod servers;
mod support;
mod transcript;
