//! The failures to triage: a test, a patch's proof, or the unexpected failures in the last report.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::exit::{self, CodedError};
use bringup_model::link::Link;
use bringup_model::outcome::{Outcome, Verdict};
use bringup_model::patch_name::PatchName;
use bringup_model::proof::{Language, Proof};
use bringup_model::report::{Report, Run, RunVerdict, Test, UsedEmulator};
use bringup_model::runner_spec::RunnerSpec;
use bringup_model::suite::{self, Ui};
use bringup_model::target::Target;

use crate::build::Planner;
use crate::cli::TriageArgs;
use crate::command::report;
use crate::smoke::{self, ProgramLanguage};
use crate::triage::{SMOKE, Triaged};

/// Time limit of a test as a multiple of its time in the report.
const SLACK: f64 = 3.0;

/// A failure to triage, and how it ran.
pub struct TestFailure {
    pub triaged: Triaged,
    pub link: Link,
    /// Whether it ran without an emulator.
    pub native: bool,
    /// The emulator that the last report's run was given.
    pub qemu: Option<PathBuf>,
    /// The emulator that ran it, if the last report says that.
    pub emulator: Option<UsedEmulator>,
    /// Whether the last report says that it failed in its suite.
    pub failed_in_suite: bool,
    /// Time limit by the last report; none if the report does not have the time.
    pub takes: Option<Duration>,
}

/// The requested failures. Rejects a request that makes no sense before any work.
pub fn failures(planner: &Planner<'_>, options: &TriageArgs, target: &Target) -> Result<Vec<TestFailure>> {
    if let Some(patch) = &options.proof {
        let triaged = proof(planner, patch)?;
        let links = if let Triaged::Proof { proof, .. } = &triaged { proof.links.first().copied() } else { None };
        let link = options.link.or(links).unwrap_or(Link::Dynamic);
        let native = options.runner == Some(RunnerSpec::Native);
        return Ok(vec![TestFailure {
            triaged,
            link,
            native,
            qemu: None,
            emulator: None,
            failed_in_suite: false,
            takes: None,
        }]);
    }
    let report = report::last(&planner.workspace.out)?;
    let other = report.as_ref().and_then(|report| of_others(planner, report));
    if options.all {
        let report = report.with_context(|| format!("there is no report yet\nhint: cargo xtask test {}", target.name));
        let report = report.map_err(|error| CodedError::error(exit::NOTHING_RAN, error.to_string()))?;
        if let Some(other) = other {
            let hint = "hint: give the same options as for the run, or run the tests again";
            return Err(CodedError::error(exit::USAGE, format!("the last report is about {other}\n{hint}")));
        }
        return unexpected(planner, options, target, &report);
    }
    let known = report.filter(|_| other.is_none());
    if let [word, check] = &options.test[..]
        && word == SMOKE
    {
        let failure = named_check(planner, options, check, (target, known.as_ref()))?;
        return Ok(vec![failure]);
    }
    named(options, target, known.as_ref()).map(|failure| vec![failure])
}

/// How a report's programs differ from those of this command; none if they do not.
fn of_others(planner: &Planner<'_>, report: &Report) -> Option<String> {
    if let Some((name, theirs, ours)) = report::other_versions(&planner.project.pins, report).first() {
        return Some(format!("{name} {theirs}, not {ours}"));
    }
    let [theirs, ours] = [&report.build, &planner.options.recorded].map(|build| build.compiler.word());
    if theirs != ours {
        return Some(format!("the {theirs} compiler, not the {ours} one"));
    }
    let (theirs, ours) = (&report.build.left_out, &planner.options.recorded.left_out);
    let words = |left_out: &[String]| {
        if left_out.is_empty() { "all patches".to_owned() } else { format!("all patches but {}", left_out.join(", ")) }
    };
    (theirs != ours).then(|| format!("programs built with {}, not {}", words(theirs), words(ours)))
}

