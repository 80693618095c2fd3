//! Building a plan: missing steps, several at a time, each into a temporary folder that is renamed at the end. A task
//! starts as soon as its steps are built, beside the steps of other targets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bringup_model::digest::INPUTS_FILE;
use bringup_runner::interrupt;
use bringup_runner::jobs::Jobs;

use super::{Node, Plan, StepId, Work};
use crate::build::manifest::Manifest;
use crate::build::store::Store;
use crate::console::Console;
use crate::error::disk;

/// What building a step took.
#[derive(Debug, Clone, Copy, Default)]
pub struct StepCost {
    /// Wall time.
    pub wall: Duration,
    /// Processor time of its processes.
    pub cpu: Duration,
    /// Whether the result already existed.
    pub cached: bool,
}

/// Builds plans into a store.
pub struct Builder<'a> {
    /// The folder of results.
    pub store: &'a Store,
    /// Shows progress.
    pub console: &'a Console,
    /// The budget of jobs.
    pub jobs: Jobs,
    /// Whether the network is forbidden.
    pub offline: bool,
}

/// Why a step has no result. As with an [`anyhow::Error`], `{:#}` shows the whole chain of causes.
#[derive(Debug, Clone)]
pub enum StepFailure {
    /// The step itself failed.
    Failed(Arc<anyhow::Error>),
    /// A step that this one requires failed: the title of that step.
    NeedFailed(String),
}

impl std::fmt::Display for StepFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::NeedFailed(title) => write!(f, "`{title}` failed"),
        }
    }
}

// Keeps the chain of causes, because the exit code is found in it.
impl std::error::Error for StepFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::NeedFailed(_) => None,
        }
    }
}

/// The result of each step: what building it took, or why it failed.
pub type Results = BTreeMap<StepId, Result<StepCost, StepFailure>>;

/// The errors of the steps that failed themselves, without the steps that only lack a requirement.
pub fn causes(results: &Results) -> impl DoubleEndedIterator<Item = &Arc<anyhow::Error>> {
    results.values().filter_map(|result| match result {
        Err(StepFailure::Failed(error)) => Some(error),
        Ok(_) | Err(StepFailure::NeedFailed(_)) => None,
    })
}

/// Work that starts when its steps have results.
pub struct Task<'a> {
    /// The steps. The task also runs if one of them failed.
    pub needs: Vec<StepId>,
    /// The work. It gets the results of all steps so far. An error stops the whole build.
    #[expect(clippy::type_complexity, reason = "a closure of one use")]
    pub run: Box<dyn FnOnce(&Results) -> Result<()> + Send + 'a>,
}

#[derive(Default)]
struct Progress<'a> {
    tasks: Vec<Task<'a>>,
    running: BTreeSet<StepId>,
    done: Results,
    error: Option<anyhow::Error>,
}

enum Ready<'a> {
    Task(Task<'a>),
    Step(StepId),
}

