//! rustc's own tests, those in `tests/ui` of its source, run by upstream's program for them: compiletest. It runs on
//! this machine, compiles each test, starts the result with the runner that it is given, and speaks most of libtest's
//! protocol. It cannot list its tests, so they are listed here by its rules, and their number is compared with the
//! number that it knows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use bringup_model::link::Link;
use bringup_model::suite::Ui;
use serde::Deserialize;

use crate::exec::Cmd;
use crate::sandbox::Sandbox;

/// The beginning of its test names.
pub(crate) const PREFIX: &str = "[ui] tests/ui/";

/// The beginning of its events.
pub(crate) const EVENT: &[u8] = br#"{"event":""#;

/// Its exit status after a failure.
pub(crate) const FAILED: i32 = 1;

/// Arguments that select no test.
const NOTHING: [&str; 2] = ["--exact", "*"];

/// The folder of tests, in the source.
const TESTS: &str = "tests/ui";

/// Directives of tests that run what was compiled.
const RUNS: [&str; 4] = ["run-pass", "run-fail", "run-crash", "run-fail-or-crash"];

/// What is needed to run rustc's own tests for one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UiTests {
    /// The digest of all that the tests depend on.
    pub digest: String,
    /// The file of compiletest.
    pub program: PathBuf,
    /// The source of the compiler.
    pub source: PathBuf,
    /// The folder of the toolchain whose compiler is tested.
    pub toolchain: PathBuf,
    /// The target's triple.
    pub triple: String,
    /// The host's triple.
    pub host: String,
    /// Folders of the native libraries that the tests link, for the host and for the target.
    pub helpers: [PathBuf; 2],
    /// The components of the compiler's LLVM, as `llvm-config --components` prints them.
    pub components: String,
    /// Whether the compiler uses the host's LLVM.
    pub system_llvm: bool,
}

/// One suite of rustc's own tests in one link mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UiSuite {
    tests: Arc<UiTests>,
    suite: Ui,
    link: Link,
    /// Channel and LLVM version of the compiler.
    version: CompilerVersion,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct CompilerVersion {
    channel: &'static str,
    llvm: String,
}

/// The tests of a suite.
pub(crate) struct Listed {
    /// Their names.
    pub names: Vec<String>,
    /// How many the other suite has.
    pub others: usize,
}

impl UiSuite {
    /// Asks the compiler for its channel and its LLVM version.
    ///
    /// # Errors
    ///
    /// If the compiler cannot be started, or does not print its version.
    pub fn new(tests: &Arc<UiTests>, suite: Ui, link: Link) -> Result<Self> {
        let rustc = tests.toolchain.join("bin/rustc");
        let text = Cmd::new(&rustc).arg("-vV").read().context("asking the compiler for its version")?;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let missing = |name: &str| format!("`{} -vV` gives no `{name}`", rustc.display());
        let release = field("release").with_context(|| missing("release"))?;
        let llvm = field("LLVM version").with_context(|| missing("LLVM version"))?.to_owned();
        let channel = ["nightly", "beta", "dev"].into_iter().find(|channel| release.contains(channel));
        let version = CompilerVersion { channel: channel.unwrap_or("stable"), llvm };
        Ok(Self { tests: tests.clone(), suite, link, version })
    }

    /// The suite that these tests belong to.
    pub(crate) fn suite(&self) -> Ui {
        self.suite
    }

    /// The tests of this suite, by the rules of compiletest's collector.
    pub(crate) fn list(&self) -> Result<Listed> {
        let folder = self.tests.source.join(TESTS);
        let mut all = Vec::new();
        collect(&folder, "", &mut all).with_context(|| format!("listing the tests in {}", folder.display()))?;
        let whole = all.len();
        let ours = all.into_iter().filter(|(_, runs)| *runs == (self.suite == Ui::Run));
        let names: Vec<String> = ours.map(|(name, _)| name).collect();
        Ok(Listed { others: whole - names.len(), names })
    }

