//! `smoke`

use anyhow::Result;

use super::bringup::{Job, execute};
use crate::cli::Smoke;
use crate::session::Session;

pub fn run(session: &Session, options: &Smoke) -> Result<u8> {
    execute(session, &Job::new(&options.targets, &options.run))
}
