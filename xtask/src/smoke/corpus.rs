//! The C corpus: every program of `smoke/corpus` at every level of optimisation, and the lines that it prints.
//!
//! A program is a file `NAME.c`, or a folder `NAME` of several. In a folder, `lib*.c` is a shared library that the
//! program needs, and `plugin*.c` one that it opens; in the static mode, both are parts of the program. `NAME.expected`
//! has the lines of all features, as the control computes them. `NAME.flags` has more flags, if there are any.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::corpus::{ExpectedLines, LEVELS, summary};
use bringup_model::exit::{self, CodedError};
use bringup_model::link::Link;
use bringup_model::outcome::Outcome;
use bringup_model::report::SmokeCheck;
use bringup_model::target::Target;
use bringup_runner::exec::{Cmd, Output, describe};
use bringup_runner::interrupt::Interrupted;
use bringup_runner::jobs::Share;

use super::Smoke;

#[cfg(test)]
mod tests;

/// The corpus, in the folder of the smoke programs.
const FOLDER: &str = "corpus";
/// The programs that show which features clang has, in the corpus.
const FEATURES: &str = "features";
/// Time limit of a program. Under an emulator, each takes less than a second.
const LIMIT: Duration = Duration::from_mins(1);

/// The programs and the features.
#[derive(Debug)]
pub struct Corpus {
    folder: PathBuf,
    /// Names of all features, sorted.
    features: Vec<String>,
    programs: Vec<CorpusProgram>,
}

#[derive(Debug)]
struct CorpusProgram {
    name: String,
    sources: Vec<PathBuf>,
    flags: Vec<String>,
    expected: String,
}

/// A program in one of the ways to compile it, or a probe of all features.
enum CorpusTask<'a> {
    Features,
    Program { program: &'a CorpusProgram, way: &'a str, flags: Vec<&'a str> },
}

/// What a task found.
struct TaskResult {
    /// Keys of the target's `wrong` that values needed.
    excused: BTreeSet<String>,
    check: SmokeCheck,
    cpu: Duration,
    log: Vec<u8>,
}

impl Corpus {
    /// Reads the corpus of the folder `smoke`, if there is one.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or a program has no expected lines.
    pub fn read(smoke: &Path) -> Result<Option<Self>> {
        let folder = smoke.join(FOLDER);
        if !folder.exists() {
            return Ok(None);
        }
        let mut programs = Vec::new();
        for path in entries(&folder)? {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let sources = match path.is_dir() {
                true if name == FEATURES => continue,
                true => with_ending(entries(&path)?, "c"),
                false => with_ending(vec![path], "c"),
            };
            if sources.is_empty() {
                continue;
            }
            let beside = |ending: &str| folder.join(format!("{name}.{ending}"));
            let expected = fs_err::read_to_string(beside("expected"))
                .with_context(|| format!("reading what the program {name} of the C corpus must print"))?;
            let flags = if beside("flags").exists() { fs_err::read_to_string(beside("flags"))? } else { String::new() };
            let flags = flags.split_whitespace().map(str::to_owned).collect();
            programs.push(CorpusProgram { name, sources, flags, expected });
        }
        let features = with_ending(entries(&folder.join(FEATURES))?, "c");
        let features = features.iter().filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
        Ok(Some(Self { folder, features, programs }))
    }

    /// Fails unless the corpus has what the target's `[corpus]` names.
    ///
    /// # Errors
    ///
    /// A usage error that names the target's file.
    pub fn check(&self, target: &Target) -> Result<()> {
        let programs: Vec<&str> = self.programs.iter().map(|program| program.name.as_str()).collect();
        target.corpus.check(&self.features, &programs).map_err(|error| {
            let hint = format!("hint: the features are {}", self.features.join(", "));
            CodedError::error(exit::USAGE, format!("targets/{}/target.toml: {error}\n{hint}", target.name))
        })
    }
}

