//! `test`

use std::path::Path;

use anyhow::Result;
use bringup_model::exit::{self, Coded};

use crate::cli::{Cli, TestVerb};
use crate::session::Session;
use crate::trial::matrix;
use crate::trial::request::Request;

pub fn run(session: &Session, options: &TestVerb) -> Result<u8> {
    matrix::execute(session, &Request::suites(&options.test))
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
    let request = Request { archive: Some(file), ..Request::suites(&options.test) };
    matrix::execute_unpacked(&session, &request, &unpacked)
}
