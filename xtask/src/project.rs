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

    /// The named targets, or those of the named release, or all if none is named. Calls `note` with what the release
    /// ships and what is used instead, as far as it is known.
    pub fn targets(&self, names: &[String], release: Option<&str>, note: impl FnOnce(&str)) -> Result<Vec<Target>> {
        let Some(name) = release else { return config::targets(&self.root, names) };
        let release = config::release(&self.root, name)?;
        let Pins { musl: Source { version: musl, .. }, rust: Source { version: rust, .. }, .. } = &self.pins;
        let shipped = |what: &str, version: &Option<String>| Some(format!("{what} {}", version.as_ref()?));
        let shipped: Vec<String> =
            [shipped("musl", &release.musl), shipped("Rust", &release.rust)].into_iter().flatten().collect();
        if !shipped.is_empty() {
            let hint = match release.musl.as_ref().filter(|theirs| *theirs != musl) {
                Some(theirs) if self.pins.find("musl", theirs).is_ok() => {
                    format!("; `--musl {theirs}` selects the release's")
                }
                Some(theirs) => format!("; bringup.toml does not pin musl {theirs}"),
                None => String::new(),
            };
            let shipped = shipped.join(" and ");
            note(&format!("note: Alpine {name} ships {shipped}; this command uses musl {musl} and Rust {rust}{hint}"));
        }
        config::targets(&self.root, &release.targets)
    }

    /// Selects the musl of an Alpine release, if bringup.toml pins it, and returns its version if it is not the one that
    /// was selected already.
    pub fn select_musl_of(&mut self, release: &str) -> Result<Option<String>> {
        let musl = config::release(&self.root, release)?.musl.filter(|musl| *musl != self.pins.musl.version);
        Ok(musl.filter(|musl| self.pins.select("musl", musl).is_ok()))
    }
}

/// A path to show: relative to the project's folder `root` if it is below that.
pub fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
