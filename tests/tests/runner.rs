//! Runs fake test programs under a fake emulator: every culprit is named, no innocent is blamed, nothing is lost.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use xtask::model::outcome::{Outcome, SuiteOutcome, TestOutcome};
use xtask::model::pins::Limits;
use xtask::run::jobs::Jobs;
use xtask::run::queue::Durations;
use xtask::run::runner::Runner;
use xtask::run::sandbox::Sandbox;
use xtask::run::schedule::{Harness, Options, Suite, TestProgram};

const LIMITS: Limits = Limits {
    test_seconds: 1,
    slow_seconds: 1,
    program_seconds: 60,
    memory_mib: 1024,
    processes: 100,
    open_files: 256,
    output_mib: 64,
    disk_mib: 64,
};

struct Fixture {
    folder: tempfile::TempDir,
    programs: Vec<TestProgram>,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("ä b").tempdir().unwrap(), programs: Vec::new() }
    }

    fn program(mut self, name: &str, tests: Option<&str>) -> Self {
        let path = self.folder.path().join(name);
        fs_err::copy(env!("CARGO_BIN_EXE_fake-libtest"), &path).unwrap();
        if let Some(tests) = tests {
            let lines: Vec<&str> = tests.split_whitespace().collect();
            fs_err::write(self.folder.path().join(format!("{name}.tests")), lines.join("\n")).unwrap();
        }
        let (suite, name) = ("std".into(), name.to_owned());
        let harness = if tests.is_some() { Harness::Libtest } else { Harness::None };
        self.programs.push(TestProgram { suite, unit: name == "std", name, path, harness });
        self
    }

    fn run(&self, change: impl FnOnce(&mut Options)) -> SuiteOutcome {
        let mut options = options(3);
        change(&mut options);
        let work = self.folder.path().join("work");
        let (calls, last) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let progress = |done, _| {
            calls.fetch_add(1, Ordering::Relaxed);
            last.fetch_max(done, Ordering::Relaxed);
        };
        let sandbox = Sandbox::prepare(&qemu(), &self.programs[0].path).unwrap();
        let outcome = Suite::new(&self.programs, &sandbox, &options, &work).unwrap().run(&progress).unwrap();
        assert_eq!(last.into_inner(), outcome.listed, "progress reaches the number of tests");
        assert_eq!(outcome.tests.len(), outcome.listed, "no test is lost");
        let left: Vec<_> = fs_err::read_dir(&work).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "{left:?} stayed behind");
        outcome
    }
}

fn options(jobs: usize) -> Options<'static> {
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

static NONE: std::sync::LazyLock<Durations> = std::sync::LazyLock::new(Durations::new);

fn qemu() -> Runner {
    Runner::Qemu {
        path: env!("CARGO_BIN_EXE_fake-qemu").into(),
        version: "11.1.3".parse().unwrap(),
        sysroot: "/some where/sysroot".into(),
        cpu: Some("max".into()),
        env: BTreeMap::new(),
    }
}

fn find<'a>(suite: &'a SuiteOutcome, name: &str) -> &'a TestOutcome {
    suite.tests.iter().find(|test| test.name == name).unwrap()
}

fn words(suite: &SuiteOutcome) -> Vec<String> {
    suite.tests.iter().map(|test| format!("{} {}", test.name, test.outcome.word())).collect()
}

