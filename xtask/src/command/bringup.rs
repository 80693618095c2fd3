//! `bringup`: the main job, of which `smoke` and `test` are parts.

use anyhow::Result;

use super::doctor;
use crate::cli::Bringup;
use crate::session::Session;
use crate::trial::matrix;
use crate::trial::request::Request;

pub fn run(session: &Session, options: &Bringup) -> Result<u8> {
    if options.setup {
        doctor::setup(session)?;
    }
    matrix::execute(session, &Request::everything(&options.test))
}
