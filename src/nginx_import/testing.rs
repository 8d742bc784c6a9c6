//! In-memory files for the tests of this module.

use super::include::{Files, load};
use super::syntax::{SyntaxError, Tree};
use std::ffi::OsString;
use std::path::Path;

/// Path and text of each file.
pub(super) struct MemoryFiles<'t>(pub(super) &'t [(&'t str, &'t [u8])]);

impl Files for MemoryFiles<'_> {
    fn read(&self, path: &Path, _bytes_max: usize) -> Result<Vec<u8>, String> {
        let file = self.0.iter().find(|(name, _)| Path::new(name) == path);
        file.map(|(_, text)| text.to_vec()).ok_or_else(|| "2: No such file or directory".to_owned())
    }

    fn list(&self, folder: &Path) -> Vec<OsString> {
        let inside =
            self.0.iter().filter_map(|(name, _)| Path::new(name).strip_prefix(folder).ok());
        let names = inside.filter_map(|rest| rest.iter().next());
        let mut names: Vec<OsString> = names.map(|name| name.to_owned()).collect();
        names.sort_unstable_by(|left, right| right.cmp(left));
        names.dedup();
        names
    }
}

/// Loads `/etc/nginx.conf` and its includes from the given paths and texts.
pub(super) fn loaded(files: &[(&str, &str)]) -> Result<Tree, SyntaxError> {
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    load(Path::new("/etc/nginx.conf"), &MemoryFiles(&files))
}
