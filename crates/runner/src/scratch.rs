//! Folders in the system's temporary one. Who is killed by SIGKILL leaves them behind, so whoever makes one removes those of
//! the dead: a folder whose lock nobody holds.

use std::fs::{File, TryLockError};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Once;

use anyhow::{Context as _, Result};

/// What their names begin with. Short, because tests make sockets in them.
const PREFIX: &str = "br";

/// The file in each of them that is locked. It also tells them from what others have called so.
const LOCK: &str = ".bringup-lock";

/// A folder that is gone when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: tempfile::TempDir,
    /// Let go of after the folder, as the fields stand.
    _lock: File,
}

impl Scratch {
    /// A new folder in the system's temporary one.
    pub fn new() -> Result<Self> {
        static SWEEP: Once = Once::new();
        let place = std::env::temp_dir();
        SWEEP.call_once(|| sweep(&place));
        let make = || format!("making a folder in {}", place.display());
        loop {
            let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&place).with_context(make)?;
            let path = folder.path().join(LOCK);
            let lock = File::create(&path).with_context(make)?;
            // Another run that sweeps may have come between.
            if !is_held(&lock) && path.exists() {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Takes a lock unless somebody else holds it. Where files cannot be locked, nobody removes anything either.
fn is_held(lock: &File) -> bool {
    matches!(lock.try_lock(), Err(TryLockError::WouldBlock))
}

fn sweep(place: &Path) {
    let me = rustix::process::geteuid().as_raw();
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let ours = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes())
            && entry.metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == me);
        if ours
            && let Ok(lock) = File::open(entry.path().join(LOCK))
            && lock.try_lock().is_ok()
        {
            let _ = remove(&entry.path());
        }
    }
}

/// Removes a folder, also one that a test has locked.
pub fn remove(folder: &Path) -> Result<()> {
    if fs_err::remove_dir_all(folder).is_ok() {
        return Ok(());
    }
    unlock(folder)?;
    Ok(fs_err::remove_dir_all(folder)?)
}

fn unlock(folder: &Path) -> Result<()> {
    fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unlock(&entry.path())?;
        }
    }
    Ok(())
}
