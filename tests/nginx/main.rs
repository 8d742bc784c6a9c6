//! nginx configurations as users have them, imported: what they become, what is said about them, and what is
//! refused.

mod golden;
mod processes;
mod refusals;
mod round_trip;
mod sample;
mod servers;
mod support;
mod transcript;
