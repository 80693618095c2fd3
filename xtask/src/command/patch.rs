//! `patch status`, `patch apply`, `patch refresh`, `patch check`; the larger ones are in files of their own.

mod prove;
mod rebase;

use std::path::PathBuf;

use anyhow::{Result, bail};
use bringup_model::exit;
use bringup_model::pins::{Origin, Place, Source};
use bringup_model::series::Series;

use crate::build::step::Plan;
use crate::build::store::Store;
use crate::cli::PatchVerb;
use crate::render::table::{Cell, columns};
use crate::session::{Session, Sources};
use crate::source::patch::worktree::{self, Checkout};
use crate::source::patch::{check, load, references, refresh, status};

pub fn run(session: &Session, verb: &PatchVerb) -> Result<u8> {
    match verb {
        PatchVerb::Prove(options) => return prove::run(session, options),
        PatchVerb::Rebase { write } => rebase::run(session, *write)?,
        PatchVerb::Status => print_status(session)?,
        PatchVerb::Apply { source } => apply(session, session.source(source)?)?,
        PatchVerb::Refresh { source } => write_back(session, session.source(source)?)?,
        PatchVerb::Check => check_all(session)?,
    }
    Ok(exit::EXPECTED)
}

/// The working tree belongs to the maintainer: it is outside of out/, and `clean` leaves it alone.
fn working_tree(session: &Session, source: &Source) -> PathBuf {
    session.root.join("work").join(format!("{}-{}", source.name, source.version))
}

/// The unpacked source without any patch, as a step like any other.
fn pristine(session: &Session, store: &Store, source: &Source) -> Result<PathBuf> {
    let series = Series { source: source.name.into(), version: source.version.clone(), ..Series::default() };
    let step = session.patch_step(source, &series, Sources::Fetch)?;
    let is_used = |origin: &&Origin| origin.sha256.as_ref() == Some(&step.sha256);
    if let Some(Place::Deb(package)) = source.origins.iter().find(is_used).map(|origin| &origin.place) {
        let Source { name, version, .. } = source;
        let note =
            format!("note: {name} {version} is the package {package}, with the distribution's own patches on it");
        session.ui.note(&note);
    }
    let mut plan = Plan::new(&session.out);
    let id = plan.add(step);
    match session.builder(store)?.build(&plan, &[id], Vec::new())?.remove(&id) {
        Some(Err(failure)) => Err(failure.into()),
        _ => Ok(plan.path(id).to_owned()),
    }
}

/// The layers that a series changes, without any patch: the others need not be fetched.
fn pristine_for(session: &Session, store: &Store, source: &Source, series: &Series) -> Result<PathBuf> {
    let files = || series.patches.iter().flat_map(|patch| patch.files());
    let touched = |layer: &str| files().any(|file| source.layer_of(file).is_some_and(|of_file| of_file.name == layer));
    pristine(session, store, &source.with_layers(touched))
}

/// Each pinned version of each source that has patches, with them.
fn all_series(session: &Session) -> Result<Vec<(&Source, Series)>> {
    let mut all = Vec::new();
    for source in &session.pins.all {
        let series = load::load(&session.root, source.name, &source.version)?;
        if !series.patches.is_empty() {
            all.push((source, series));
        }
    }
    Ok(all)
}

fn print_status(session: &Session) -> Result<()> {
    let store = session.store()?;
    let mut rows = vec![status::HEADINGS.map(Cell::plain).to_vec()];
    for (source, series) in all_series(session)? {
        let tree = pristine_for(session, &store, source, &series)?;
        for row in status::status(source, &series, Some(&tree))? {
            rows.push(row.cells().map(Cell::plain).to_vec());
        }
    }
    warn_of_unused(session)?;
    super::print(&columns(&rows, usize::MAX, false))
}

fn warn_of_unused(session: &Session) -> Result<()> {
    for source in session.sources() {
        for version in load::versions(&session.root, source.name)? {
            if session.pins.find(source.name, &version).is_err() {
                session.ui.warn(&format!("patches/{}/{version} is for a version that is not pinned", source.name));
            }
        }
    }
    Ok(())
}

fn apply(session: &Session, source: &Source) -> Result<()> {
    let series = load::load(&session.root, source.name, &source.version)?;
    let tree = working_tree(session, source);
    let pristine = pristine(session, &session.store()?, source)?;
    let state = match worktree::checkout(&pristine, &tree, &series)? {
        Checkout::Made => "made",
        Checkout::Updated => "brought up to date",
        Checkout::Unchanged => "has these patches already",
    };
    session
        .ui
        .note(&format!("working tree of {} {}: {state}; `base` is the pristine source", source.name, source.version));
    super::print(&format!("{}\n", tree.display()))
}

fn write_back(session: &Session, source: &Source) -> Result<()> {
    let tree = working_tree(session, source);
    let refreshed = refresh::refresh(&session.root, source.name, &source.version, &tree)?;
    if refreshed.is_unchanged() {
        session.ui.note("the series is as the working tree has it");
    }
    super::print(&refreshed.lines().into_iter().map(|line| line + "\n").collect::<String>())
}

fn check_all(session: &Session) -> Result<()> {
    let store = session.store()?;
    let mut problems = Vec::new();
    for (source, series) in all_series(session)? {
        problems.extend(references::check(&session.root, source, &series)?);
        let tree = pristine_for(session, &store, source, &series)?;
        problems.extend(check::check(&series, Some(&tree))?);
        let count = series.patches.len();
        let patches = if count == 1 { "patch" } else { "patches" };
        session.ui.note(&format!("{} {}: {count} {patches} checked", source.name, source.version));
    }
    warn_of_unused(session)?;
    if problems.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    bail!("the series have {} faults\n{}", lines.len(), lines.join("\n"))
}
