//! `smoke`

use anyhow::Result;

use super::request;
use crate::build::Planner;
use crate::cli::SmokeArgs;
use crate::trial::matrix;

pub fn run(planner: &Planner<'_>, options: &SmokeArgs) -> Result<u8> {
    matrix::execute(planner, &request::smoke(planner, options)?)
}