/// All unexpected failures of the report, each test and each smoke program once.
fn unexpected(
    planner: &Planner<'_>,
    options: &TriageArgs,
    target: &Target,
    report: &Report,
) -> Result<Vec<TestFailure>> {
    let console = &planner.workspace.console;
    let of_target: Vec<&Run> = report.runs.iter().filter(|run| run.target == target.name).collect();
    if of_target.is_empty() {
        let text = format!("the last report has no run of {}\nhint: cargo xtask test {0}", target.name);
        return Err(CodedError::error(exit::NOTHING_RAN, text));
    }
    let mut all: BTreeMap<(String, String), TestFailure> = BTreeMap::new();
    let (mut elsewhere, mut ui, mut audits) = (0, 0, 0);
    for run in of_target {
        if run.verdict == RunVerdict::Incomplete {
            console
                .warn(&format!("the run of {} {} is incomplete: it may not show all failures", run.target, run.link));
        }
        for check in run.smoke.iter().filter(|check| check.outcome.is_failure() && asked(options, run)) {
            match smoke_program(planner, &check.check) {
                Some((_, triaged)) => {
                    let key = (SMOKE.to_owned(), triaged.title());
                    all.entry(key).or_insert_with(|| as_it_failed(triaged, options, Some((run, None))));
                }
                None => audits += 1,
            }
        }
        for suite in &run.suites {
            for test in suite.tests.iter().filter(|test| is_unexpected(test)) {
                if !run.machines.is_empty() {
                    elsewhere += 1;
                } else if Ui::of(&suite.suite).is_some() {
                    // These tests are not programs of the target, so there are no controls.
                    ui += 1;
                } else if asked(options, run) {
                    let triaged = Triaged::Test { suite: suite.suite.clone(), test: test.name.clone() };
                    let key = (suite.suite.clone(), test.name.clone());
                    all.entry(key).or_insert_with(|| as_it_failed(triaged, options, Some((run, Some(test)))));
                }
            }
        }
    }
    let left = [
        (elsewhere, "failure on another machine", "failures on another machine"),
        (ui, "failure of rustc's own tests", "failures of rustc's own tests"),
        (audits, "smoke check that runs no program", "smoke checks that run no program"),
    ];
    for (count, one, many) in left.into_iter().filter(|(count, ..)| *count > 0) {
        console.warn(&format!("not triaged: {count} {}", if count == 1 { one } else { many }));
    }
    Ok(all.into_values().collect())
}

/// The link mode and the program of a smoke check; none if the check runs no program, such as `dynamic/build`.
fn smoke_program(planner: &Planner<'_>, check: &str) -> Option<(Link, Triaged)> {
    let (link, name) = check.split_once('/')?;
    let link = Link::ALL.into_iter().find(|known| known.word() == link)?;
    let program = smoke::program_named(&planner.project.root.join("smoke"), link, name)?;
    Some((link, Triaged::Smoke { check: name.to_owned(), in_c: program == ProgramLanguage::C }))
}

/// The named smoke check: `dynamic/hello`, or `hello` in the link mode of its last failure.
fn named_check(
    planner: &Planner<'_>,
    options: &TriageArgs,
    check: &str,
    (target, report): (&Target, Option<&Report>),
) -> Result<TestFailure> {
    let runs = report.iter().flat_map(|report| &report.runs).filter(|run| run.target == target.name);
    let runs: Vec<&Run> = runs.filter(|run| asked(options, run)).collect();
    let failed = |name: &str| {
        runs.iter().find(|run| run.smoke.iter().any(|other| other.check == name && other.outcome.is_failure()))
    };
    let names: Vec<String> = match check.split_once('/') {
        Some(_) => vec![check.to_owned()],
        None => Link::ALL.into_iter().map(|link| format!("{link}/{check}")).collect(),
    };
    let name = names.iter().find(|name| failed(name).is_some()).or(names.first()).map_or(check, String::as_str);
    let Some((link, triaged)) = smoke_program(planner, name) else {
        let hint = "hint: name a check of the smoke test that runs a program, e.g. `dynamic/hello`";
        return Err(CodedError::error(
            exit::USAGE,
            format!("no program is tested by the smoke check `{check}`\n{hint}"),
        ));
    };
    let failure = as_it_failed(triaged, options, failed(name).map(|run| (*run, None)));
    let link = if check.contains('/') { link } else { failure.link };
    Ok(TestFailure { link: options.link.unwrap_or(link), ..failure })
}