#[test]
fn culprits_are_named_and_innocents_are_not() {
    let tests = "abort_a bench_a broken_a exit0_a exit3_a fail_a flood_a folders_a hang_a ignored_a leak_a lock_a \
                 noise_a pass_a pass_b pass_c pass_d pass_e segv_a segv_b";
    let fixture = Fixture::new().program("std", Some(tests));
    let suite = fixture.run(|_| {});
    for test in &suite.tests {
        let expected = match test.name.split_once('_').unwrap().0 {
            "abort" | "exit0" | "exit3" | "segv" => Outcome::Crash,
            "broken" | "fail" => Outcome::Fail,
            "hang" => Outcome::Timeout,
            "ignored" => Outcome::Ignored,
            _ => Outcome::Pass,
        };
        assert_eq!(test.outcome, expected, "{test:?}");
    }
    let reason = |name| find(&suite, name).reason.clone().unwrap();
    assert_eq!(reason("segv_a"), "SIGSEGV");
    assert_eq!(reason("abort_a"), "SIGABRT");
    assert_eq!(reason("exit0_a"), "exit status 0 before its end");
    assert_eq!(reason("exit3_a"), "exit status 3");
    assert_eq!(reason("hang_a"), "no end within its time limit of 1 s");
    assert_eq!(find(&suite, "segv_b").output.as_deref(), Some("last words of segv_b\n"));
    assert_eq!(find(&suite, "fail_a").output.as_deref(), Some("caught of fail_a\nuncaught of fail_a\n"));
    assert!(suite.complete);
    assert_eq!(reason("leak_a"), "left behind, and killed: sleep 98761");
    let left = |note: &&String| note.contains("left behind");
    assert_eq!(
        suite.notes.iter().filter(left).collect::<Vec<_>>(),
        ["std: leak_a left behind, and killed: sleep 98761"]
    );
    assert!(!at_work_in(fixture.folder.path()), "the child of a test survived");
}

/// Whether a process works in this folder, which may be gone.
fn at_work_in(folder: &Path) -> bool {
    let folders =
        fs_err::read_dir("/proc").unwrap().filter_map(|entry| std::fs::read_link(entry.ok()?.path().join("cwd")).ok());
    folders.into_iter().any(|work| work.starts_with(folder))
}

#[test]
fn deaths_that_no_test_is_running_at() {
    let one = options(1);
    let run = |tests| Fixture::new().program("std", Some(tests)).run(|options| *options = one.clone());

    let suite = run("between_a pass_a pass_b");
    assert_eq!(words(&suite), ["between_a crash", "pass_a pass", "pass_b pass"]);
    assert_eq!(find(&suite, "between_a").reason.as_deref(), Some("SIGABRT after it was reported"));
    assert!(suite.notes.is_empty(), "{:?}", suite.notes);

    let suite = run("early_a early_b pass_a");
    assert_eq!(words(&suite), ["early_a crash", "early_b crash", "pass_a pass"]);
    assert_eq!(find(&suite, "early_a").reason.as_deref(), Some("exit status 9 before it started"));

    // Only both together make the process die.
    let suite = run("pair1_a pair2_a pass_a");
    assert_eq!(words(&suite), ["pair1_a pass", "pair2_a pass", "pass_a pass"]);
    assert!(
        suite.notes.contains(&"std: SIGSEGV after all tests; no test alone brings it about".into()),
        "{:?}",
        suite.notes
    );

    let suite = run("late_a pass_a late_b pass_b pass_c fail_a");
    assert_eq!(
        words(&suite),
        ["fail_a fail", "late_a crash", "late_b crash", "pass_a pass", "pass_b pass", "pass_c pass"]
    );
    assert_eq!(find(&suite, "late_a").reason.as_deref(), Some("SIGSEGV after it was reported"));

    let suite = run("lost_a pass_a silent_b");
    assert_eq!(words(&suite), ["lost_a missing", "pass_a pass", "silent_b missing"]);
    let suite = run("silent_a silent_b");
    assert_eq!(words(&suite), ["silent_a missing", "silent_b missing"]);

    let suite = run("never_a pass_a");
    assert_eq!(words(&suite), ["never_a timeout", "pass_a pass"]);
}

#[test]
fn names_selection_and_programs_without_a_harness() {
    let fixture = Fixture::new()
        .program("std", Some("net::a net::b pass_a"))
        .program("sync", Some("pass_a fail_b"))
        .program("fail-alone", None)
        .program("alone", None)
        .program("empty", Some(""));
    let suite = fixture.run(|_| {});
    let all = [
        "alone pass",
        "fail-alone fail",
        "net::a pass",
        "net::b pass",
        "pass_a pass",
        "sync::fail_b fail",
        "sync::pass_a pass",
    ];
    assert_eq!(words(&suite), all);
    assert_eq!(find(&suite, "fail-alone").reason.as_deref(), Some("exit status 1"));
    assert!(suite.complete);

    let suite = fixture.run(|options| options.filter = Some("pass_a".into()));
    assert_eq!(words(&suite), ["pass_a pass", "sync::pass_a pass"]);
    assert!(!suite.complete);

    let suite = fixture.run(|options| options.skip = &|name| name.starts_with("net::"));
    assert_eq!(suite.tests.iter().filter(|test| test.outcome == Outcome::Skipped).count(), 2);

    let parts: Vec<_> =
        (1..=3).map(|part| fixture.run(|options| options.partition = format!("slice:{part}/3").parse().ok())).collect();
    let mut joined: Vec<String> = parts.iter().flat_map(words).collect();
    joined.sort();
    assert_eq!(joined, all);
    assert!(parts.iter().all(|part| part.complete && part.tests.len() + part.elsewhere.len() == all.len()));
}

