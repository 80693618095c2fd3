//! Crates from the registry as smoke checks: each is built by the toolchain's cargo as a user does, and its tests run.

mod patched;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::exit::{self, CodedError};
use bringup_model::link::Link;
use bringup_model::outcome::Outcome;
use bringup_model::report::SmokeCheck;
use bringup_runner::exec::{Cmd, NETWORK_ENV, Output, describe};
use bringup_runner::jobs::{Jobs, Share};

pub use self::patched::{CratePatch, patches};
use super::ProgramRunner;

/// The project's folder with a package for each crate.
pub const FOLDER: &str = "ecosystem";
/// The packages' names begin with it, because a package cannot have the name of a crate that it depends on.
const PREFIX: &str = "try-";
/// All crates, as a user names them.
const ALL: &str = "all";
/// Time limit of one crate's tests. Under an emulator, the slowest take a minute.
const LIMIT: Duration = Duration::from_mins(10);

/// The names of the crates that a user asks for, sorted.
///
/// # Errors
///
/// If there is no such crate.
pub fn chosen(root: &Path, names: &[String]) -> Result<Vec<String>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let folder = root.join(FOLDER);
    let mut known = Vec::new();
    for entry in fs_err::read_dir(&folder)? {
        let path = entry?.path();
        if path.join("Cargo.toml").is_file() {
            known.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    known.sort();
    if let Some(unknown) = names.iter().find(|name| *name != ALL && !known.contains(name)) {
        let text = format!(
            "--crates: there is no `{unknown}` in {}\nhint: `{ALL}`, or some of {}",
            folder.display(),
            known.join(", ")
        );
        return Err(CodedError::error(exit::USAGE, text));
    }
    known.retain(|name| names.contains(name) || names.iter().any(|name| name == ALL));
    Ok(known)
}

/// One target's toolchain in one link mode, to test crates with.
pub struct CrateBench<'a> {
    /// The folder of the packages.
    pub sources: &'a Path,
    /// The patches in this folder.
    pub patches: &'a [CratePatch],
    /// The toolchain.
    pub toolchain: &'a Path,
    /// The target's triple.
    pub triple: &'a str,
    pub(crate) link: Link,
    /// cargo's home. It has the registry cache, but no configuration of the user.
    pub cargo_home: &'a Path,
    /// Whether cargo may only use the crates in its cache.
    pub offline: bool,
    /// Runs programs of the target.
    pub runner: &'a ProgramRunner<'a>,
    /// cargo's target folder. All targets share one, so that what runs on the host is built once.
    pub build: &'a Path,
    /// Held while cargo uses its target folder: another cargo would wait with a job in its hands.
    pub building: &'a Mutex<()>,
    /// Log file, to which the output of tools and programs is appended.
    pub log: &'a Path,
    /// The budget of jobs.
    pub jobs: &'a Jobs,
}

