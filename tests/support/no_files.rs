//! For configurations that name no file.

use rpushd::config::Files;
use std::io;
use std::path::Path;

/// A disk with nothing on it.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn is_world_readable(&self, _: &Path) -> bool {
        false
    }
}
