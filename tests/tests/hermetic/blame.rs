//! Runs fake test programs under a fake emulator: every culprit is named, no innocent is blamed, nothing is lost.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use bringup_model::outcome::{Outcome, SuiteOutcome};
use bringup_model::pins::Limits;
use bringup_runner::jobs::Jobs;
use bringup_runner::suite::Options;
use bringup_tests::suite::{LIMITS, find, options, words};
use bringup_tests::{cases, fixture, project};

/// What a test gets on a busy machine.
const PATIENT: Limits = Limits { test_seconds: 10, slow_seconds: 60, ..LIMITS };

/// One job, so that all tests begin in one process.
fn run_within(tests: &str, threads: usize, limits: Limits) -> SuiteOutcome {
    let limits = |_: &str| limits;
    fixture!().program("std", Some(tests)).run_by(&Options { threads, limits: &limits, ..options(1) })
}

fn run(tests: &str) -> SuiteOutcome {
    run_within(tests, 1, PATIENT)
}

#[test]
fn culprits_are_named_and_innocents_are_not() {
    let tests = "abort_a bench_a broken_a exit0_a exit3_a fail_a flood_a folders_a hang_a ignored_a leak_a lock_a \
                 noise_a pass_a pass_b pass_c pass_d pass_e segv_a segv_b";
    let fixture = fixture!().program("std", Some(tests));
    let suite = fixture.run(|options| options.limits = &|_| PATIENT);
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
    assert_eq!(reason("hang_a"), "no end within its time limit of 10 s");
    assert_eq!(find(&suite, "segv_b").output.as_deref(), Some("last words of segv_b\n"));
    assert_eq!(find(&suite, "fail_a").output.as_deref(), Some("caught of fail_a\nuncaught of fail_a\n"));
    assert!(suite.complete);
    assert_eq!(reason("leak_a"), "left behind, and killed: sleep 98761");
    let left = |note: &&String| note.contains("left behind");
    assert_eq!(
        suite.notes.iter().filter(left).collect::<Vec<_>>(),
        ["std: leak_a left behind, and killed: sleep 98761"]
    );
    assert!(!at_work_in(fixture.folder()), "the child of a test survived");
}

/// Whether a process works in this folder, which may be gone.
fn at_work_in(folder: &Path) -> bool {
    let folders =
        fs_err::read_dir("/proc").unwrap().filter_map(|entry| std::fs::read_link(entry.ok()?.path().join("cwd")).ok());
    folders.into_iter().any(|work| work.starts_with(folder))
}

/// Tests of one program, and what each comes to.
struct Death {
    tests: &'static str,
    words: &'static [&'static str],
    /// A test and its reason.
    reason: Option<(&'static str, &'static str)>,
    /// A note; an empty one stands for a suite without notes.
    note: Option<&'static str>,
}

/// A death of which neither reasons nor notes matter.
const QUIET: Death = Death { tests: "", words: &[], reason: None, note: None };

