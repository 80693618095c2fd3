//! A project in a temporary folder: the fixtures, archives of the fake sources, and a host of fake tools.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::archive::sha256;
use crate::run::LIMIT;
use crate::{Archive, Invocation, Output};

/// The programs that only a test knows the places of.
pub struct Programs {
    /// The program under test.
    pub bringup: PathBuf,
    /// The fake emulator.
    pub emulator: PathBuf,
    /// The fake test program.
    pub test_program: PathBuf,
}

/// A project, its cache, and the host as it sees it.
pub struct Project {
    base: TempDir,
    root: PathBuf,
    bringup: PathBuf,
}

/// While a program is open for writing, another test's child may inherit it, and it cannot be started.
static STARTING: Mutex<()> = Mutex::new(());

/// Held while programs are written or started.
pub(crate) fn starting() -> MutexGuard<'static, ()> {
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tests of each fake test program.
const TESTS: [(&str, &str); 6] = [
    ("coretests", "pass_a pass_b ignored_c"),
    ("alloctests", "pass_a pass_b"),
    ("std_detect", "pass_a"),
    ("test", "pass_a"),
    ("std", "pass_a pass_b pass_c folders_d"),
    ("env", "pass_a"),
];

impl Project {
    /// A project in a folder of this name, with everything in order.
    pub fn new(folder: &str, programs: Programs) -> Self {
        let base = tempfile::Builder::new().prefix("bringup-tests-").tempdir().unwrap();
        let project = Self { root: base.path().join(folder), bringup: programs.bringup, base };
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        {
            let _starting = starting();
            copy(&fixtures.join("host"), &project.host(""));
        }
        copy(&fixtures.join("project"), &project.root);
        for folder in ["host/state", "host/programs", "home", "tmp"] {
            fs_err::create_dir_all(project.base.path().join(folder)).unwrap();
        }
        for program in TESTS.map(|(program, _)| program).into_iter().chain(["plain"]) {
            link(&programs.test_program, &project.host("programs").join(program));
        }
        for (program, tests) in TESTS {
            project.tests(program, tests);
        }
        project.emulator("11.1.3", &programs.emulator);
        for source in ["rust", "musl", "llvm", "linux"] {
            let archive = Self::archive(source).bytes();
            project.edit("bringup.toml", &format!("SHA256-OF-{source}"), &sha256(&archive));
            project.write(&format!("sources/{source}.tar.gz"), archive);
        }
        project
    }

    /// A place in the project.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// A place on the fake host: `tools` is its search path.
    pub fn host(&self, path: &str) -> PathBuf {
        self.base.path().join("host").join(path)
    }

    /// The folder around everything.
    pub fn base(&self) -> &Path {
        self.base.path()
    }

    /// The folder of downloads.
    pub fn cache(&self) -> PathBuf {
        self.base.path().join("cache")
    }

