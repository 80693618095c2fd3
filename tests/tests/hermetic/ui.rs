//! rustc's own tests: a fake compiletest is asked for them, and what it says of them enters the report.

use bringup_tests::{Project, project};

/// A project whose Rust source has these tests of rustc.
fn with_tests(tests: &[(&str, &str)]) -> Project {
    let project = project!();
    let helpers = Project::archive("rust").file("top/tests/auxiliary/rust_test_helpers.c", b"// helpers\n");
    let archive = tests
        .iter()
        .fold(helpers, |archive, (name, text)| archive.file(&format!("top/tests/ui/{name}"), text.as_bytes()));
    project.pin("rust", &archive.bytes());
    project
}

const RUN: &str = "//@ run-pass\nfn main() {}\n";

/// `a test: its outcome` of every test, in the order of the report.
fn outcomes(project: &Project) -> Vec<String> {
    let report = project.report();
    let suites = report["runs"][0]["suites"].as_array().into_iter().flatten();
    let tests = suites.flat_map(|suite| suite["tests"].as_array().into_iter().flatten());
    let word = |value: &serde_json::Value| value.as_str().unwrap_or("none").to_owned();
    tests.map(|test| format!("{}: {}", word(&test["name"]), word(&test["outcome"]))).collect()
}

fn args<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["test", "fake", "--compiler", "bootstrap", "--link", "dynamic", "--suite"], more].concat()
}

#[test]
fn every_outcome_is_told_and_none_is_blamed_for_another() {
    let revisions = "//@ revisions: a ab\n//@[ab] run-pass\n//@[a] check-pass\nfn main() {}\n";
    let tests = [
        ("a/pass.rs", RUN),
        ("a/auxiliary/pass.rs", RUN),
        ("a/pass-revised.rs", revisions),
        ("b/crash.rs", RUN),
        ("b/fail.rs", RUN),
        ("b/hang.rs", RUN),
        ("b/ignored.rs", RUN),
        ("b/silent.rs", RUN),
        ("c/pass-compiled.rs", "fn main() {}\n"),
    ];
    let project = with_tests(&tests);
    project.edit("bringup.toml", "test-seconds = 5\nslow-seconds = 4", "test-seconds = 1\nslow-seconds = 1");
    project.run(&args(&["ui"]), 100).says(&["fail", "b/fail.rs"]);
    let expected = [
        "a/pass-revised.rs#ab: pass",
        "a/pass.rs: pass",
        "b/crash.rs: crash",
        "b/fail.rs: fail",
        "b/hang.rs: timeout",
        "b/ignored.rs: ignored",
        "b/silent.rs: missing",
    ];
    assert_eq!(outcomes(&project), expected, "{:#}", project.report()["runs"]);
    let suite = &project.report()["runs"][0]["suites"][0];
    let test = |name: &str| {
        let tests = suite["tests"].as_array().into_iter().flatten();
        tests.into_iter().find(|test| test["name"] == name).cloned().unwrap_or_default()
    };
    assert_eq!(test("b/ignored.rs")["reason"], "needs a thing");
    assert_eq!(test("b/crash.rs")["reason"], "SIGSEGV");
    let notes = project.report()["runs"][0]["notes"].to_string();
    assert!(notes.contains("compiletest: 2 more tests are of suite ui-compile"), "{notes}");
    project.assert_clean();

    project.write(
        "targets/fake/expect.txt",
        "# Reason: known\nui b/crash.rs crash\nui b/fail.rs fail\nui b/hang.rs timeout\n",
    );
    project.run(&args(&["ui-compile"]), 0);
    assert_eq!(outcomes(&project), ["a/pass-revised.rs#a: pass", "c/pass-compiled.rs: pass"]);
    // Expectations, filters and parts are those of every suite.
    project.run(&args(&["ui", "--filter", "b/f"]), 0);
    assert_eq!(outcomes(&project), ["b/fail.rs: fail"]);
    let parts = ["slice:1/2", "slice:2/2"].map(|part| {
        project.run(&args(&["ui", "--filter", "pass", "--partition", part]), 0);
        outcomes(&project)
    });
    assert_eq!(parts.concat(), expected[..2]);
}

#[test]
fn what_was_run_is_known_and_each_link_mode_is_its_own() {
    let project = with_tests(&[("pass.rs", RUN)]);
    let run = || project.run(&["test", "fake", "--compiler", "bootstrap", "--suite", "ui"], 0);
    run();
    assert_eq!(project.report()["runs"].as_array().map(Vec::len), Some(2));
    project.fail("compiletest", "not again");
    run();
    assert_eq!(project.report()["runs"][0]["suites"][0]["cached"], true);
}

#[test]
fn a_count_that_differs_is_an_error() {
    let project = with_tests(&[("pass.rs", RUN), ("uncounted.rs", RUN)]);
    project.run(&args(&["ui"]), 101);
    let report = project.report();
    let error = report["runs"][0]["error"].as_str().unwrap_or_default();
    assert!(
        error.contains("compiletest knows 1 tests in ") && error.contains("tests/ui, but 2 were listed"),
        "{error}"
    );
    assert!(error.contains("hint: ") && error.contains("docs/ui.md"), "{error}");
}

#[test]
fn a_compiletest_that_cannot_list_is_one_failure() {
    let project = with_tests(&[("pass.rs", RUN)]);
    project.fail("compiletest", "no such target");
    project.run(&args(&["ui"]), 100);
    assert_eq!(outcomes(&project), ["compiletest: fail"]);
}

#[test]
fn what_cannot_run_them_is_refused_before_any_work() {
    let project = project!();
    project
        .run(&["test", "fake", "--suite", "ui"], 2)
        .says(&["built from the same patched source", "hint: add --compiler bootstrap"]);
    let ssh = args(&["ui", "--runner", "ssh:nowhere"]);
    project.run(&ssh, 2).says(&["do not run on another machine", "hint: leave out the suites ui and ui-compile"]);
    assert!(project.steps().is_empty(), "{:?}", project.steps());
    let archive = project.run(&["archive", "fake"], 0).stdout;
    let archived = ["test", "--suite", "ui", "--archive", archive.trim()];
    project.run(&archived, 2).says(&["an archive has none of rustc's own tests"]);
    // Without being named they do not run.
    project.run(&["test", "fake", "--compiler", "bootstrap"], 0);
    assert!(!outcomes(&project).is_empty() && !project.steps().iter().any(|step| step.starts_with("compiletest")));
}
