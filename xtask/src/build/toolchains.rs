//! The Rust toolchains of a command: the one that runs it, and the one under test.

use std::sync::OnceLock;

use anyhow::Result;
use bringup_model::pins::ChannelName;
use bringup_model::report::UsedToolchain;

use super::plan::Planner;
use crate::host::survey::Rust;
use crate::source::fetch::{Fetcher, Patience, Resolved, Unavailable};

/// The Rust toolchains of a command. Asking them what they are takes time.
#[derive(Debug, Clone, Default)]
pub struct Toolchains {
    /// The one that runs us.
    pub in_use: OnceLock<Rust>,
    /// The one under test.
    pub rust: OnceLock<Rust>,
}

impl Planner<'_> {
    /// The Rust toolchain that runs us.
    pub fn in_use(&self) -> Result<&Rust> {
        if let Some(rust) = self.toolchains.in_use.get() {
            return Ok(rust);
        }
        let rust = Rust::find(&self.project.root)?;
        Ok(self.toolchains.in_use.get_or_init(|| rust))
    }

    /// The stock Rust toolchain of the pinned version. It is fetched if it is not installed.
    pub fn rust(&self) -> Result<&Rust> {
        if let Some(rust) = self.toolchains.rust.get() {
            return Ok(rust);
        }
        let rust = self.with_fetcher(|fetcher| Rust::of_source(&self.project.pins.rust, self.in_use()?, fetcher))?;
        Ok(self.toolchains.rust.get_or_init(|| rust))
    }

    /// The same, if it is there without the network.
    pub fn rust_that_is_there(&self) -> Result<Option<Rust>> {
        let in_use = self.in_use()?;
        let found = self.with_fetcher(|fetcher| {
            let fetcher = Fetcher { offline: true, say: &|_| (), ..*fetcher };
            Rust::of_source(&self.project.pins.rust, in_use, &fetcher)
        });
        match found {
            Err(error) if Unavailable::of(&error).is_some() => Ok(None),
            found => found.map(Some),
        }
    }

    /// The toolchain under test, for a report; nothing if this run has required none.
    pub fn used_toolchain(&self) -> Option<UsedToolchain> {
        let Rust { release, commit, .. } = self.toolchains.rust.get()?;
        Some(UsedToolchain { release: release.clone(), commit: commit.clone() })
    }

    /// What a channel of Rust is now, or was on its day.
    pub fn resolve(&self, name: &ChannelName) -> Result<Resolved> {
        self.with_fetcher(|fetcher| fetcher.resolve(name))
    }

    /// Calls `use_it` with what fetches sources.
    pub(super) fn with_fetcher<T>(&self, use_it: impl FnOnce(&Fetcher<'_>) -> Result<T>) -> Result<T> {
        let say = |text: &str| self.workspace.console.note(text);
        use_it(&Fetcher {
            root: &self.project.root,
            cache: &self.workspace.cache,
            sysroot: &self.in_use()?.sysroot,
            suites: &self.project.pins.qemu.suites,
            offline: self.workspace.offline,
            patience: Patience::default(),
            say: &say,
        })
    }
}
