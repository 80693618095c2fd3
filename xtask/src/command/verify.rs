//! `verify`

use std::path::{Path, PathBuf};

use anyhow::Result;
use bringup_model::digest::INPUTS_FILE;
use bringup_model::exit;
use bringup_model::target::Target;
use bringup_runner::files::sha256_file;

use crate::build::Workspace;
use crate::build::manifest::Manifest;
use crate::cli::TargetNames;
use crate::project::{Project, shown};
use crate::trial::recorded;

/// What was looked at.
#[derive(Default)]
struct Verified {
    whole: usize,
    /// Folders of steps that older versions built, without a manifest.
    unknown: usize,
    /// One sentence for each fault, and the command that mends it.
    faults: Vec<(String, String)>,
}

/// Compares the files of steps, the recorded outcomes and the downloads with their digests.
pub fn run(project: &Project, workspace: &Workspace, names: &TargetNames) -> Result<u8> {
    let targets = names.read(project, &workspace.console)?;
    let store = workspace.store()?;
    let mut verified = Verified::default();
    for folder in folders(store.root(), &labels(names, &targets))? {
        let place = shown(&project.root, &folder);
        let wrong = if folder.parent().is_some_and(|kind| kind.ends_with(recorded::FOLDER)) {
            recorded::damage(&folder)?.into_iter().collect()
        } else if let Some(manifest) = Manifest::read(store.root(), &folder)? {
            manifest.differences(&Manifest::of(&folder)?)
        } else {
            verified.unknown += 1;
            continue;
        };
        verified.whole += usize::from(wrong.is_empty());
        let mend = format!("rm -r {place}");
        verified.faults.extend(wrong.into_iter().map(|wrong| (format!("{place}: {wrong}"), mend.clone())));
    }
    for archive in files(&workspace.cache.join("archives"))? {
        let name = archive.file_name().unwrap_or_default().to_string_lossy();
        // `SHA256-NAME`; others are parts of downloads.
        let Some((due, _)) = name.split_once('-').filter(|(due, _)| due.len() == 64) else { continue };
        let now = sha256_file(&archive)?;
        if now == due {
            verified.whole += 1;
        } else {
            let place = archive.display();
            verified.faults.push((format!("{place}: its sha256 is {now}"), format!("rm {place}")));
        }
    }
    verified.tell(workspace)
}

impl Verified {
    fn tell(self, workspace: &Workspace) -> Result<u8> {
        let Self { whole, unknown, faults } = self;
        for (fault, _) in &faults {
            super::print(&format!("{fault}\n"))?;
        }
        let mut mends: Vec<&str> = faults.iter().map(|(_, mend)| mend.as_str()).collect();
        mends.dedup();
        if unknown > 0 {
            workspace
                .console
                .note(&format!("{unknown} steps were built without a manifest, so nothing is known of their files"));
        }
        if mends.is_empty() {
            workspace.console.note(&format!("{whole} results and downloads are as they were made"));
            return Ok(exit::EXPECTED);
        }
        for mend in mends {
            workspace.console.note(&format!("hint: `{mend}` removes it; the next run makes it again"));
        }
        Ok(exit::STEP)
    }
}

/// The labels of the steps to look at; none for all.
fn labels(names: &TargetNames, targets: &[Target]) -> Vec<String> {
    let all = names.targets.is_empty() && names.release.is_none();
    if all { Vec::new() } else { targets.iter().map(|target| target.name.clone()).collect() }
}

/// The folders of complete steps and of recorded outcomes with these labels.
fn folders(out: &Path, labels: &[String]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for kind in children(out)? {
        for folder in children(&kind)? {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let label = name.rsplit_once('-').map(|(label, _)| label.to_owned());
            let wanted = labels.is_empty() || label.is_some_and(|label| labels.contains(&label));
            if wanted && folder.join(INPUTS_FILE).is_file() {
                found.push(folder);
            }
        }
    }
    Ok(found)
}

fn children(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs_err::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(children(folder)?.into_iter().filter(|path| path.is_file()).collect())
}
