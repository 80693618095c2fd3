//! `patch rebase`

use anyhow::{Context as _, Result, bail};
use bringup_model::exit::{self, CodedError};
use bringup_model::pins::Source;
use bringup_model::series::{Patch, Series};

use crate::build::Planner;
use crate::build::store::Store;
use crate::render::table::{Cell, Tone, columns};
use crate::source::patch::rebase::{Fate, Rebased, rebase};
use crate::source::patch::{load, references};

pub fn run(planner: &Planner<'_>, write: bool) -> Result<()> {
    // The series that is tried: that of the default, or the one that is carried to a channel.
    let default = |source: &Source| {
        let mut pinned = planner.project.pins.all.iter().filter(|other| other.name == source.name);
        let is_carried = source.series != source.version;
        pinned.find(|other| !is_carried || other.version == source.series).cloned()
    };
    let moved: Vec<(Source, &Source)> = planner
        .project
        .sources()
        .into_iter()
        .filter_map(|new| Some((default(new)?, new)))
        .filter(|(old, new)| old.version != new.version)
        .collect();
    if moved.is_empty() {
        let hint = "name another version that bringup.toml pins, e.g. `patch rebase --rust 1.98.1`";
        return Err(CodedError::error(exit::USAGE, format!("there is nothing to rebase onto\nhint: {hint}")));
    }
    for (old, new) in moved {
        one(planner, &old, new, write)?;
    }
    Ok(())
}

/// Prints what became of the oldest series of each source in the newer pinned versions.
pub fn over_time(planner: &Planner<'_>) -> Result<()> {
    let store = planner.workspace.store()?;
    let mut tables = String::new();
    for source in planner.project.sources() {
        let versions = planner.project.pins.versions(source.name);
        let Some((oldest, newer)) = versions.split_last().filter(|(_, newer)| !newer.is_empty()) else { continue };
        let series = load::load(&planner.project.root, oldest.name, &oldest.version)?;
        if series.patches.is_empty() {
            continue;
        }
        let heading = std::iter::once(format!("patch of {} {}", oldest.name, oldest.version))
            .chain(newer.iter().rev().map(|newer| newer.version.clone()));
        let mut rows = vec![heading.map(Cell::plain).collect::<Vec<_>>()];
        rows.extend(series.patches.iter().map(|patch| vec![Cell::plain(&patch.file)]));
        for new in newer.iter().rev() {
            let rebased = carried(planner, &store, &series, (oldest, new))?;
            for ((_, fate), row) in rebased.fates.iter().zip(&mut rows[1..]) {
                let (word, tone) = fate_word(fate);
                row.push(Cell::new(word, tone));
            }
        }
        tables.push_str(&columns(&rows, usize::MAX, planner.workspace.console.color()));
    }
    super::super::print(&tables)
}

/// A series on another version.
fn carried(planner: &Planner<'_>, store: &Store, series: &Series, (old, new): (&Source, &Source)) -> Result<Rebased> {
    // The layers that the series changes, as far as the new version has them and they can be had.
    let wanted = super::changed_by(series, new);
    if wanted.layers.is_empty() {
        bail!("{} {} has none of the layers that the patches change", new.name, new.version);
    }
    let (present, to) = super::pristine_parts(planner, store, &wanted)?;
    let tried = series.clone().within(&present);
    let from = super::pristine(planner, store, &super::changed_by(&tried, old))?;
    rebase(series, &from, &present, &to)
}

fn fate_word(fate: &Fate) -> (&'static str, Tone) {
    match fate {
        Fate::Applies => ("applies", Tone::Good),
        Fate::Merges => ("merges", Tone::Good),
        Fate::Upstream => ("upstream has it", Tone::Odd),
        Fate::Conflicts(_) => ("conflicts", Tone::Bad),
        Fate::NotChecked => ("not checked", Tone::Odd),
    }
}

fn one(planner: &Planner<'_>, old: &Source, new: &Source, write: bool) -> Result<()> {
    let series = load::load(&planner.project.root, old.name, &old.version)?;
    if series.patches.is_empty() {
        bail!("{} {} has no patches", old.name, old.version);
    }
    let folder = load::folder(&planner.project.root, new.name, &new.version);
    if write && folder.exists() {
        let text = format!("{} already exists\nhint: remove it, or leave --write out", folder.display());
        return Err(CodedError::error(exit::USAGE, text));
    }
    let store = planner.workspace.store()?;
    let rebased = carried(planner, &store, &series, (old, new))?;

    let mut rows = vec![["patch", "layer", "lines", "fate", ""].map(Cell::plain).to_vec()];
    let mut kept = rebased.series.patches.iter();
    for (file, fate) in &rebased.fates {
        let patch = series.patches.iter().find(|patch| patch.file == *file);
        let patch = patch.with_context(|| format!("the series has no patch {file}"))?;
        let (added, removed) = patch.lines();
        let layer = references::layer(old, patch).unwrap_or_default();
        let (word, tone) = fate_word(fate);
        let detail = match fate {
            Fate::Conflicts(places) => places.join(", "),
            Fate::NotChecked if new.layer_named(layer).is_none() => {
                format!("{} {} has no layer {layer}", new.name, new.version)
            }
            Fate::NotChecked => format!("the layer {layer} cannot be had"),
            Fate::Applies | Fate::Merges | Fate::Upstream => String::new(),
        };
        let after = if matches!(fate, Fate::Applies | Fate::Merges) { kept.next() } else { None };
        let after = after.map(Patch::lines).filter(|after| *after != (added, removed));
        let changed = after.map(|(added, removed)| format!("now +{added} -{removed}")).unwrap_or_default();
        rows.push(vec![
            Cell::plain(file),
            Cell::plain(layer),
            Cell::plain(format!("+{added} -{removed}")),
            Cell::new(word, tone),
            Cell::plain(detail + &changed),
        ]);
    }
    let title = format!("{} {} -> {}\n", old.name, old.version, new.version);
    super::super::print(&(title + &columns(&rows, usize::MAX, planner.workspace.console.color())))?;
    if write {
        load::write(&folder, &rebased.series)?;
        let count = super::patches(rebased.series.patches.len());
        planner.workspace.console.note(&format!("{count} written to {}", folder.display()));
        let left = rebased.fates.iter().filter(|(_, fate)| *fate == Fate::NotChecked).count();
        if left > 0 {
            planner.workspace.console.warn(&format!("not checked, and so not written: {}", super::patches(left)));
        }
    }
    Ok(())
}
