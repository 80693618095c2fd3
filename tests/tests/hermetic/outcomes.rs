//! Outcomes are recorded: programs run again if something that decides what they do has changed, and if there is hope.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use bringup_tests::{Project, project};
use rustix::process::Signal;
use serde_json::Value;

/// The suites of each run and whether their outcomes are those of an earlier run: `static core true`.
fn cached(project: &Project) -> Vec<String> {
    let report = project.report();
    let of_run = |run: &Value| {
        let line = |suite: &Value| {
            let cached = suite.get("cached").is_some_and(|cached| cached == true);
            format!("{} {} {cached}", run["link"].as_str().unwrap(), suite["suite"].as_str().unwrap())
        };
        run["suites"].as_array().unwrap().iter().map(line).collect::<Vec<_>>()
    };
    report["runs"].as_array().unwrap().iter().flat_map(of_run).collect()
}

/// The report without what may differ between two runs of the same.
fn lasting(project: &Project) -> Value {
    fn strip(value: &mut Value) {
        if let Some(object) = value.as_object_mut() {
            object.retain(|key, _| !["wall_s", "cpu_s", "cached", "rerun"].contains(&key.as_str()));
            object.values_mut().for_each(strip);
        }
        if let Some(array) = value.as_array_mut() {
            array.iter_mut().for_each(strip);
        }
    }
    let mut report = project.report();
    strip(&mut report);
    report
}

/// The files of recorded outcomes.
fn records(project: &Project) -> BTreeMap<String, String> {
    let text = |folder: &String| project.read(&format!("out/{folder}/outcomes.json"));
    project.outcomes().iter().map(|folder| (folder.clone(), text(folder))).collect()
}

fn expect(project: &Project, text: &str) {
    project.write("targets/fake/expect.txt", text);
}

#[test]
fn what_is_known_is_taken_over_and_not_run() {
    let project = project!();
    project.tests("std", "pass_a ignored_b fail_c segv_d");
    expect(&project, "# Reason: x\nstd  fail_c  fail\nstd  segv_d  crash\n");
    project.note_starts();
    project.run(&["test", "fake"], 0);
    let starts = project.starts().len();
    assert!(starts > 0);
    let report = lasting(&project);
    assert!(cached(&project).iter().all(|suite| suite.ends_with("false")));
    assert_eq!(project.outcomes().len(), 10);

    fs_err::remove_dir_all(project.path("out/report")).unwrap();
    let output = project.run(&["test", "fake"], 0);
    output.says(&["Cached 27 steps", "cached: 28 steps"]);
    assert_eq!(project.starts(), [""; 0]);
    assert_eq!(lasting(&project), report);
    assert!(cached(&project).iter().all(|suite| suite.ends_with("true")));
    let tests = report["runs"][1]["suites"][2]["tests"].as_array().unwrap();
    let logs: Vec<&str> = tests.iter().filter_map(|test| test["log"].as_str()).collect();
    assert!(logs.len() == 2 && logs.iter().all(|log| project.path("out/report").join(log).is_file()), "{logs:?}");

    project.run(&["test", "fake", "--rerun"], 0).says(&["Cached 17 steps"]);
    assert_eq!(project.starts().len(), starts);
    assert_eq!(lasting(&project), report);
    project.assert_clean();
}

#[test]
fn verdicts_are_given_anew_and_regressions_are_run_again() {
    let project = project!();
    project.tests("std", "pass_a fail_b");
    project.run(&["test", "fake"], 100);
    project.note_starts();
    let of_std = |starts: Vec<String>| !starts.is_empty() && starts.iter().all(|start| start.contains("/std/"));

    expect(&project, "# Reason: x\nstd  fail_b  fail\n");
    project.run(&["test", "fake"], 0);
    expect(&project, "# Reason: x\nstd  fail_b  fail\ncore  coretests::pass_a  fail\n");
    project.run(&["test", "fake"], 10).says(&["improvement", "coretests::pass_a"]);
    assert_eq!(project.starts(), [""; 0], "what was seen has another meaning");
    expect(&project, "");
    for _ in 0..2 {
        project.run(&["test", "fake"], 100).says(&["fail_b"]);
        assert!(of_std(project.starts()), "what was not expected is tried again");
    }
    project.tests("std", "pass_a pass_b");
    project.run(&["test", "fake"], 0);
    assert!(of_std(project.starts()));
    project.run(&["test", "fake"], 0);
    assert_eq!(project.starts(), [""; 0]);
}

#[test]
fn a_program_that_cannot_list_its_tests_is_not_taken_for_a_test() {
    let project = project!();
    project.tests("env", "unlistable");
    // Its name is that of a test, which passes.
    project.tests("std", "pass_a env");
    project.run(&["test", "fake"], 101);
    let runs = project.report()["runs"].clone();
    let error = runs[0]["error"].as_str().unwrap();
    assert!(error.contains("suite std: two tests are named env"), "{error}");

    project.tests("std", "pass_a");
    project.run(&["test", "fake"], 100).says(&["env", "SIGABRT when asked for its tests"]);
    let std = project.report()["runs"][0]["suites"][2].clone();
    assert_eq!((&std["listed"], &std["passed"], &std["crashed"]), (&3.into(), &2.into(), &1.into()), "{std:#}");
    assert_eq!(std["tests"][0]["name"], "env");
    assert_eq!(std["tests"][0]["tries"], Value::Null, "no test of another program is run in its place");
}

