//! `bringup`: the main job, of which `smoke` and `test` are parts.

use anyhow::Result;

use super::doctor;
use crate::build::Planner;
use crate::cli::Bringup;
use crate::trial::matrix;
use crate::trial::request::Request;

pub fn run(planner: &Planner<'_>, options: &Bringup) -> Result<u8> {
    if options.setup {
        doctor::setup(planner)?;
    }
    matrix::execute(planner, &Request::everything(&options.test))
}
