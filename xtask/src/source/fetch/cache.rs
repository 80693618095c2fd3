//! The cache folder: archives named by their sha256.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bringup_model::pins::is_sha256;
use bringup_runner::files::{explain_full, sha256_file};
use bringup_runner::interrupt;
use fs_err::{File, OpenOptions};
use tempfile::TempDir;

/// Prefix of incomplete downloads.
const PART: &str = ".part-";

/// The cache folder.
#[derive(Debug, Clone, Copy)]
pub struct Cache<'a> {
    root: &'a Path,
}

/// While it lives, no other run downloads into the same cache.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "closing the file unlocks it")] std::fs::File);

impl<'a> Cache<'a> {
    /// The cache in `root`, which need not exist yet.
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

    /// The archive with this sha256 in its name. The contents are not verified.
    pub fn find(self, sha256: &str) -> Option<PathBuf> {
        let prefix = format!("{sha256}-");
        let entries = fs_err::read_dir(self.archives()).ok()?;
        let named = |entry: &fs_err::DirEntry| entry.file_name().to_string_lossy().starts_with(&prefix);
        entries.flatten().find(named).map(|entry| entry.path())
    }

    /// The path of an archive in the cache.
    pub fn place(self, sha256: &str, file_name: &str) -> PathBuf {
        // The name comes from an address, so unusual characters are removed.
        let plain = |c: char| if c.is_ascii_alphanumeric() || "+-._~".contains(c) { c } else { '_' };
        self.archives().join(format!("{sha256}-{}", file_name.chars().map(plain).collect::<String>()))
    }

    /// Waits until no other run downloads into this cache, then removes what interrupted runs left behind.
    pub fn lock(self, say: &dyn Fn(&str)) -> Result<Lock> {
        fs_err::create_dir_all(self.archives()).map_err(explain_full)?;
        let path = self.root.join(".lock");
        let file = std::fs::File::create(&path).with_context(|| format!("opening the lock {}", path.display()))?;
        if file.try_lock().is_err() {
            say(&format!("waiting for another run that downloads into {}", self.root.display()));
            while file.try_lock().is_err() {
                interrupt::check()?;
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        for entry in fs_err::read_dir(self.archives())? {
            let path = entry?.path();
            let rest = |name: &str| name.strip_prefix(PART).is_some_and(|rest| !is_sha256(rest));
            if path.file_name().is_some_and(|name| rest(&name.to_string_lossy())) {
                if path.is_dir() { fs_err::remove_dir_all(&path)? } else { fs_err::remove_file(&path)? }
            }
        }
        Ok(Lock(file))
    }

    /// The file to download the archive with this sha256 into, with what an interrupted download left there.
    pub fn part_file(self, sha256: &str, _lock: &Lock) -> Result<File> {
        let path = self.archives().join(format!("{PART}{sha256}"));
        OpenOptions::new().create(true).read(true).append(true).open(path).map_err(explain_full)
    }

    /// A folder to download into. It is removed when dropped.
    pub fn part_folder(self, _lock: &Lock) -> Result<TempDir> {
        let folder = self.archives();
        let made = tempfile::Builder::new().prefix(PART).tempdir_in(&folder).map_err(explain_full);
        made.with_context(|| format!("making a temporary folder in {}", folder.display()))
    }

    /// Moves a complete download to its path. Removes it and fails if its sha256 is wrong.
    pub fn keep(self, part: &Path, actual: &str, expected: &str, file_name: &str) -> Result<PathBuf> {
        if actual != expected {
            fs_err::remove_file(part)?;
            bail!("{}", mismatch(actual, expected));
        }
        let place = self.place(expected, file_name);
        fs_err::File::open(part)?.sync_all().map_err(explain_full)?;
        fs_err::rename(part, &place)?;
        // Sync the folder, so that the name survives a crash.
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
