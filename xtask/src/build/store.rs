//! out/: one folder for each finished step, named by what went into it.
//!
//! A step writes into a temporary folder that is renamed when it is complete, so a folder that is there is done. There
//! are no stamps and no times to compare.

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
    /// Opens `root`, waiting for another run that holds it; `waiting` is called once if there is one.
    pub fn open(root: &Path, waiting: impl FnOnce()) -> Result<Self> {
        fs_err::create_dir_all(root)?;
        let lock = root.join(".lock");
        let file = File::create(&lock).with_context(|| format!("opening the lock {}", lock.display()))?;
        if file.try_lock().is_err() {
            waiting();
            // Wakes up now and then so that Ctrl-C works while waiting.
            while file.try_lock().is_err() {
                bringup_runner::interrupt::check()?;
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        }
        let store = Self { root: root.to_owned(), _lock: file };
        // What an interrupted run left behind; nobody else is here.
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

    /// Scratch space on the same file system, emptied when the next run starts.
    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Where the logs of tools go; they outlive a failed step.
    pub fn logs(&self) -> PathBuf {
        self.root.join("log")
    }
}
