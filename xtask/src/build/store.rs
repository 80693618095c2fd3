//! out/: one folder for each finished step, named by the digest of its inputs.
//!
//! A step writes into a temporary folder, which is renamed when the step is complete. So a folder that exists is
//! complete. There are no stamps and no times to compare.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The out folder.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    // Held for the life of the run.
    _lock: File,
}

impl Store {
    /// Opens `root`. If another run holds the lock, calls `waiting` once and waits until that run ends.
    pub fn open(root: &Path, waiting: impl FnOnce()) -> Result<Self> {
        fs_err::create_dir_all(root)?;
        let lock = root.join(".lock");
        let file = File::create(&lock).with_context(|| format!("opening the lock {}", lock.display()))?;
        if file.try_lock().is_err() {
            waiting();
            // Polls, so that Ctrl-C works while waiting.
            while file.try_lock().is_err() {
                bringup_runner::interrupt::check()?;
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        }
        let store = Self { root: root.to_owned(), _lock: file };
        // Remove what an interrupted run left behind. The lock is held, so no other run uses it.
        let temporary = store.temporary();
        if temporary.exists() {
            fs_err::remove_dir_all(&temporary)?;
        }
        fs_err::create_dir_all(store.logs())?;
        fs_err::create_dir_all(temporary)?;
        Ok(store)
    }

    /// The folder of finished steps.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Scratch space on the same file system. The next run empties it when it starts.
    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// The folder of the tools' logs. Logs stay when a step fails.
    pub fn logs(&self) -> PathBuf {
        self.root.join("log")
    }
}
