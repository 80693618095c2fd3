//! `bringup`: the main job. `smoke` and `test` are parts of it.

use anyhow::Result;

use super::{doctor, request};
use crate::build::Planner;
use crate::cli::BringupArgs;
use crate::trial::matrix;

pub fn run(planner: &Planner<'_>, options: &BringupArgs) -> Result<u8> {
    if options.setup {
        doctor::setup(planner)?;
    }
    matrix::execute(planner, &request::everything(planner, &options.test)?)
}
