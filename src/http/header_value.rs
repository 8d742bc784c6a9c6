//! A header value that several responses share.

use std::ops::Deref;
use std::rc::Rc;

/// The value of a header field. A clone shares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderValue(Rc<[u8]>);

impl Deref for HeaderValue {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for HeaderValue {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<&[u8]> for HeaderValue {
    fn from(bytes: &[u8]) -> HeaderValue {
        HeaderValue(bytes.into())
    }
}

impl From<Vec<u8>> for HeaderValue {
    fn from(bytes: Vec<u8>) -> HeaderValue {
        HeaderValue(bytes.into())
    }
}
