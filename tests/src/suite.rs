//! A suite of fake test programs under the fake emulator, run without the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bringup_model::outcome::{SuiteOutcome, TestOutcome};
use bringup_model::pins::Limits;
use bringup_runner::jobs::Jobs;
use bringup_runner::runner::Runner;
use bringup_runner::sandbox::Sandbox;
use bringup_runner::suite::{Durations, Harness, Options, SuiteRun, TestProgram};

use crate::project::link;

/// What a test may take here.
pub const LIMITS: Limits = Limits {
    test_seconds: 1,
    slow_seconds: 1,
    program_seconds: 60,
    memory_mib: 1024,
    processes: 100,
    open_files: 256,
    output_mib: 64,
    disk_mib: 64,
};

/// Programs of one suite, in a folder of their own.
pub struct Fixture {
    folder: tempfile::TempDir,
    test_program: PathBuf,
    emulator: PathBuf,
    /// The programs.
    pub programs: Vec<TestProgram>,
}

/// A [`Fixture`]; only a test knows where the fake programs are.
#[macro_export]
macro_rules! fixture {
    () => {
        $crate::suite::Fixture::new(env!("CARGO_BIN_EXE_fake-libtest").into(), env!("CARGO_BIN_EXE_fake-qemu").into())
    };
}

impl Fixture {
    /// No programs yet.
    pub fn new(test_program: PathBuf, emulator: PathBuf) -> Self {
        let folder = tempfile::Builder::new().prefix("ä b").tempdir().unwrap();
        Self { folder, test_program, emulator, programs: Vec::new() }
    }

    /// Adds a program with these tests, or one that is itself a test.
    #[must_use]
    pub fn program(mut self, name: &str, tests: Option<&str>) -> Self {
        let path = self.folder.path().join(name);
        link(&self.test_program, &path);
        if let Some(tests) = tests {
            let lines: Vec<&str> = tests.split_whitespace().collect();
            fs_err::write(self.folder.path().join(format!("{name}.tests")), lines.join("\n")).unwrap();
        }
        let (suite, name) = ("std".into(), name.to_owned());
        let harness = if tests.is_some() { Harness::Libtest } else { Harness::None };
        self.programs.push(TestProgram { suite, unit: name == "std", name, path, harness });
        self
    }

    /// Where the programs are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What surrounds them.
    pub fn sandbox(&self) -> Sandbox {
        Sandbox::prepare(&self.qemu(), &self.programs[0].path).unwrap()
    }

    /// Runs them, by these options on three jobs as `change` has changed them.
    pub fn run(&self, change: impl FnOnce(&mut Options)) -> SuiteOutcome {
        let mut options = options(3);
        change(&mut options);
        self.run_by(&options)
    }

    /// Runs them by these options.
    pub fn run_by(&self, options: &Options) -> SuiteOutcome {
        let work = self.folder.path().join("work");
        let (calls, last) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let progress = |done, _| {
            calls.fetch_add(1, Ordering::Relaxed);
            last.fetch_max(done, Ordering::Relaxed);
        };
        let sandbox = self.sandbox();
        let outcome = SuiteRun::new(&self.programs, &sandbox, options, &work).unwrap().run(&progress).unwrap();
        assert_eq!(last.into_inner(), outcome.listed, "progress reaches the number of tests");
        assert_eq!(outcome.tests.len(), outcome.listed, "no test is lost");
        let left: Vec<_> = fs_err::read_dir(&work).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "{left:?} stayed behind");
        outcome
    }

    fn qemu(&self) -> Runner {
        Runner::Qemu {
            path: self.emulator.clone(),
            version: "11.1.3".parse().unwrap(),
            sysroot: "/some where/sysroot".into(),
            cpu: Some("max".into()),
            env: BTreeMap::new(),
        }
    }
}

/// What is usual, with this many jobs.
pub fn options(jobs: usize) -> Options<'static> {
    Options {
        jobs: Jobs::new(jobs, 0, |_| ()).unwrap(),
        limits: &|_| LIMITS,
        lib_dirs: vec![],
        skip: &|_| false,
        filter: None,
        partition: None,
        threads: 1,
        stress: None,
        durations: &NONE,
        warn: &|_| (),
    }
}

static NONE: LazyLock<Durations> = LazyLock::new(Durations::new);

/// A test by its name.
pub fn find<'a>(suite: &'a SuiteOutcome, name: &str) -> &'a TestOutcome {
    suite.tests.iter().find(|test| test.name == name).unwrap()
}

/// `NAME OUTCOME` of every test.
pub fn words(suite: &SuiteOutcome) -> Vec<String> {
    suite.tests.iter().map(|test| format!("{} {}", test.name, test.outcome.word())).collect()
}