/// A link mode of the corpus.
pub(super) struct CorpusMode<'a> {
    pub(super) smoke: &'a Smoke<'a>,
    pub(super) link: Link,
    /// Folder to build in.
    pub(super) folder: &'a Path,
}

impl CorpusMode<'_> {
    /// Builds and runs everything, as much at once as there are jobs. The checks are in a fixed order.
    pub(super) fn run(&self) -> Result<super::Findings> {
        let Some(corpus) = Corpus::read(self.smoke.sources)? else { return Ok(super::Findings::default()) };
        corpus.check(self.smoke.target)?;
        let tasks = self.tasks(&corpus);
        let next = AtomicUsize::new(0);
        let results: Mutex<Vec<(usize, Result<TaskResult>)>> = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..self.smoke.jobs.total() {
                scope.spawn(|| {
                    while let Some((place, task)) = {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        tasks.get(place).map(|task| (place, task))
                    } {
                        let done = self.one(&corpus, task);
                        if done.is_err() {
                            next.store(tasks.len(), Ordering::Relaxed);
                        }
                        results.lock().unwrap_or_else(PoisonError::into_inner).push((place, done));
                    }
                });
            }
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(place, _)| *place);
        let mut findings = super::Findings::default();
        let mut log = fs_err::OpenOptions::new().create(true).append(true).open(self.smoke.log)?;
        let mut excused = BTreeSet::new();
        for (_, done) in results {
            let done = done?;
            excused.extend(done.excused);
            log.write_all(&done.log)?;
            findings.cpu += done.cpu;
            findings.checks.push(done.check);
        }
        findings.checks.extend(self.stale(&excused));
        Ok(findings)
    }

    /// Checks that every cause in the target's `[corpus.wrong]` still makes some value wrong.
    fn stale(&self, excused: &BTreeSet<String>) -> Option<SmokeCheck> {
        let wrong: Vec<(&str, &str)> = self.smoke.target.corpus.wrong_in(self.link).collect();
        let stale = wrong.iter().filter(|(words, _)| !excused.contains(*words));
        let stale: Vec<String> = stale
            .map(|(words, reason)| {
                format!(
                    "{words}: no value is wrong, but target.toml says: {reason}\nhint: remove it from [corpus.wrong]"
                )
            })
            .collect();
        (!wrong.is_empty()).then(|| self.result("wrong", 0, (!stale.is_empty()).then(|| stale.join("\n"))))
    }

    fn result(&self, name: &str, values: usize, problem: Option<String>) -> SmokeCheck {
        let outcome = if problem.is_none() { Outcome::Pass } else { Outcome::Fail };
        let check = format!("{}/{FOLDER}/{name}", self.link.word());
        SmokeCheck { check, outcome, detail: problem.unwrap_or_default(), values }
    }

    fn tasks<'c>(&'c self, corpus: &'c Corpus) -> Vec<CorpusTask<'c>> {
        let mut tasks = Vec::new();
        // What the compiler has is the same in every mode.
        if self.link == Link::Dynamic && !corpus.features.is_empty() {
            tasks.push(CorpusTask::Features);
        }
        for program in &corpus.programs {
            let levels = LEVELS.iter().map(|(way, flag)| (*way, vec![*flag]));
            let own =
                self.smoke.target.corpus.variants.iter().filter(|variant| variant.programs.contains(&program.name));
            let own = own.map(|variant| (variant.name.as_str(), variant.flags.iter().map(String::as_str).collect()));
            tasks.extend(levels.chain(own).map(|(way, flags)| CorpusTask::Program { program, way, flags }));
        }
        tasks
    }

    fn one(&self, corpus: &Corpus, task: &CorpusTask<'_>) -> Result<TaskResult> {
        let mut attempt = Attempt { mode: self, excused: BTreeSet::new(), cpu: Duration::ZERO, log: Vec::new() };
        let (name, values, problem) = match task {
            CorpusTask::Features => (FEATURES.to_owned(), 0, attempt.features(corpus)?),
            CorpusTask::Program { program, way, flags } => {
                let lacking = self.smoke.target.corpus.without.keys();
                let name = format!("{}/{way}", program.name);
                match ExpectedLines::new(&program.expected, lacking) {
                    Ok(lines) => {
                        let flags = [&attempt.macros(corpus)[..], &owned(flags), &program.flags].concat();
                        let folder = self.folder.join(&program.name).join(way);
                        (name, lines.len(), attempt.program(program, &flags, &folder, &lines)?)
                    }
                    Err(fault) => (name, 0, Some(format!("{}.expected: {fault}", program.name))),
                }
            }
        };
        let check = self.result(&name, values, problem);
        Ok(TaskResult { excused: attempt.excused, check, cpu: attempt.cpu, log: attempt.log })
    }
}

