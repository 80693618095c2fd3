//! `patch status`, `patch apply`, `patch refresh`, `patch check`

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::cli::PatchVerb;
use crate::exit::{self, Coded};
use crate::model::pins::Source;
use crate::model::series::Series;
use crate::patch::worktree::{self, Checkout};
use crate::patch::{check, load, refresh, status};
use crate::render::table::{Cell, columns};
use crate::session::{Session, Sources};
use crate::step::Plan;

pub fn run(session: &Session, verb: &PatchVerb) -> Result<()> {
    match verb {
        PatchVerb::Status => print_status(session),
        PatchVerb::Apply { source } => apply(session, find(session, source)?),
        PatchVerb::Refresh { source } => write_back(session, find(session, source)?),
        PatchVerb::Check => check_all(session),
    }
}

fn sources(session: &Session) -> [&Source; 3] {
    [&session.pins.rust, &session.pins.musl, &session.pins.llvm]
}

fn find<'a>(session: &'a Session, name: &str) -> Result<&'a Source> {
    let sources = sources(session);
    let found = sources.into_iter().find(|source| source.name == name);
    let names = sources.map(|source| source.name).join(", ");
    found.ok_or_else(|| Coded::error(exit::USAGE, format!("unknown source `{name}`\nhint: the sources are {names}")))
}

/// The working tree belongs to the maintainer: it is outside of out/, and `clean` leaves it alone.
fn working_tree(session: &Session, source: &Source) -> PathBuf {
    session.root.join("work").join(format!("{}-{}", source.name, source.version))
}

/// The unpacked source without any patch, as a step like any other.
fn pristine(session: &Session, source: &Source) -> Result<PathBuf> {
    let store = session.store()?;
    let series = Series { source: source.name.into(), version: source.version.clone(), ..Series::default() };
    let mut plan = Plan::new(&session.out);
    let id = plan.add(session.patch_step(source, &series, Sources::Fetch)?, &[]);
    match session.builder(&store)?.build(&plan, &[id], Vec::new())?.remove(&id) {
        Some(Err(error)) => bail!("{error}"),
        _ => Ok(plan.path(id).to_owned()),
    }
}

fn print_status(session: &Session) -> Result<()> {
    let mut rows = vec![status::HEADINGS.map(Cell::plain).to_vec()];
    for source in sources(session) {
        let series = load::load(&session.root, source.name, &source.version)?;
        if series.patches.is_empty() {
            continue;
        }
        let tree = pristine(session, source)?;
        for row in status::status(&series, Some(&tree))? {
            rows.push(row.cells().map(|cell| Cell::plain(cell.replace('\n', " "))).to_vec());
        }
        for version in load::unused_versions(&session.root, source.name, &source.version)? {
            session.ui.warn(&format!(
                "patches/{}/{version} is for another version than the pinned {}",
                source.name, source.version
            ));
        }
    }
    super::print(&columns(&rows, usize::MAX, false))
}

fn apply(session: &Session, source: &Source) -> Result<()> {
    let series = load::load(&session.root, source.name, &source.version)?;
    let tree = working_tree(session, source);
    let state = match worktree::checkout(&pristine(session, source)?, &tree, &series)? {
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
    let mut problems = Vec::new();
    for source in sources(session) {
        let series = load::load(&session.root, source.name, &source.version)?;
        if series.patches.is_empty() {
            continue;
        }
        problems.extend(check::check(&series, Some(&pristine(session, source)?))?);
        let count = series.patches.len();
        let patches = if count == 1 { "patch" } else { "patches" };
        session.ui.note(&format!("{} {}: {count} {patches} checked", source.name, source.version));
    }
    if problems.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    bail!("the series have {} faults\n{}", lines.len(), lines.join("\n"))
}
