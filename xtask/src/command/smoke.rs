//! `smoke`

use anyhow::Result;

use crate::build::Planner;
use crate::cli::Smoke;
use crate::trial::matrix;
use crate::trial::request::Request;

pub fn run(planner: &Planner<'_>, options: &Smoke) -> Result<u8> {
    matrix::execute(planner, &Request::smoke(&options.targets, &options.run))
}
