//! The dialects in which clients ask for things, a folder for each: a request is parsed, checked,
//! carried out through a [`Context`](crate::server::Context), and its answer rendered.

pub mod api;
mod push_stream;

use crate::config::Config;
use crate::server::Face;
use crate::transports::Formats;

/// All faces. The rpushd API comes first: its paths are its own, whatever the locations are.
pub fn all(config: &Config, formats: &mut Formats) -> Vec<Box<dyn Face>> {
    let api = api::Api::new(config, formats);
    let push_stream = push_stream::PushStream::new(config, formats);
    vec![Box::new(api), Box::new(push_stream)]
}
