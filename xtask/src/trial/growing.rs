//! The report while trials still add to it.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use bringup_model::link::Link;
use bringup_model::report::{self, Report};

use super::agreement;
use crate::render;

/// The error of a run without results.
const UNFINISHED: &str = "not finished: the command is still running, or was killed";

/// The report while it grows. It lists all runs from the start, so nobody takes an early version for the complete report.
pub(super) struct GrowingReport<'a> {
    growing: Mutex<Growing>,
    pub(super) folder: &'a Path,
    start: Instant,
}

struct Growing {
    report: Report,
    /// Runs that have results.
    done: Vec<(String, Link)>,
    /// When the report was last written, and how long that took.
    written: Option<(Instant, Duration)>,
}

impl<'a> GrowingReport<'a> {
    /// A report in `folder` with `runs`, all without results.
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

    /// Adds a run. Writes the report from time to time, so that a crash loses little. Writing a large report is slow.
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

    pub(super) fn has_results(&self) -> bool {
        !self.growing().done.is_empty()
    }

    pub(super) fn has(&self, target: &str, link: Link) -> bool {
        self.growing().done.iter().any(|(of, other)| of == target && *other == link)
    }

    fn growing(&self) -> MutexGuard<'_, Growing> {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the report, even after an interrupt. If no run has results, the last report stays.
    pub(super) fn finish(self) -> Result<Report> {
        let Growing { mut report, done, .. } = self.growing.into_inner().unwrap_or_else(PoisonError::into_inner);
        if done.is_empty() {
            report.runs.clear();
        } else {
            report.wall_s = self.start.elapsed().as_secs_f64();
            agreement::check(&mut report);
            write(&report, self.folder)?;
        }
        Ok(report)
    }
}

/// Writes report.json and its renderings. Each verb that tests writes the same files.
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
