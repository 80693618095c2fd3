//! `test`

use anyhow::Result;

use super::bringup::{Job, execute};
use crate::cli::Test;
use crate::session::Session;

pub fn run(session: &Session, options: &Test) -> Result<u8> {
    let mut job = Job::of(options);
    job.selection.smoke = false;
    execute(session, &job)
}