impl CrateBench<'_> {
    /// Builds and tests one crate. Returns the check, and the processor time of tools and programs.
    ///
    /// # Errors
    ///
    /// If the harness fails, or is interrupted. A crate that fails is a failed check.
    pub fn check(&self, name: &str) -> Result<(SmokeCheck, Duration)> {
        let mut cpu = Duration::ZERO;
        let tested = self.build(name, &mut cpu)?;
        let tested = match tested {
            Ok(programs) => self.run(&programs, &mut cpu)?,
            Err(problem) => Err(problem),
        };
        let (outcome, detail, values) = match tested {
            Ok(tests) => (Outcome::Pass, String::new(), tests),
            Err(problem) => (Outcome::Fail, problem, 0),
        };
        Ok((SmokeCheck { check: format!("{}/crate {name}", self.link.word()), outcome, detail, values }, cpu))
    }

    /// A command of the toolchain's cargo in the workspace of the packages.
    fn cargo(&self, args: &[&str]) -> Cmd {
        Cmd::new(self.toolchain.join("bin/cargo"))
            .args(args)
            .arg("--locked")
            .args(self.offline.then_some("--offline"))
            .arg("--manifest-path")
            .arg(self.sources.join("Cargo.toml"))
            // Keeps cargo from reading the user's configuration, in the home folder and in the folders above the
            // working folder.
            .env("CARGO_HOME", self.cargo_home)
            .dir("/")
            .inherit_all(NETWORK_ENV)
    }

    /// Builds the tests of one crate. Returns the programs, or what is wrong.
    fn build(&self, name: &str, cpu: &mut Duration) -> Result<Result<Vec<PathBuf>, String>> {
        // A poisoned lock still excludes the others.
        let turn = self.building.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let patched = self.patched(cpu)?;
        let cmd = self
            .cargo(&["test", "--no-run", "--message-format=json-render-diagnostics"])
            .args(["--target", self.triple, "--package", &format!("{PREFIX}{name}")])
            .args(patched.iter().flat_map(|setting| ["--config", setting]))
            .arg("--target-dir")
            .arg(self.build)
            .env("CARGO_ENCODED_RUSTFLAGS", self.link.rustc_flag());
        let mut output = cmd.clone().within(self.jobs, Share::Tool).output()?;
        drop(turn);
        // cargo's messages are for programs, its errors are on the other stream.
        let messages = std::mem::take(&mut output.stdout);
        self.log(&cmd, &output)?;
        *cpu += output.finished.cpu;
        if !output.finished.status.success() {
            return Ok(Err(format!("cargo {}{}", describe(&output.finished), output.last_lines())));
        }
        let programs: Vec<PathBuf> = String::from_utf8_lossy(&messages).lines().filter_map(executable).collect();
        if programs.is_empty() { Ok(Err("cargo built no tests".into())) } else { Ok(Ok(programs)) }
    }

    /// Runs the tests in these programs. Returns their number, or what is wrong.
    fn run(&self, programs: &[PathBuf], cpu: &mut Duration) -> Result<Result<usize, String>> {
        let mut tests = 0;
        for program in programs {
            let cmd = (self.runner)(program, &[])?.timeout(LIMIT).within(self.jobs, Share::Program);
            let output = cmd.output().with_context(|| format!("running {}", program.display()))?;
            self.log(&cmd, &output)?;
            *cpu += output.finished.cpu;
            match passed(&output) {
                Some(count) if output.finished.status.success() => tests += count,
                _ => return Ok(Err(format!("its tests: it {}{}", describe(&output.finished), output.last_lines()))),
            }
        }
        Ok(if tests == 0 { Err("no test ran".into()) } else { Ok(tests) })
    }

    fn log(&self, cmd: &Cmd, output: &Output) -> Result<()> {
        let mut file = fs_err::OpenOptions::new().create(true).append(true).open(self.log)?;
        writeln!(file, "$ {}", cmd.display())?;
        file.write_all(&output.stdout)?;
        file.write_all(&output.stderr)?;
        writeln!(file, "= {}", describe(&output.finished))?;
        Ok(())
    }
}

/// The test program that one of cargo's messages is about.
fn executable(line: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_test = message["profile"]["test"] == true;
    let path = message["executable"].as_str().filter(|_| is_test)?;
    Some(path.into())
}

