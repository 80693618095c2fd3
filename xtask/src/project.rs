//! The project's files: what they say, and where they lie.

pub mod config;
pub mod expect;
pub mod spec;

use std::path::{Path, PathBuf};

use anyhow::Result;
use bringup_model::exit::{self, Coded};
use bringup_model::patch_name::PatchName;
use bringup_model::pins::{Pins, Source};
use bringup_model::target::Target;

use crate::cli::TargetNames;
use crate::console::Console;
use crate::source::patch;

/// A project: its folder, and bringup.toml.
#[derive(Debug)]
pub struct Project {
    /// Its folder.
    pub root: PathBuf,
    /// bringup.toml, with the versions in use.
    pub pins: Pins,
}

impl Project {
    /// Reads bringup.toml in the folder `root`.
    pub fn open(root: PathBuf) -> Result<Self> {
        Ok(Self { pins: config::pins(&root)?, root })
    }

    /// The sources in use: of each, the version that is built.
    pub fn sources(&self) -> [&Source; 3] {
        [&self.pins.rust, &self.pins.musl, &self.pins.llvm]
    }

    /// The source in use with this name.
    pub fn source(&self, name: &str) -> Result<&Source> {
        let found = self.sources().into_iter().find(|source| source.name == name);
        let names = self.sources().map(|source| source.name).join(", ");
        found
            .ok_or_else(|| Coded::error(exit::USAGE, format!("unknown source `{name}`\nhint: the sources are {names}")))
    }

    /// The files of the patches that a name stands for; at least one.
    pub fn named_patches(&self, name: &PatchName) -> Result<Vec<String>> {
        let source = self.source(&name.source)?;
        let series = patch::load::load(&self.root, source.name, &source.version)?;
        let files = series.patches.iter().filter(|patch| name.is(source.name, patch)).map(|patch| patch.file.clone());
        let files: Vec<String> = files.collect();
        if files.is_empty() {
            let all: Vec<&str> = series.patches.iter().map(|patch| patch.file.as_str()).collect();
            let hint = if all.is_empty() { "it has none".into() } else { format!("it has\n  {}", all.join("\n  ")) };
            let text = format!("{} {} has no patch `{name}`\nhint: {hint}", source.name, source.version);
            return Err(Coded::error(exit::USAGE, text));
        }
        Ok(files)
    }

    /// The named targets, or those of the named release; all if nothing is named.
    pub fn targets(&self, names: &TargetNames, console: &Console) -> Result<Vec<Target>> {
        let Some(name) = &names.release else { return config::targets(&self.root, &names.targets) };
        let release = config::release(&self.root, name)?;
        let ours = &self.pins.musl.version;
        if let Some(musl) = release.musl.filter(|musl| musl != ours) {
            let hint = if self.pins.find("musl", &musl).is_ok() {
                format!("; `--musl {musl}` builds that")
            } else {
                String::new()
            };
            console.note(&format!("note: Alpine {name} ships musl {musl}; this run builds {ours}{hint}"));
        }
        config::targets(&self.root, &release.targets)
    }
}

/// A path as people read it: relative to the project's folder `root` where it lies within.
pub fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
