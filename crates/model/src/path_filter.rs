//! The part of an archive that is unpacked.

use std::path::Path;

/// Folders of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathFilter {
    /// Only what is below one of these; everything if there are none.
    pub only: Vec<String>,
    /// Nothing that is below one of these.
    pub without: Vec<String>,
}

impl PathFilter {
    /// Whether a path of the archive is in it.
    pub fn has(&self, path: &Path) -> bool {
        let below = |folders: &[String]| folders.iter().any(|folder| path.starts_with(folder));
        (self.only.is_empty() || below(&self.only)) && !below(&self.without)
    }
}
