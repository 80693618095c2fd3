//! Archives of sources, also hostile ones.

use std::path::Path;

use bringup_model::digest::hex;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// A `.tar.gz` under construction. The same entries give the same bytes.
pub struct Archive(Builder<GzEncoder<Vec<u8>>>);

impl Archive {
    /// An archive of nothing.
    pub fn empty() -> Self {
        Self(Builder::new(GzEncoder::new(Vec::new(), Compression::fast())))
    }

    /// An archive of what is in `folder`, under the name `top`.
    pub fn of_folder(folder: &Path, top: &str) -> Self {
        Self::empty().tree(folder, Path::new(top))
    }

    fn tree(mut self, folder: &Path, name: &Path) -> Self {
        let mut entries: Vec<_> = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap()).collect();
        entries.sort_by_key(fs_err::DirEntry::file_name);
        for entry in entries {
            let name = name.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                self = self.tree(&entry.path(), &name);
            } else {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = entry.metadata().unwrap().permissions().mode();
                self =
                    self.entry(name.to_str().unwrap(), EntryType::Regular, mode, &fs_err::read(entry.path()).unwrap());
            }
        }
        self
    }

    /// Adds a file. The name is taken as it is, `..` and all.
    #[must_use]
    pub fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(name, EntryType::Regular, 0o644, content)
    }

    /// Adds a program.
    #[must_use]
    pub fn program(self, name: &str, content: &[u8]) -> Self {
        self.entry(name, EntryType::Regular, 0o755, content)
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn symlink(self, name: &str, target: &str) -> Self {
        let mut header = header(name, EntryType::Symlink, 0o777, 0);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        self.append(header, &[])
    }

    fn entry(self, name: &str, kind: EntryType, mode: u32, content: &[u8]) -> Self {
        self.append(header(name, kind, mode, content.len() as u64), content)
    }

    fn append(mut self, mut header: Header, content: &[u8]) -> Self {
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    /// Its bytes.
    pub fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap().finish().unwrap()
    }
}

/// The tar crate would not write a name with `..` in it.
fn header(name: &str, kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(1_700_000_000);
    header
}

/// The sha256 of an archive, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
