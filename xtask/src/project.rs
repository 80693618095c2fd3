//! The project's files: their contents and their paths.

pub mod config;
pub mod expect;

use std::path::{Path, PathBuf};

use anyhow::Result;
use bringup_model::exit::{self, CodedError};
use bringup_model::pins::{Pins, Source};
use bringup_model::target::Target;

/// A project: a folder with bringup.toml.
#[derive(Debug)]
pub struct Project {
    /// The project's folder.
    pub root: PathBuf,
    /// bringup.toml, with the versions in use.
    pub pins: Pins,
}

impl Project {
    /// Reads bringup.toml in the folder `root`.
    pub fn open(root: PathBuf) -> Result<Self> {
        Ok(Self { pins: config::pins(&root)?, root })
    }

    /// The sources in the versions in use: Rust, musl, LLVM, the kernel headers.
    pub fn sources(&self) -> [&Source; 4] {
        [&self.pins.rust, &self.pins.musl, &self.pins.llvm, &self.pins.linux]
    }

    /// The source in use with this name.
    pub fn source(&self, name: &str) -> Result<&Source> {
        let found = self.sources().into_iter().find(|source| source.name == name);
        let names = self.sources().map(|source| source.name).join(", ");
        found.ok_or_else(|| {
            CodedError::error(exit::USAGE, format!("unknown source `{name}`\nhint: the sources are {names}"))
        })
    }

    /// The named targets, or those of the named release, or all if none is named. Calls `note` if the release ships
    /// another musl than the one that is built.
    pub fn targets(&self, names: &[String], release: Option<&str>, note: impl FnOnce(&str)) -> Result<Vec<Target>> {
        let Some(name) = release else { return config::targets(&self.root, names) };
        let release = config::release(&self.root, name)?;
        let ours = &self.pins.musl.version;
        if let Some(musl) = release.musl.filter(|musl| musl != ours) {
            let hint = if self.pins.find("musl", &musl).is_ok() {
                format!("; `--musl {musl}` builds that")
            } else {
                String::new()
            };
            note(&format!("note: Alpine {name} ships musl {musl}; this run builds {ours}{hint}"));
        }
        config::targets(&self.root, &release.targets)
    }
}

/// A path to show: relative to the project's folder `root` if it is below that.
pub fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
