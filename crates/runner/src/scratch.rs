//! Folders in the system's temporary folder. A process that is killed with SIGKILL leaves them behind, so the next
//! process that creates one removes every folder whose lock is free.

use std::fs::{File, TryLockError};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Once;

use anyhow::{Context as _, Result};

/// The beginning of their names. Short, because tests create sockets in them.
const PREFIX: &str = "br";

/// The locked file in each of them. It also distinguishes them from other programs' folders of that name.
const LOCK: &str = ".bringup-lock";

/// A folder that is removed on drop.
#[derive(Debug)]
pub struct Scratch {
    folder: tempfile::TempDir,
    /// Released after the folder is removed: fields are dropped in their order.
    _lock: File,
}

impl Scratch {
    /// Creates a folder in the system's temporary folder.
    ///
    /// # Errors
    ///
    /// If the folder or its lock cannot be created.
    pub fn new() -> Result<Self> {
        static SWEEP: Once = Once::new();
        let place = std::env::temp_dir();
        SWEEP.call_once(|| sweep(&place));
        let make = || format!("creating a folder in {}", place.display());
        loop {
            let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&place).with_context(make)?;
            let path = folder.path().join(LOCK);
            let lock = File::create(&path).with_context(make)?;
            // Another process may have removed the folder before it was locked.
            if !is_held(&lock) && path.exists() {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Takes a lock unless another process holds it. Where files cannot be locked, no process removes anything either.
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

/// Removes a folder, even if a test has removed its permissions.
///
/// # Errors
///
/// If something in it cannot be removed.
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