    /// Text of a file of the project.
    pub fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.path(path)).unwrap()
    }

    /// Writes a file of the project.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    /// Replaces a piece of a file, which must be there.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no `{from}`:\n{text}");
        self.write(path, text.replacen(from, to, 1));
    }

    /// The pristine archive of a source, to be added to.
    pub fn archive(source: &str) -> Archive {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sources");
        Archive::of_folder(&fixtures.join(source), "top")
    }

    /// Copies a source's pristine tree into a folder of the project.
    pub fn copy_source(&self, source: &str, folder: &str) {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sources").join(source), &self.path(folder));
    }

    /// Puts other bytes into a source's archive, with their hash in bringup.toml.
    pub fn pin(&self, source: &str, archive: &[u8]) {
        let path = format!("sources/{source}.tar.gz");
        let before = sha256(&fs_err::read(self.path(&path)).unwrap());
        self.edit("bringup.toml", &before, &sha256(archive));
        self.write(&path, archive);
    }

    /// Pins one more version of a source.
    pub fn pin_more(&self, source: &str, version: &str, archive: &[u8]) {
        let path = format!("sources/{source}-{version}.tar.gz");
        let hash = self.keep(&path, archive);
        let pin = format!(
            "\n[[{source}]]\nversion = \"{version}\"\n[[{source}.origin]]\npath = \"{path}\"\nsha256 = \"{hash}\"\n"
        );
        self.write("bringup.toml", self.read("bringup.toml") + &pin);
    }

    /// Writes an archive into the project, and returns its hash.
    pub fn keep(&self, path: &str, archive: &[u8]) -> String {
        self.write(path, archive);
        sha256(archive)
    }

    /// Makes these, file names and texts, the series over Rust.
    pub fn patches(&self, patches: &[(&str, &str)]) {
        let names: Vec<&str> = patches.iter().map(|(name, _)| *name).collect();
        self.write("patches/rust/1.95.0/series", names.join("\n") + "\n");
        for (name, text) in patches {
            self.write(&format!("patches/rust/1.95.0/{name}"), text);
        }
    }

    /// Sets the tests of a test program. It is no input of any step.
    pub fn tests(&self, program: &str, tests: &str) {
        let lines: Vec<&str> = tests.split_whitespace().collect();
        fs_err::write(self.host("programs").join(format!("{program}.tests")), lines.join("\n")).unwrap();
    }

    /// Puts an emulator into the cache, as if it had been fetched.
    pub fn emulator(&self, version: &str, program: &Path) {
        let path = self.cache().join("qemu").join(version).join("usr/bin/qemu-fake");
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs_err::remove_file(&path);
        symlink(program, path).unwrap();
    }

    /// From now on every start of a test program is noted.
    pub fn note_starts(&self) {
        fs_err::write(self.host("programs/starts"), "").unwrap();
    }

    /// The starts since the last call: paths of test programs and their arguments.
    pub fn starts(&self) -> Vec<String> {
        let lines = fs_err::read_to_string(self.host("programs/starts")).unwrap();
        self.note_starts();
        lines.lines().map(str::to_owned).collect()
    }

    /// From now on tools and `work` tests note from when to when they were at work.
    pub fn note_spans(&self) {
        fs_err::write(self.host("programs/spans"), "").unwrap();
    }

    /// How many were at work, and the most at once, since the last call.
    pub fn spans(&self) -> (usize, usize) {
        let text = fs_err::read_to_string(self.host("programs/spans")).unwrap();
        self.note_spans();
        let times = |line: &str| line.split(' ').map(|time| time.parse::<u64>().unwrap()).collect::<Vec<_>>();
        let spans: Vec<_> = text.lines().map(times).collect();
        let at = |time: u64| spans.iter().filter(|span| (span[0]..span[1]).contains(&time)).count();
        (spans.len(), spans.iter().map(|span| at(span[0])).max().unwrap_or(0))
    }

    /// Writes a program of the fake host.
    pub fn script(&self, path: &str, text: &str) -> PathBuf {
        let _starting = starting();
        let path = self.host(path);
        fs_err::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Makes a fake tool fail at `gate` with this message: a source's file name for clang, `cargo-build`, ….
    pub fn fail(&self, gate: &str, message: &str) {
        fs_err::write(self.host("state").join(format!("fail-{gate}")), format!("{message}\n")).unwrap();
    }

    /// Makes a fake tool wait at `gate`.
    pub fn hold(&self, gate: &str) {
        fs_err::write(self.host("state").join(format!("hold-{gate}")), "").unwrap();
    }

    /// Waits until a fake tool has come to `gate`.
    pub fn wait_held(&self, gate: &str) {
        let held = self.host("state").join(format!("held-{gate}"));
        eventually(&format!("a tool at {gate}"), || held.exists());
    }

    /// Waits until the report has this many runs that are complete.
    pub fn wait_for_runs(&self, count: usize) {
        let report = self.path("out/report/report.json");
        let complete =
            || self.report()["runs"].as_array().unwrap().iter().filter(|run| run["verdict"] != "incomplete").count();
        let there = || report.exists() && complete() == count;
        eventually(&format!("a report of {count} runs"), there);
    }

    /// Waits until the outcomes of this many suites and smoke checks are recorded.
    pub fn wait_for_outcomes(&self, count: usize) {
        eventually(&format!("outcomes of {count} suites"), || self.outcomes().len() == count);
    }

    /// Opens all gates, and mends the tools that fail.
    pub fn release(&self) {
        fs_err::remove_dir_all(self.host("state")).unwrap();
        fs_err::create_dir(self.host("state")).unwrap();
    }

    /// A command line to run in the project's folder.
    pub fn cmd(&self, args: &[&str]) -> Invocation {
        self.wrapped(&[], args)
    }

    /// A command line behind other words: `env`, `unshare`, ….
    pub fn wrapped(&self, words: &[&str], args: &[&str]) -> Invocation {
        let bringup = self.bringup.to_str().unwrap();
        let words: Vec<&str> = words.iter().copied().chain([bringup]).chain(args.iter().copied()).collect();
        Invocation::new(&words, self.base.path())
            .dir(&self.root)
            .env("PATH", self.host("tools"))
            .env("CARGO", self.host("rust/bin/cargo"))
            .env("HOME", self.base.path().join("home"))
            .env("TMPDIR", self.base.path().join("tmp"))
            .env("BRINGUP_CACHE", self.cache())
    }

    /// Runs a command line that must end with this exit code.
    pub fn run(&self, args: &[&str], code: i32) -> Output {
        self.cmd(args).run().ends_with(code)
    }

    /// Every file of out/ that is a step's result, and what is in it: nothing of logs, outcomes and reports.
    pub fn results(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for step in self.steps() {
            walk(&self.path("out").join(step), &mut |path| {
                let metadata = path.symlink_metadata().unwrap();
                let content = if metadata.is_symlink() {
                    format!("-> {}", fs_err::read_link(path).unwrap().display())
                } else if metadata.is_dir() {
                    "folder".into()
                } else {
                    format!("{:o} {}", metadata.permissions().mode(), sha256(&fs_err::read(path).unwrap()))
                };
                files.insert(path.strip_prefix(&self.root).unwrap().display().to_string(), content);
            });
        }
        files
    }

    /// The finished steps: `musl/fake-0123456789abcdef`.
    pub fn steps(&self) -> Vec<String> {
        let others = "log report tmp outcomes durations manifests runner archive dist unpacked triage .lock";
        let is_other = |name: &str| others.split(' ').any(|other| other == name);
        let kinds = names(&self.path("out")).into_iter().filter(|name| !is_other(name));
        kinds.flat_map(|kind| self.folders(&kind)).collect()
    }

    /// What is recorded of suites and smoke checks: `outcomes/fake-0123456789abcdef`.
    pub fn outcomes(&self) -> Vec<String> {
        self.folders("outcomes")
    }

    fn folders(&self, kind: &str) -> Vec<String> {
        names(&self.path("out").join(kind)).into_iter().map(|name| format!("{kind}/{name}")).collect()
    }

    /// The file of the last run's report.
    pub fn report(&self) -> serde_json::Value {
        serde_json::from_str(&self.read("out/report/report.json")).unwrap()
    }

    /// Fails if something half-made is left, or a process.
    pub fn assert_clean(&self) {
        for folder in [self.path("out/tmp"), self.base.path().join("tmp")] {
            let left = names(&folder);
            assert!(left.is_empty(), "{left:?} is left in {}", folder.display());
        }
        for step in self.steps().iter().chain(&self.outcomes()) {
            assert!(self.path("out").join(step).join("inputs.json").is_file(), "out/{step} is not complete");
        }
        self.assert_no_processes();
    }

    /// Fails if a process is left that has to do with this project and does not end soon. What a killed run leaves
    /// dies on its own time, and what tests and tools wait for outlasts any machine's.
    pub fn assert_no_processes(&self) {
        let end = Instant::now() + LIMIT;
        while !self.processes().is_empty() {
            assert!(Instant::now() < end, "these are left: {:#?}", self.processes());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for a process of this project with this text on its command line.
    pub fn wait_for_process(&self, text: &str) {
        eventually(&format!("a process `{text}`"), || self.processes().iter().any(|line| line.contains(text)));
    }

    /// Command lines of the processes that name a place of this project or work in one.
    fn processes(&self) -> Vec<String> {
        let base = self.base.path();
        let line = |id: String| {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let folder = std::fs::read_link(format!("/proc/{id}/cwd")).unwrap_or_default();
            (line.contains(base.to_str().unwrap()) || folder.starts_with(base)).then_some(line)
        };
        names(Path::new("/proc")).into_iter().filter(|name| name.parse::<u32>().is_ok()).filter_map(line).collect()
    }
}

/// Waits, but not for ever.
pub(crate) fn eventually(what: &str, check: impl Fn() -> bool) {
    let end = Instant::now() + LIMIT;
    while !check() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The sha256 of bytes in lower-case hex.
/// Sorted names in a folder; none if it is not there.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    for name in names(folder) {
        let path = folder.join(name);
        visit(&path);
        if path.symlink_metadata().unwrap().is_dir() {
            walk(&path, visit);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs_err::copy(from, to).unwrap();
        }
    }
}

pub(crate) fn link(program: &Path, place: &Path) {
    if std::fs::hard_link(program, place).is_err() {
        let _starting = starting();
        fs_err::copy(program, place).unwrap();
    }
}