#[test]
fn deaths_that_no_test_is_running_at() {
    let deaths = [
        (
            "aborts between two tests",
            Death {
                tests: "between_a pass_a pass_b",
                words: &["between_a crash", "pass_a pass", "pass_b pass"],
                reason: Some(("between_a", "SIGABRT after it was reported")),
                note: Some(""),
            },
        ),
        (
            "exits between two tests",
            Death {
                tests: "leave_a pass_a pass_b",
                words: &["leave_a crash", "pass_a pass", "pass_b pass"],
                reason: Some(("leave_a", "exit status 0 after it was reported")),
                note: Some(""),
            },
        ),
        (
            "exits before the first test",
            Death {
                tests: "early_a early_b pass_a",
                words: &["early_a crash", "early_b crash", "pass_a pass"],
                reason: Some(("early_a", "exit status 9 before it started")),
                ..QUIET
            },
        ),
        (
            "two tests that only together make the process die",
            Death {
                tests: "pair1_a pair2_a pass_a",
                words: &["pair1_a pass", "pair2_a pass", "pass_a pass"],
                note: Some("std: SIGSEGV after all tests; no single test reproduces it"),
                ..QUIET
            },
        ),
        (
            "dies after all tests, because of two of them",
            Death {
                tests: "late_a pass_a late_b pass_b pass_c fail_a",
                words: &["fail_a fail", "late_a crash", "late_b crash", "pass_a pass", "pass_b pass", "pass_c pass"],
                reason: Some(("late_a", "SIGSEGV after it was reported")),
                ..QUIET
            },
        ),
        (
            "tests that are never reported or never begin",
            Death {
                tests: "lost_a pass_a silent_b",
                words: &["lost_a missing", "pass_a pass", "silent_b missing"],
                ..QUIET
            },
        ),
        (
            "what comes after a test that is never reported is not laid to it",
            Death {
                tests: "lost_a pass_a between_b lost_c segv_d late_e",
                words: &[
                    "between_b crash",
                    "late_e crash",
                    "lost_a missing",
                    "lost_c missing",
                    "pass_a pass",
                    "segv_d crash",
                ],
                ..QUIET
            },
        ),
        (
            "no test begins",
            Death { tests: "silent_a silent_b", words: &["silent_a missing", "silent_b missing"], ..QUIET },
        ),
        (
            "hangs after all tests",
            Death { tests: "never_a pass_a", words: &["never_a timeout", "pass_a pass"], ..QUIET },
        ),
    ];
    cases(deaths, |death| {
        let suite = run(death.tests);
        assert_eq!(words(&suite), death.words);
        if let Some((test, reason)) = death.reason {
            assert_eq!(find(&suite, test).reason.as_deref(), Some(reason));
        }
        match death.note {
            None => {}
            Some("") => assert!(suite.notes.is_empty(), "{:?}", suite.notes),
            Some(note) => assert!(suite.notes.iter().any(|found| found == note), "{:?}", suite.notes),
        }
    });
}

#[test]
fn what_adds_up_is_not_laid_to_the_last() {
    // Each writes 8 MB.
    let suite = run_within("flood_a flood_b flood_c pass_d", 1, Limits { output_mib: 20, ..PATIENT });
    assert_eq!(words(&suite), ["flood_a pass", "flood_b pass", "flood_c pass", "pass_d pass"]);

    // In the order of their names: one is in flight when there are too many processes, or none is any more.
    cases(["slow_f", "drag_f"].map(|last| (last, last)), |last| {
        let tests = format!("leak_a leak_b leak_c leak_d leak_e pass_g {last}");
        let suite = run_within(&tests, 1, Limits { processes: 4, ..PATIENT });
        assert!(suite.tests.iter().all(|test| test.outcome == Outcome::Pass), "{:?}", suite.tests);
        assert_eq!(left_behind(&suite), ["leak_a", "leak_b", "leak_c", "leak_d", "leak_e"], "{suite:?}");
    });
}

/// The tests that are said to have left a process behind.
fn left_behind(suite: &SuiteOutcome) -> Vec<&str> {
    let left = |reason: &String| reason.contains("left behind, and killed: sleep 98761");
    suite.tests.iter().filter(|test| test.reason.as_ref().is_some_and(left)).map(|test| test.name.as_str()).collect()
}

#[test]
fn what_is_left_behind_is_found_though_the_process_is_killed() {
    let suite = run_within("leak_a hang_b pass_c", 1, LIMITS);
    assert_eq!(words(&suite), ["hang_b timeout", "leak_a pass", "pass_c pass"]);
    assert_eq!(left_behind(&suite), ["leak_a"]);
}

