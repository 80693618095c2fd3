//! The report of an invocation while its trials add to it.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use bringup_model::link::Link;
use bringup_model::report::{self, Report};

use crate::render;

/// What is said of a run that there are no results of yet.
const UNFINISHED: &str = "it is not finished: the command goes on, or was killed";

/// The report while it grows. From its first run on it has all that are to come, so that nobody takes it for whole.
pub(super) struct GrowingReport<'a> {
    growing: Mutex<Growing>,
    pub(super) folder: &'a Path,
    start: Instant,
}

struct Growing {
    report: Report,
    /// The runs that there are results of.
    done: Vec<(String, Link)>,
    /// When it was last written, and how long that took.
    written: Option<(Instant, Duration)>,
}

impl<'a> GrowingReport<'a> {
    /// A report to be put into `folder`, which lacks the results of `runs`.
    pub(super) fn new(
        mut report: Report,
        runs: impl IntoIterator<Item = report::Run>,
        folder: &'a Path,
        start: Instant,
    ) -> Self {
        let unfinished = |run| report::Run { error: Some(UNFINISHED.into()), ..run };
        report.runs = runs.into_iter().map(unfinished).collect();
        report.runs.sort_by(|one, other| (&one.target, one.link).cmp(&(&other.target, other.link)));
        let growing = Mutex::new(Growing { report, done: Vec::new(), written: None });
        Self { growing, folder, start }
    }

    /// Adds a run. Everything is written now and then, so that a crash loses little: a report of many runs takes a while.
    pub(super) fn add(&self, run: report::Run) -> Result<()> {
        const QUICK: Duration = Duration::from_millis(50);
        const SHARE: u32 = 20;
        let mut guard = self.growing();
        let Growing { report, done, written } = &mut *guard;
        done.push((run.target.clone(), run.link));
        match report.runs.iter_mut().find(|other| (&other.target, other.link) == (&run.target, run.link)) {
            Some(place) => *place = run,
            None => report.runs.push(run),
        }
        report.wall_s = self.start.elapsed().as_secs_f64();
        if written.is_none_or(|(at, took)| took < QUICK || at.elapsed() >= took * SHARE) {
            let start = Instant::now();
            write(report, self.folder)?;
            *written = Some((Instant::now(), start.elapsed()));
        }
        Ok(())
    }

    /// Whether there are results of any run.
    pub(super) fn has_results(&self) -> bool {
        !self.growing().done.is_empty()
    }

    /// Whether there are results of this one.
    pub(super) fn has(&self, target: &str, link: Link) -> bool {
        self.growing().done.iter().any(|(of, other)| of == target && *other == link)
    }

    fn growing(&self) -> MutexGuard<'_, Growing> {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes all that there is, also when the run was interrupted. Without a result, the last report stays.
    pub(super) fn finish(self) -> Result<Report> {
        let Growing { mut report, done, .. } = self.growing.into_inner().unwrap_or_else(PoisonError::into_inner);
        if done.is_empty() {
            report.runs.clear();
        } else {
            report.wall_s = self.start.elapsed().as_secs_f64();
            write(&report, self.folder)?;
        }
        Ok(report)
    }
}

/// Writes report.json and its renderings. `test` without `bringup` writes the same files: they tell of the last run.
fn write(report: &Report, folder: &Path) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    let renderings = [
        ("report.json", render::json::write(report)?),
        ("report.html", render::html::render(report)?.into_bytes()),
        ("junit.xml", render::junit::render(report)?),
    ];
    for (name, text) in renderings {
        let part = folder.join(format!(".{name}"));
        fs_err::write(&part, text)?;
        fs_err::rename(part, folder.join(name))?;
    }
    Ok(())
}
