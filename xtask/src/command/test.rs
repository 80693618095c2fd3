//! `test`

use std::path::Path;

use anyhow::Result;
use bringup_model::exit::{self, Coded};

use super::bringup::{Job, execute, execute_unpacked};
use crate::cli::{Cli, TestVerb};
use crate::session::Session;

pub fn run(session: &Session, options: &TestVerb) -> Result<u8> {
    execute(session, &job(options))
}

/// The suites of an archive. It brings its own project.
pub fn run_archive(cli: &Cli, options: &TestVerb, file: &Path) -> Result<u8> {
    let (session, unpacked) = Session::of_archive(cli, file)?;
    let target = &unpacked.manifest.target;
    if let Some(other) = options.test.targets.targets.iter().find(|name| *name != target) {
        let why =
            format!("the archive {} is of {target}, not of {other}\nhint: no target need be named", file.display());
        return Err(Coded::error(exit::USAGE, why));
    }
    execute_unpacked(&session, &Job { archive: Some(file), ..job(options) }, &unpacked)
}

fn job(options: &TestVerb) -> Job<'_> {
    let mut job = Job::of(&options.test);
    job.selection.smoke = false;
    job
}
