//! `patch status`, `patch apply`, `patch refresh`, `patch check`. The larger verbs have files of their own.

mod prove;
mod rebase;
mod watch;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use bringup_model::exit;
use bringup_model::pins::{Locator, Source, SourceOrigin};
use bringup_model::series::{Patch, Series};

use crate::build::step::Plan;
use crate::build::step::patch::PatchStep;
use crate::build::store::Store;
use crate::build::{FetchMode, Planner, SourceParts};
use crate::cli::PatchVerb;
use crate::console::Console;
use crate::project::Project;
use crate::render::table::{Cell, columns};
use crate::source::patch::worktree::{self, Checkout};
use crate::source::patch::{check, load, references, refresh, status};

pub fn run(planner: &Planner<'_>, verb: &PatchVerb) -> Result<u8> {
    match verb {
        PatchVerb::Prove(options) => return prove::run(planner, options),
        PatchVerb::Rebase { all: true, .. } => rebase::over_time(planner)?,
        PatchVerb::Rebase { write, .. } => rebase::run(planner, *write)?,
        PatchVerb::Watch => watch::run(planner.project)?,
        PatchVerb::Status => print_status(planner)?,
        PatchVerb::Apply { source } => apply(planner, planner.project.source(source)?)?,
        PatchVerb::Refresh { source } => {
            write_back(planner.project, &planner.workspace.console, planner.project.source(source)?)?;
        }
        PatchVerb::Check => check_all(planner)?,
    }
    Ok(exit::EXPECTED)
}

/// The folder of a source's working tree. It belongs to the maintainer, so `clean` leaves it alone.
fn working_tree(project: &Project, source: &Source) -> PathBuf {
    project.root.join("work").join(format!("{}-{}", source.name, source.version))
}

/// Unpacks a source without patches, and returns its folder.
fn pristine(planner: &Planner<'_>, store: &Store, source: &Source) -> Result<PathBuf> {
    let series = Series { source: source.name.into(), version: source.version.clone(), ..Series::default() };
    unpacked(planner, store, source, planner.patch_step(source, &series, FetchMode::Fetch)?)
}

/// Unpacks what can be had of a source, without patches, and returns it with its folders. Says which layers it lacks.
fn pristine_parts(planner: &Planner<'_>, store: &Store, source: &Source) -> Result<(Source, Vec<PathBuf>)> {
    let SourceParts { present, steps, absent, why } = planner.source_parts(source)?;
    if !absent.is_empty() {
        let (Source { name, version, .. }, absent) = (source, absent.join(" and "));
        let has: Vec<&str> = present.layers.iter().map(|layer| layer.name.as_str()).collect();
        let note =
            format!("note: {name} {version}: only the layer {}; {absent} cannot be had:\n{why}", has.join(" and "));
        planner.workspace.console.note(&note);
    }
    let folders = steps.into_iter().map(|(_, step)| unpacked(planner, store, source, step)).collect::<Result<_>>()?;
    Ok((present, folders))
}

fn unpacked(planner: &Planner<'_>, store: &Store, source: &Source, step: PatchStep) -> Result<PathBuf> {
    let is_used = |origin: &&SourceOrigin| origin.sha256.as_ref() == Some(&step.sha256);
    if let Some(Locator::Deb(package)) = source.origins.iter().find(is_used).map(|origin| &origin.place) {
        let Source { name, version, .. } = source;
        let note =
            format!("note: {name} {version} is the package {package}, with the distribution's own patches on it");
        planner.workspace.console.note(&note);
    }
    let mut plan = Plan::new(&planner.workspace.out);
    let id = plan.add(step);
    match planner.builder(store)?.build(&plan, &[id], Vec::new())?.remove(&id) {
        Some(Err(failure)) => Err(failure.into()),
        _ => Ok(plan.path(id).to_owned()),
    }
}

/// The source with the layers that a series changes. The others need not be fetched.
fn changed_by(series: &Series, source: &Source) -> Source {
    let files = || series.patches.iter().flat_map(Patch::files);
    source.with_layers(|layer| files().any(|file| source.layer_of(file).is_some_and(|of_file| of_file.name == layer)))
}

