//! A request together with the location that its path leads to.

use super::{Answer, Location, Request, gzip};
use crate::transports::Frame;
use std::borrow::Cow;
use std::rc::Rc;

/// A request of a location while it is being answered.
pub struct Asked<'a> {
    /// The location that its path leads to.
    pub location: &'a Rc<Location>,
    /// The request itself.
    pub request: &'a Request<'a>,
    /// `Access-Control-Allow-Origin`; none: no CORS headers.
    pub origin: Option<Frame>,
}

impl<'a> Asked<'a> {
    /// The answer that this request wants, if it is a polling or long-polling one.
    pub fn answer(&'a self) -> Answer<'a> {
        let location: &Location = self.location;
        let callback = self.request.callback();
        let content_type = match callback {
            Some(_) => "application/javascript",
            None => location.content_type(self.request.path),
        };
        Answer {
            content_type,
            callback: callback.map(Cow::Owned),
            origin: self.origin.as_ref(),
            is_gzipped: gzip::is_accepted(&location.settings.gzip, self.request.head),
            answers: location.answers(),
        }
    }
}
