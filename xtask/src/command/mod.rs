//! One file for each verb that a user types.

mod archive;
mod bless;
mod bringup;
mod build;
mod clean;
mod dist;
mod doctor;
mod fetch;
mod generate;
mod patch;
mod plan;
mod report;
mod smoke;
mod target;
mod targets;
mod test;
mod triage;
mod why;

use std::io::Write as _;

use anyhow::{Context as _, Result, bail};
use bringup_model::exit;

use crate::build::step::Results;
use crate::cli::{Cli, Verb};
use crate::session::Session;

/// Does what the command line says; the result is the exit code.
pub fn dispatch(cli: &Cli) -> Result<u8> {
    match &cli.verb {
        Verb::Completions { shell } => return done(generate::completions(*shell)),
        Verb::Man => return done(generate::man()),
        Verb::Test(options) if let Some(file) = &options.archive => return test::run_archive(cli, options, file),
        _ => {}
    }
    let session = Session::open(cli)?;
    match &cli.verb {
        Verb::Bringup(options) => bringup::run(&session, options),
        Verb::Doctor { install } => doctor::run(&session, *install),
        Verb::Targets => done(targets::run(&session)),
        Verb::Target(verb) => done(target::run(&session, verb)),
        Verb::Fetch { all } => done(fetch::run(&session, *all)),
        Verb::Patch(verb) => patch::run(&session, verb),
        Verb::Build(options) => done(build::run(&session, options)),
        Verb::Smoke(options) => smoke::run(&session, options),
        Verb::Test(options) => test::run(&session, options),
        Verb::Archive { target, output } => done(archive::run(&session, target, output.as_deref())),
        Verb::Dist(options) => done(dist::run(&session, options)),
        Verb::Triage(options) => triage::run(&session, options),
        Verb::Report(options) => report::run(&session, options),
        Verb::Bless(options) => bless::run(&session, options),
        Verb::Plan(options) => done(plan::run(&session, options)),
        Verb::Why(names) => done(why::run(&session, names)),
        Verb::Clean => done(clean::run(&session)),
        Verb::Completions { .. } | Verb::Man => Ok(exit::EXPECTED),
    }
}

/// Fails if a step did.
fn check(results: &Results) -> Result<()> {
    // The step that failed itself says why; the rest only that something they rest on did.
    let errors = results.values().filter_map(|result| result.as_ref().err());
    match errors.max_by_key(|error| error.starts_with("step ")) {
        Some(error) => bail!("{error}"),
        None => Ok(()),
    }
}

fn done(result: Result<()>) -> Result<u8> {
    result.map(|()| exit::EXPECTED)
}

/// Writes data to standard output. A reader that has gone away is no error.
fn print(text: &str) -> Result<()> {
    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("writing to standard output"),
    }
}
