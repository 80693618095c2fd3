//! The command at the end of a run: it repeats what ran, and what one failed step says is said once.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use bringup_model::link::Link;
use bringup_model::outcome::{Outcome, Verdict};
use bringup_model::report::{Run, RunVerdict, SmokeCheck, TestSelection};
use bringup_tests::project;
use xtask::render::terminal;

use crate::render::{report, run, suite, test};

fn selection() -> TestSelection {
    TestSelection {
        smoke: false,
        corpus: false,
        crates: Vec::new(),
        suites: vec!["alloc".into(), "std".into()],
        filter: Some("net a".into()),
        partition: Some("slice:2/4".parse().unwrap()),
        threads: 2,
        stress: Some(5),
        rerun: true,
    }
}

/// The command in the last line of a report with these runs.
fn command(runs: Vec<Run>) -> String {
    let text = terminal::render(&report(runs), Path::new("out/report"), false);
    let last = text.lines().last().unwrap_or_default();
    last.split_once("cargo xtask ").map(|(_, command)| command.to_owned()).unwrap_or(text)
}

#[test]
fn what_selected_the_tests_is_in_the_command_that_repeats_them() {
    let failed = |name: &str| test(name, Some(Outcome::Fail), Verdict::Regression, "");
    let regressed = |names: &[&str]| {
        let tests = names.iter().map(|name| failed(name)).collect();
        let run = run("s390x", "qemu", RunVerdict::Regression);
        Run { selection: Some(selection()), suites: vec![suite("std", tests)], ..run }
    };
    assert_eq!(
        command(vec![regressed(&["net a::x", "net a::y"])]),
        "test s390x --suite std --filter 'net a' --partition slice:2/4 --test-threads 2 --stress 5 --link dynamic"
    );
    // One test alone may be in another part of the tests with its name.
    assert_eq!(
        command(vec![regressed(&["net a::x"])]),
        "test s390x --suite std --filter 'net a::x' --test-threads 2 --stress 5 --link dynamic"
    );
    let unfinished = |link| Run { selection: Some(selection()), link, ..run("s390x", "qemu", RunVerdict::Incomplete) };
    let options = "--suite alloc,std --filter 'net a' --partition slice:2/4 --test-threads 2 --stress 5 --rerun";
    assert_eq!(command(vec![unfinished(Link::Static)]), format!("test s390x {options} --link static"));
    assert_eq!(command(vec![unfinished(Link::Dynamic), unfinished(Link::Static)]), format!("test s390x {options}"));
    let mut smoke = unfinished(Link::Dynamic);
    let none = TestSelection { filter: None, partition: None, threads: 1, stress: None, rerun: false, ..selection() };
    smoke.selection = Some(TestSelection { smoke: true, suites: Vec::new(), ..none });
    assert_eq!(command(vec![smoke.clone()]), "smoke s390x --link dynamic");
    let check = SmokeCheck { check: "hello".into(), outcome: Outcome::Fail, detail: String::new(), values: 0 };
    let failed = Run { target: "x86".into(), smoke: vec![check], verdict: RunVerdict::Regression, ..smoke.clone() };
    assert_eq!(command(vec![failed, smoke]), "smoke x86 s390x --link dynamic");
}

#[test]
fn the_command_of_a_run_is_accepted_and_selects_the_same() {
    let project = project!();
    project.tests("std", "pass_a fail_b fail_c fail_d fail_e");
    let options = ["--suite", "std", "--filter", "l_", "--partition", "slice:1/2", "--link", "static"];
    let output = project.run(&[&["test", "fake"], &options[..]].concat(), 100);
    let again = output.stderr.lines().find_map(|line| line.split_once("to run it again: cargo xtask "));
    let (_, again) = again.unwrap_or_else(|| panic!("there is no hint in\n{}", output.stderr));
    assert_eq!(again, "test fake --suite std --filter l_ --partition slice:1/2 --link static");
    let before = project.report()["runs"][0]["suites"].clone();
    project.run(&again.split(' ').collect::<Vec<_>>(), 100);
    let names = |suites: &serde_json::Value| -> Vec<String> {
        let tests = suites[0]["tests"].as_array().cloned().unwrap_or_default();
        tests.iter().map(|test| test["name"].to_string()).collect()
    };
    assert_eq!(names(&before), ["\"fail_b\"", "\"fail_d\""]);
    assert_eq!(names(&project.report()["runs"][0]["suites"]), names(&before));
}

#[test]
fn the_error_of_a_step_is_printed_once_for_all_link_modes() {
    let project = project!();
    project.fail("cargo-build", "no std today");
    let output = project.run(&["bringup", "fake"], 101);
    output.says(&["incomplete   fake qemu dynamic, fake qemu static"]);
    let shown = output.stderr.matches("no std today").count();
    assert_eq!(shown, 1, "{}", output.stderr);
}

#[test]
fn bless_says_that_a_report_is_incomplete_and_removes_nothing() {
    let project = project!();
    let expect = "targets/fake/expect.txt";
    project.write(expect, "# Reason: known\nstd gone_z fail\n");
    project.fail("cargo-test-fake-alpine-linux-musl", "no tests today");
    project.run(&["test", "fake", "--suite", "std"], 101);
    let output = project.run(&["bless", "fake", "--yes"], 0);
    output.says(&["the report is incomplete; only what ran is blessed", "fake qemu dynamic: ", "fake qemu static: "]);
    assert!(project.read(expect).contains("gone_z"));
}
