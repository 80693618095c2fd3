//! Flakes, stress, parts for several machines, and what an interrupt leaves of a suite.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bringup_tests::{Project, project};
use rustix::process::Signal;
use serde_json::Value;

fn suite(report: &Value, name: &str) -> Value {
    let suites = report["runs"][0]["suites"].as_array().unwrap();
    suites.iter().find(|suite| suite["suite"] == name).unwrap().clone()
}

fn test(report: &Value, name: &str) -> Value {
    let suite = suite(report, "std");
    suite["tests"].as_array().unwrap().iter().find(|test| test["name"] == name).unwrap().clone()
}

const ONE: [&str; 4] = ["test", "fake", "--link", "dynamic"];

fn run(project: &Project, options: &[&str], code: i32) -> Value {
    project.run(&[&ONE, options].concat(), code);
    project.report()
}

#[test]
fn what_fails_unexpectedly_runs_again_alone() {
    let project = project!();
    project.tests("std", "pass_a flaky_b fail_c");
    let report = run(&project, &[], 100);
    let flaky = test(&report, "flaky_b");
    assert_eq!((flaky["outcome"].as_str(), flaky["verdict"].as_str()), (Some("fail"), Some("flake")), "{flaky}");
    assert_eq!(flaky["tries"], serde_json::json!({"runs": 4, "failures": 2}));
    let failing = test(&report, "fail_c");
    assert_eq!((failing["verdict"].as_str(), &failing["tries"]["failures"]), (Some("regression"), &Value::from(4)));
    assert_eq!(
        (&suite(&report, "std")["passed"], &suite(&report, "std")["failed"]),
        (&Value::from(3), &Value::from(2)),
        "a flake is no pass"
    );
    project.assert_clean();

    // A flake alone is nothing to fail for, but the files have to say so; then it is known.
    project.tests("std", "pass_a flaky_b");
    project.run(&ONE, 10).says(&["flake", "flaky_b", "fail (failed 2 of 4 runs)"]);
    project.write("targets/fake/expect.txt", "# Reason: x\nstd  flaky_b  flake\n");
    let report = run(&project, &["--rerun"], 0);
    assert_eq!(test(&report, "flaky_b")["tries"], Value::Null, "what is known needs no second try");
}

#[test]
fn failures_of_several_kinds_are_a_flake() {
    let project = project!();
    project.tests("std", "pass_a worse_b");
    let bless = |entry: &str| {
        project.write("targets/fake/expect.txt", entry);
        let report = run(&project, &["--rerun"], 10);
        let worse = test(&report, "worse_b");
        assert_eq!((worse["outcome"].as_str(), worse["verdict"].as_str()), (Some("fail"), Some("flake")), "{worse}");
        assert_eq!(worse["tries"], serde_json::json!({"runs": 4, "failures": 4, "others": 3}));
        assert!(worse["reason"].as_str().unwrap().contains("1 fail, 3 crash (SIGSEGV)"), "{worse}");
        project.run(&["bless", "fake", "--yes"], 0);
        project.read("targets/fake/expect.txt")
    };
    assert_eq!(
        bless("# Reason: x\nstd  worse_b  crash  link=dynamic\n"),
        "# Reason: x\nstd  worse_b  flake  link=dynamic\n"
    );
    let blessed = bless("");
    assert!(
        blessed.contains("# Seen: failed 4 of 4 runs: 1 fail, 3 crash (SIGSEGV)\nstd  worse_b  flake"),
        "{blessed}"
    );
}

#[test]
fn what_is_missing_is_a_regression_whatever_is_known_of_it() {
    let project = project!();
    project.tests("std", "pass_a lost_b");
    for word in ["", "fail", "crash", "timeout", "flake"] {
        let entry = if word.is_empty() { String::new() } else { format!("# Reason: x\nstd  lost_b  {word}\n") };
        project.write("targets/fake/expect.txt", entry);
        let report = run(&project, &["--rerun"], 100);
        let lost = test(&report, "lost_b");
        let found = (lost["outcome"].as_str(), lost["verdict"].as_str());
        assert_eq!(found, (Some("missing"), Some("regression")), "{word}");
    }
}

#[test]
fn stress_gives_rates_and_is_not_recorded() {
    let project = project!();
    project.tests("std", "pass_a flaky_b");
    let report = run(&project, &["--suite", "std", "--stress", "6"], 10);
    let tries = |name| test(&report, name)["tries"].clone();
    assert_eq!(tries("pass_a"), serde_json::json!({"runs": 6, "failures": 0}));
    assert_eq!(tries("flaky_b"), serde_json::json!({"runs": 6, "failures": 3}));
    assert_eq!(project.outcomes(), [""; 0]);
}

