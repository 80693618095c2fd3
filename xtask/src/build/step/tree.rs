//! Copying and linking folder trees.

use std::path::Path;

use anyhow::Result;

/// Copies a tree: folders, files with their mode and time, and symbolic links.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    walk(from, to, &|source, copy| {
        fs_err::copy(source, copy)?;
        let modified = fs_err::metadata(source)?.modified()?;
        // cargo and make compare times, so a copy must not be newer than files built from it.
        fs_err::OpenOptions::new().append(true).open(copy)?.into_parts().0.set_modified(modified)?;
        Ok(())
    })
}

/// Copies a tree by hard links. Neither tree's files may be written to in place.
pub fn link(from: &Path, to: &Path) -> Result<()> {
    walk(from, to, &|source, link| Ok(fs_err::hard_link(source, link)?))
}

fn walk(from: &Path, to: &Path, file: &dyn Fn(&Path, &Path) -> Result<()>) -> Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&source, &target, file)?;
        } else if kind.is_symlink() {
            fs_err::os::unix::fs::symlink(fs_err::read_link(&source)?, &target)?;
        } else {
            file(&source, &target)?;
        }
    }
    Ok(())
}
