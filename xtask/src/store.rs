//! out/: one folder for each finished step, named by what went into it.
//!
//! A step writes into a temporary folder that is renamed when it is complete, so a folder that is there is done. There
//! are no stamps and no times to compare.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What goes into a step: tagged values, in a fixed order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs(Vec<(String, String)>);

impl Inputs {
    /// No inputs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one value under a tag.
    #[must_use]
    pub fn add(mut self, tag: &str, value: impl Into<String>) -> Self {
        self.0.push((tag.into(), value.into()));
        self
    }

    /// Adds a list of values under one tag.
    #[must_use]
    pub fn list(self, tag: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        values.into_iter().fold(self, |inputs, value| inputs.add(tag, value))
    }

    /// Adds all of another list.
    #[must_use]
    pub fn append(mut self, other: &Self) -> Self {
        self.0.extend(other.0.iter().cloned());
        self
    }

    /// The tags and values.
    pub fn entries(&self) -> &[(String, String)] {
        &self.0
    }

    /// sha256 over the entries, each part preceded by its length, so that no two lists read alike.
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        for (tag, value) in &self.0 {
            for part in [tag, value] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
        Digest(hex(&hash.finalize()))
    }
}

/// A sha256 in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(String);

impl Digest {
    /// The part used in folder names.
    pub fn short(&self) -> &str {
        &self.0[..16]
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Name of the file, in each step's folder, that lists what went into it.
pub const INPUTS_FILE: &str = "inputs.json";

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
                crate::run::interrupt::check()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_that_join_alike_differ() {
        let a = Inputs::new().add("flag", "ab").add("flag", "c");
        let b = Inputs::new().add("flag", "a").add("flag", "bc");
        assert_ne!(a.digest(), b.digest());
        assert_eq!(a.digest(), a.clone().digest());
        assert_ne!(Inputs::new().add("x", "y").digest(), Inputs::new().add("y", "x").digest());
    }
}
