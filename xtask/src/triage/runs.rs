//! Runs of the test in one place, and what a row says of them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use bringup_model::outcome::{Outcome, Tries};
use bringup_model::triage::{Control, ControlResult, ControlRow, Setting};
use bringup_runner::jobs::Jobs;
use bringup_runner::one_test::{Conditions, Ran};
use bringup_runner::sandbox::Tracing;
use bringup_runner::scratch;

use super::place::Place;

/// Copies at once that make a load, for each job. Each gets so much more time.
const COPIES: u32 = 4;

/// Runs of the test, each in folders of its own.
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

    pub(super) fn one(&self, place: &Place, jobs: Option<&Jobs>) -> Result<Ran> {
        let folder = self.fresh()?;
        let limit = if jobs.is_some() { self.limit } else { COPIES * self.limit };
        let ran = place.subject.run(&place.sandbox, &folder, &Conditions { limit, jobs, tracing: &Tracing::default() });
        // What tests leave there may be large. What cannot be removed goes in the end.
        let _ = scratch::remove(&folder);
        ran
    }

    pub(super) fn beside_each_other(&self, place: &Place, times: usize, jobs: Option<&Jobs>) -> Result<Vec<Ran>> {
        // Those that share the host's network could meet on a port.
        if !place.sandbox.network {
            return (0..times).map(|_| self.one(place, jobs)).collect();
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..times).map(|_| scope.spawn(|| self.one(place, jobs))).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, Result<_>>| {
                thread.join().unwrap_or_else(|_| Err(anyhow!("a thread that ran the test panicked")))
            };
            threads.into_iter().map(join).collect()
        })
    }
}

/// Many copies at once.
pub(super) fn load(runs: &Runs, place: &Place, jobs: usize) -> Result<(ControlRow, Vec<Ran>)> {
    let start = Instant::now();
    if !place.sandbox.network {
        let why = "the copies have no network of their own, and could meet on a port";
        return Ok((not_had(Control::Load, why.into(), Duration::ZERO), Vec::new()));
    }
    let all = runs.beside_each_other(place, COPIES as usize * jobs, None)?;
    Ok((row(Control::Load, &place.setting, &all, start), all))
}

pub(super) fn row(control: Control, setting: &Setting, all: &[Ran], start: Instant) -> ControlRow {
    let failed: Vec<_> = all.iter().filter(|ran| ran.outcome.is_failure()).collect();
    let tries = Tries { runs: all.len(), failures: failed.len() };
    let told = failed.first().copied().or(all.first());
    let result = ControlResult::Ran {
        tries,
        outcome: told.map_or(Outcome::Missing, |ran| ran.outcome),
        reason: told.and_then(|ran| ran.reason.clone()),
    };
    ControlRow { control, setting: Some(setting.clone()), result, wall_s: start.elapsed().as_secs_f64() }
}

pub(super) fn not_had(control: Control, why: String, wall: Duration) -> ControlRow {
    ControlRow { control, setting: None, result: ControlResult::Unavailable(why), wall_s: wall.as_secs_f64() }
}