#[test]
fn an_interrupt_keeps_what_is_known_by_then() {
    let project = project!();
    project.run(&["build", "fake"], 0);
    project.tests("std", "pass_a pass_b hang_z");
    let interrupted = project.cmd(&["test", "fake", "twin", "-j", "1"]).start();
    project.wait_for_process("hang_z");
    interrupted.signal(Signal::INT);
    interrupted.wait().ends_with(130).says(&["interrupted"]);
    let report = project.report();
    let runs = report["runs"].as_array().unwrap();
    let of = |run: &Value| format!("{} {} {}", run["target"], run["link"], run["verdict"]).replace('"', "");
    let expected =
        ["fake dynamic", "fake static", "twin dynamic", "twin static"].map(|run| format!("{run} incomplete"));
    assert_eq!(runs.iter().map(of).collect::<Vec<_>>(), expected);
    let run = runs.iter().find(|run| !run["suites"].as_array().unwrap().is_empty()).unwrap();
    let std = run["suites"].as_array().unwrap().last().unwrap();
    assert_eq!((&std["suite"], &std["listed"]), (&Value::from("std"), &Value::from(5)), "{std:#}");
    let not_run = std["not_run"].as_u64().unwrap();
    assert!((1..=5).contains(&not_run) && std["passed"].as_u64().unwrap() + not_run == 5, "{std:#}");
    project.assert_clean();
    // It can be read again.
    project.run(&["report"], 101).stdout.contains("interrupted before its end").then_some(()).unwrap();

    project.tests("std", "pass_a pass_b pass_z");
    project.run(&["test", "fake", "twin"], 0);
}

#[test]
fn parts_make_a_whole() {
    let project = project!();
    project.tests("std", "pass_a ignored_b fail_c segv_d pass_e flaky_f net::pass_g");
    project.write("targets/fake/expect.txt", "# Reason: x\nstd  fail_c  fail\nstd  segv_d  crash\nstd  gone  fail\n");
    for scheme in ["slice", "hash"] {
        let whole = run(&project, &["--rerun"], 10);
        let mut files = Vec::new();
        for part in 1..=3 {
            project.cmd(&[&ONE[..], &["--partition", &format!("{scheme}:{part}/3")]].concat()).run();
            files.push(format!("{scheme}-{part}.json"));
            project.write(&files[part - 1], project.read("out/report/report.json"));
        }
        let merge = |files: &[&str], code: i32| project.run(&[&["report", "merge"], files].concat(), code);
        let merged = merge(&[&files[2], &files[0], &files[1]], 0).stdout;
        let merged: Value = serde_json::from_str(&merged).unwrap();
        let names = |report: &Value, name: &str| {
            let tests = suite(report, name)["tests"].as_array().unwrap().clone();
            let words = tests.iter().map(|test| format!("{} {}", test["name"], test["verdict"]));
            words.collect::<Vec<_>>()
        };
        for name in ["core", "alloc", "std"] {
            let mut expected = names(&whole, name);
            expected.sort();
            assert_eq!(names(&merged, name), expected, "{scheme}");
        }
        for key in ["listed", "passed", "failed", "crashed", "ignored", "verdicts"] {
            assert_eq!(suite(&merged, "std")[key], suite(&whole, "std")[key], "{scheme} {key}");
        }
        assert_eq!(merged["runs"][0]["verdict"], "improvement");

        merge(&[&files[0], &files[1]], 101).says(&[
            "s390x".replace("s390x", "fake").as_str(),
            "suite",
            &format!("part {scheme}:3/3 is not there"),
        ]);
        merge(&[&files[0]], 101).says(&[&format!("part {scheme}:2/3 is not there")]);
        merge(&[&files[0], &files[1], &files[2], &files[1]], 101).says(&[&format!("part {scheme}:2/3 is there twice")]);
        project.write("other.json", project.read(&files[2]).replace("\"programs\": \"", "\"programs\": \"f"));
        merge(&[&files[0], &files[1], "other.json"], 101).says(&["the parts are of different test programs"]);
        project
            .write("other.json", project.read(&files[2]).replace(&format!("{scheme}:3/3"), &format!("{scheme}:3/4")));
        merge(&[&files[0], &files[1], "other.json"], 101).says(&["are not of one division"]);
    }
    project
        .run(&["report", "merge", "slice-1.json", "slice-2.json", "hash-3.json"], 101)
        .says(&["not of one division"]);
}
