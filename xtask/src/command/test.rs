//! `test`

use anyhow::Result;

use super::bringup::{Job, execute};
use crate::cli::Test;
use crate::session::Session;

pub fn run(session: &Session, options: &Test) -> Result<u8> {
    execute(session, &Job { smoke: false, ..Job::of(options) })
}
