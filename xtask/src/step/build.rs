//! Building a plan: what is missing, several steps at a time, each into a temporary folder that is renamed at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::{Node, Plan, StepId, Work};
use crate::disk;
use crate::render::progress::Ui;
use crate::run::interrupt;
use crate::store::{INPUTS_FILE, Store};

/// What a step cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Built {
    /// Time on the clock.
    pub wall: Duration,
    /// Processor time of its processes.
    pub cpu: Duration,
    /// Whether it was there already.
    pub cached: bool,
}

/// Builds plans into a store.
pub struct Builder<'a> {
    /// Where the results go.
    pub store: &'a Store,
    /// Where progress is shown.
    pub ui: &'a Ui,
    /// Processors to use.
    pub jobs: usize,
    /// Whether the network is forbidden.
    pub offline: bool,
}

/// How many steps are built at once: their serial parts overlap, while each still uses all processors.
const AT_ONCE: usize = 2;

#[derive(Default)]
struct Progress {
    running: BTreeSet<StepId>,
    done: BTreeMap<StepId, Result<Built, String>>,
    interrupted: bool,
}

impl Builder<'_> {
    /// Builds `wanted` and all that it rests on. Every step that was considered has an entry: what it cost, or why it failed.
    ///
    /// A failed step stops what rests on it and nothing else. Fails itself only on an interrupt.
    pub fn build(&self, plan: &Plan, wanted: &[StepId]) -> Result<BTreeMap<StepId, Result<Built, String>>> {
        let all: BTreeSet<StepId> = wanted.iter().flat_map(|&id| plan.closure(id)).collect();
        let mut progress = Progress::default();
        for &id in &all {
            if plan.node(id).is_done() {
                self.ui.cached();
                progress.done.insert(id, Ok(Built { cached: true, ..Built::default() }));
            }
        }
        let progress = Mutex::new(progress);
        let changed = Condvar::new();
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| self.work(plan, &all, &progress, &changed));
            }
        });
        interrupt::check()?;
        Ok(progress.into_inner().unwrap_or_else(PoisonError::into_inner).done)
    }

    fn work(&self, plan: &Plan, all: &BTreeSet<StepId>, progress: &Mutex<Progress>, changed: &Condvar) {
        let mut state = progress.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let ready = next_ready(plan, all, &mut state);
            if state.done.len() == all.len() || state.interrupted {
                break;
            }
            let Some(id) = ready else {
                state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.running.insert(id);
            drop(state);
            let result = self.build_one(plan.node(id));
            state = progress.lock().unwrap_or_else(PoisonError::into_inner);
            state.running.remove(&id);
            state.interrupted |= interrupt::requested();
            state.done.insert(id, result.map_err(|error| format!("{error:#}")));
            changed.notify_all();
        }
        changed.notify_all();
    }

    fn build_one(&self, node: &Node) -> Result<Built> {
        let start = Instant::now();
        let handle = self.ui.step(&node.title());
        match self.try_build(node) {
            Ok(cpu) => {
                handle.done(start.elapsed(), false);
                Ok(Built { wall: start.elapsed(), cpu, cached: false })
            }
            Err(error) => {
                handle.failed();
                Err(error.context(format!("step `{}` failed", node.title())))
            }
        }
    }

    fn try_build(&self, node: &Node) -> Result<Duration> {
        let name = format!("{}-{}", node.step.name(), node.step.label());
        let scratch = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .tempdir_in(self.store.temporary())
            .context("making a scratch folder in out/tmp")
            .map_err(|error| disk::explain(error, None))?;
        let work = Work {
            out: scratch.path().join("out"),
            scratch: scratch.path().join("scratch"),
            log: self.store.logs().join(format!("{name}.log")),
            jobs: self.jobs,
            offline: self.offline,
            cpu: Mutex::default(),
        };
        // Looked at while what the step has written still takes its room.
        finish(node, &work).map_err(|error| disk::explain(error, Some(self.store.root())))?;
        Ok(*work.cpu.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Builds, records the inputs, and makes the result appear whole or not at all.
fn finish(node: &Node, work: &Work) -> Result<()> {
    fs_err::create_dir(&work.out)?;
    fs_err::create_dir(&work.scratch)?;
    fs_err::write(&work.log, "")?;
    node.step.build(work)?;
    interrupt::check()?;
    let inputs = serde_json::to_vec_pretty(&node.inputs)?;
    fs_err::write(work.out.join(INPUTS_FILE), inputs)?;
    let parent: PathBuf = node.path.parent().map(Into::into).unwrap_or_default();
    fs_err::create_dir_all(parent)?;
    fs_err::rename(&work.out, &node.path)?;
    Ok(())
}

/// A step whose needs are done; a step with a failed need is marked failed on the way.
fn next_ready(plan: &Plan, all: &BTreeSet<StepId>, state: &mut Progress) -> Option<StepId> {
    for &id in all {
        if state.done.contains_key(&id) || state.running.contains(&id) {
            continue;
        }
        let needs = &plan.node(id).needs;
        let failed = needs.iter().find(|need| matches!(state.done.get(need), Some(Err(_))));
        if let Some(&need) = failed {
            state.done.insert(id, Err(format!("`{}` failed", plan.node(need).title())));
            return next_ready(plan, all, state);
        }
        if needs.iter().all(|need| state.done.contains_key(need)) {
            return Some(id);
        }
    }
    None
}
