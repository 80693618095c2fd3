//! Reads `bringup-report/1`. That schema has options as words of a command line, patches that were left out as notes,
//! and the machines of merged parts as one text. All other parts of the schema are the same.

use std::path::PathBuf;

use anyhow::{Context as _, Error, Result, bail};
use serde::Deserialize;

use super::{ProgramOrigin, ReportHost, RunVerdict, SmokeCheck, StepTime, Suite, Versions};
use crate::build_options::BuildOptions;
use crate::compiler::{Compiler, CompilerBuild, Llvm};
use crate::isolation::Isolation;
use crate::link::Link;
use crate::runner_spec::RunnerSpec;

/// The schema that this module reads.
pub(super) const SCHEMA: &str = "bringup-report/1";

/// The start of a note about a patch that was left out.
const LEFT_OUT: &str = "built without patch ";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportV1 {
    #[serde(rename = "schema")]
    _schema: String,
    host: ReportHost,
    pins: Versions,
    compiler: String,
    #[serde(default)]
    options: Vec<String>,
    #[serde(default)]
    wall_s: f64,
    runs: Vec<RunV1>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunV1 {
    target: String,
    triple: String,
    runner: String,
    #[serde(default)]
    machine: Option<String>,
    link: Link,
    #[serde(default)]
    options: Vec<String>,
    #[serde(default)]
    programs: Option<String>,
    #[serde(default)]
    spawns: Option<bool>,
    steps: Vec<StepTimeV1>,
    smoke: Vec<SmokeCheck>,
    suites: Vec<Suite>,
    #[serde(default)]
    notes: Vec<String>,
    verdict: RunVerdict,
    #[serde(default)]
    error: Option<String>,
}

impl TryFrom<ReportV1> for super::Report {
    type Error = Error;

    fn try_from(report: ReportV1) -> Result<Self> {
        let mut build = BuildOptions { compiler: compiler(&report.compiler)?, ..BuildOptions::default() };
        let mut named = Vec::new();
        for option in &report.options {
            match parts(option)? {
                ("--rust", version) => build.rust = Some(version),
                ("--musl", version) => build.musl = Some(version),
                ("--without", patch) => named.push(patch),
                ("--compiler", word) => build.compiler = compiler(&word)?,
                (name @ ("--stage" | "--llvm"), value) => {
                    let Compiler::Bootstrap(making) = &mut build.compiler else {
                        bail!("`{name}` requires `--compiler bootstrap`, but the compiler is stock");
                    };
                    match (name, value.as_str()) {
                        ("--stage", stage) => making.stage = stage.parse().context("reading `--stage`")?,
                        (_, "system") => making.llvm = Llvm::System,
                        (_, "bundled") => making.llvm = Llvm::Bundled,
                        (_, other) => bail!("`--llvm {other}` is unknown"),
                    }
                }
                (name, _) => bail!("the option `{name}` is unknown"),
            }
        }
        let notes = report.runs.iter().flat_map(|run| &run.notes);
        build.left_out = notes.filter_map(|note| note.strip_prefix(LEFT_OUT)).map(str::to_owned).collect();
        if build.left_out.is_empty() {
            // Without a run there are no notes, so the names from the command line remain.
            build.left_out = named;
        }
        build.left_out.sort();
        build.left_out.dedup();
        let runs = report.runs.into_iter().map(|run| {
            let what = format!("{} {} {}", run.target, run.runner, run.link);
            super::Run::try_from(run).context(what)
        });
        let runs = runs.collect::<Result<_>>()?;
        let ReportV1 { host, pins, wall_s, .. } = report;
        Ok(Self { schema: super::SCHEMA.into(), hosts: vec![host], pins, build, wall_s, runs })
    }
}

impl TryFrom<RunV1> for super::Run {
    type Error = Error;

    fn try_from(run: RunV1) -> Result<Self> {
        let machines: Vec<String> =
            run.machine.iter().flat_map(|machines| machines.split(" / ")).map(str::to_owned).collect();
        let mut runner = match (run.runner.as_str(), machines.first()) {
            ("qemu", _) => RunnerSpec::default(),
            ("native", _) => RunnerSpec::Native,
            ("ssh", Some(host)) => RunnerSpec::Ssh { host: host.clone(), config: None },
            ("ssh", None) => bail!("it does not say which machine it ran on"),
            (other, _) => bail!("the runner `{other}` is unknown"),
        };
        let (mut isolation, mut origin) = (Isolation::default(), ProgramOrigin::Built);
        for option in &run.options {
            match (parts(option)?, &mut runner) {
                (("--archive", file), _) => origin = ProgramOrigin::Archive { file: file.into() },
                (("--qemu", file), RunnerSpec::Qemu { path }) => *path = Some(PathBuf::from(file)),
                (("--ssh-config", file), RunnerSpec::Ssh { config, .. }) => *config = Some(PathBuf::from(file)),
                // Older versions also recorded `--qemu` for other runners, which ignore the option.
                (("--qemu", _), _) => {}
                (("--isolation", word), _) => {
                    let found = Isolation::ALL.into_iter().find(|isolation| isolation.word() == word);
                    isolation = found.with_context(|| format!("`--isolation {word}` is unknown"))?;
                }
                ((name, _), _) => bail!("the option `{name}` is unknown"),
            }
        }
        let notes = run.notes.into_iter().filter(|note| !note.starts_with(LEFT_OUT)).collect();
        let RunV1 { target, triple, link, programs, spawns, steps, smoke, suites, verdict, error, .. } = run;
        let mut run = Self {
            target,
            triple,
            runner,
            machines,
            emulator: None,
            link,
            isolation,
            origin,
            programs,
            selection: None,
            spawns,
            steps: Vec::new(),
            smoke,
            suites,
            notes,
            verdict,
            error,
        };
        run.steps = steps.into_iter().map(|step| step.of(&run)).collect();
        Ok(run)
    }
}

/// What one step cost. The name includes the label where several targets share the step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepTimeV1 {
    step: String,
    wall_s: f64,
    cpu_s: f64,
    cached: bool,
}