#[test]
fn a_program_that_cannot_list_counts_as_a_crash() {
    let suite = Fixture::new().program("bad", Some("unlistable")).program("good", Some("pass_a")).run(|_| {});
    assert_eq!(words(&suite), ["bad crash", "good::pass_a pass"]);
    assert_eq!(find(&suite, "bad").reason.as_deref(), Some("SIGABRT when asked for its tests"));
    assert!(!suite.complete);
}

#[test]
fn a_process_out_of_time_does_not_cost_its_test() {
    let suite = Fixture::new().program("std", Some("slow_a slow_b slow_c slow_d slow_e")).run(|options| {
        options.jobs = Jobs::new(1, 0, |_| ()).unwrap();
        options.limits = &|_| Limits { test_seconds: 30, program_seconds: 1, ..LIMITS };
    });
    assert!(suite.tests.iter().all(|test| test.outcome == Outcome::Pass), "{:?}", suite.tests);
}

#[test]
fn many_tests_are_spread_over_processes() {
    let tests: Vec<String> = (0..500).map(|number| format!("pass_{number}")).collect();
    let suite = Fixture::new()
        .program("std", Some(&tests.join(" ")))
        .run(|options| options.jobs = Jobs::new(4, 0, |_| ()).unwrap());
    assert_eq!(suite.listed, 500);
    assert!(suite.tests.iter().all(|test| test.outcome == Outcome::Pass));
}

#[test]
fn tests_that_share_the_hosts_network_run_one_after_the_other() {
    let fixture = Fixture::new().program("std", Some("net::work_a net::work_b")).program("net", Some("net::work_a"));
    let spans = fixture.folder.path().join("spans");
    fs_err::write(&spans, "").unwrap();
    let mut sandbox = Sandbox::prepare(&qemu(), &fixture.programs[0].path).unwrap();
    sandbox.network = false;
    let (options, work) = (options(3), fixture.folder.path().join("work"));
    Suite::new(&fixture.programs, &sandbox, &options, &work).unwrap().run(&|_, _| {}).unwrap();
    let spans = fs_err::read_to_string(spans).unwrap();
    let times = |line: &str| line.split(' ').map(|time| time.parse().unwrap()).collect::<Vec<u128>>();
    let mut spans: Vec<_> = spans.lines().map(times).collect();
    spans.sort();
    assert!(spans.windows(2).all(|two| two[0][1] <= two[1][0]), "{spans:?}");
}

#[test]
fn of_several_tests_in_flight_the_culprit_is_found_alone() {
    let threads = |tests| Fixture::new().program("std", Some(tests)).run(|options| options.threads = 4);

    let suite = threads("nap_a nap_b segv_c nap_d nap_e exit3_f nap_g hang_h abort_i lost_j fail_k pass_l");
    for test in &suite.tests {
        let expected = match test.name.split_once('_').unwrap().0 {
            "segv" | "exit3" | "abort" => Outcome::Crash,
            "hang" => Outcome::Timeout,
            "lost" => Outcome::Missing,
            "fail" => Outcome::Fail,
            _ => Outcome::Pass,
        };
        assert_eq!(test.outcome, expected, "{test:?}");
    }
    assert_eq!(find(&suite, "segv_c").reason.as_deref(), Some("SIGSEGV"));

    // It may have been any of them, so none is called innocent.
    let suite = threads("company_a nap_b");
    assert_eq!(words(&suite), ["company_a crash", "nap_b crash"]);
    let reason = find(&suite, "company_a").reason.clone().unwrap();
    assert_eq!(reason, "SIGSEGV while it ran beside 1 others, but not alone");
}