/// One task at work.
struct Attempt<'a> {
    mode: &'a CorpusMode<'a>,
    excused: BTreeSet<String>,
    cpu: Duration,
    log: Vec<u8>,
}

impl Attempt<'_> {
    /// `-DHAS_f16` for each feature that the target has.
    fn macros(&self, corpus: &Corpus) -> Vec<String> {
        let settings = &self.mode.smoke.target.corpus;
        let has = corpus.features.iter().filter(|feature| !settings.lacks(feature));
        has.map(|feature| format!("-DHAS_{}", feature.replace('+', "_"))).collect()
    }

    /// Compares what clang and its runtime have with what target.toml says: the probe of a feature links as a library
    /// that leaves nothing undefined.
    fn features(&mut self, corpus: &Corpus) -> Result<Option<String>> {
        let target = self.mode.smoke.target;
        let library = self.mode.folder.join("feature.so");
        fs_err::create_dir_all(self.mode.folder)?;
        let mut faults = Vec::new();
        for feature in corpus.features.iter().filter(|feature| !target.corpus.lacks_part(feature)) {
            let source = corpus.folder.join(FEATURES).join(feature).with_extension("c");
            let cmd = self.driver().args(["-O2", "-fPIC", "-shared", "-Wl,-z,defs", "-o"]);
            let cmd = cmd.arg(&library).arg(&source);
            match (self.tool(&cmd)?, target.corpus.without.get(feature.as_str())) {
                (None, None) | (Some(_), Some(_)) => {}
                (None, Some(reason)) => faults.push(format!(
                    "{feature}: the toolchain has it, but target.toml says: {reason}\nhint: remove it from [corpus.without]"
                )),
                (Some(problem), None) => faults.push(format!(
                    "{feature}: the toolchain lacks it, and target.toml gives no reason in [corpus.without]\n{problem}"
                )),
            }
        }
        Ok((!faults.is_empty()).then(|| faults.join("\n")))
    }

    /// Builds and runs a program.
    fn program(
        &mut self,
        program: &CorpusProgram,
        flags: &[String],
        folder: &Path,
        expected: &ExpectedLines<'_>,
    ) -> Result<Option<String>> {
        fs_err::create_dir_all(folder)?;
        let link = self.mode.link;
        let starts =
            |path: &Path, start: &str| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
        let is_library = |path: &&PathBuf| starts(path, "lib") || starts(path, "plugin");
        let (libraries, own): (Vec<&PathBuf>, Vec<&PathBuf>) = match link {
            Link::Dynamic => program.sources.iter().partition(is_library),
            Link::Static => (Vec::new(), program.sources.iter().collect()),
        };
        let shared = (link == Link::Dynamic).then_some("-DSHARED");
        let mut needed = Vec::new();
        for source in libraries {
            let file = folder.join(source.file_name().unwrap_or_default()).with_extension("so");
            let cmd =
                self.driver().args(["-fPIC", "-shared"]).args(shared).args(flags).arg("-o").arg(&file).arg(source);
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(problem) = self.tool(&cmd.arg(format!("-Wl,-soname,{name}")))? {
                return Ok(Some(problem));
            }
            if starts(&file, "lib") {
                needed.push(file);
            }
        }
        let file = folder.join(&program.name);
        let cmd = self.driver().args(["-fPIE", link.driver_flag(), "-Wl,-z,now"]).args(shared).args(flags);
        let cmd = cmd.arg("-o").arg(&file).args(own).args(&needed).arg("-lm");
        if let Some(problem) = self.tool(&cmd)? {
            return Ok(Some(problem));
        }
        let libraries: &[PathBuf] = if shared.is_some() { &[folder.to_owned()] } else { &[] };
        let cmd = (self.mode.smoke.runner)(&file, libraries)?.timeout(LIMIT);
        let cmd = cmd.within(self.mode.smoke.jobs, Share::Program);
        let output = cmd.output().with_context(|| format!("running the program {} of the C corpus", program.name))?;
        self.note(&cmd, &output, b"");
        fs_err::remove_dir_all(folder)?;
        Ok(self.judge(&output, expected))
    }

    /// The C compiler as the cc crate starts it, with Rust's triple.
    fn driver(&self) -> Cmd {
        let Smoke { toolchain, target, work, .. } = self.mode.smoke;
        Cmd::new(toolchain.join("bin").join(target.driver()))
            .arg(format!("--target={}", target.triple))
            .args(["-std=gnu17", "-Wall", "-Werror", "-Wno-atomic-alignment", "-fno-crash-diagnostics"])
            .dir(work)
    }

    /// Runs the compiler. A missing or failing compiler is a failed check. An interrupt is an error.
    fn tool(&mut self, cmd: &Cmd) -> Result<Option<String>> {
        let output = match cmd.clone().within(self.mode.smoke.jobs, Share::Tool).output() {
            Ok(output) => output,
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => return Ok(Some(format!("{error:#}"))),
        };
        self.note(cmd, &output, &output.stdout);
        let failed = !output.finished.status.success();
        Ok(failed.then(|| format!("it was not built: clang {}{}", describe(&output.finished), output.last_lines())))
    }

    /// What is wrong with a program's end and its lines.
    fn judge(&mut self, output: &Output, expected: &ExpectedLines<'_>) -> Option<String> {
        let printed = String::from_utf8_lossy(&output.stdout);
        let mut faults = expected.faults(&printed);
        let excused = self.mode.smoke.target.corpus.excuse(self.mode.link, &mut faults);
        self.excused.extend(excused.into_iter().map(str::to_owned));
        let mut problem = Vec::new();
        if !output.finished.status.success() {
            let last = printed.lines().last().and_then(|line| line.split(' ').next()).unwrap_or("nothing");
            problem.push(format!("it {} after printing {last}", describe(&output.finished)));
            problem.extend(String::from_utf8_lossy(&output.stderr).lines().take(5).map(|line| format!("  | {line}")));
        }
        if !faults.is_empty() {
            problem.push(summary(&faults, expected.len()));
        }
        (!problem.is_empty()).then(|| problem.join("\n"))
    }

    /// Adds a process to the log, and its cost to the task's.
    fn note(&mut self, cmd: &Cmd, output: &Output, stdout: &[u8]) {
        self.cpu += output.finished.cpu;
        self.log.extend_from_slice(format!("$ {}\n", cmd.display()).as_bytes());
        self.log.extend_from_slice(stdout);
        self.log.extend_from_slice(&output.stderr);
        self.log.extend_from_slice(format!("= {}\n", describe(&output.finished)).as_bytes());
    }
}

/// The entries of a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = fs_err::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}

fn with_ending(paths: Vec<PathBuf>, ending: &str) -> Vec<PathBuf> {
    paths.into_iter().filter(|path| path.extension() == Some(OsStr::new(ending))).collect()
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
