//! `smoke`

use anyhow::Result;

use super::bringup::{Job, execute};
use crate::cli::{Link, Smoke};
use crate::session::Session;

pub fn run(session: &Session, options: &Smoke) -> Result<u8> {
    let job = Job {
        targets: &options.targets,
        runner: options.runner,
        link: Link::Dynamic,
        qemu: options.emulator.qemu.as_deref(),
        smoke: true,
        suites: Vec::new(),
        filter: None,
        partition: None,
    };
    execute(session, &job)
}