#[test]
fn stress_tells_how_often_a_test_fails() {
    let fixture = Fixture::new().program("std", Some("fail_a flaky_b pass_c segv_d")).program("alone", None);
    let suite = fixture.run(|options| options.stress = Some(4));
    let tries = |name| find(&suite, name).tries.unwrap();
    assert_eq!(["alone", "fail_a", "flaky_b", "pass_c", "segv_d"].map(|name| tries(name).failures), [0, 4, 2, 0, 4]);
    assert!(suite.tests.iter().all(|test| test.tries.unwrap().runs == 4));
    assert_eq!(words(&suite), ["alone pass", "fail_a fail", "flaky_b fail", "pass_c pass", "segv_d crash"]);
}

/// Two thousand tests, forty of which do their worst: each is found by its name, nobody else is blamed, none is lost.
#[test]
fn forty_culprits_among_two_thousand() {
    let kinds = ["segv", "abort", "exit0", "exit3", "hang", "lost", "broken", "silent", "between", "leak"];
    let name = |number: usize| match number % 50 {
        17 => format!("m{}::{}_{number:04}", number / 100, kinds[number / 50 % kinds.len()]),
        _ => format!("m{}::pass_{number:04}", number / 100),
    };
    let names: Vec<String> = (0..2000).map(name).collect();
    for threads in [1, 3] {
        let suite = Fixture::new().program("std", Some(&names.join(" "))).run(|options| {
            options.jobs = Jobs::new(6, 0, |_| ()).unwrap();
            options.limits = &|_| Limits { test_seconds: 4, slow_seconds: 4, ..LIMITS };
            options.threads = threads;
        });
        assert_eq!(suite.tests.len(), 2000, "{:?}", suite.notes);
        for test in &suite.tests {
            let expected = match test.name.split("::").last().unwrap().split_once('_').unwrap().0 {
                "segv" | "abort" | "exit0" | "exit3" | "between" => Outcome::Crash,
                "hang" => Outcome::Timeout,
                "lost" | "silent" => Outcome::Missing,
                "broken" => Outcome::Fail,
                _ => Outcome::Pass,
            };
            assert_eq!(test.outcome, expected, "{threads} threads: {test:?}");
            let left = test.reason.as_ref().is_some_and(|reason| reason.contains("left behind"));
            assert_eq!(left, test.name.contains("leak"), "{threads} threads: {test:?}");
        }
    }
}

#[test]
fn two_tests_of_one_name_are_refused() {
    let fixture = Fixture::new().program("std", Some("pass_a pass_a"));
    let options = options(1);
    let sandbox = Sandbox::prepare(&qemu(), &fixture.programs[0].path).unwrap();
    let work = fixture.folder.path().join("work");
    let suite = Suite::new(&fixture.programs, &sandbox, &options, &work).unwrap();
    let error = suite.run(&|_, _| {}).unwrap_err();
    assert!(error.to_string().contains("two tests are named pass_a"), "{error:#}");
}

#[test]
fn the_native_runner_puts_the_loader_in_place() {
    let fixture = Fixture::new().program("alone", None);
    let sysroot = fixture.folder.path().join("sys root");
    fs_err::create_dir_all(sysroot.join("lib")).unwrap();
    fs_err::write(sysroot.join("lib/ld-fake.so.1"), "the loader").unwrap();
    let runner = Runner::Native { sysroot, loader: "/lib/ld-fake.so.1".into() };
    let program = &fixture.programs[0].path;
    let sandbox = Sandbox::prepare(&runner, program).unwrap();
    if sandbox.loader {
        let libraries = [PathBuf::from("/some where")];
        let show = "cat /lib/ld-fake.so.1; echo; echo $LD_LIBRARY_PATH";
        let cmd = sandbox.command(Path::new("/bin/sh"), ["-c", show], &libraries).unwrap();
        assert_eq!(cmd.read().unwrap(), "the loader\n/some where");
        assert!(!Path::new("/lib/ld-fake.so.1").exists(), "the host is as it was");
    } else {
        assert!(!sandbox.notes.is_empty());
    }
    assert_eq!(sandbox.command(program, [""; 0], &[]).unwrap().read().unwrap(), "no harness");
}
