//! `test`

use std::path::Path;

use anyhow::Result;
use bringup_model::exit::{self, CodedError};

use super::invocation::Invocation;
use crate::build::Planner;
use crate::cli::{Cli, TestVerb};
use crate::trial::matrix;
use crate::trial::request::Request;

pub fn run(planner: &Planner<'_>, options: &TestVerb) -> Result<u8> {
    matrix::execute(planner, &Request::suites(&options.test))
}

/// The suites of an archive. It brings its own project.
pub fn run_archive(cli: &Cli, options: &TestVerb, file: &Path) -> Result<u8> {
    let (invocation, unpacked) = Invocation::of_archive(cli, file)?;
    let target = &unpacked.manifest.target;
    if let Some(other) = options.test.targets.targets.iter().find(|name| *name != target) {
        let why =
            format!("the archive {} is of {target}, not of {other}\nhint: no target need be named", file.display());
        return Err(CodedError::error(exit::USAGE, why));
    }
    let request = Request { archive: Some(file), ..Request::suites(&options.test) };
    matrix::execute_unpacked(&invocation.planner(), &request, &unpacked)
}
