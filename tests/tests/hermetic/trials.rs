//! Trials: both link modes of every target, begun as soon as it is built, whatever becomes of others.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bringup_tests::{Project, project};
use serde_json::Value;

/// Something of every run of the report, in the report's order.
fn of_runs(project: &Project, what: impl Fn(&Value) -> String) -> Vec<String> {
    project.report()["runs"].as_array().unwrap().iter().map(what).collect()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn name_and_verdict(run: &Value) -> String {
    ["target", "link", "verdict"].map(|key| word(&run[key])).join(" ")
}

#[test]
fn each_link_mode_runs_its_own_programs() {
    let project = project!();
    project.note_starts();
    project.run(&["test", "fake"], 0);
    assert_eq!(of_runs(&project, name_and_verdict), ["fake dynamic expected", "fake static expected"]);
    let (fixed, dynamic): (Vec<_>, Vec<_>) = project.starts().into_iter().partition(|start| start.contains("/static/"));
    assert!(dynamic.len() == fixed.len() && dynamic.iter().all(|start| start.contains("/dynamic/")), "{dynamic:?}");

    project.run(&["test", "fake", "--link", "static", "--rerun"], 0);
    assert_eq!(of_runs(&project, name_and_verdict), ["fake static expected"]);
    assert!(project.starts().iter().all(|start| start.contains("/static/")));
    project.run(&["test", "fake", "--link", "static,dynamic,static"], 0);
    assert_eq!(of_runs(&project, name_and_verdict), ["fake dynamic expected", "fake static expected"]);
    project.run(&["test", "fake", "--link", "shared"], 2).says(&["invalid value 'shared'", "dynamic, static"]);
}

#[test]
fn each_link_mode_has_its_own_smoke_checks() {
    let project = project!();
    project.write("smoke/programs/src/bin/hello.rs", "fn main() {}\n");
    project.write("smoke/programs/src/bin/hello.out", "hello\n");
    // Nothing that the fake compiler makes is a program.
    let output = project.run(&["bringup", "fake"], 100);
    for text in ["smoke fake dynamic", "test fake dynamic std", "test fake static std", "dynamic/hello"] {
        output.says(&[text]);
    }
    let runs = project.report()["runs"].clone();
    let checks = |run: usize| -> Vec<String> {
        let checks = runs[run]["smoke"].as_array().unwrap();
        checks.iter().map(|check| word(&check["check"]).to_owned()).collect()
    };
    let audits = ["static/C objects abi", "static/Rust objects abi", "static/instructions"];
    assert_eq!(checks(1), [&["static/build", "static/hello", "static/hello elf"], &audits[..]].concat());
    let dynamic = checks(0);
    assert!(dynamic.iter().all(|check| check.starts_with("dynamic/")), "{dynamic:?}");
    for check in ["dynamic/build", "dynamic/hello elf", "dynamic/libplugin.so elf", "dynamic/libc.so elf"] {
        assert!(dynamic.iter().any(|name| name == check), "{check} is not in {dynamic:?}");
    }
    assert!(runs.as_array().unwrap().iter().all(|run| run["suites"].as_array().unwrap().len() == 5));
    project.run(&["smoke", "fake", "--link", "static"], 100);
    assert_eq!(of_runs(&project, |run| format!("{}, {}", word(&run["link"]), run["suites"])), ["static, []"]);
    project.assert_clean();
}

#[test]
fn an_expectation_of_one_link_mode_holds_there_only() {
    let project = project!();
    let expect = |text: &str| project.write("targets/fake/expect.txt", format!("# Reason: x\n{text}\n"));
    project.tests("std", "pass_a static_b");
    project.run(&["test", "fake", "--suite", "std"], 100).says(&["fake qemu static  std  static_b"]);
    assert_eq!(of_runs(&project, name_and_verdict), ["fake dynamic expected", "fake static regression"]);
    expect("std  static_b  fail  link=static");
    project.run(&["test", "fake", "--suite", "std"], 0);
    expect("std  static_b  fail  link=dynamic");
    project.run(&["test", "fake", "--suite", "std"], 100);
    assert_eq!(of_runs(&project, name_and_verdict), ["fake dynamic improvement", "fake static regression"]);
}

#[test]
fn a_target_that_cannot_be_built_does_not_stop_the_other() {
    let project = project!();
    project.fail("cargo-test-fake-alpine-linux-musl", "error: no programs today");
    project.run(&["test"], 101).says(&["step `test_programs fake-core` failed", "no programs today"]);
    let expected =
        ["fake dynamic incomplete", "fake static incomplete", "twin dynamic expected", "twin static expected"];
    assert_eq!(of_runs(&project, name_and_verdict), expected);
    let suites = |run: &Value| run["suites"].as_array().unwrap().len().to_string();
    assert_eq!(of_runs(&project, suites), ["0", "0", "5", "5"]);
    let error = |run: &Value| run["error"].as_str().unwrap_or("none").lines().next().unwrap().to_owned();
    let errors = of_runs(&project, error);
    assert!(errors[..2].iter().all(|error| error.starts_with("step `test_programs fake-core` failed")), "{errors:?}");
    assert_eq!(errors[2..], ["none", "none"]);
    project.assert_clean();
    project.release();
    project.run(&["test"], 0);
}

#[test]
fn a_target_is_tried_while_another_is_still_built() {
    let project = project!();
    project.hold("cargo-build-twin-alpine-linux-musl");
    let run = project.cmd(&["test", "--jobs", "2"]).start();
    project.wait_held("cargo-build-twin-alpine-linux-musl");
    project.wait_for_runs(2);
    // What has not ended is not to be taken for what was not asked for.
    let growing =
        ["fake dynamic expected", "fake static expected", "twin dynamic incomplete", "twin static incomplete"];
    assert_eq!(of_runs(&project, name_and_verdict), growing);
    project.run(&["report"], 101).prints(&["incomplete", "not finished: the command is still running, or was killed"]);
    let bless = project.cmd(&["bless", "--yes"]).start();
    bless.wait_for("another run is using out/; waiting for it to end");
    drop(bless);
    project.release();
    run.wait().ends_with(0).says(&["test fake static std", "Finished std twin", "test twin static std"]);
    assert_eq!(of_runs(&project, |run| word(&run["target"]).into()), ["fake", "fake", "twin", "twin"]);
    project.assert_clean();
}

#[test]
fn what_a_killed_run_leaves_says_that_it_is_not_whole() {
    let project = project!();
    project.tests("std", "fail_a");
    project.hold("cargo-build-twin-alpine-linux-musl");
    let run = project.cmd(&["test", "--jobs", "2"]).start();
    project.wait_held("cargo-build-twin-alpine-linux-musl");
    project.wait_for_runs(2);
    run.signal(rustix::process::Signal::KILL);
    run.wait().killed_by(rustix::process::Signal::KILL);
    let verdicts = of_runs(&project, |run| word(&run["verdict"]).into());
    assert_eq!(verdicts, ["regression", "regression", "incomplete", "incomplete"]);
    project.run(&["report"], 101).prints(&["not finished"]);
}
