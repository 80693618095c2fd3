//! The folders of a run and its share of the machine.

use std::path::PathBuf;

use anyhow::Result;
use bringup_runner::jobs::Jobs;

use super::step::Builder;
use super::store::Store;
use crate::console::Console;

/// The folders that a run writes to, what it may use of the machine, and where it shows progress.
pub struct Workspace {
    /// The folder of results.
    pub out: PathBuf,
    /// The folder of downloads.
    pub cache: PathBuf,
    /// Whether the network is forbidden.
    pub offline: bool,
    /// Size of the job budget, in processors.
    pub jobs: usize,
    /// Shows progress and notes.
    pub console: Console,
}

impl Workspace {
    /// Opens the out folder. Waits if another run uses it.
    pub fn store(&self) -> Result<Store> {
        Store::open(&self.out, || self.console.note("another run is using out/; waiting for it to end"))
    }

    /// A builder into `store`. `memory_reserve` is the memory to keep free, in MiB.
    pub fn builder<'a>(&'a self, store: &'a Store, memory_reserve: u64) -> Result<Builder<'a>> {
        let console = self.console.clone();
        let jobs = Jobs::new(self.jobs, memory_reserve, move |text| console.warn(text))?;
        Ok(Builder { store, console: &self.console, jobs, offline: self.offline })
    }

    /// cargo's home for builds of std. It has the registry cache, but no configuration of the user.
    pub fn cargo_home(&self) -> PathBuf {
        self.cache.join("cargo")
    }
}
