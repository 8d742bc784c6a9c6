//! The file that tells others the process id, for as long as the daemon runs.

use super::exit::{Exit, Failure};
use std::fs;
use std::path::{Path, PathBuf};

/// Removed when dropped.
pub struct PidFile(PathBuf);

impl PidFile {
    /// Writes the id of this process. A file that is left over is overwritten.
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
