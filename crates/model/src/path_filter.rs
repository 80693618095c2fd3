//! Selects the part of an archive to unpack.

use std::path::Path;

/// Selects paths of an archive by their folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathFilter {
    /// Folders to include with their contents; empty means everything.
    pub only: Vec<String>,
    /// Folders to exclude with their contents, even below an included one.
    pub without: Vec<String>,
}

impl PathFilter {
    /// Whether the filter selects a path of the archive.
    pub fn has(&self, path: &Path) -> bool {
        let below = |folders: &[String]| folders.iter().any(|folder| path.starts_with(folder));
        (self.only.is_empty() || below(&self.only)) && !below(&self.without)
    }
}