/// The named test, with the setting of its last failure, if any.
fn named(options: &TriageArgs, target: &Target, report: Option<&Report>) -> Result<TestFailure> {
    let runs = || report.iter().flat_map(|report| &report.runs).filter(|run| run.target == target.name);
    let (suite, test) = match &options.test[..] {
        [suite, test] if suite::library().contains(&suite.as_str()) => (suite.clone(), test),
        [suite, _] => {
            let text = format!("there is no suite `{suite}`\nhint: the suites are {}", suite::library().join(", "));
            return Err(CodedError::error(exit::USAGE, text));
        }
        [test] if !suite::library().contains(&test.as_str()) => {
            let suites = runs().flat_map(|run| &run.suites);
            let mut having = suites.filter(|suite| suite.tests.iter().any(|other| other.name == *test));
            let suite = having.next().map(|suite| suite.suite.clone()).ok_or_else(|| {
                let what = format!("the last report has no test `{test}` of {}", target.name);
                CodedError::error(exit::USAGE, format!("{what}\nhint: give its suite too, e.g. `std {test}`"))
            })?;
            if let Some(other) = having.find(|other| other.suite != suite) {
                let what = format!("`{test}` is a test of {suite} and of {}\nhint: name the suite", other.suite);
                return Err(CodedError::error(exit::USAGE, what));
            }
            (suite, test)
        }
        _ => {
            let hint = "hint: cargo xtask triage TARGET SUITE TEST, e.g. `triage s390x std net::tcp::tests::timeouts`";
            return Err(CodedError::error(exit::USAGE, format!("no test is named\n{hint}")));
        }
    };
    let failed = runs().filter(|run| run.machines.is_empty() && asked(options, run)).find_map(|run| {
        let tests = run.suites.iter().filter(|other| other.suite == suite).flat_map(|suite| &suite.tests);
        let failed = |other: &&Test| other.name == *test && other.outcome.is_some_and(Outcome::is_failure);
        Some((run, Some(tests.into_iter().find(failed)?)))
    });
    Ok(as_it_failed(Triaged::Test { suite, test: test.clone() }, options, failed))
}

/// Whether the options allow this run.
fn asked(options: &TriageArgs, run: &Run) -> bool {
    let is_native = |runner: &RunnerSpec| *runner == RunnerSpec::Native;
    let runner = options.runner.as_ref().is_none_or(|runner| is_native(runner) == is_native(&run.runner));
    runner && options.link.is_none_or(|link| link == run.link)
}

/// `failed` is the run in which it failed, and the test there; none for a smoke check.
fn as_it_failed(triaged: Triaged, options: &TriageArgs, failed: Option<(&Run, Option<&Test>)>) -> TestFailure {
    let run = failed.map(|(run, _)| run);
    let runner = options.runner.as_ref().or(run.map(|run| &run.runner));
    let native = runner == Some(&RunnerSpec::Native);
    let link = options.link.or(run.map(|run| run.link)).unwrap_or(Link::Dynamic);
    let qemu = run.and_then(|run| if let RunnerSpec::Qemu { path } = &run.runner { path.clone() } else { None });
    let test = failed.and_then(|(_, test)| test);
    // A test whose runs differ, in its suite and alone, did not just fail in its suite.
    let failed_in_suite = test.is_some_and(|test| test.tries.is_none_or(|tries| !tries.differ()));
    // A test that hung has no time of its own.
    let ended = test.filter(|test| test.outcome != Some(Outcome::Timeout));
    let takes = ended.and_then(|test| Duration::try_from_secs_f64(SLACK * test.wall_s).ok());
    let emulator = run.and_then(|run| run.emulator.clone());
    TestFailure { triaged, link, native, qemu, emulator, failed_in_suite, takes }
}

fn is_unexpected(test: &Test) -> bool {
    let failed = test.outcome.is_some_and(Outcome::is_failure);
    failed && (test.verdict == Verdict::Regression || (test.verdict == Verdict::Flake && test.tries.is_some()))
}

/// The proof of the patch with this name, even if the patch is left out.
fn proof(planner: &Planner<'_>, name: &PatchName) -> Result<Triaged> {
    let files = planner.named_patches(name)?;
    let source = planner.project.source(&name.source)?;
    let series = crate::source::patch::load::load(&planner.project.root, source.name, &source.version)?;
    let [file] = &files[..] else {
        let text = format!("`{name}` matches more than one patch\nhint: add its number, e.g. {}/1", name.source);
        return Err(CodedError::error(exit::USAGE, text));
    };
    let header = series.patches.iter().find(|patch| patch.file == *file);
    let header = header.with_context(|| format!("there is no patch {file}"))?.header();
    let named = header.proof().with_context(|| format!("{file} names no proof"))?;
    let file = planner.project.root.join(named);
    let proof = Proof::parse(named.as_ref(), &fs_err::read_to_string(&file)?)
        .map_err(|(line, message)| CodedError::error(exit::USAGE, format!("{named}:{line}: {message}")))?;
    if proof.language == Language::Shell {
        let text = format!("{named} is a script: only a program can be triaged\nhint: cargo xtask patch prove {name}");
        return Err(CodedError::error(exit::USAGE, text));
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Triaged::Proof { proof, name: format!("{}/{stem}", name.source), file })
}
