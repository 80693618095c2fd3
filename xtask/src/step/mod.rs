//! Steps: what is built, each from named inputs into one folder.
//!
//! A [`Plan`] knows every folder's name before anything is built, because a digest covers a step's own inputs and those
//! of the steps it rests on. [`Plan::run`] builds what is missing, several steps at a time.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::run::exec::{Cmd, Finished};
use crate::store::{Digest, INPUTS_FILE, Inputs, Store};

/// One thing to build.
pub trait Step: Send + Sync {
    /// Name of the step and of its folder in out/: `musl`, `std`, …
    fn name(&self) -> &'static str;

    /// What it is built for: a target's name, or a source's.
    fn label(&self) -> &str;

    /// Everything of its own that decides its result; the steps it rests on are added by the plan.
    fn inputs(&self) -> Inputs;

    /// Builds into the empty folder `work.out`.
    fn build(&self, work: &Work) -> Result<()>;
}

/// What a step gets to work with.
#[derive(Debug)]
pub struct Work {
    /// The folder to fill; it is renamed when the step is complete.
    pub out: PathBuf,
    /// Scratch space of the step's own, on the same file system, removed afterwards.
    pub scratch: PathBuf,
    /// Where the tools' output goes.
    pub log: PathBuf,
    /// Processors that the step may use.
    pub jobs: usize,
    /// Whether the network is forbidden.
    pub offline: bool,
    cpu: std::sync::Mutex<Duration>,
}

impl Work {
    /// Runs a command with its output in the step's log, and counts its processor time.
    pub fn run(&self, cmd: &Cmd) -> Result<Finished> {
        let finished = cmd.run(&self.log)?;
        self.spent(finished.cpu);
        Ok(finished)
    }

    /// Adds processor time of work done outside [`Work::run`].
    pub fn spent(&self, cpu: Duration) {
        *self.cpu.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += cpu;
    }
}

/// Number of a step in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepId(usize);

/// Steps in an order in which they can be built.
pub struct Plan {
    out: PathBuf,
    nodes: Vec<Node>,
}

/// A step and what the plan knows of it.
pub struct Node {
    /// The step.
    pub step: Box<dyn Step>,
    /// Steps it rests on.
    pub needs: Vec<StepId>,
    /// Over all of its inputs.
    pub digest: Digest,
    /// Its folder.
    pub path: PathBuf,
    inputs: Inputs,
}