/// Unpacks the layers that a series changes, without patches. Returns the folder
/// and the patches of each archive. Says which patches belong to layers that cannot be had.
fn pristine_for(
    planner: &Planner<'_>,
    store: &Store,
    source: &Source,
    series: &Series,
) -> Result<Vec<(PathBuf, Series)>> {
    let SourceParts { steps, absent, why, .. } = planner.source_parts(&changed_by(series, source))?;
    let mut found = Vec::new();
    for (part, step) in steps {
        let mut series = series.clone();
        series.patches.retain(|patch| patch.lacks_layer(source, &part).is_none());
        found.push((unpacked(planner, store, source, step)?, series));
    }
    let count = series.patches.len() - found.iter().map(|(_, series)| series.patches.len()).sum::<usize>();
    if count > 0 {
        let (count, Source { name, version, .. }) = (patches(count), source);
        let cause = match absent.len() {
            0 => "their layers are in several archives".to_owned(),
            _ => format!("{} cannot be had: {why}", absent.join(" and ")),
        };
        planner.workspace.console.warn(&format!("{name} {version}: {count} not checked: {cause}"));
    }
    Ok(found)
}

/// A number of patches, in words.
fn patches(count: usize) -> String {
    if count == 1 { "1 patch".into() } else { format!("{count} patches") }
}

/// Every pinned version of every source that has patches, with these.
fn all_series(project: &Project) -> Result<Vec<(&Source, Series)>> {
    let mut all = Vec::new();
    for source in &project.pins.all {
        let series = load::load(&project.root, source.name, &source.version)?;
        if !series.patches.is_empty() {
            all.push((source, series));
        }
    }
    Ok(all)
}

fn print_status(planner: &Planner<'_>) -> Result<()> {
    let store = planner.workspace.store()?;
    let mut rows = vec![status::HEADINGS.map(Cell::plain).to_vec()];
    for (source, series) in all_series(planner.project)? {
        let parts = pristine_for(planner, &store, source, &series)?;
        for row in status::status(source, &series, &parts)? {
            rows.push(row.cells().map(Cell::plain).to_vec());
        }
    }
    warn_of_unused(planner.project, &planner.workspace.console)?;
    super::print(&columns(&rows, usize::MAX, false))
}

fn warn_of_unused(project: &Project, console: &Console) -> Result<()> {
    for source in project.sources() {
        for version in load::versions(&project.root, source.name)? {
            if project.pins.find(source.name, &version).is_err() {
                console.warn(&format!("patches/{}/{version} is for a version that is not pinned", source.name));
            }
        }
    }
    Ok(())
}

fn apply(planner: &Planner<'_>, source: &Source) -> Result<()> {
    let series = load::load(&planner.project.root, source.name, &source.version)?;
    let tree = working_tree(planner.project, source);
    let (present, pristine) = pristine_parts(planner, &planner.workspace.store()?, source)?;
    let lacks_layer = |patch: &Patch| patch.lacks_layer(source, &present).is_some();
    let absent = series.patches.iter().filter(|patch| lacks_layer(patch)).count();
    let mut series = series;
    series.patches.retain(|patch| !lacks_layer(patch));
    let pristine: Vec<&Path> = pristine.iter().map(PathBuf::as_path).collect();
    let state = match worktree::checkout(&pristine, &tree, &series)? {
        Checkout::Made => "made",
        Checkout::Updated => "brought up to date",
        Checkout::Unchanged => "has these patches already",
    };
    planner
        .workspace
        .console
        .note(&format!("working tree of {} {}: {state}; `base` is the pristine source", source.name, source.version));
    if absent > 0 {
        let absent = patches(absent);
        let note = format!("without {absent} of the other layers; `patch refresh` leaves those as they are");
        planner.workspace.console.note(&note);
    }
    super::print(&format!("{}\n", tree.display()))
}

fn write_back(project: &Project, console: &Console, source: &Source) -> Result<()> {
    let tree = working_tree(project, source);
    let refreshed = refresh::refresh(&project.root, source, &tree)?;
    if refreshed.is_unchanged() {
        console.note("the series matches the working tree");
    }
    super::print(&refreshed.lines().into_iter().map(|line| line + "\n").collect::<String>())
}

fn check_all(planner: &Planner<'_>) -> Result<()> {
    let store = planner.workspace.store()?;
    let mut problems = Vec::new();
    for (source, series) in all_series(planner.project)? {
        problems.extend(references::check(&planner.project.root, source, &series)?);
        let parts = pristine_for(planner, &store, source, &series)?;
        problems.extend(check::check(&series, &parts)?);
        let count = patches(parts.iter().map(|(_, series)| series.patches.len()).sum());
        planner.workspace.console.note(&format!("{} {}: {count} checked", source.name, source.version));
    }
    warn_of_unused(planner.project, &planner.workspace.console)?;
    if problems.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let faults = if lines.len() == 1 { "1 fault".to_owned() } else { format!("{} faults", lines.len()) };
    bail!("{faults} in the series\n{}", lines.join("\n"))
}
