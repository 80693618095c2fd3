//! Runs of a prepared test, and the row that shows them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use bringup_model::triage::{Control, ControlResult, ControlRow, Manner, Setting};
use bringup_runner::jobs::Jobs;
use bringup_runner::one_test::{Conditions, Ran};
use bringup_runner::sandbox::Tracing;
use bringup_runner::scratch;

use super::prepare::PreparedTest;

/// Copies for each job under load. The time limit grows by the same factor.
const COPIES: u32 = 4;

/// Runs a test, each time in a new folder.
pub(super) struct Runs {
    folder: PathBuf,
    count: AtomicUsize,
    limit: Duration,
}

impl Runs {
    pub(super) fn new(folder: &Path, limit: Duration) -> Self {
        Self { folder: folder.to_owned(), count: AtomicUsize::new(0), limit }
    }

    pub(super) fn fresh(&self) -> Result<PathBuf> {
        let folder = self.folder.join(self.count.fetch_add(1, Ordering::Relaxed).to_string());
        fs_err::create_dir(&folder)?;
        Ok(folder)
    }

    pub(super) fn one(&self, prepared: &PreparedTest, jobs: Option<&Jobs>) -> Result<Ran> {
        let folder = self.fresh()?;
        let limit = match jobs {
            // The limit is for one test.
            _ if !prepared.subject.before.is_empty() => Duration::from_secs(prepared.subject.limits.program_seconds),
            Some(_) => self.limit,
            None => COPIES * self.limit,
        };
        let ran =
            prepared.subject.run(&prepared.sandbox, &folder, &Conditions { limit, jobs, tracing: &Tracing::default() });
        // Tests may leave large files. What cannot be removed now is removed at the end.
        let _ = scratch::remove(&folder);
        ran
    }

    pub(super) fn beside_each_other(
        &self,
        prepared: &PreparedTest,
        times: usize,
        jobs: Option<&Jobs>,
    ) -> Result<Vec<Ran>> {
        // Runs in the host's network might collide on a port.
        if !prepared.sandbox.network {
            return (0..times).map(|_| self.one(prepared, jobs)).collect();
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..times).map(|_| scope.spawn(|| self.one(prepared, jobs))).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, Result<_>>| {
                thread.join().unwrap_or_else(|_| Err(anyhow!("a thread that ran the test panicked")))
            };
            threads.into_iter().map(join).collect()
        })
    }
}

/// Runs many copies in parallel.
pub(super) fn load(runs: &Runs, prepared: &PreparedTest, jobs: usize) -> Result<(ControlRow, Vec<Ran>)> {
    let start = Instant::now();
    if !prepared.sandbox.network {
        let why = "the copies share the host's network, and might collide on a port";
        return Ok((not_had(Control::Load, why.into(), Duration::ZERO), Vec::new()));
    }
    let all = runs.beside_each_other(prepared, COPIES as usize * jobs, None)?;
    Ok((row(Control::Load, &prepared.setting, &all, start), all))
}

pub(super) fn row(control: Control, setting: &Setting, all: &[Ran], start: Instant) -> ControlRow {
    let failed = all.iter().filter(|ran| ran.outcome.is_failure());
    let manner = |ran: &Ran| Manner { outcome: ran.outcome, reason: ran.reason.clone(), place: ran.place.clone() };
    let result = ControlResult::Ran { runs: all.len(), failures: failed.map(manner).collect() };
    ControlRow { control, setting: Some(setting.clone()), result, wall_s: start.elapsed().as_secs_f64() }
}

pub(super) fn not_had(control: Control, why: String, wall: Duration) -> ControlRow {
    ControlRow { control, setting: None, result: ControlResult::Unavailable(why), wall_s: wall.as_secs_f64() }
}
