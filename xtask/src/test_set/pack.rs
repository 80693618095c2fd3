//! Packing a test set with the files that say how it is run and judged. The same inputs give the same bytes.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use liblzma::stream::MtStreamBuilder;
use liblzma::write::XzEncoder;
use sha2::{Digest as _, Sha256};

use super::{TestSet, below, files_below};
use crate::archive::{explain_full, sha256_file};
use crate::config::{PINS_FILE, target_dir};
use crate::model::manifest::{FILE, Manifest};
use crate::run::interrupt;
use crate::store::hex;

/// xz's preset and its block size, which decide the bytes; the number of threads does not.
const PRESET: u32 = 3;
const BLOCK: u64 = 16 << 20;

/// Files to pack, by their path in the archive.
#[derive(Debug)]
pub struct Packing {
    files: Vec<(String, PathBuf)>,
    manifest: Vec<u8>,
}

impl Packing {
    /// Collects a target's test set and the project's files about it. `manifest` lacks only the files.
    pub fn new(root: &Path, set: &TestSet, mut manifest: Manifest) -> Result<Self> {
        let mut files = set.files()?;
        files.extend(project_files(root, &manifest.target)?);
        files.sort();
        let hashed = files.iter().map(|(name, path)| Ok((name.clone(), sha256_file(path)?)));
        manifest.files = hashed.collect::<Result<BTreeMap<_, _>>>()?;
        let manifest = serde_json::to_vec_pretty(&manifest)?;
        Ok(Self { files, manifest })
    }

    /// sha256 of the manifest, which stands for every file.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(&self.manifest))
    }

    /// Writes the archive to `dest`, where it appears whole or not at all.
    pub fn write(&self, dest: &Path) -> Result<()> {
        let folder = dest.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let writing = || format!("writing the archive {}", dest.display());
        fs_err::create_dir_all(folder)?;
        let part = tempfile::Builder::new().prefix(".archive-").tempfile_in(folder).with_context(writing)?;
        let threads = std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1));
        let stream = MtStreamBuilder::new().preset(PRESET).block_size(BLOCK).threads(threads).encoder();
        let encoder = XzEncoder::new_stream(part.as_file(), stream.context("starting the xz encoder")?);
        let encoder = self.tar(encoder).with_context(writing)?;
        encoder.finish().map_err(explain_full).with_context(writing)?;
        // A temporary file is its owner's alone.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        part.as_file().set_permissions(mode).with_context(writing)?;
        part.persist(dest).with_context(writing)?;
        Ok(())
    }

    fn tar<W: Write>(&self, output: W) -> Result<W> {
        let mut tar = tar::Builder::new(output);
        let size = self.manifest.len() as u64;
        tar.append_data(&mut header(0o644, size), FILE, &*self.manifest).map_err(explain_full)?;
        append_files(&mut tar, &self.files)?;
        tar.into_inner().map_err(explain_full)
    }
}

/// Adds files to a tar archive: nothing of them but name, content and whether they can be executed. What is there twice,
/// such as the C library, which is the loader too, is a hard link the second time.
pub fn append_files<W: Write>(tar: &mut tar::Builder<W>, files: &[(String, PathBuf)]) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut seen: HashMap<(String, u32), &String> = HashMap::new();
    for (name, path) in files {
        let file = fs_err::File::open(path)?;
        let data = file.metadata()?;
        let mode = if data.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
        let packed = match seen.entry((sha256_file(path)?, mode)) {
            Entry::Vacant(first) => {
                first.insert(name);
                tar.append_data(&mut header(mode, data.len()), name, file)
            }
            Entry::Occupied(first) => {
                let mut header = header(mode, 0);
                header.set_entry_type(tar::EntryType::Link);
                tar.append_link(&mut header, name, first.get())
            }
        };
        packed.map_err(explain_full).with_context(|| format!("packing {}", path.display()))?;
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

/// What of the project says how a target's tests are run and judged.
fn project_files(root: &Path, target: &str) -> Result<Vec<(String, PathBuf)>> {
    let qemu = root.join("qemu");
    let of_qemu = ["all.expect.txt", &format!("{target}.expect.txt"), "limits.toml"].map(|name| qemu.join(name));
    let single = of_qemu.into_iter().filter(|path| path.is_file()).chain([root.join(PINS_FILE)]);
    let paths = single.chain(files_below(&target_dir(root, target))?);
    paths.map(|path| Ok((below(&path, root)?, path))).collect()
}
