//! rpushd holds a web site's long-lived connections and fans published messages out to them.
//!
//! The map, from leaves to root; imports point upwards only (`tests/tidy.rs` holds the table):
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`time`] | points in time as values; no clock |
//! | [`message`] | a message as it was published |
//! | [`config`] | environment and TOML -> one typed `Config`, with every limit in one place |

pub mod config;
pub mod message;
pub mod time;
