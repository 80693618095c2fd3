//! The cache folder: archives under the name of their sha256.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bringup_runner::files::{explain_full, sha256_file};
use bringup_runner::interrupt;
use tempfile::{NamedTempFile, TempDir};

/// Prefix of what is still being downloaded.
const PART: &str = ".part-";

/// The cache folder.
#[derive(Debug, Clone, Copy)]
pub struct Cache<'a> {
    root: &'a Path,
}

/// Keeps other runs from downloading into the same cache, for as long as it lives.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "closing the file unlocks it")] File);

impl<'a> Cache<'a> {
    /// The cache in `root`, which need not be there yet.
    pub fn new(root: &'a Path) -> Self {
        Self { root }
    }

    /// The folder.
    pub fn root(self) -> &'a Path {
        self.root
    }

    fn archives(self) -> PathBuf {
        self.root.join("archives")
    }

    /// The archive with this sha256, whatever its file name. Its contents are not looked at.
    pub fn find(self, sha256: &str) -> Option<PathBuf> {
        let prefix = format!("{sha256}-");
        let entries = fs_err::read_dir(self.archives()).ok()?;
        let named = |entry: &fs_err::DirEntry| entry.file_name().to_string_lossy().starts_with(&prefix);
        entries.flatten().find(named).map(|entry| entry.path())
    }

    /// Where an archive is kept.
    pub fn place(self, sha256: &str, file_name: &str) -> PathBuf {
        // Names come from addresses: anything odd in them stays out of ours.
        let plain = |c: char| if c.is_ascii_alphanumeric() || "+-._~".contains(c) { c } else { '_' };
        self.archives().join(format!("{sha256}-{}", file_name.chars().map(plain).collect::<String>()))
    }

    /// Waits until no other run downloads into this cache, then removes what an interrupted one left behind.
    pub fn lock(self, say: &dyn Fn(&str)) -> Result<Lock> {
        fs_err::create_dir_all(self.archives()).map_err(explain_full)?;
        let path = self.root.join(".lock");
        let file = File::create(&path).with_context(|| format!("opening the lock {}", path.display()))?;
        if file.try_lock().is_err() {
            say(&format!("waiting for another run that downloads into {}", self.root.display()));
            while file.try_lock().is_err() {
                interrupt::check()?;
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        for entry in fs_err::read_dir(self.archives())? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PART)) {
                if path.is_dir() { fs_err::remove_dir_all(&path)? } else { fs_err::remove_file(&path)? }
            }
        }
        Ok(Lock(file))
    }

    /// A file to download into; it is removed unless it is given to [`Cache::keep`].
    pub fn part_file(self, _lock: &Lock) -> Result<NamedTempFile> {
        let folder = self.archives();
        let made = tempfile::Builder::new().prefix(PART).tempfile_in(&folder).map_err(explain_full);
        made.with_context(|| format!("making a temporary file in {}", folder.display()))
    }

    /// A folder to download into; it is removed when dropped.
    pub fn part_folder(self, _lock: &Lock) -> Result<TempDir> {
        let folder = self.archives();
        let made = tempfile::Builder::new().prefix(PART).tempdir_in(&folder).map_err(explain_full);
        made.with_context(|| format!("making a temporary folder in {}", folder.display()))
    }

    /// Puts a complete download in its place. Fails if it is not the archive that was meant.
    pub fn keep(self, part: &Path, actual: &str, expected: &str, file_name: &str) -> Result<PathBuf> {
        if actual != expected {
            bail!("{}", mismatch(actual, expected));
        }
        let place = self.place(expected, file_name);
        fs_err::File::open(part)?.sync_all().map_err(explain_full)?;
        fs_err::rename(part, &place)?;
        // The name, too, is to survive a crash.
        fs_err::File::open(self.archives())?.sync_all()?;
        Ok(place)
    }
}

/// Fails unless the file has this sha256.
pub fn expect_sha256(path: &Path, expected: &str) -> Result<()> {
    let actual = sha256_file(path)?;
    if actual != expected {
        bail!("{}", mismatch(&actual, expected));
    }
    Ok(())
}

fn mismatch(actual: &str, expected: &str) -> String {
    format!("wrong sha256: it is {actual}, expected {expected}")
}
