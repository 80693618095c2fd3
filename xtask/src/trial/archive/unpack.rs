//! Unpacking an archive of a test set. A damaged one is rejected before anything of it runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use bringup_model::archive_manifest::{ArchiveManifest, FILE};
use bringup_model::exit::{self, CodedError};
use bringup_model::path_filter::PathFilter;
use bringup_runner::files::{Content, below, files_below, sha256_file};
use bringup_runner::interrupt::Interrupted;
use bringup_runner::test_set::TestSet;

use crate::build::store::Store;
use crate::source::archive;

/// An unpacked archive. Its folder is a project that is complete enough to run and judge the tests.
#[derive(Debug)]
pub struct Unpacked {
    pub folder: PathBuf,
    pub manifest: ArchiveManifest,
}

impl Unpacked {
    pub fn test_set(&self) -> TestSet {
        TestSet::laid_out(&self.folder, self.manifest.test_programs.clone())
    }
}

/// Unpacks an archive into out/, unless it is there already. Rejects a damaged one.
pub fn unpack(store: &Store, file: &Path) -> Result<Unpacked> {
    try_unpack(store, file).map_err(|error| {
        if error.is::<Interrupted>() {
            return error;
        }
        let hint = "hint: `cargo xtask archive TARGET` makes one; if it came over a network, copy it again";
        CodedError::error(exit::USAGE, format!("using the archive {}: {error:#}\n{hint}", file.display()))
    })
}

fn try_unpack(store: &Store, file: &Path) -> Result<Unpacked> {
    let hash = sha256_file(file)?;
    // Check the kind of file before unpacking it.
    let manifest = match archive::first_entry(file)? {
        (name, content) if name == Path::new(FILE) => {
            ArchiveManifest::parse(&content).map_err(|error| anyhow!(error))?
        }
        (name, _) => bail!("not an archive of Bringup: its first file is `{}`, not {FILE}", name.display()),
    };
    let folder = store.root().join("unpacked").join(format!("{}-{}", manifest.target, &hash[..16]));
    if !folder.is_dir() {
        let fresh = tempfile::Builder::new().prefix("archive-").tempdir_in(store.temporary())?;
        let tree = fresh.path().join("tree");
        archive::unpack(file, &tree, 0, &PathFilter::default())?;
        verify(&tree, &manifest)?;
        fs_err::create_dir_all(store.root().join("unpacked"))?;
        fs_err::rename(&tree, &folder)?;
    }
    Ok(Unpacked { folder, manifest })
}

fn verify(tree: &Path, manifest: &ArchiveManifest) -> Result<()> {
    let mut found = BTreeMap::new();
    for path in files_below(tree)? {
        let name = below(&path, tree)?;
        if !path.symlink_metadata()?.is_file() {
            bail!("`{name}` is not a plain file");
        }
        if name != FILE {
            found.insert(name, sha256_file(&path)?);
        }
    }
    manifest.check(&found).map_err(|error| anyhow!(error))?;
    let set = TestSet::laid_out(tree, manifest.test_programs.clone());
    for (name, content) in set.files().context("looking for its test programs")? {
        if let Content::File(path) = content
            && !path.is_file()
        {
            bail!("`{name}` is missing, but is in the list of test programs");
        }
    }
    Ok(())
}