#[test]
fn what_looks_like_an_event_convicts_and_acquits_nobody_else() {
    let programs = [
        ("claims_a segv_z", &["claims_a pass", "segv_z crash"][..]),
        ("pass_a slanders_b", &["pass_a pass", "slanders_b pass"]),
        ("accuses_a pass_z", &["accuses_a crash", "pass_z pass"]),
        ("boasts_a pass_b", &["boasts_a fail", "pass_b pass"]),
        ("boasts_a", &["boasts_a fail"]),
        ("pass_a ends_b pass_c", &["ends_b missing", "pass_a pass", "pass_c pass"]),
    ];
    cases(programs.map(|program| (program.0, program)), |(tests, expected)| {
        let suite = run(tests);
        assert_eq!(words(&suite), expected);
        assert!(suite.notes.is_empty(), "{:?}", suite.notes);
    });
    assert_eq!(words(&run_within("boasts_a doze_b", 2, PATIENT)), ["boasts_a fail", "doze_b pass"]);
}

#[test]
fn of_several_tests_in_flight_the_culprit_is_found_alone() {
    let suite =
        run_within("nap_a nap_b segv_c nap_d nap_e exit3_f nap_g hang_h abort_i lost_j fail_k pass_l", 4, PATIENT);
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
    let suite = run_within("company_a doze_b", 4, PATIENT);
    assert_eq!(words(&suite), ["company_a crash", "doze_b crash"]);
    let reason = find(&suite, "company_a").reason.clone().unwrap();
    assert_eq!(reason, "SIGSEGV while it ran beside 1 other, but not alone");

    // That one of them is never reported does not explain it.
    let suite = run_within("company_a lost_b", 2, PATIENT);
    assert_eq!(words(&suite), ["company_a crash", "lost_b missing"]);

    // What happens after a test's report may take its time, in which others are reported.
    let others: Vec<String> = (0..60).map(|number| format!("pass_{number:02}")).collect();
    let suite = run_within(&format!("later_a {}", others.join(" ")), 3, PATIENT);
    assert_eq!(find(&suite, "later_a").reason.as_deref(), Some("SIGABRT after it was reported"));
    assert!(suite.tests.iter().all(|test| (test.outcome == Outcome::Crash) == (test.name == "later_a")));
}

#[test]
fn of_several_tests_in_flight_those_are_late_that_are_so_alone() {
    // One that is never reported is in flight for longer than the others take together.
    let others: Vec<String> = (0..12).map(|number| format!("nap_{number:02}")).collect();
    let suite = run_within(&format!("lost_a {}", others.join(" ")), 3, LIMITS);
    assert_eq!(find(&suite, "lost_a").outcome, Outcome::Missing);
    assert!(suite.tests.iter().all(|test| test.name == "lost_a" || test.outcome == Outcome::Pass), "{suite:?}");

    let suite = run_within("crowd_a pass_b", 2, LIMITS);
    assert_eq!(words(&suite), ["crowd_a timeout", "pass_b pass"]);
    let reason = find(&suite, "crowd_a").reason.as_deref();
    assert_eq!(reason, Some("no end within its time limit of 1 s, but not alone"));
}

/// Two thousand tests, more than forty of which do their worst.
fn thousands() -> Vec<String> {
    let kinds = [
        "segv", "abort", "exit0", "exit3", "hang", "lost", "broken", "silent", "between", "leak", "floods", "noise",
        "late", "leave",
    ];
    let name = |number: usize| match number % 50 {
        17 => format!("m{}::{}_{number:04}", number / 100, kinds[number / 50 % kinds.len()]),
        _ => format!("m{}::pass_{number:04}", number / 100),
    };
    let together = ["leak_a", "hang_b", "lost_c", "hang_d", "pass_e"].map(|name| format!("together::{name}"));
    let early = ["early_a", "early_b"].map(|name| format!("early::{name}"));
    (0..2000).map(name).chain(together).chain(early).collect()
}

