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
use crate::cli::{Format, Report as Options, ReportVerb};
use crate::render;

pub fn run(workspace: &Workspace, options: &Options) -> Result<u8> {
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

/// Shows reports; the exit code is that of the worst run in them.
fn show(workspace: &Workspace, options: &Options) -> Result<u8> {
    let last: [PathBuf; 1] = [last_file(&workspace.out)];
    let files = if options.files.is_empty() { &last[..] } else { &options.files };
    let mut code = exit::EXPECTED;
    for file in files {
        let report = read(file)?;
        code = code.max(crate::error::of_report(&report));
        let folder = file.parent().unwrap_or(Path::new("."));
        super::print(&match options.format {
            Format::Terminal => render::terminal::render(&report, folder, workspace.console.color()),
            Format::Markdown => render::markdown::render(&report),
            Format::Html => render::html::render(&report)?,
            Format::Junit => String::from_utf8(render::junit::render(&report)?)?,
            Format::Json => String::from_utf8(render::json::write(&report)?)?,
        })?;
    }
    Ok(code)
}

/// Where the report of the last run is in the folder of results, if there was one.
pub fn last_file(out: &Path) -> PathBuf {
    out.join("report/report.json")
}

/// The report of the last run; nothing if there was none.
pub fn last(out: &Path) -> Result<Option<Report>> {
    let file = last_file(out);
    match fs_err::read(&file) {
        Ok(bytes) => render::json::read(&bytes, &file).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Where a report's versions are not the pinned ones: of what, the report's and the pinned.
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

/// The report in a file that the user named.
pub fn read(file: &Path) -> Result<Report> {
    let wrong = |why: String| CodedError::error(exit::USAGE, why);
    if file.is_dir() {
        return Err(wrong(format!("{} is a folder\nhint: a report is the file report.json in it", file.display())));
    }
    if !file.is_file() {
        return Err(wrong(format!("there is no report at {}\nhint: `cargo xtask bringup` makes one", file.display())));
    }
    render::json::read(&fs_err::read(file)?, file).map_err(|error| wrong(format!("{error:#}")))
}