impl Builder<'_> {
    /// Builds `wanted` and everything that it requires, and runs the tasks. The result has an entry for each of these
    /// steps.
    ///
    /// A failed step stops only the steps that require it. The function itself fails only if it is interrupted or a
    /// task fails.
    pub fn build(&self, plan: &Plan, wanted: &[StepId], tasks: Vec<Task<'_>>) -> Result<Results> {
        let all: BTreeSet<StepId> = wanted.iter().flat_map(|&id| plan.closure(id)).collect();
        let mut progress = Progress { tasks, ..Progress::default() };
        for &id in &all {
            if plan.node(id).is_done() {
                self.console.cached();
                progress.done.insert(id, Ok(StepCost { cached: true, ..StepCost::default() }));
            }
        }
        let progress = Mutex::new(progress);
        let changed = Condvar::new();
        std::thread::scope(|scope| {
            // One thread more than there are jobs: while one step runs a serial part, another uses the rest of the
            // budget.
            for _ in 0..=self.jobs.total() {
                scope.spawn(|| self.work(plan, &all, &progress, &changed));
            }
        });
        interrupt::check()?;
        let progress = progress.into_inner().unwrap_or_else(PoisonError::into_inner);
        progress.error.map_or(Ok(progress.done), Err)
    }

    fn work(&self, plan: &Plan, all: &BTreeSet<StepId>, progress: &Mutex<Progress<'_>>, changed: &Condvar) {
        let lock = || progress.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = lock();
        loop {
            let ready = next_ready(plan, all, &mut state);
            let complete = state.done.len() == all.len() && state.tasks.is_empty();
            if (ready.is_none() && complete) || state.error.is_some() || interrupt::requested() {
                break;
            }
            match ready {
                None => {
                    state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
                Some(Ready::Task(task)) => {
                    let results = state.done.clone();
                    drop(state);
                    let result = (task.run)(&results);
                    state = lock();
                    if let Err(error) = result {
                        state.error.get_or_insert(error);
                    }
                }
                Some(Ready::Step(id)) => {
                    state.running.insert(id);
                    drop(state);
                    let result = self.build_one(plan, plan.node(id));
                    state = lock();
                    state.running.remove(&id);
                    state.done.insert(id, result.map_err(|error| StepFailure::Failed(Arc::new(error))));
                }
            }
            changed.notify_all();
        }
        changed.notify_all();
    }

    fn build_one(&self, plan: &Plan, node: &Node) -> Result<StepCost> {
        let start = Instant::now();
        let handle = self.console.step(&node.title());
        match self.try_build(plan, node) {
            Ok(cpu) => {
                handle.done(start.elapsed(), false);
                Ok(StepCost { wall: start.elapsed(), cpu, cached: false })
            }
            Err(error) => {
                handle.failed();
                Err(error.context(format!("step `{}` failed", node.title())))
            }
        }
    }

    fn try_build(&self, plan: &Plan, node: &Node) -> Result<Duration> {
        let name = format!("{}-{}", node.step.name(), node.step.label());
        let scratch = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .tempdir_in(self.store.temporary())
            .context("making a scratch folder in out/tmp")
            .map_err(|error| disk::explain(error, None))?;
        let work = Work {
            out: scratch.path().join("out"),
            scratch: scratch.path().join("scratch"),
            log: self.store.logs().join(log_name(plan, node)),
            jobs: self.jobs.clone(),
            offline: self.offline,
            needs: node.step.needs().into_iter().map(|need| (need, plan.path(need).to_owned())).collect(),
            cpu: Mutex::default(),
        };
        // Explained before the scratch folder is removed, while the disk is still full.
        finish(node, &work, self.store).map_err(|error| disk::explain(error, Some(self.store.root())))?;
        Ok(*work.cpu.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// `musl-s390x.log`. If a plan has this step twice, with different inputs, the digest follows the name.
fn log_name(plan: &Plan, node: &Node) -> String {
    let name = format!("{}-{}", node.step.name(), node.step.label());
    let twins = plan.nodes().iter().filter(|other| other.title() == node.title()).count();
    if twins > 1 { format!("{name}-{}.log", node.digest.short()) } else { format!("{name}.log") }
}

/// Builds the step, records its inputs and what it made, and renames the complete result to its final path.
fn finish(node: &Node, work: &Work, store: &Store) -> Result<()> {
    fs_err::create_dir(&work.out)?;
    fs_err::create_dir(&work.scratch)?;
    fs_err::write(&work.log, "")?;
    node.step.build(work)?;
    interrupt::check()?;
    let inputs = serde_json::to_vec_pretty(&node.inputs)?;
    // A step that has linked all of another step's result has that step's file, too, which must not be written to.
    let new = work.scratch.join(INPUTS_FILE);
    fs_err::write(&new, inputs)?;
    fs_err::rename(new, work.out.join(INPUTS_FILE))?;
    Manifest::of(&work.out)?.write(store.root(), &node.path, &store.temporary())?;
    let parent: PathBuf = node.path.parent().map(Into::into).unwrap_or_default();
    fs_err::create_dir_all(parent)?;
    fs_err::rename(&work.out, &node.path)?;
    Ok(())
}

/// The next task whose steps have results, or else the next step whose requirements are built. Tasks come first, so
/// that results are used before more is built. Marks each step that requires a failed one as failed.
fn next_ready<'a>(plan: &Plan, all: &BTreeSet<StepId>, state: &mut Progress<'a>) -> Option<Ready<'a>> {
    for &id in all {
        if state.done.contains_key(&id) || state.running.contains(&id) {
            continue;
        }
        let needs = plan.node(id).step.needs();
        let failed = needs.iter().find(|need| matches!(state.done.get(need), Some(Err(_))));
        if let Some(&need) = failed {
            state.done.insert(id, Err(StepFailure::NeedFailed(plan.node(need).title())));
        }
    }
    let there = |needs: &[StepId]| needs.iter().all(|need| state.done.contains_key(need));
    if let Some(index) = state.tasks.iter().position(|task| there(&task.needs)) {
        return Some(Ready::Task(state.tasks.remove(index)));
    }
    let open = |id: &&StepId| !state.done.contains_key(id) && !state.running.contains(id);
    all.iter().filter(open).find(|&&id| there(&plan.node(id).step.needs())).map(|&id| Ready::Step(id))
}
