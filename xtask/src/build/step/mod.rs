//! Steps: what is built, each from named inputs into one folder.
//!
//! A [`Plan`] knows every folder's name before anything is built, because a digest covers a step's own inputs and those
//! of the steps it rests on. [`Plan::run`] builds what is missing, several steps at a time.

mod build;
mod clang;
pub mod compiler;
pub mod compiletest;
pub mod driver;
pub mod musl;
pub mod patch;
pub mod runtimes;
pub mod std;
pub mod sysroot;
pub mod test_helpers;
pub mod test_programs;
pub mod toolchain;
mod tree;

use ::std::collections::BTreeSet;
use ::std::path::{Path, PathBuf};
use ::std::sync::{Mutex, PoisonError};
use ::std::time::Duration;

use anyhow::Result;

pub use self::build::{Builder, Built, Results, Task};
pub use self::clang::Clang;
use bringup_model::digest::{Digest, Inputs};
use bringup_runner::exec::{Cmd, Finished};
use bringup_runner::jobs::{Jobs, Share};

/// One thing to build.
pub trait Step: Send + Sync {
    /// Name of the step and of its folder in out/: `musl`, `std`, …
    fn name(&self) -> &'static str;

    /// What it is built for: a target's name, or a source's.
    fn label(&self) -> &str;

    /// Number of the recipe: raised when [`Step::build`] comes to make something else of the same inputs.
    fn recipe(&self) -> u32 {
        1
    }

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
    /// The budget of jobs.
    pub jobs: Jobs,
    /// Whether the network is forbidden.
    pub offline: bool,
    cpu: Mutex<Duration>,
}

impl Work {
    /// Runs a command with its output in the step's log, and counts its processor time.
    pub fn run(&self, cmd: &Cmd) -> Result<Finished> {
        self.run_sharing(cmd, Share::Tool)
    }

    /// The same, for a tool that finds the budget in another way.
    pub fn run_sharing(&self, cmd: &Cmd, share: Share) -> Result<Finished> {
        let finished = cmd.clone().within(&self.jobs, share).run(&self.log)?;
        self.spent(finished.cpu);
        Ok(finished)
    }

    /// Adds processor time of work done outside [`Work::run`].
    pub fn spent(&self, cpu: Duration) {
        *self.cpu.lock().unwrap_or_else(PoisonError::into_inner) += cpu;
    }
}

/// Number of a step in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(usize);

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
    /// Its own inputs, and the digests of the steps it rests on.
    pub inputs: Inputs,
}

impl Node {
    /// `musl s390x`
    pub fn title(&self) -> String {
        format!("{} {}", self.step.name(), self.step.label())
    }

    /// Whether it is built.
    pub fn is_done(&self) -> bool {
        self.path.is_dir()
    }
}

/// Steps in an order in which they can be built.
pub struct Plan {
    out: PathBuf,
    nodes: Vec<Node>,
}

impl Plan {
    /// An empty plan for the out folder `out`.
    pub fn new(out: &Path) -> Self {
        Self { out: out.to_owned(), nodes: Vec::new() }
    }

    /// Adds a step that rests on `needs`. The same step twice is one step.
    pub fn add(&mut self, step: impl Step + 'static, needs: &[StepId]) -> StepId {
        let mut inputs = Inputs::new().add("step", step.name()).add("label", step.label());
        inputs = inputs.add("recipe", step.recipe().to_string());
        inputs = step.inputs().entries().iter().fold(inputs, |all, (tag, value)| all.add(tag, value.as_str()));
        for &need in needs {
            let node = self.node(need);
            inputs = inputs.add(&node.title(), node.digest.as_str());
        }
        let digest = inputs.digest();
        if let Some(index) = self.nodes.iter().position(|node| node.digest == digest) {
            return StepId(index);
        }
        let path = self.out.join(step.name()).join(format!("{}-{}", step.label(), digest.short()));
        self.nodes.push(Node { step: Box::new(step), needs: needs.to_vec(), digest, path, inputs });
        StepId(self.nodes.len() - 1)
    }

    /// The step's entry.
    pub fn node(&self, id: StepId) -> &Node {
        &self.nodes[id.0]
    }

    /// Where the step's result is, or will be.
    pub fn path(&self, id: StepId) -> &Path {
        &self.node(id).path
    }

    /// All steps, in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The step and all that it rests on, in order.
    pub fn closure(&self, id: StepId) -> BTreeSet<StepId> {
        let mut all = BTreeSet::from([id]);
        for &need in &self.node(id).needs {
            all.extend(self.closure(need));
        }
        all
    }
}

/// Writes a program for the shell.
fn write_script(path: &Path, text: &str) -> Result<()> {
    use ::std::os::unix::fs::PermissionsExt as _;
    fs_err::write(path, text)?;
    fs_err::set_permissions(path, ::std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}
