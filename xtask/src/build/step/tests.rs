//! That a step reads what it has declared and nothing else, and what becomes of one that fails.

use ::std::path::Path;

use anyhow::Result;
use bringup_model::digest::Inputs;
use bringup_model::exit::{self, CodedError};
use bringup_runner::exec::Cmd;
use bringup_runner::jobs::Jobs;

use super::{Builder, Plan, Results, Step, StepFailure, StepId, Work};
use crate::build::store::Store;
use crate::console::Console;
use crate::error::of_error;

/// Writes an executable script. A child writes it: while we have it open, another test's child may inherit it, and it
/// cannot be started.
pub(in crate::build::step) fn write_script(path: &Path, text: &str) {
    let write = r#"printf %s "$1" >"$2" && chmod 755 "$2""#;
    Cmd::new("sh").args(["-c", write, "sh", text]).arg(path).read().unwrap();
}

/// Copies what `reads` name, of which it declares `needs`.
#[derive(Default)]
struct Copy {
    name: &'static str,
    needs: Vec<StepId>,
    reads: Vec<StepId>,
    /// The exit code that it fails with.
    fails: Option<u8>,
}

impl Step for Copy {
    fn name(&self) -> &'static str {
        self.name
    }

    fn label(&self) -> &'static str {
        "fake"
    }

    fn inputs(&self) -> Inputs {
        Inputs::new()
    }

    fn needs(&self) -> Vec<StepId> {
        self.needs.clone()
    }

    fn build(&self, work: &Work) -> Result<()> {
        if let Some(code) = self.fails {
            return Err(CodedError::error(code, "wrong input"));
        }
        for &read in &self.reads {
            super::tree::copy(&work.path(read)?.join("lib"), &work.out.join("lib"))?;
        }
        Ok(fs_err::create_dir_all(work.out.join("lib"))?)
    }
}

fn build(out: &Path, plan: &Plan, wanted: &[StepId]) -> Results {
    let store = Store::open(out, || ()).unwrap();
    let console = Console::for_stderr(true);
    let builder = Builder { store: &store, console: &console, jobs: Jobs::new(1, 0, |_| ()).unwrap(), offline: true };
    builder.build(plan, wanted, Vec::new()).unwrap()
}

#[test]
fn a_step_that_reads_what_it_has_not_declared_fails() {
    let out = tempfile::tempdir().unwrap();
    let mut plan = Plan::new(out.path());
    let first = plan.add(Copy { name: "first", ..Copy::default() });
    let second = plan.add(Copy { name: "second", needs: vec![first], reads: vec![first], ..Copy::default() });
    // What it needs is done, and still its path is not to be had.
    let third = plan.add(Copy { name: "third", needs: vec![second], reads: vec![second, first], ..Copy::default() });
    let results = build(out.path(), &plan, &[third]);
    assert!(results[&first].is_ok() && results[&second].is_ok());
    let failure = format!("{:#}", results[&third].as_ref().unwrap_err());
    assert_eq!(failure, "step `third fake` failed: the step reads the result of a step that `needs` does not list");
    assert!(!plan.node(third).is_done());
}

#[test]
fn needs_are_inputs_in_their_order() {
    let mut plan = Plan::new(Path::new("out"));
    let [one, two] = ["one", "two"].map(|name| plan.add(Copy { name, ..Copy::default() }));
    let [forward, back] =
        [[one, two], [two, one]].map(|needs| plan.add(Copy { name: "all", needs: needs.to_vec(), ..Copy::default() }));
    assert_ne!(plan.node(forward).digest, plan.node(back).digest);
    let tags: Vec<&str> = plan.node(back).inputs.entries().iter().map(|(tag, _)| tag.as_str()).collect();
    assert_eq!(tags, ["step", "label", "recipe", "two fake", "one fake"]);
}

#[test]
fn a_failure_keeps_its_exit_code_and_what_needs_it_names_it() {
    let out = tempfile::tempdir().unwrap();
    let mut plan = Plan::new(out.path());
    let first = plan.add(Copy { name: "first", fails: Some(exit::USAGE), ..Copy::default() });
    let second = plan.add(Copy { name: "second", needs: vec![first], ..Copy::default() });
    let mut results = build(out.path(), &plan, &[second]);
    let failed = anyhow::Error::from(results.remove(&first).unwrap().unwrap_err()).context("building");
    assert_eq!(format!("{failed:#}"), "building: step `first fake` failed: wrong input");
    assert_eq!(of_error(&failed), exit::USAGE);
    let need_failed = results.remove(&second).unwrap().unwrap_err();
    assert!(matches!(&need_failed, StepFailure::NeedFailed(title) if title == "first fake"));
    assert_eq!(need_failed.to_string(), "`first fake` failed");
}
