//! The toolchain of a pinned Rust release, whichever toolchain compiles Bringup: the one in use, another that rustup has
//! installed, or one that is fetched from rustup's server.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use bringup_model::path_filter::PathFilter;
use bringup_model::pins::{RustRelease, Source};
use bringup_runner::interrupt::is_interrupt;
use walkdir::WalkDir;

use super::survey::Rust;
use crate::source::archive;
use crate::source::fetch::{COMPONENTS, Fetcher, INSTALLED_MANIFEST, SERVER_ENV, Unavailable};

/// The folder of fetched toolchains in the cache.
const FOLDER: &str = "toolchains";

impl Rust {
    /// The toolchain of the release that a source is pinned at. Without such a release, the one in use.
    ///
    /// # Errors
    ///
    /// If it is not installed and cannot be had.
    pub fn of_source(source: &Source, in_use: &Self, fetcher: &Fetcher<'_>) -> Result<Self> {
        let Some(release) = &source.release else { return Ok(in_use.clone()) };
        if in_use.is(release) {
            return Ok(in_use.clone());
        }
        let name = format!("{}-{}-{}", source.version, in_use.triple, &release.manifest[..16]);
        let sysroot = fetcher.cache.join(FOLDER).join(name);
        if !sysroot.is_dir() {
            if let Some(installed) = installed(source, release, in_use, fetcher)? {
                return Ok(installed);
            }
            fetch(source, release, &in_use.triple, &sysroot, fetcher)?;
        }
        let (release, commit) = (release.version.clone(), release.commit.clone());
        Ok(Self { sysroot, release, commit, triple: in_use.triple.clone() })
    }

    fn is(&self, release: &RustRelease) -> bool {
        self.release == release.version && self.commit == release.commit
    }
}

/// The release among the toolchains that rustup has installed. One whose files are not those that rustup has unpacked
/// does not count.
fn installed(source: &Source, release: &RustRelease, in_use: &Rust, fetcher: &Fetcher<'_>) -> Result<Option<Rust>> {
    let home = |key: &str, below: &str| Some(PathBuf::from(std::env::var_os(key)?).join(below));
    let Some(folder) = home("RUSTUP_HOME", "toolchains").or_else(|| home("HOME", ".rustup/toolchains")) else {
        return Ok(None);
    };
    let Ok(entries) = fs_err::read_dir(&folder) else { return Ok(None) };
    let mut sysroots = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    sysroots.sort();
    for sysroot in sysroots {
        // One that does not start, or that rustup has not unpacked, is none.
        let Ok(rust) = Rust::of_sysroot(&sysroot) else { continue };
        if rust.release != release.version
            || rust.triple != in_use.triple
            || !sysroot.join(INSTALLED_MANIFEST).is_file()
        {
            continue;
        }
        let reason = match changed(&sysroot, &rust.triple)? {
            _ if !rust.is(release) => format!("its commit is {}, not {}", rust.commit, release.commit),
            Some(path) => format!("{} is missing, or newer than the installation", path.display()),
            None => return Ok(Some(rust)),
        };
        (fetcher.say)(&format!("rust {}: not the toolchain {}: {reason}", source.version, sysroot.display()));
    }
    Ok(None)
}

/// A file that is missing or was changed since rustup installed the toolchain. rustup keeps no hashes. It writes the
/// manifest last.
fn changed(sysroot: &Path, host: &str) -> Result<Option<PathBuf>> {
    let installed = fs_err::metadata(sysroot.join(INSTALLED_MANIFEST))?.modified()?;
    for component in COMPONENTS {
        let list = sysroot.join(format!("lib/rustlib/manifest-{component}-{host}"));
        if !list.is_file() {
            return Ok(Some(list));
        }
        for line in fs_err::read_to_string(&list)?.lines() {
            let Some(file) = line.strip_prefix("file:") else { continue };
            let path = sysroot.join(file);
            match fs_err::metadata(&path) {
                Ok(found) if found.modified()? <= installed => {}
                _ => return Ok(Some(path)),
            }
        }
    }
    Ok(None)
}

/// Makes a toolchain of the archives of its components.
fn fetch(source: &Source, release: &RustRelease, host: &str, sysroot: &Path, fetcher: &Fetcher<'_>) -> Result<()> {
    let components = fetcher.toolchain(source, release, host).map_err(|error| {
        let advice =
            format!("rustup toolchain install {}, or set {SERVER_ENV} to a server that has it", source.version);
        match Unavailable::of(&error) {
            _ if is_interrupt(&error) => error,
            Some(_) => Unavailable::Lacking(format!("{error:#}\nhint: {advice}")).into(),
            None => anyhow!("{error:#}\nhint: {advice}"),
        }
    })?;
    let folder = sysroot.parent().context("finding the folder of fetched toolchains")?;
    fs_err::create_dir_all(folder)?;
    // Complete, or not there.
    let new = tempfile::Builder::new().prefix(".new-").tempdir_in(folder)?;
    let tree = new.path().join("tree");
    for component in components {
        // rust-installer packs `rustc-1.98.1-TRIPLE/rustc/bin/rustc`, and beside `bin` a list of the files.
        let part = new.path().join("part");
        let list = format!("{}/manifest.in", component.folder);
        let filter = PathFilter { only: vec![component.folder.clone()], without: vec![list] };
        archive::unpack(&component.archive, &part, 1, &filter)?;
        move_into(&part.join(&component.folder), &tree)?;
        fs_err::remove_dir_all(&part)?;
    }
    fs_err::rename(&tree, sysroot).with_context(|| format!("making the toolchain {}", sysroot.display()))
}

/// Moves the files below one folder to another, which may have some of their folders.
fn move_into(from: &Path, to: &Path) -> Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let place = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(&place)?;
        } else {
            fs_err::rename(entry.path(), &place)?;
        }
    }
    Ok(())
}
