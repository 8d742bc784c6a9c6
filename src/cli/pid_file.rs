//! The file with the process id, which exists while the daemon runs.

use super::exit::{Exit, Failure};
use std::fs;
use std::path::{Path, PathBuf};

/// A pid file. Removed on drop.
pub struct PidFile(PathBuf);

impl PidFile {
    /// Writes the id of this process. An existing file is overwritten.
    pub fn write(path: &Path) -> Result<PidFile, Failure> {
        let text = format!("{}\n", std::process::id());
        fs::write(path, text).map_err(|error| {
            Failure::new(Exit::CannotCreate, format!("pid file {}: {error}", path.display()))
        })?;
        Ok(PidFile(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            log::warn!("pid file {}: {error}", self.0.display());
        }
    }
}
