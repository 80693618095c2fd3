//! `smoke`

use anyhow::Result;

use crate::cli::Smoke;
use crate::session::Session;
use crate::trial::matrix;
use crate::trial::request::Request;

pub fn run(session: &Session, options: &Smoke) -> Result<u8> {
    matrix::execute(session, &Request::smoke(&options.targets, &options.run))
}