impl StepTimeV1 {
    fn of(self, run: &super::Run) -> StepTime {
        let Self { step, wall_s, cpu_s, cached } = self;
        let (step, label) = match step.split_once(' ') {
            Some((step, label)) => (step.to_owned(), label.to_owned()),
            None if step == "smoke" => (step, run.name()),
            None => (step, run.target.clone()),
        };
        StepTime { step, label, wall_s, cpu_s, cached }
    }
}

fn compiler(word: &str) -> Result<Compiler> {
    match word {
        "stock" => Ok(Compiler::Stock),
        "bootstrap" => Ok(Compiler::Bootstrap(CompilerBuild::default())),
        other => bail!("the compiler `{other}` is unknown"),
    }
}

/// The name and value of an option. The value is quoted for a shell.
fn parts(option: &str) -> Result<(&str, String)> {
    let (name, value) = option.split_once(' ').with_context(|| format!("the option `{option}` has no value"))?;
    let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
    Ok((name, quoted.map_or_else(|| value.to_owned(), |text| text.replace(r"'\''", "'"))))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super as report;
    use super::*;

    /// A report of one run, with these fields instead of the usual ones.
    fn read(of_report: &Value, of_run: &Value) -> Result<report::Report> {
        let mut run = json!({
            "target": "s390x", "triple": "s390x-alpine-linux-musl", "runner": "qemu", "link": "static",
            "steps": [], "smoke": [], "suites": [], "verdict": "expected",
        });
        let mut whole = json!({
            "schema": SCHEMA,
            "host": { "triple": "x86_64-unknown-linux-gnu", "kernel": "6.18", "jobs": 2, "tools": {} },
            "pins": { "rust": "1.95.0", "musl": "1.2.6", "llvm": "22.1.8" },
            "compiler": "stock",
        });
        for (value, fields) in [(&mut run, of_run), (&mut whole, of_report)] {
            let object = value.as_object_mut().unwrap();
            object.extend(fields.as_object().unwrap().clone());
        }
        whole["runs"] = json!([run]);
        report::Report::parse(whole.to_string().as_bytes())
    }

    #[test]
    fn what_chose_the_build_becomes_data() {
        let making = |stage, llvm| Compiler::Bootstrap(CompilerBuild { stage, llvm });
        let strings = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let noted = json!({ "notes": ["no network", "built without patch musl/0001-a.patch"] });
        let usual = BuildOptions::default();
        for (label, of_report, of_run, expected) in [
            ("nothing", json!({}), json!({}), usual.clone()),
            (
                "versions",
                json!({ "options": ["--rust 1.95.0", "--musl 1.2.5"] }),
                json!({}),
                BuildOptions { rust: Some("1.95.0".into()), musl: Some("1.2.5".into()), ..usual.clone() },
            ),
            (
                "the notes name the files of patches",
                json!({ "options": ["--without musl/1"] }),
                noted,
                BuildOptions { left_out: strings(&["musl/0001-a.patch"]), ..usual.clone() },
            ),
            (
                "without a note, the names are those that were given",
                json!({ "options": ["--without musl/1"] }),
                json!({}),
                BuildOptions { left_out: strings(&["musl/1"]), ..usual.clone() },
            ),
            (
                "the compiler",
                json!({ "compiler": "bootstrap", "options": ["--compiler bootstrap", "--stage 2", "--llvm bundled"] }),
                json!({}),
                BuildOptions { compiler: making(2, Llvm::Bundled), ..usual.clone() },
            ),
            (
                "the compiler of an archive",
                json!({ "compiler": "bootstrap" }),
                json!({ "options": ["--archive a.tar.xz"] }),
                BuildOptions { compiler: making(1, Llvm::System), ..usual },
            ),
        ] {
            let report = read(&of_report, &of_run).unwrap();
            assert_eq!(report.build, expected, "{label}");
            assert!(report.runs[0].notes.iter().all(|note| note == "no network"), "{label}");
        }
    }

    #[test]
    fn how_it_ran_becomes_data() {
        let ssh = |config: Option<&str>| RunnerSpec::Ssh { host: "a".into(), config: config.map(PathBuf::from) };
        let built = ProgramOrigin::Built;
        for (label, of_run, runner, machines, isolation, origin) in [
            ("the defaults", json!({}), RunnerSpec::default(), &[][..], Isolation::Full, built.clone()),
            (
                "an emulator, and less isolation",
                json!({ "options": ["--qemu bin/qemu", "--isolation network"] }),
                RunnerSpec::Qemu { path: Some("bin/qemu".into()) },
                &[],
                Isolation::Network,
                built.clone(),
            ),
            (
                "natively, and the emulator that was named for nothing",
                json!({ "runner": "native", "options": ["--qemu bin/qemu"] }),
                RunnerSpec::Native,
                &[],
                Isolation::Full,
                built.clone(),
            ),
            (
                "an archive, with a name that needs quotes",
                json!({ "options": [r"--archive 'it'\''s a.tar.xz'"] }),
                RunnerSpec::default(),
                &[],
                Isolation::Full,
                ProgramOrigin::Archive { file: "it's a.tar.xz".into() },
            ),
            (
                "merged parts of two machines",
                json!({ "runner": "ssh", "machine": "a / b", "options": ["--ssh-config 'x y'"] }),
                ssh(Some("x y")),
                &["a", "b"],
                Isolation::Full,
                built,
            ),
        ] {
            let report = read(&json!({}), &of_run).unwrap();
            let run = &report.runs[0];
            assert_eq!(run.runner, runner, "{label}");
            assert_eq!(run.machines, machines, "{label}");
            assert_eq!((run.isolation, &run.origin), (isolation, &origin), "{label}");
        }
    }

    #[test]
    fn what_no_version_wrote_is_refused() {
        for (of_report, of_run, why) in [
            (json!({ "options": ["--speed 2"] }), json!({}), "the option `--speed` is unknown"),
            (json!({ "options": ["--stage 2"] }), json!({}), "the compiler is stock"),
            (json!({ "compiler": "magic" }), json!({}), "the compiler `magic` is unknown"),
            (json!({}), json!({ "options": ["--archive"] }), "the option `--archive` has no value"),
            (json!({}), json!({ "options": ["--isolation some"] }), "`--isolation some` is unknown"),
            (json!({}), json!({ "runner": "ssh" }), "does not say which machine"),
            (json!({}), json!({ "verdict": "good" }), "unknown variant `good`"),
            (json!({}), json!({ "machines": [] }), "unknown field `machines`"),
        ] {
            let error = format!("{:#}", read(&of_report, &of_run).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }
}
