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
mod invocation;
mod patch;
mod plan;
mod report;
mod request;
mod smoke;
mod target;
mod targets;
mod test;
mod triage;
mod verify;
mod why;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, Error, Result};
use bringup_model::exit::{self, CodedError};

use self::invocation::Invocation;
use crate::build::step::{Results, StepFailure, causes};
use crate::cli::{Cli, Verb};
use crate::error::of_error;

/// Runs the verb and returns the exit code.
pub fn dispatch(cli: &Cli) -> Result<u8> {
    match &cli.verb {
        Verb::Completions { shell } => return done(generate::completions(*shell)),
        Verb::Man => return done(generate::man()),
        Verb::Test(options) if let Some(file) = &options.archive => return test::run_archive(cli, options, file),
        _ => {}
    }
    let invocation = Invocation::open(cli)?;
    let Invocation { project, workspace, .. } = &invocation;
    let planner = invocation.planner();
    let code = match &cli.verb {
        Verb::Bringup(options) => bringup::run(&planner, options),
        Verb::Doctor { install } => doctor::run(&planner, *install),
        Verb::Targets => done(targets::run(project, workspace)),
        Verb::Target(verb) => done(target::run(&planner, verb)),
        Verb::Fetch { all } => done(fetch::run(&planner, *all)),
        Verb::Patch(verb) => patch::run(&planner, verb),
        Verb::Build(options) => done(build::run(&planner, options)),
        Verb::Smoke(options) => smoke::run(&planner, options),
        Verb::Test(options) => test::run(&planner, options),
        Verb::Archive { target, output } => done(archive::run(&planner, target, output.as_deref())),
        Verb::Dist(options) => done(dist::run(&planner, options)),
        Verb::Triage(options) => triage::run(&planner, options),
        Verb::Report(options) => report::run(workspace, options),
        Verb::Bless(options) => bless::run(&planner, options),
        Verb::Plan(options) => done(plan::run(&planner, options)),
        Verb::Why(names) => done(why::run(&planner, names)),
        Verb::Verify(names) => verify::run(project, workspace, names),
        Verb::Clean => done(clean::run(workspace)),
        Verb::Completions { .. } | Verb::Man => Ok(exit::EXPECTED),
    };
    invocation.remind();
    code
}

/// Fails with the error of one failed step.
fn check(results: &Results) -> Result<()> {
    match causes(results).next_back() {
        Some(error) => Err(StepFailure::Failed(Arc::clone(error)).into()),
        None => Ok(()),
    }
}

/// Fails with the errors of all failed steps.
fn check_all(results: &Results) -> Result<()> {
    let errors: Vec<&Arc<Error>> = causes(results).collect();
    let codes: BTreeSet<u8> = errors.iter().map(|error| of_error(error)).collect();
    match (errors.len(), codes.first()) {
        (0 | 1, _) | (_, None) => check(results),
        (_, Some(&code)) => {
            let text: Vec<String> = errors.iter().map(|error| format!("{error:#}")).collect();
            Err(CodedError::error(if codes.len() == 1 { code } else { exit::STEP }, text.join("\n")))
        }
    }
}

fn done(result: Result<()>) -> Result<u8> {
    result.map(|()| exit::EXPECTED)
}

/// Writes data to standard output. A closed pipe is not an error.
fn print(text: &str) -> Result<()> {
    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("writing to standard output"),
    }
}
