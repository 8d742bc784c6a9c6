//! nginx's own error pages, which clients of the module may expect.

use crate::http::{Response, Status};

/// For a body that exceeds the location's limit.
const TOO_LARGE_PAGE: &[u8] =
    b"<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n\
    <body>\r\n<center><h1>413 Request Entity Too Large</h1></center>\r\n</body>\r\n</html>\r\n";
/// For a message that exceeds the memory limit.
pub(super) const NO_MEMORY_PAGE: &[u8] =
    b"<html>\r\n<head><title>500 Internal Server Error</title></head>\r\n\
    <body>\r\n<center><h1>500 Internal Server Error</h1></center>\r\n</body>\r\n</html>\r\n";

/// The answer to a body that exceeds the location's limit.
pub(super) fn too_large() -> (Response, Vec<u8>) {
    let response = Response::titled(Status::CONTENT_TOO_LARGE).field("Content-Type", "text/html");
    (response, TOO_LARGE_PAGE.to_vec())
}
