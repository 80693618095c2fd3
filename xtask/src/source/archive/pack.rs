//! Packs files into a `.tar.xz`, with a manifest in front. The same inputs give the same bytes.

use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use bringup_model::archive_manifest::FILE;
use bringup_model::digest::hex;
use bringup_runner::files::{Files, append_files, explain_full, header};
use liblzma::stream::MtStreamBuilder;
use liblzma::write::XzEncoder;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// xz's preset and block size. They decide the bytes. The number of threads does not.
const PRESET: u32 = 3;
const BLOCK: u64 = 16 << 20;

/// Files and their manifest, ready to pack.
#[derive(Debug)]
pub struct Packing {
    files: Files,
    manifest: Vec<u8>,
}

impl Packing {
    /// Packs these files and a manifest, which should list their [`bringup_runner::files::hashes`].
    pub fn new(files: Files, manifest: &impl Serialize) -> Result<Self> {
        Ok(Self { files, manifest: serde_json::to_vec_pretty(manifest)? })
    }

    /// sha256 of the manifest, which covers every file.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(&self.manifest))
    }

    /// Writes the archive to a temporary file, then renames it to `dest`. In the archive, `prefix` precedes every
    /// name.
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
        // Only the owner may read a temporary file.
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
