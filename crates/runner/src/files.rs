//! Files under the names that they get in an archive or on another machine: their hashes, and a reproducible tar
//! stream. The copies that go to other machines and the archives of the program are made here, so that both have the
//! same bytes.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use bringup_model::digest::hex;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use crate::interrupt;

const CHUNK: usize = 256 * 1024;

/// The content of a file in an archive.
#[derive(Debug, Clone)]
pub enum Content {
    /// A file on disk. Links are followed.
    File(PathBuf),
    /// A text file.
    Text(String),
    /// An executable shell script.
    Script(String),
}

impl Content {
    /// The sha256 in lower-case hex.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or the run is interrupted.
    pub fn sha256(&self) -> Result<String> {
        match self {
            Self::File(path) => sha256_file(path),
            Self::Text(text) | Self::Script(text) => Ok(hex(&Sha256::digest(text))),
        }
    }

    /// The mode: 0755 for what can be executed, else 0644.
    ///
    /// # Errors
    ///
    /// If the file does not exist.
    pub fn mode(&self) -> Result<u32> {
        let executable = match self {
            Self::File(path) => fs_err::metadata(path)?.permissions().mode() & 0o111 != 0,
            Self::Text(_) => false,
            Self::Script(_) => true,
        };
        Ok(if executable { 0o755 } else { 0o644 })
    }

    /// The name for error texts.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Text(_) | Self::Script(_) => "a text".into(),
        }
    }
}

/// Contents by their path in the archive, sorted by path.
pub type Files = Vec<(String, Content)>;

/// Files on disk, as contents.
pub fn on_disk(files: Vec<(String, PathBuf)>) -> Files {
    files.into_iter().map(|(name, path)| (name, Content::File(path))).collect()
}

/// The sha256 of each file by its path. Several files are read at once.
///
/// # Errors
///
/// If a file cannot be read, or the run is interrupted.
pub fn hashes(files: &Files) -> Result<BTreeMap<String, String>> {
    files.par_iter().map(|(name, content)| Ok((name.clone(), content.sha256()?))).collect()
}

/// Adds files to a tar archive, with no more metadata than the name and whether they can be executed. A file that
/// occurs twice, such as the C library, which is also the loader, becomes a hard link.
///
/// # Errors
///
/// If a file cannot be read, the archive cannot be written, or the run is interrupted.
pub fn append_files<W: Write>(tar: &mut tar::Builder<W>, files: &Files, prefix: &str) -> Result<()> {
    let mut seen: HashMap<(&str, u32), String> = HashMap::new();
    let hashes = hashes(files)?;
    for (name, content) in files {
        let hash = hashes.get(name).map_or("", String::as_str);
        let name = format!("{prefix}{name}");
        let mode = content.mode()?;
        let packed = match (seen.entry((hash, mode)), content) {
            (Entry::Occupied(first), _) => {
                let mut header = header(mode, 0);
                header.set_entry_type(tar::EntryType::Link);
                tar.append_link(&mut header, &name, first.get())
            }
            (Entry::Vacant(first), Content::File(path)) => {
                first.insert(name.clone());
                let file = fs_err::File::open(path)?;
                tar.append_data(&mut header(mode, file.metadata()?.len()), &name, file)
            }
            (Entry::Vacant(first), Content::Text(text) | Content::Script(text)) => {
                first.insert(name.clone());
                tar.append_data(&mut header(mode, text.len() as u64), &name, text.as_bytes())
            }
        };
        packed.map_err(explain_full).with_context(|| format!("packing {}", content.name()))?;
        interrupt::check()?;
    }
    Ok(())
}

/// The header of a file without owner and time.
pub fn header(mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// A path relative to the folder that it is in.
///
/// # Errors
///
/// If the path is outside the folder, or its name is not UTF-8.
pub fn below(path: &Path, folder: &Path) -> Result<String> {
    let rest =
        path.strip_prefix(folder).with_context(|| format!("{} is not in {}", path.display(), folder.display()))?;
    let text = rest.to_str().with_context(|| format!("the name of {} is not UTF-8", path.display()))?;
    Ok(text.to_owned())
}

/// Paths of all files below a folder, sorted within each folder; none if the folder does not exist.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let is_file = |entry: &walkdir::DirEntry| !entry.file_type().is_dir();
    let entries = WalkDir::new(folder).sort_by_file_name().into_iter();
    entries.filter(|entry| entry.as_ref().map_or(true, is_file)).map(|entry| Ok(entry?.into_path())).collect()
}

/// Writes a file, and its folder if that is missing. Another process sees the old file or the whole new one.
///
/// # Errors
///
/// If the folder or the file cannot be written.
pub fn replace(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder)?;
    let part = tempfile::NamedTempFile::new_in(folder).context("making a temporary file")?;
    fs_err::write(part.path(), bytes)?;
    part.persist(path).with_context(|| format!("writing {}", path.display()))?;
    Ok(())
}

/// The sha256 of a file in lower-case hex.
///
/// # Errors
///
/// If the file cannot be read, or the run is interrupted.
pub fn sha256_file(path: &Path) -> Result<String> {
    let mut file = fs_err::File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        interrupt::check()?;
        match file.read(&mut chunk)? {
            0 => return Ok(hex(&hash.finalize())),
            length => hash.update(&chunk[..length]),
        }
    }
}

/// Turns an IO error into one that says plainly when the disk is full.
pub fn explain_full(error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            anyhow!("the disk is full: {error}\nhint: make room there, then run the same command again")
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_of_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_file(file.path()).unwrap(), expected);
    }
}
