//! A file system for configurations that refer to no file.

use rpushd::config::Files;
use std::io;
use std::path::Path;

/// An empty file system.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn is_world_readable(&self, _: &Path) -> bool {
        false
    }
}