/// The number of tests that passed, from libtest's last line; none without that line.
fn passed(output: &Output) -> Option<usize> {
    let text = String::from_utf8_lossy(&output.stdout);
    let counts = text.lines().rev().find_map(|line| line.strip_prefix("test result: ok. "))?;
    counts.split_once(" passed")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a test with the static mode of a toolchain in the folder `root`, which has all other folders too.
    pub(super) fn with_bench<T>(root: &Path, test: impl FnOnce(&CrateBench<'_>) -> T) -> T {
        let path = |name: &str| root.join(name);
        test(&CrateBench {
            sources: &path("sources"),
            patches: &patches(&path("sources")).unwrap(),
            toolchain: root,
            triple: "s390x",
            link: Link::Static,
            cargo_home: &path("home"),
            offline: true,
            runner: &|program, _| Ok(Cmd::new(program)),
            build: &path("build"),
            building: &Mutex::new(()),
            log: &path("log"),
            jobs: &Jobs::new(1, 0, |_| ()).unwrap(),
        })
    }

    /// What is said of a crate whose cargo ends with a script's status and makes a test program of another script.
    fn check(cargo: &str, program: &str) -> (Outcome, usize, String) {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        // Written by a child: a file that another thread's child still holds open for writing cannot be started.
        let write = r#"mkdir -p "$1/bin"; cd "$1"; printf '#!/bin/sh\n%s' "$2" >bin/cargo; printf '#!/bin/sh\n%s' "$3" >t; chmod +x bin/cargo t"#;
        let message = format!(r#"{{"profile":{{"test":true}},"executable":"{}"}}"#, path("t").display());
        let cargo =
            format!("[ \"$RUSTFLAGS$CARGO_ENCODED_RUSTFLAGS\" = -Ctarget-feature=+crt-static ] || exit 9\n{cargo}");
        let cargo = cargo.replace("MESSAGE", &message);
        Cmd::new("sh").args(["-c", write, "sh"]).arg(root.path()).arg(cargo).arg(program).read().unwrap();
        with_bench(root.path(), |bench| {
            let (check, _) = bench.check("a").unwrap();
            assert_eq!(check.check, "static/crate a");
            (check.outcome, check.values, check.detail)
        })
    }

    #[test]
    fn a_crate_passes_only_if_its_tests_ran_and_passed() {
        const OK: &str = "echo 'test result: ok. 3 passed; 0 failed'";
        assert_eq!(check("echo 'MESSAGE'", OK), (Outcome::Pass, 3, String::new()));
        for (cargo, program, expected) in [
            ("echo 'MESSAGE'; echo why >&2; exit 3", OK, "cargo exited with status 3\n  | why"),
            ("echo '{}'", OK, "cargo built no tests"),
            ("echo 'MESSAGE'", "echo 'test result: ok. 0 passed'", "no test ran"),
            (
                "echo 'MESSAGE'",
                "echo test a ... FAILED; exit 101",
                "its tests: it exited with status 101\n  | test a ... FAILED",
            ),
            (
                "echo 'MESSAGE'",
                "echo 'test result: ok. 1 passed'; exit 1",
                "its tests: it exited with status 1\n  | test result",
            ),
            ("echo 'MESSAGE'", "exit 0", "its tests: it exited with status 0"),
            ("echo 'MESSAGE'", "kill -SEGV $$", "its tests: it was killed by SIGSEGV"),
        ] {
            let (outcome, values, detail) = check(cargo, program);
            assert_eq!((outcome, values), (Outcome::Fail, 0), "{cargo}; {program}");
            assert!(detail.starts_with(expected), "{cargo}; {program}: {detail}");
        }
    }

    #[test]
    fn only_tests_count_among_cargos_messages() {
        let message = |test: bool, path: &str| format!("{{\"profile\":{{\"test\":{test}}},\"executable\":{path}}}");
        assert_eq!(executable(&message(true, "\"/t/a\"")), Some("/t/a".into()));
        for line in [message(true, "null"), message(false, "\"/t/build\""), "{}".into(), "   Compiling a".into()] {
            assert_eq!(executable(&line), None, "{line}");
        }
    }

    #[test]
    fn crates_are_chosen_by_name() {
        let root = tempfile::tempdir().unwrap();
        for name in ["b", "a", "no-package"] {
            fs_err::create_dir_all(root.path().join(FOLDER).join(name)).unwrap();
        }
        for name in ["b", "a"] {
            fs_err::write(root.path().join(FOLDER).join(name).join("Cargo.toml"), "").unwrap();
        }
        let chosen = |names: &[&str]| chosen(root.path(), &names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(chosen(&["all"]).unwrap(), ["a", "b"]);
        assert_eq!(chosen(&["b", "b"]).unwrap(), ["b"]);
        let error = chosen(&["a", "no-package"]).unwrap_err().to_string();
        assert!(error.contains("there is no `no-package`") && error.ends_with("some of a, b"), "{error}");
    }
}
