//! `report`, `report diff`, `report merge`

use std::path::{Path, PathBuf};

use anyhow::Result;
use bringup_model::exit;
use bringup_model::exit::CodedError;
use bringup_model::pins::Pins;
use bringup_model::report::Report;
use bringup_model::report::diff::diff;
use bringup_model::report::merge::merge;

use crate::build::Workspace;
use crate::cli::{ReportArgs, ReportFormat, ReportVerb};
use crate::render;

pub fn run(workspace: &Workspace, options: &ReportArgs) -> Result<u8> {
    match &options.verb {
        None => show(workspace, options),
        Some(ReportVerb::Diff { before, after }) => {
            super::print(&diff(&read(before)?, &read(after)?).to_string())?;
            Ok(exit::EXPECTED)
        }
        Some(ReportVerb::Merge { files }) => {
            let reports = files.iter().map(|file| read(file)).collect::<Result<_>>()?;
            super::print(&String::from_utf8(render::json::write(&merge(reports)?)?)?)?;
            Ok(exit::EXPECTED)
        }
    }
}

/// Shows reports. The exit code is that of the worst run.
fn show(workspace: &Workspace, options: &ReportArgs) -> Result<u8> {
    let last: [PathBuf; 1] = [last_file(&workspace.out)];
    let files = if options.files.is_empty() { &last[..] } else { &options.files };
    let mut code = exit::EXPECTED;
    for file in files {
        let report = read(file)?;
        code = code.max(crate::error::of_report(&report));
        let folder = file.parent().unwrap_or(Path::new("."));
        super::print(&match options.format {
            ReportFormat::Terminal => render::terminal::render(&report, folder, workspace.console.color()),
            ReportFormat::Markdown => render::markdown::render(&report),
            ReportFormat::Html => render::html::render(&report)?,
            ReportFormat::Junit => String::from_utf8(render::junit::render(&report)?)?,
            ReportFormat::Json => String::from_utf8(render::json::write(&report)?)?,
        })?;
    }
    Ok(code)
}

/// The file of the last report.
pub fn last_file(out: &Path) -> PathBuf {
    out.join("report/report.json")
}

/// The last report; none if there was no run.
pub fn last(out: &Path) -> Result<Option<Report>> {
    let file = last_file(out);
    match fs_err::read(&file) {
        Ok(bytes) => render::json::read(&bytes, &file).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The versions in which a report differs from the pins: source, the report's version, the pinned version.
pub fn other_versions<'a>(ours: &'a Pins, report: &'a Report) -> Vec<(&'static str, &'a str, &'a str)> {
    let theirs = &report.pins;
    let versions = [
        ("rust", &theirs.rust, &ours.rust.version),
        ("musl", &theirs.musl, &ours.musl.version),
        ("llvm", &theirs.llvm, &ours.llvm.version),
    ];
    let differing = versions.into_iter().filter(|(_, theirs, ours)| theirs != ours);
    differing.map(|(name, theirs, ours)| (name, theirs.as_str(), ours.as_str())).collect()
}

/// Reads a report that the user named.
pub fn read(file: &Path) -> Result<Report> {
    let wrong = |why: String| CodedError::error(exit::USAGE, why);
    if file.is_dir() {
        return Err(wrong(format!("{} is a folder\nhint: use the file report.json in it", file.display())));
    }
    if !file.is_file() {
        return Err(wrong(format!("there is no report at {}\nhint: `cargo xtask bringup` makes one", file.display())));
    }
    render::json::read(&fs_err::read(file)?, file).map_err(|error| wrong(format!("{error:#}")))
}