/// Each is found by its name, nobody else is blamed, none is lost.
#[test]
fn forty_culprits_among_two_thousand() {
    cases([1, 3].map(|threads| (format!("{threads} threads"), threads)), |threads| {
        let suite = fixture!().program("std", Some(&thousands().join(" "))).run(|options| {
            options.jobs = Jobs::new(6, 0, |_| ()).unwrap();
            // What has limits of its own is in processes of its own.
            options.limits = &|name| Limits {
                test_seconds: 4,
                slow_seconds: 4,
                output_mib: 6,
                memory_mib: 1000 + name.find("::").unwrap_or(0) as u64,
                ..LIMITS
            };
            options.threads = threads;
        });
        assert_eq!(suite.tests.len(), 2007, "{:?}", suite.notes);
        for test in &suite.tests {
            let expected = match test.name.split("::").last().unwrap().split_once('_').unwrap().0 {
                "segv" | "abort" | "exit0" | "exit3" | "between" | "floods" | "late" | "leave" | "early" => {
                    Outcome::Crash
                }
                "hang" => Outcome::Timeout,
                "lost" | "silent" => Outcome::Missing,
                "broken" => Outcome::Fail,
                _ => Outcome::Pass,
            };
            assert_eq!(test.outcome, expected, "{threads} threads: {test:?}");
            let left = test.reason.as_ref().is_some_and(|reason| reason.contains("left behind"));
            assert_eq!(left, test.name.contains("leak"), "{threads} threads: {test:?}");
        }
    });
}

/// The same through the command line: the report has a verdict of each, and the exit code says that something was lost.
#[test]
fn culprits_are_named_in_the_report() {
    let kinds =
        ["segv_a", "exit0_b", "hang_c", "lost_d", "broken_e", "silent_f", "between_g", "leak_h", "late_i", "pass_j"];
    let names: Vec<String> = (0..300).map(|number| format!("pass_{number:03}")).collect();
    let project = project!();
    project.tests("std", &format!("{} {}", kinds.join(" "), names.join(" ")));
    // A program that loses a test contradicts itself.
    project.run(&["test", "fake", "--suite", "std", "--link", "dynamic"], 101);
    let report = project.report();
    let tests = report["runs"][0]["suites"][0]["tests"].as_array().unwrap();
    let of_std = |test: &&serde_json::Value| !["env::pass_a", "plain"].contains(&test["name"].as_str().unwrap());
    let of_std: Vec<_> = tests.iter().filter(of_std).collect();
    assert_eq!(of_std.len(), 310);
    for test in of_std {
        let (outcome, verdict) = match test["name"].as_str().unwrap().split('_').next().unwrap() {
            "segv" | "exit0" | "between" | "late" => ("crash", "regression"),
            "hang" => ("timeout", "regression"),
            "lost" | "silent" => ("missing", "regression"),
            "broken" => ("fail", "regression"),
            _ => ("pass", "expected"),
        };
        assert_eq!((test["outcome"].as_str(), test["verdict"].as_str()), (Some(outcome), Some(verdict)), "{test}");
    }
    project.assert_clean();
}

#[test]
fn what_is_tried_again_is_the_same_test() {
    let project = project!();
    project.tests("env", "unlistable");
    project.tests("std", "fickle_a pass_b");
    project.note_starts();
    project.run(&["test", "fake", "--suite", "std", "--link", "dynamic"], 100);
    let report = project.report();
    let tests = report["runs"][0]["suites"][0]["tests"].as_array().unwrap();
    let test = |name: &str| tests.iter().find(|test| test["name"] == name).unwrap();
    // A program that cannot list its tests is no test of another program.
    assert_eq!((test("env")["outcome"].as_str(), test("env").get("tries")), (Some("crash"), None));
    assert!(!project.starts().iter().any(|start| start.ends_with("-- env")), "the unit tests were asked for `env`");
    // A crash, a timeout, and then it passes: a timeout on the way does not end it.
    let fickle = test("fickle_a");
    assert_eq!((fickle["outcome"].as_str(), fickle["verdict"].as_str()), (Some("crash"), Some("flake")));
    assert_eq!((fickle["tries"]["runs"].as_u64(), fickle["tries"]["failures"].as_u64()), (Some(4), Some(2)));
}
