//! A request, routed to its location.

use super::{Answer, Location, Request, gzip};
use crate::http::HeaderValue;
use std::borrow::Cow;
use std::rc::Rc;

/// A request and the location that answers it.
pub struct RoutedRequest<'a> {
    /// The location that the path matches.
    pub location: &'a Rc<Location>,
    /// The request.
    pub request: &'a Request<'a>,
    /// `Access-Control-Allow-Origin`; `None`: no CORS headers.
    pub origin: Option<HeaderValue>,
}

impl<'a> RoutedRequest<'a> {
    /// The polling or long-polling answer to this request, without its messages.
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
