//! `test`

use std::path::Path;

use anyhow::Result;
use bringup_model::exit::{self, CodedError};

use super::invocation::Invocation;
use super::request;
use crate::build::Planner;
use crate::cli::{Cli, TestVerb};
use crate::project::config;
use crate::trial::matrix;
use crate::trial::request::TrialRequest;

pub fn run(planner: &Planner<'_>, options: &TestVerb) -> Result<u8> {
    matrix::execute(planner, &request::suites(planner, &options.test)?)
}

/// Runs the suites of an archive, which includes its own project.
pub fn run_archive(cli: &Cli, options: &TestVerb, file: &Path) -> Result<u8> {
    let (invocation, unpacked) = Invocation::of_archive(cli, file)?;
    let target = &unpacked.manifest.target;
    if let Some(other) = options.test.targets.targets.iter().find(|name| *name != target) {
        let why = format!("the archive {} is of {target}, not of {other}\nhint: leave the target out", file.display());
        return Err(CodedError::error(exit::USAGE, why));
    }
    let targets = config::targets(&invocation.project.root, std::slice::from_ref(target))?;
    let request = TrialRequest { archive: Some(file.into()), ..request::suites_of(targets, &options.test)? };
    matrix::execute_unpacked(&invocation.planner(), &request, &unpacked)
}