#[test]
fn a_program_is_not_told_the_name_of_its_only_test() {
    let project = project!();
    project.tests("std", "again_a");
    project.run(&["test", "fake", "--suite", "std"], 0);
    project.tests("std", "again_a pass_b");
    project
        .run(&["test", "fake", "--suite", "std", "--rerun"], 100)
        .says(&["regression   fake qemu dynamic  std  again_a"]);
}

#[test]
fn a_suite_without_tests_is_tried_again() {
    let project = project!();
    project.tests("alloctests", "");
    project.run(&["test", "fake"], 4).says(&["no test ran in alloc"]);
    project.tests("alloctests", "pass_a");
    project.run(&["test", "fake"], 0);
}

#[test]
fn what_decides_an_outcome_makes_programs_run_again() {
    let project = project!();
    project.run(&["test", "fake"], 0);
    project.note_starts();
    let emulator = project.script("other", &format!("exec {} \"$@\"", env!("CARGO_BIN_EXE_fake-qemu")));
    let other_emulator = || project.emulator("11.1.3", &emulator);
    let other_limits = || project.edit("bringup.toml", "test-seconds = 5", "test-seconds = 6");
    let another_skip = || expect(&project, "# Reason: x\nstd  pass_b  skip\n");
    let other_programs = || project.edit("targets/fake/target.toml", "-march=one", "-march=two");
    let changes: [(&dyn Fn(), usize); 4] =
        [(&other_emulator, 10), (&other_limits, 10), (&another_skip, 2), (&other_programs, 10)];
    for (number, (change, reaches)) in changes.into_iter().enumerate() {
        change();
        project.run(&["test", "fake"], 0);
        assert!(!project.starts().is_empty(), "change {number}");
        let again = cached(&project).iter().filter(|suite| suite.ends_with("false")).count();
        assert_eq!(again, reaches, "change {number}");
        project.run(&["test", "fake"], 0);
        assert_eq!(project.starts(), [""; 0], "after change {number}");
    }
    // What was known before is still known.
    project.edit("targets/fake/target.toml", "-march=two", "-march=one");
    project.run(&["test", "fake"], 0);
    assert_eq!(project.starts(), [""; 0]);
}

#[test]
fn smoke_checks_that_passed_are_taken_over() {
    let project = project!();
    project.write("smoke/Cargo.toml", "[workspace]\n");
    // The objects can be read as such.
    fs_err::write(project.host("programs/objects"), "").unwrap();
    let smoke = |options: &[&str], code: i32| {
        project.run(&[&["smoke", "fake", "--link", "static"], options].concat(), code);
        let run = project.report()["runs"][0].clone();
        let step = run["steps"].as_array().unwrap().iter().find(|step| step["step"] == "smoke").unwrap().clone();
        assert_eq!(run["smoke"][0]["check"], "static/build", "{run:#}");
        step["cached"].as_bool().unwrap()
    };
    assert!(!smoke(&[], 0));
    project.fail("cargo-build", "error: no");
    assert!(smoke(&[], 0));
    assert!(!smoke(&["--rerun"], 100));
    assert!(smoke(&[], 0), "a failure is not recorded, and does not undo what is");
    project.write("smoke/Cargo.toml", "[workspace]\nmembers = []\n");
    assert!(!smoke(&[], 100));
    assert!(!smoke(&[], 100), "what failed is tried again");
    project.release();
    assert!(!smoke(&[], 0));
    assert!(smoke(&[], 0));
}

#[test]
fn a_part_is_always_run_and_replaces_nothing() {
    let project = project!();
    project.run(&["test", "fake"], 0);
    let before = records(&project);
    project.note_starts();
    for part in [&["--filter", "pass_a"], &["--partition", "slice:1/2"]] {
        for _ in 0..2 {
            project.run(&[&["test", "fake"], &part[..]].concat(), 0);
            assert!(!project.starts().is_empty() && cached(&project).iter().all(|suite| suite.ends_with("false")));
        }
    }
    // Not even if it fails.
    project.tests("std", "pass_a fail_b");
    project.run(&["test", "fake", "--filter", "_b"], 100);
    assert_eq!(records(&project), before);
    project.starts();
    project.run(&["test", "fake"], 0);
    assert_eq!(project.starts(), [""; 0]);
    assert_eq!(project.report()["runs"][0]["suites"][2]["listed"], 6);
}

#[test]
fn an_interrupt_keeps_the_outcomes_of_complete_suites() {
    let project = project!();
    project.tests("std", "pass_a hang_b");
    let run = project.cmd(&["test", "fake"]).start();
    project.wait_for_outcomes(4);
    project.wait_for_process("hang_b");
    run.signal(Signal::INT);
    run.wait().ends_with(130).says(&["error: interrupted"]);
    project.assert_clean();
    assert_eq!(project.outcomes().len(), 4, "nothing of a suite that was interrupted");

    project.tests("std", "pass_a pass_b");
    project.run(&["test", "fake"], 0).says(&["Cached 21 steps"]);
    let expected = ["core true", "alloc true", "std false", "std_detect false", "test false"];
    let expected = ["dynamic", "static"].iter().flat_map(|link| expected.map(|suite| format!("{link} {suite}")));
    assert_eq!(cached(&project), expected.collect::<Vec<_>>());
}