    /// Fails unless compiletest knows as many tests as were listed. `output` is what it printed when it was asked for
    /// [no test](Self::command).
    pub(crate) fn check(&self, listed: &Listed, output: &[u8]) -> Result<()> {
        #[derive(Deserialize)]
        struct Totals {
            filtered_out: usize,
        }
        let output = String::from_utf8_lossy(output);
        let totals = output.lines().find_map(|line| serde_json::from_str::<Totals>(line).ok());
        let known = totals.context("compiletest does not say how many tests it knows")?.filtered_out;
        let count = listed.names.len() + listed.others;
        if count != known {
            let folder = self.tests.source.join(TESTS);
            bail!(
                "compiletest knows {known} tests in {}, but {count} were listed\nhint: its rules for collecting tests have changed, see docs/ui.md",
                folder.display()
            );
        }
        Ok(())
    }

    /// A command that runs these tests, `threads` at once, and perhaps others whose names begin with theirs. Without
    /// tests it runs none and prints how many there are. It builds within `folder`.
    pub(crate) fn command(
        &self,
        sandbox: &Sandbox,
        folder: &Path,
        tests: Option<&[String]>,
        threads: usize,
    ) -> Result<Cmd> {
        let UiTests { program, source, toolchain, triple, host, helpers, .. } = &*self.tests;
        let build = folder.join("build");
        let suite = build.join("ui");
        fs_err::create_dir_all(&suite)?;
        let rustlib = toolchain.join("lib/rustlib").join(triple);
        let cmd = sandbox.host_command(program);
        let cmd = [
            ("--rustc-path", toolchain.join("bin/rustc")),
            ("--sysroot-base", toolchain.clone()),
            ("--compile-lib-path", toolchain.join("lib")),
            ("--run-lib-path", rustlib.join("lib")),
            ("--src-root", source.clone()),
            ("--src-test-suite-root", source.join(TESTS)),
            ("--minicore-path", source.join("tests/auxiliary/minicore.rs")),
            ("--build-root", build.clone()),
            ("--build-test-suite-root", suite),
        ]
        .into_iter()
        .fold(cmd, |cmd, (option, path)| cmd.arg(option).arg(path));
        let cmd = [
            ("--suite", "ui"),
            ("--mode", "ui"),
            ("--target", triple),
            ("--host", host),
            ("--stage", "1"),
            ("--stage-id", "stage1"),
            ("--channel", self.version.channel),
            ("--llvm-version", &self.version.llvm),
            ("--llvm-components", &self.tests.components),
            ("--jobs", "1"),
            // These options are required, and no test of this suite depends on them.
            ("--python", "python3"),
            ("--cc", ""),
            ("--cxx", ""),
            ("--cflags", ""),
            ("--cxxflags", ""),
            ("--nightly-branch", ""),
            ("--git-merge-commit-email", ""),
        ]
        .into_iter()
        .fold(cmd, |cmd, (option, value)| cmd.args([option, value]));
        let cmd = if self.tests.system_llvm { cmd.arg("--system-llvm") } else { cmd };
        let cmd = match sandbox.starter(self.link) {
            // compiletest splits the runner at each space.
            Some(starter) if starter.as_os_str().as_encoded_bytes().contains(&b' ') => {
                let place = starter.display();
                bail!(
                    "compiletest cannot start {place}, which has a space in its path\nhint: set TMPDIR to a folder without one"
                )
            }
            Some(starter) => cmd.arg("--runner").arg(starter),
            None => cmd,
        };
        let cmd = [("host", &helpers[0]), ("target", &helpers[1])].into_iter().fold(cmd, |cmd, (whose, helpers)| {
            let option = format!("--{whose}-rustcflags");
            let flags = ["-Crpath".into(), "-Cdebuginfo=0".into(), format!("-Lnative={}", helpers.display())];
            flags.into_iter().fold(cmd, |cmd, flag| cmd.arg(&option).arg(flag))
        });
        let cmd = match self.link {
            Link::Dynamic => cmd,
            Link::Static => cmd.args(["--target-rustcflags", "-Ctarget-feature=+crt-static"]),
        };
        // As x.py sets them, except the path of specs: without it compiletest does not ask rustc for a spec that is not
        // built in.
        let cmd = cmd.env("RUSTC_BOOTSTRAP", "1").env("RUSTC_FORCE_RUSTC_VERSION", "compiletest");
        let cmd = cmd.env("RUST_TARGET_PATH", rustlib).env("RUST_TEST_THREADS", threads.to_string());
        let cmd = cmd.env("RUST_TEST_TMPDIR", folder.join("tmp"));
        Ok(match tests {
            Some(tests) => cmd.args(tests.iter().map(|test| format!("{PREFIX}{test}"))),
            None => cmd.args(NOTHING),
        })
    }
}

