//! Packing files, with a manifest of them in front, into a `.tar.xz`. The same inputs give the same bytes.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use liblzma::stream::MtStreamBuilder;
use liblzma::write::XzEncoder;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{explain_full, sha256_file};
use crate::model::manifest::FILE;
use crate::run::interrupt;
use crate::store::hex;

/// xz's preset and its block size, which decide the bytes; the number of threads does not.
const PRESET: u32 = 3;
const BLOCK: u64 = 16 << 20;

/// A file of an archive.
#[derive(Debug, Clone)]
pub enum Content {
    /// As it is on disk, a link followed.
    File(PathBuf),
    /// A text.
    Text(String),
    /// A program for the shell.
    Script(String),
}

impl Content {
    /// Its hash.
    pub fn sha256(&self) -> Result<String> {
        match self {
            Self::File(path) => sha256_file(path),
            Self::Text(text) | Self::Script(text) => Ok(hex(&Sha256::digest(text))),
        }
    }

    /// Its mode, which tells only whether it can be executed.
    pub fn mode(&self) -> Result<u32> {
        let executable = match self {
            Self::File(path) => fs_err::metadata(path)?.permissions().mode() & 0o111 != 0,
            Self::Text(_) => false,
            Self::Script(_) => true,
        };
        Ok(if executable { 0o755 } else { 0o644 })
    }

    /// For messages.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Text(_) | Self::Script(_) => "a text".into(),
        }
    }
}

/// Contents by their path in the archive, sorted.
pub type Files = Vec<(String, Content)>;

/// Files on disk, as contents.
pub fn on_disk(files: Vec<(String, PathBuf)>) -> Files {
    files.into_iter().map(|(name, path)| (name, Content::File(path))).collect()
}

/// sha256 of each file.
pub fn hashes(files: &Files) -> Result<BTreeMap<String, String>> {
    files.iter().map(|(name, content)| Ok((name.clone(), content.sha256()?))).collect()
}

/// Files and their manifest, ready to pack.
#[derive(Debug)]
pub struct Packing {
    files: Files,
    manifest: Vec<u8>,
}

impl Packing {
    /// Of these files and a manifest, which should list their [`hashes`].
    pub fn new(files: Files, manifest: &impl Serialize) -> Result<Self> {
        Ok(Self { files, manifest: serde_json::to_vec_pretty(manifest)? })
    }

    /// sha256 of the manifest, which stands for every file.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(&self.manifest))
    }

    /// Writes the archive to `dest`, where it appears whole or not at all. In it, `prefix` precedes every name.
    pub fn write(&self, dest: &Path, prefix: &str) -> Result<()> {
        let folder = dest.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let writing = || format!("writing the archive {}", dest.display());
        fs_err::create_dir_all(folder)?;
        let part = tempfile::Builder::new().prefix(".archive-").tempfile_in(folder).with_context(writing)?;
        let threads = std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1));
        let stream = MtStreamBuilder::new().preset(PRESET).block_size(BLOCK).threads(threads).encoder();
        let encoder = XzEncoder::new_stream(part.as_file(), stream.context("starting the xz encoder")?);
        let encoder = self.tar(encoder, prefix).with_context(writing)?;
        encoder.finish().map_err(explain_full).with_context(writing)?;
        // A temporary file is its owner's alone.
        part.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).with_context(writing)?;
        part.persist(dest).with_context(writing)?;
        Ok(())
    }

    fn tar<W: Write>(&self, output: W, prefix: &str) -> Result<W> {
        let mut tar = tar::Builder::new(output);
        let size = self.manifest.len() as u64;
        let name = format!("{prefix}{FILE}");
        tar.append_data(&mut header(0o644, size), name, &*self.manifest).map_err(explain_full)?;
        append_files(&mut tar, &self.files, prefix)?;
        tar.into_inner().map_err(explain_full)
    }
}

/// Adds files to a tar archive: nothing of them but name, content and whether they can be executed. What is there twice,
/// such as the C library, which is the loader too, is a hard link the second time.
pub fn append_files<W: Write>(tar: &mut tar::Builder<W>, files: &Files, prefix: &str) -> Result<()> {
    let mut seen: HashMap<(String, u32), String> = HashMap::new();
    for (name, content) in files {
        let name = format!("{prefix}{name}");
        let mode = content.mode()?;
        let packed = match (seen.entry((content.sha256()?, mode)), content) {
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

/// Of a file that belongs to nobody and was made at no time.
fn header(mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// A path as it is called from a folder that it is in.
pub fn below(path: &Path, folder: &Path) -> Result<String> {
    let rest = path.strip_prefix(folder).with_context(|| format!("{} is elsewhere", path.display()))?;
    let text = rest.to_str().with_context(|| format!("the name of {} is not UTF-8", path.display()))?;
    Ok(text.to_owned())
}

/// Paths of all files in a folder and below it; none if it is not there.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut rest = vec![folder.to_owned()];
    while let Some(path) = rest.pop() {
        if !path.is_dir() {
            continue;
        }
        for entry in fs_err::read_dir(&path)? {
            let entry = entry?;
            let place = if entry.file_type()?.is_dir() { &mut rest } else { &mut files };
            place.push(entry.path());
        }
    }
    Ok(files)
}
