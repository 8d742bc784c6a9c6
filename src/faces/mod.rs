//! The HTTP interfaces of the daemon, one folder each. A face parses a request, checks it, carries
//! it out through a [`Context`](crate::server::Context) and renders the answer.

pub mod api;
mod push_stream;

use crate::config::Config;
use crate::server::Face;
use crate::transports::Formats;

/// All faces, in the order in which they are tried. The rpushd API comes first, so that no location
/// can take over its paths.
pub fn all(config: &Config, formats: &mut Formats) -> Vec<Box<dyn Face>> {
    let api = api::Api::new(config, formats);
    let push_stream = push_stream::PushStream::new(config, formats);
    vec![Box::new(api), Box::new(push_stream)]
}