/// Adds the tests in a folder, whose path below the folder of all tests is `place`, each with whether it runs a
/// program.
fn collect(folder: &Path, place: &str, tests: &mut Vec<(String, bool)>) -> Result<()> {
    if folder.join("compiletest-ignore-dir").exists() {
        return Ok(());
    }
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let place = format!("{place}{name}");
        let is_rust = path.extension().is_some_and(|ending| ending == "rs");
        if is_rust && !name.starts_with(['.', '#', '~']) {
            tests.extend(revisions(&place, &fs_err::read_to_string(&path)?));
        } else if name != "auxiliary" && path.is_dir() {
            collect(&path, &format!("{place}/"), tests)?;
        }
    }
    Ok(())
}

/// A file's tests, one for each of its revisions, each with whether it runs a program.
fn revisions(place: &str, text: &str) -> Vec<(String, bool)> {
    let directives = || text.lines().filter_map(directive);
    let values =
        directives().filter(|(_, name, _)| *name == "revisions").filter_map(|(_, _, rest)| rest.strip_prefix(':'));
    let revisions: Vec<&str> = values.flat_map(str::split_whitespace).collect();
    let runs = |revision: Option<&str>| {
        directives().any(|(only, name, _)| RUNS.contains(&name) && (only.is_none() || only == revision))
    };
    if revisions.is_empty() {
        return vec![(place.to_owned(), runs(None))];
    }
    revisions.into_iter().map(|revision| (format!("{place}#{revision}"), runs(Some(revision)))).collect()
}

/// The revision, the name and the rest of a line `//@ [revision] name: value`.
fn directive(line: &str) -> Option<(Option<&str>, &str, &str)> {
    let text = line.trim().strip_prefix("//@")?.trim_start();
    let (revision, text) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((revision, text)) => (Some(revision), text.trim_start()),
        None => (None, text),
    };
    let end = text.find([':', ' ']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    Some((revision, name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_test_for_each_of_its_revisions() {
        let all = |text| revisions("a/b.rs", text);
        assert_eq!(all("fn main() {}\n// @ run-pass\n"), [("a/b.rs".into(), false)]);
        assert_eq!(all("  //@ run-pass\nfn main() {}\n"), [("a/b.rs".into(), true)]);
        assert_eq!(all("//@ run-fail: x\n"), [("a/b.rs".into(), true)]);
        let text =
            "//@ revisions: one two\n//@[two]run-crash\n//@revisions:three\n//@ revisions\n//@ [one] run-passing\n";
        let expected = [("a/b.rs#one", false), ("a/b.rs#two", true), ("a/b.rs#three", false)];
        assert_eq!(all(text), expected.map(|(name, runs)| (name.to_owned(), runs)));
        assert_eq!(
            all("//@ revisions: one two\n//@ run-pass\n"),
            ["one", "two"].map(|name| (format!("a/b.rs#{name}"), true))
        );
    }
}
